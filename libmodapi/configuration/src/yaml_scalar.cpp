#include "yaml_scalar.h"

#include "yaml_number.h"

#include <algorithm>
#include <array>

namespace modapi {

namespace {

using callbacks::JsonValue;

constexpr std::string_view standard_tags = "tag:yaml.org,2002:";

bool is_yaml_null(std::string_view text) {
    return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

/// The boolean that a word is, in small letters.
std::optional<bool> boolean_of(std::string_view word) {
    if (word == "true" || word == "yes" || word == "on") return true;
    if (word == "false" || word == "no" || word == "off") return false;
    return std::nullopt;
}

std::string in_small_letters(std::string_view text) {
    std::string word(text);
    for (char& c : word) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return word;
}

/// In small letters, in capitals, or with one in front: `yES` is text.
bool is_yaml_boolean(std::string_view text) {
    const std::string word = in_small_letters(text);
    if (!boolean_of(word)) return false;
    const auto is_small = [](char c) { return c >= 'a' && c <= 'z'; };
    const bool rest_is_small = std::all_of(text.begin() + 1, text.end(), is_small);
    return rest_is_small || std::none_of(text.begin(), text.end(), is_small);
}

/// Takes `min` to `max` digits from the front.
bool take_digits(std::string_view& text, std::size_t min, std::size_t max) {
    const std::size_t digits = std::min({text.find_first_not_of("0123456789"), text.size(), max});
    if (digits < min) return false;
    text.remove_prefix(digits);
    return true;
}
bool take_character(std::string_view& text, char character) {
    if (!text.starts_with(character)) return false;
    text.remove_prefix(1);
    return true;
}
void take_blanks(std::string_view& text) { text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size())); }

/// Z, or a sign with hours and perhaps minutes, and then nothing.
bool is_time_zone(std::string_view text) {
    if (text == "Z") return true;
    if (!take_character(text, '-') && !take_character(text, '+')) return false;
    if (!take_digits(text, 1, 2)) return false;
    return text.empty() || (take_character(text, ':') && take_digits(text, 2, 2) && text.empty());
}

/// 2001-12-14, or that with a time: 2001-12-14t21:59:43.10-05:00, 2001-12-14 21:59:43.
bool is_yaml_timestamp(std::string_view text) {
    if (!take_digits(text, 4, 4) || !take_character(text, '-')) return false;
    std::string_view date = text;
    if (take_digits(date, 2, 2) && take_character(date, '-') && take_digits(date, 2, 2) && date.empty()) return true;
    if (!take_digits(text, 1, 2) || !take_character(text, '-') || !take_digits(text, 1, 2)) return false;
    if (!take_character(text, 'T') && !take_character(text, 't')) {
        if (!text.starts_with(' ') && !text.starts_with('\t')) return false;
        take_blanks(text);
    }
    if (!take_digits(text, 1, 2) || !take_character(text, ':') || !take_digits(text, 2, 2)) return false;
    if (!take_character(text, ':') || !take_digits(text, 2, 2)) return false;
    if (take_character(text, '.')) text.remove_prefix(std::min(text.find_first_not_of("0123456789"), text.size()));
    if (text.empty()) return true;
    take_blanks(text);
    return text.empty() || is_time_zone(text);
}

YamlType type_of_plain(std::string_view text) {
    if (is_yaml_null(text)) return YamlType::NOTHING;
    if (is_yaml_boolean(text)) return YamlType::BOOLEAN;
    if (is_yaml_float(text)) return YamlType::FLOAT;
    if (is_yaml_integer(text)) return YamlType::INTEGER;
    if (is_yaml_timestamp(text)) return YamlType::TIMESTAMP;
    if (text == "<<") return YamlType::MERGE;
    if (text == "=") return YamlType::VALUE;
    return YamlType::TEXT;
}

struct NamedType {
    std::string_view name;
    YamlType type;
};
constexpr std::array<NamedType, 8> named_types = {{{"str", YamlType::TEXT},
                                                   {"null", YamlType::NOTHING},
                                                   {"bool", YamlType::BOOLEAN},
                                                   {"int", YamlType::INTEGER},
                                                   {"float", YamlType::FLOAT},
                                                   {"timestamp", YamlType::TIMESTAMP},
                                                   {"merge", YamlType::MERGE},
                                                   {"value", YamlType::VALUE}}};

bool is_all_decimal(std::string_view text) {
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string shown(const std::string& text) { return text.empty() ? "an empty text" : text; }

}  // namespace

YamlType type_of_yaml_scalar(const YamlNode& scalar) {
    if (scalar.tag.empty()) return scalar.is_plain ? type_of_plain(scalar.text) : YamlType::TEXT;
    if (!scalar.tag.starts_with(standard_tags)) return YamlType::OTHER;
    const std::string_view name = std::string_view(scalar.tag).substr(standard_tags.size());
    for (const NamedType& named : named_types) {
        if (named.name == name) return named.type;
    }
    return YamlType::OTHER;
}

std::optional<JsonValue> value_of_yaml_scalar(const YamlNode& scalar, std::string& problem) {
    const std::string& text = scalar.text;
    switch (type_of_yaml_scalar(scalar)) {
        case YamlType::TEXT:
            return JsonValue(text);
        case YamlType::NOTHING:
            return JsonValue(nullptr);
        case YamlType::BOOLEAN: {
            // Behind a tag in any mixture of letters.
            if (const std::optional<bool> value = boolean_of(in_small_letters(text))) return JsonValue(*value);
            problem = shown(text) + " is no boolean";
            return std::nullopt;
        }
        case YamlType::INTEGER:
            if (is_yaml_integer(text)) {
                if (std::optional<JsonValue> value = yaml_integer(text)) return value;
            }
            problem = shown(text) + " is no integer of 64 bits; in quotes it would be text";
            return std::nullopt;
        case YamlType::FLOAT:
            if (!is_yaml_float(text) && !is_all_decimal(text)) {
                problem = shown(text) + " isn't written as floats are in YAML 1.1";
                return std::nullopt;
            }
            if (std::optional<JsonValue> value = yaml_float(text)) return value;
            problem = text + " is no number that a double can hold; in quotes it would be text";
            return std::nullopt;
        case YamlType::TIMESTAMP:
            problem = text + " is a date in YAML 1.1, which JSON doesn't have; in quotes it would be text";
            return std::nullopt;
        case YamlType::MERGE:
            problem = "<< is no value; in quotes it would be text";
            return std::nullopt;
        case YamlType::VALUE:
            problem = "= is no value in YAML 1.1; in quotes it would be text";
            return std::nullopt;
        case YamlType::OTHER:
            break;
    }
    problem = "the tag " + short_yaml_tag(scalar.tag) + " isn't supported";
    return std::nullopt;
}

std::string short_yaml_tag(std::string_view tag) {
    if (!tag.starts_with(standard_tags)) return std::string(tag);
    return "!!" + std::string(tag.substr(standard_tags.size()));
}

}  // namespace modapi
