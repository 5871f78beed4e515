#include <modapi/hosting/configuration.h>

#include "yaml_document.h"
#include "yaml_entries.h"
#include "yaml_scalar.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace modapi {

namespace {

using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;

constexpr std::string_view list_tag = "tag:yaml.org,2002:seq";
constexpr std::string_view mapping_tag = "tag:yaml.org,2002:map";

/// Walks a document's nodes once, following aliases and merges: values become JSON, every value's line is kept.
class Conversion {
public:
    Conversion(const YamlDocument& document, const std::string& name)
        : document_(document), name_(name), budget_(name), entries_(document, name, budget_) {}

    JsonValue convert(const YamlNode& node, int line) {
        budget_.spend_one(line);
        if (path_.size() > max_yaml_depth) fail_at_line(name_, line, "nested too deeply");
        lines_.emplace(path_, line);
        switch (node.kind) {
            case YamlNode::Kind::SEQUENCE:
                return sequence(node);
            case YamlNode::Kind::MAPPING:
                return mapping(node);
            default:
                return scalar(node);
        }
    }
    std::map<ConfigurationPath, int> take_lines() { return std::move(lines_); }

private:
    JsonValue scalar(const YamlNode& node) const {
        std::string problem;
        std::optional<JsonValue> value = value_of_yaml_scalar(node, problem);
        if (!value) fail_at_line(name_, node.line, problem);
        return std::move(*value);
    }

    JsonValue sequence(const YamlNode& node) {
        refuse_other_tags(node, list_tag);
        JsonArray list;
        list.reserve(node.children.size());
        path_.emplace_back();
        for (const std::size_t child : node.children) {
            path_.back() = std::to_string(list.size());
            const YamlNode& item = document_.nodes[child];
            list.push_back(convert(item, item.line));
        }
        path_.pop_back();
        return list;
    }

    JsonValue mapping(const YamlNode& node) {
        refuse_other_tags(node, mapping_tag);
        JsonDict values;
        path_.emplace_back();
        for (const YamlEntry& entry : entries_.of(node)) {
            path_.back() = entry.key;
            // The key's line: a value that is a block of its own begins further down.
            values.emplace(entry.key, convert(document_.nodes[entry.value], entry.line));
        }
        path_.pop_back();
        return values;
    }

    void refuse_other_tags(const YamlNode& node, std::string_view usual) const {
        if (!node.tag.empty() && node.tag != usual)
            fail_at_line(name_, node.line, "the tag " + short_yaml_tag(node.tag) + " isn't supported");
    }

    const YamlDocument& document_;
    const std::string& name_;
    YamlBudget budget_;
    YamlEntries entries_;
    ConfigurationPath path_;
    std::map<ConfigurationPath, int> lines_;
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
    : names_{std::move(name)}, root_(std::move(root)), lines_(std::move(lines)) {}

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

ConfigurationFile ConfigurationFile::load(const std::vector<std::filesystem::path>& files) {
    if (files.empty()) throw std::invalid_argument("a configuration is one file at least");
    ConfigurationFile together = load(files.front());
    for (std::size_t index = 1; index < files.size(); ++index) together.replace_by(load(files[index]));
    return together;
}

void ConfigurationFile::replace_by(ConfigurationFile later) {
    for (auto& member : later.root_) {
        const std::string key(member.key());
        auto line = lines_.lower_bound({key});
        while (line != lines_.end() && line->first.front() == key) line = lines_.erase(line);
        root_[key] = std::move(member.value());
        files_[key] = names_.size();
    }
    later.lines_.erase(ConfigurationPath());
    lines_.merge(later.lines_);
    names_.push_back(std::move(later.names_.front()));
}

ConfigurationFile ConfigurationFile::parse(std::string_view yaml, std::string name) {
    const YamlDocument document = read_yaml_document(yaml, name);
    if (!document.has_root || document.nodes[document.root].kind != YamlNode::Kind::MAPPING) {
        const int line = document.has_root ? document.nodes[document.root].line : 1;
        fail_at_line(name, line, "the configuration must be a mapping of keys to values");
    }
    const YamlNode& root = document.nodes[document.root];
    Conversion conversion(document, name);
    JsonValue values = conversion.convert(root, root.line);
    return ConfigurationFile(std::move(name), std::move(values.as_object()), conversion.take_lines());
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

const std::string& ConfigurationFile::name_of(const ConfigurationPath& path) const {
    const auto file = path.empty() ? files_.end() : files_.find(path.front());
    return file != files_.end() ? names_[file->second] : names_.front();
}

std::filesystem::path ConfigurationFile::located(const ConfigurationPath& place, const std::filesystem::path& written) const {
    return std::filesystem::path(name_of(place)).parent_path() / written;  // which is `written` alone where that is absolute
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
    const std::string file = lines_.empty() ? std::string() : name_of(path) + ":" + std::to_string(line_of(path)) + ": ";
    return file + on_one_line(place) + on_one_line(message);
}

void ConfigurationFile::fail(const ConfigurationPath& path, std::string_view message, std::string module,
                             std::string callback) const {
    throw ConfigurationError(describe(path, message), std::move(module), std::move(callback));
}

}  // namespace modapi
