#include <modapi/hosting/configuration.h>

#include "yaml_scalar.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

namespace modapi {

namespace {

using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;

constexpr std::size_t max_depth = 64;
constexpr std::size_t max_values = 1'000'000;

/// One line for an operator, whatever a value or a module's message contained.
std::string on_one_line(std::string_view text) {
    std::string line(text);
    for (char& c : line) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    }
    return line;
}

[[noreturn]] void fail_at_line(const std::string& name, int line, std::string_view message) {
    throw ConfigurationError(name + ":" + std::to_string(line) + ": " + on_one_line(message));
}

/// Walks yaml-cpp's nodes once: values become JSON, every value's line is kept.
class Conversion {
public:
    explicit Conversion(const std::string& name) : name_(name) {}

    JsonValue convert(const YAML::Node& node, int line) {
        if (++values_ > max_values)
            fail_at_line(name_, line, "the document is too large: its aliases grow it beyond a million values");
        if (path_.size() > max_depth) fail_at_line(name_, line, "nested too deeply");
        lines_.emplace(path_, line);
        switch (node.Type()) {
            case YAML::NodeType::Scalar:
                return scalar(node, line);
            case YAML::NodeType::Sequence:
                return sequence(node);
            case YAML::NodeType::Map:
                return mapping(node, line);
            default:
                return JsonValue(nullptr);
        }
    }
    std::map<ConfigurationPath, int> take_lines() { return std::move(lines_); }

    static int line_of(const YAML::Node& node, int otherwise) {
        return node.Mark().is_null() ? otherwise : node.Mark().line + 1;
    }

private:
    JsonValue scalar(const YAML::Node& node, int line) const {
        const std::string& tag = node.Tag();
        if (tag == "!" || tag == "tag:yaml.org,2002:str") return JsonValue(node.Scalar());
        if (tag.empty() || tag == "?") return resolve_plain_scalar(node.Scalar());
        fail_at_line(name_, line, "the tag " + tag + " isn't supported");
    }

    JsonValue sequence(const YAML::Node& node) {
        JsonArray list;
        list.reserve(node.size());
        path_.emplace_back();
        for (const YAML::Node& item : node) {
            path_.back() = std::to_string(list.size());
            list.push_back(convert(item, line_of(item, 1)));
        }
        path_.pop_back();
        return list;
    }

    JsonValue mapping(const YAML::Node& node, int line) {
        JsonDict entries;
        path_.emplace_back();
        for (const auto& entry : node) {
            const int key_line = line_of(entry.first, line);
            if (!entry.first.IsScalar()) fail_at_line(name_, key_line, "the key of a mapping must be a scalar");
            const std::string& key = entry.first.Scalar();
            if (entries.contains(key)) fail_at_line(name_, key_line, "the key " + key + " is there twice");
            path_.back() = key;
            // The key's line: a value that is a block of its own begins further down.
            entries.emplace(key, convert(entry.second, key_line));
        }
        path_.pop_back();
        return entries;
    }

    const std::string& name_;
    ConfigurationPath path_;
    std::map<ConfigurationPath, int> lines_;
    std::size_t values_ = 0;
};

bool is_index(const std::string& part) {
    return !part.empty() && part.size() < 10 &&
           std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// The member or item of `parent` that `part` names; null if there is none.
const JsonValue* child_of(const JsonValue* parent, const std::string& part) {
    if (parent == nullptr) return nullptr;
    if (const JsonDict* const mapping = parent->if_object()) return mapping->if_contains(part);
    if (const JsonArray* const list = parent->if_array()) return is_index(part) ? list->if_contains(std::stoul(part)) : nullptr;
    return nullptr;
}

}  // namespace

ConfigurationFile::ConfigurationFile(std::string name, JsonDict root, std::map<ConfigurationPath, int> lines)
    : name_(std::move(name)), root_(std::move(root)), lines_(std::move(lines)) {}

ConfigurationFile ConfigurationFile::load(const std::filesystem::path& file) {
    std::error_code unknown;
    if (std::filesystem::is_directory(file, unknown))
        throw ConfigurationError(file.string() + ": can't be read: it is a directory");
    errno = 0;
    std::ifstream input(file, std::ios::binary);
    std::ostringstream text;
    if (input) text << input.rdbuf();
    if (!input || (text.fail() && std::filesystem::file_size(file, unknown) > 0)) {
        const std::string reason = errno != 0 ? std::strerror(errno) : "input error";
        throw ConfigurationError(file.string() + ": can't be read: " + reason);
    }
    return parse(text.str(), file.string());
}

ConfigurationFile ConfigurationFile::parse(std::string_view yaml, std::string name) {
    std::vector<YAML::Node> documents;
    try {
        documents = YAML::LoadAll(std::string(yaml));
    } catch (const YAML::Exception& error) {
        fail_at_line(name, error.mark.is_null() ? 1 : error.mark.line + 1, "isn't YAML: " + error.msg);
    }
    if (documents.size() > 1) {
        fail_at_line(name, Conversion::line_of(documents[1], 1), "there is a second document in the file");
    }
    if (documents.empty() || !documents.front().IsMap()) {
        const int line = documents.empty() ? 1 : Conversion::line_of(documents.front(), 1);
        fail_at_line(name, line, "the configuration must be a mapping of keys to values");
    }
    Conversion conversion(name);
    JsonValue root = conversion.convert(documents.front(), Conversion::line_of(documents.front(), 1));
    return ConfigurationFile(std::move(name), std::move(root.as_object()), conversion.take_lines());
}

ConfigurationFile ConfigurationFile::of(JsonDict root) { return ConfigurationFile(std::string(), std::move(root), {}); }

const JsonValue* ConfigurationFile::find(const ConfigurationPath& path) const {
    if (path.empty()) return nullptr;
    const JsonValue* found = root_.if_contains(path.front());
    for (std::size_t depth = 1; depth < path.size() && found != nullptr; ++depth) found = child_of(found, path[depth]);
    return found;
}

int ConfigurationFile::line_of(const ConfigurationPath& path) const {
    ConfigurationPath nearest = path;
    while (true) {
        const auto found = lines_.find(nearest);
        if (found != lines_.end()) return found->second;
        if (nearest.empty()) return 1;
        nearest.pop_back();
    }
}

std::string ConfigurationFile::describe(const ConfigurationPath& path, std::string_view message) const {
    std::string place;
    const JsonValue* here = nullptr;
    for (std::size_t depth = 0; depth < path.size(); ++depth) {
        const std::string& part = path[depth];
        // What isn't there is an item if it looks like one.
        const bool is_item = here != nullptr ? here->is_array() : depth > 0 && is_index(part);
        if (is_item) {
            place.append("[").append(part).append("]");
        } else {
            if (!place.empty()) place += '.';
            place += part;
        }
        here = depth == 0 ? root_.if_contains(part) : child_of(here, part);
    }
    if (!place.empty()) place += ": ";
    const std::string file = lines_.empty() ? std::string() : name_ + ":" + std::to_string(line_of(path)) + ": ";
    return file + on_one_line(place) + on_one_line(message);
}

void ConfigurationFile::fail(const ConfigurationPath& path, std::string_view message, std::string module,
                             std::string callback) const {
    throw ConfigurationError(describe(path, message), std::move(module), std::move(callback));
}

}  // namespace modapi
