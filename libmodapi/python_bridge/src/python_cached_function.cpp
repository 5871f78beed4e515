#include "python_cached_function.h"

#include "python_values.h"

#include <boost/system/error_code.hpp>

#include <optional>
#include <utility>

namespace modapi {

namespace {

using callbacks::JsonArray;
using callbacks::JsonValue;

/// A part of a key can be looked up in a dictionary of Python's: its lists are tuples.
JsonValue key_part(const JsonValue& part) {
    const JsonArray* const items = part.if_array();
    if (items == nullptr) return part.is_object() ? json_to_python(part) : part;
    JsonArray parts;
    for (const JsonValue& item : *items) parts.push_back(key_part(item));
    return tagged("$tuple", std::move(parts));
}

std::optional<JsonArray> key_of_strings(std::span<const std::string> strings) {
    JsonArray key;
    for (const std::string& text : strings) {
        boost::system::error_code error;
        const JsonValue part = boost::json::parse(text, error);
        if (error) return std::nullopt;
        key.push_back(key_part(part));
    }
    return key;
}

}  // namespace

PythonCachedFunction::PythonCachedFunction(std::string name, std::size_t parts, std::shared_ptr<PythonCalls> calls)
    : detail::CachedFunctionName{std::move(name)},
      async::cached_function(text, async::cache_options()),
      parts_(parts),
      calls_(std::move(calls)) {}

bool PythonCachedFunction::invalidate_strings(std::span<const std::string> key) {
    if (key.size() != parts_) return false;
    std::optional<JsonArray> parsed = key_of_strings(key);
    if (!parsed) return false;
    calls_->invalidate(std::string(name()), std::move(*parsed));
    return true;
}

bool PythonCachedFunction::invalidate_prefix_strings(std::span<const std::string> prefix) {
    if (prefix.empty() || prefix.size() > parts_ || !key_of_strings(prefix)) return false;
    invalidate_all();
    return true;
}

void PythonCachedFunction::invalidate_all() { calls_->invalidate(std::string(name()), JsonValue(nullptr)); }

std::vector<std::string> cached_key_of(const JsonArray& key) {
    std::vector<std::string> strings;
    strings.reserve(key.size());
    for (const JsonValue& part : key) strings.push_back(boost::json::serialize(part));
    return strings;
}

}  // namespace modapi
