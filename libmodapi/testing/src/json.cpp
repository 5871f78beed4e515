#include <modapi/testing/json.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cstddef>
#include <stdexcept>

namespace modapi::testing {

using callbacks::JsonDict;
using callbacks::JsonValue;

namespace {

std::optional<std::string> difference_at(const std::string& place, const JsonValue& value, const JsonValue& expected) {
    const std::string name = place.empty() ? "it" : place;
    if (value.is_object() && expected.is_object()) {
        const std::string before = place.empty() ? place : place + ".";
        for (const auto& [key, wanted] : expected.get_object()) {
            const JsonValue* const found = value.get_object().if_contains(key);
            if (found == nullptr) return before + std::string(key) + " is missing, not " + boost::json::serialize(wanted);
            if (auto difference = difference_at(before + std::string(key), *found, wanted)) return difference;
        }
        for (const auto& [key, found] : value.get_object()) {
            if (!expected.get_object().contains(key))
                return before + std::string(key) + " is " + boost::json::serialize(found) + ", and should be missing";
        }
        return std::nullopt;
    }
    if (value.is_array() && expected.is_array()) {
        const std::size_t shared = std::min(value.get_array().size(), expected.get_array().size());
        for (std::size_t index = 0; index < shared; ++index) {
            const std::string of_element = place + "[" + std::to_string(index) + "]";
            if (auto difference = difference_at(of_element, value.get_array()[index], expected.get_array()[index]))
                return difference;
        }
        if (value.get_array().size() == expected.get_array().size()) return std::nullopt;
        return name + " has " + std::to_string(value.get_array().size()) + " elements, not " +
               std::to_string(expected.get_array().size());
    }
    if (value == expected) return std::nullopt;
    return name + " is " + boost::json::serialize(value) + ", not " + boost::json::serialize(expected);
}

}  // namespace

JsonValue json(std::string_view text) {
    boost::system::error_code error;
    JsonValue parsed = boost::json::parse(text, error);
    if (error) throw std::invalid_argument("no JSON, " + error.message() + ": " + std::string(text));
    return parsed;
}

JsonDict json_object(std::string_view text) {
    JsonValue parsed = json(text);
    if (!parsed.is_object()) throw std::invalid_argument("no JSON object: " + std::string(text));
    return std::move(parsed.get_object());
}

std::optional<std::string> json_difference(const JsonValue& value, const JsonValue& expected) {
    return difference_at(std::string(), value, expected);
}

}  // namespace modapi::testing
