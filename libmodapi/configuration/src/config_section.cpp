#include <modapi/config_section.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace modapi {

namespace {

using callbacks::ConfigError;
using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;

std::string_view kind_of(const JsonValue& value) {
    switch (value.kind()) {
        case boost::json::kind::null:
            return "null";
        case boost::json::kind::bool_:
            return "a boolean";
        case boost::json::kind::int64:
        case boost::json::kind::uint64:
            return "a number";
        case boost::json::kind::double_:
            return "a number with a fraction";
        case boost::json::kind::string:
            return "a string";
        case boost::json::kind::array:
            return "a list";
        case boost::json::kind::object:
            return "a mapping";
    }
    return "something else";
}

[[noreturn]] void refuse_kind(std::string_view wanted, const JsonValue& found, std::vector<std::string> path) {
    std::string message = "must be ";
    message.append(wanted).append(", not ").append(kind_of(found));
    throw ConfigError(message, std::move(path));
}

template <class T>
inline constexpr bool is_list = false;
template <class T>
inline constexpr bool is_list<std::vector<T>> = true;

template <class T>
T convert(const JsonValue& value, const std::vector<std::string>& path) {
    if constexpr (is_list<T>) {
        const JsonArray* const list = value.if_array();
        if (list == nullptr) refuse_kind("a list", value, path);
        T converted;
        converted.reserve(list->size());
        std::vector<std::string> place = path;
        place.emplace_back();
        for (std::size_t index = 0; index < list->size(); ++index) {
            place.back() = std::to_string(index);
            converted.push_back(convert<typename T::value_type>((*list)[index], place));
        }
        return converted;
    } else if constexpr (std::is_same_v<T, std::string>) {
        if (const auto* const text = value.if_string()) return std::string(*text);
        refuse_kind("a string", value, path);
    } else if constexpr (std::is_same_v<T, bool>) {
        if (const bool* const truth = value.if_bool()) return *truth;
        refuse_kind("a boolean", value, path);
    } else if constexpr (std::is_integral_v<T>) {
        const std::int64_t* const number = value.if_int64();
        const bool is_huge = value.is_uint64() || (value.is_double() && std::abs(value.get_double()) >= 0x1p63);
        if (number == nullptr && !is_huge) refuse_kind("an integer", value, path);
        if (number == nullptr || *number < std::numeric_limits<T>::min() || *number > std::numeric_limits<T>::max()) {
            throw ConfigError("is too large or too small a number", path);
        }
        return static_cast<T>(*number);
    } else if constexpr (std::is_same_v<T, double>) {
        if (!value.is_number()) refuse_kind("a number", value, path);
        return value.to_number<double>();
    } else if constexpr (std::is_same_v<T, JsonDict>) {
        if (const JsonDict* const mapping = value.if_object()) return *mapping;
        refuse_kind("a mapping", value, path);
    } else {
        return value;
    }
}

std::vector<std::string> below(const std::vector<std::string>& path, std::string_view key) {
    std::vector<std::string> longer = path;
    longer.emplace_back(key);
    return longer;
}

}  // namespace

void DeclaredSecrets::add(std::vector<std::string> path) {
    const std::scoped_lock lock(one_at_a_time_);
    paths_.insert(std::move(path));
}

void DeclaredSecrets::add(const DeclaredSecrets& others) {
    std::set<std::vector<std::string>> theirs = others.paths();
    const std::scoped_lock lock(one_at_a_time_);
    paths_.merge(theirs);
}

std::set<std::vector<std::string>> DeclaredSecrets::paths() const {
    const std::scoped_lock lock(one_at_a_time_);
    return paths_;
}

std::size_t DeclaredSecrets::count() const {
    const std::scoped_lock lock(one_at_a_time_);
    return paths_.size();
}

template <configuration_value T>
std::optional<T> ConfigSection::optional(std::string_view key) const {
    const JsonValue* const value = values_.if_contains(key);
    if (value == nullptr || value->is_null()) return std::nullopt;
    return convert<T>(*value, below(path_, key));
}

template <configuration_value T>
T ConfigSection::required(std::string_view key) const {
    std::optional<T> value = optional<T>(key);
    if (!value) fail(key, "is required");
    return std::move(*value);
}

#define MODAPI_CONFIG_TYPE(...)                                                        \
    template __VA_ARGS__ ConfigSection::required<__VA_ARGS__>(std::string_view) const; \
    template std::optional<__VA_ARGS__> ConfigSection::optional<__VA_ARGS__>(std::string_view) const
MODAPI_CONFIG_TYPE(std::string);
MODAPI_CONFIG_TYPE(bool);
MODAPI_CONFIG_TYPE(std::int64_t);
MODAPI_CONFIG_TYPE(int);
MODAPI_CONFIG_TYPE(double);
MODAPI_CONFIG_TYPE(JsonDict);
MODAPI_CONFIG_TYPE(JsonValue);
MODAPI_CONFIG_TYPE(std::vector<std::string>);
MODAPI_CONFIG_TYPE(std::vector<bool>);
MODAPI_CONFIG_TYPE(std::vector<std::int64_t>);
MODAPI_CONFIG_TYPE(std::vector<int>);
MODAPI_CONFIG_TYPE(std::vector<double>);
MODAPI_CONFIG_TYPE(std::vector<JsonDict>);
MODAPI_CONFIG_TYPE(std::vector<JsonValue>);
#undef MODAPI_CONFIG_TYPE

bool ConfigSection::contains(std::string_view key) const {
    const JsonValue* const value = values_.if_contains(key);
    return value != nullptr && !value->is_null();
}

ConfigSection ConfigSection::section(std::string_view key) const {
    std::optional<JsonDict> values = optional<JsonDict>(key);
    if (!values) values.emplace();
    return ConfigSection(std::move(*values), below(path_, key), secrets_);
}

std::vector<ConfigSection> ConfigSection::sections(std::string_view key) const {
    std::vector<ConfigSection> found;
    std::optional<std::vector<JsonDict>> list = optional<std::vector<JsonDict>>(key);
    if (!list) return found;
    const std::vector<std::string> path = below(path_, key);
    found.reserve(list->size());
    for (JsonDict& values : *list) {
        std::vector<std::string> place = below(path, std::to_string(found.size()));
        found.push_back(ConfigSection(std::move(values), std::move(place), secrets_));
    }
    return found;
}

void ConfigSection::refuse_unknown_keys(std::initializer_list<std::string_view> known) const {
    for (const auto& entry : values_) {
        const std::string_view key = entry.key();
        if (std::find(known.begin(), known.end(), key) != known.end()) continue;
        std::string message = "is not a known key; known are";
        std::string_view separator = " ";
        for (const std::string_view name : known) {
            message.append(separator).append(name);
            separator = ", ";
        }
        if (known.size() == 0) message = "is not a known key; there are none";
        fail(key, message);
    }
}

void ConfigSection::declare_secret(std::string_view key) const { secrets_->add(below(path_, key)); }

void ConfigSection::fail(std::string_view key, std::string_view message) const {
    throw ConfigError(std::string(message), below(path_, key));
}

}  // namespace modapi
