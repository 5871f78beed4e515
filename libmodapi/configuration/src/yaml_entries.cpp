#include "yaml_entries.h"

#include "yaml_scalar.h"

#include <boost/json/serialize.hpp>

#include <optional>
#include <string_view>
#include <utility>

namespace modapi {

namespace {

constexpr std::size_t max_values = 1'000'000;

std::string_view name_of(YamlType type) {
    switch (type) {
        case YamlType::NOTHING:
            return "null";
        case YamlType::BOOLEAN:
            return "a boolean";
        case YamlType::INTEGER:
            return "an integer";
        default:
            return "a float";
    }
}

bool is_merge_key(const YamlNode& key) {
    return key.kind == YamlNode::Kind::SCALAR && type_of_yaml_scalar(key) == YamlType::MERGE;
}

}  // namespace

void YamlBudget::spend_one(int line) {
    if (++values_ > max_values)
        fail_at_line(name_, line, "the document is too large: its aliases grow it beyond a million values");
}

std::vector<YamlEntry> YamlEntries::of(const YamlNode& mapping) {
    std::vector<YamlEntry> entries;
    Places places;
    add_entries_of(mapping, 0, entries, places);
    return entries;
}

void YamlEntries::add_entries_of(const YamlNode& mapping, int depth, std::vector<YamlEntry>& entries, Places& places) {
    const std::vector<std::size_t>& children = mapping.children;
    for (std::size_t at = 0; at + 1 < children.size(); at += 2) {
        const YamlNode& key = document_.nodes[children[at]];
        if (is_merge_key(key)) add_merged(key, document_.nodes[children[at + 1]], depth, entries, places);
    }
    std::map<std::string, int, std::less<>> own_lines;
    for (std::size_t at = 0; at + 1 < children.size(); at += 2) {
        const YamlNode& key = document_.nodes[children[at]];
        if (is_merge_key(key)) continue;
        YamlEntry entry;
        entry.key = text_of_key(key);
        entry.line = key.line;
        entry.is_number = type_of_yaml_scalar(key) == YamlType::INTEGER;
        entry.value = children[at + 1];
        const auto [own, is_new] = own_lines.emplace(entry.key, key.line);
        if (!is_new) {
            const std::string first = std::to_string(own->second);
            fail_at_line(name_, key.line, "the key " + entry.key + " is there twice, first in line " + first);
        }
        if (depth > 0) budget_.spend_one(key.line);
        const auto [place, is_first] = places.emplace(entry.key, entries.size());
        if (is_first) {
            entries.push_back(std::move(entry));
            continue;
        }
        YamlEntry& replaced = entries[place->second];
        if (replaced.is_number != entry.is_number)
            fail_at_line(name_, key.line, "the key " + entry.key + " is there twice, once as a number and once as text");
        replaced = std::move(entry);
    }
}

void YamlEntries::add_merged(const YamlNode& key, const YamlNode& value, int depth, std::vector<YamlEntry>& entries,
                             Places& places) {
    if (value.kind != YamlNode::Kind::SEQUENCE) {
        add_mapping_to_merge(key, value, depth, entries, places);
        return;
    }
    // From the last one on, so that the first one replaces what the others brought.
    for (std::size_t left = value.children.size(); left > 0; --left)
        add_mapping_to_merge(key, document_.nodes[value.children[left - 1]], depth, entries, places);
}

void YamlEntries::add_mapping_to_merge(const YamlNode& key, const YamlNode& source, int depth, std::vector<YamlEntry>& entries,
                                       Places& places) {
    if (source.kind != YamlNode::Kind::MAPPING)
        fail_at_line(name_, key.line, "<< must name a mapping, or a list of mappings, whose keys are merged into this one");
    if (depth >= static_cast<int>(max_yaml_depth)) fail_at_line(name_, key.line, "nested too deeply");
    // Also for one without keys: what is counted is the work.
    budget_.spend_one(key.line);
    add_entries_of(source, depth + 1, entries, places);
}

std::string YamlEntries::text_of_key(const YamlNode& key) const {
    if (key.kind != YamlNode::Kind::SCALAR) fail_at_line(name_, key.line, "the key of a mapping must be a scalar");
    const YamlType type = type_of_yaml_scalar(key);
    // As a key, YAML 1.1's = is text.
    if (type == YamlType::TEXT || type == YamlType::VALUE) return key.text;
    std::string problem;
    const std::optional<callbacks::JsonValue> value = value_of_yaml_scalar(key, problem);
    if (!value) fail_at_line(name_, key.line, "the key of a mapping: " + problem);
    if (type == YamlType::INTEGER && boost::json::serialize(*value) == key.text) return key.text;
    const std::string shown = key.text.empty() ? std::string() : " " + key.text;
    fail_at_line(name_, key.line,
                 "the key" + shown + " is " + std::string(name_of(type)) + " in YAML 1.1, not text: write it in quotes");
}

}  // namespace modapi
