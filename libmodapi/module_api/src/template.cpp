#include <modapi/template.h>

#include <kainjow/mustache.hpp>

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>

namespace modapi {

namespace {

using callbacks::JsonDict;
using callbacks::JsonValue;
using kainjow::mustache::data;
using kainjow::mustache::mustache;

constexpr std::array<std::string_view, 3> escaped_endings = {".html", ".htm", ".xml"};

bool is_escaped(std::string_view file) {
    return std::any_of(escaped_endings.begin(), escaped_endings.end(),
                       [&](std::string_view ending) { return file.ends_with(ending); });
}

data values_for_mustache(const JsonDict& values);

data value_for_mustache(const JsonValue& value) {
    if (value.is_object()) return values_for_mustache(value.get_object());
    if (value.is_string()) return data(std::string(value.get_string()));
    if (value.is_null()) return data(false);
    if (value.is_bool()) return data(value.get_bool());
    if (!value.is_array()) return data(boost::json::serialize(value));
    data list(data::type::list);
    for (const JsonValue& element : value.get_array()) list.push_back(value_for_mustache(element));
    return list;
}

data values_for_mustache(const JsonDict& values) {
    data object(data::type::object);
    for (const auto& [key, value] : values) object.set(std::string(key), value_for_mustache(value));
    return object;
}

/// The values while a template is rendered. A partial would be looked for among them, and a value is no template: what a user
/// wrote must not be run.
class Values final : public kainjow::mustache::context<std::string> {
public:
    Values(const data& values, const std::string& file) : context(&values), file_(file) {}

    const data* get_partial(const std::string& name) const override {
        throw TemplateError(file_, "{{> " + name + "}}: templates are not put into others here");
    }

private:
    const std::string& file_;
};

std::string described(const std::vector<std::filesystem::path>& folders) {
    std::string list;
    for (const std::filesystem::path& folder : folders) list.append(list.empty() ? "" : ", ").append(folder.string());
    return list.empty() ? "no folder of templates is configured" : "looked in " + list;
}

std::string content_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    if (!in.is_open() || in.bad()) throw TemplateError(file.string(), "can't be read");
    return text;
}

Template read_template(const std::string& name, const std::vector<std::filesystem::path>& folders) {
    for (const std::filesystem::path& folder : folders) {
        const std::filesystem::path file = folder / name;
        std::error_code ignored;
        if (std::filesystem::is_regular_file(file, ignored)) return Template(file.string(), content_of(file));
    }
    throw TemplateNotFound(name, folders);
}

}  // namespace

TemplateNotFound::TemplateNotFound(std::string name, const std::vector<std::filesystem::path>& folders)
    : std::runtime_error("there is no template " + name + ": " + described(folders)), name_(std::move(name)) {}

struct Template::Parsed {
    explicit Parsed(const std::string& text) : mustache(text) {}
    kainjow::mustache::mustache mustache;
};

Template::Template(std::string file, const std::string& text)
    : file_(std::move(file)), parsed_(std::make_shared<Parsed>(text)) {
    if (!parsed_->mustache.is_valid()) throw TemplateError(file_, parsed_->mustache.error_message());
    if (!is_escaped(file_)) parsed_->mustache.set_custom_escape([](const std::string& value) { return value; });
}

std::string Template::render(const JsonDict& values) const {
    const data converted = values_for_mustache(values);
    Values context(converted, file_);
    return parsed_->mustache.render(context);
}

std::vector<Template> read_templates(const std::vector<std::string>& names, const std::vector<std::filesystem::path>& folders) {
    std::vector<Template> templates;
    templates.reserve(names.size());
    for (const std::string& name : names) templates.push_back(read_template(name, folders));
    return templates;
}

}  // namespace modapi
