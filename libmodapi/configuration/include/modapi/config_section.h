#pragma once

#include <callbacks/errors.h>
#include <callbacks/json.h>

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

namespace detail {

template <class T, class... Types>
inline constexpr bool is_one_of = (std::same_as<T, Types> || ...);
template <class T>
inline constexpr bool is_scalar =
    is_one_of<T, std::string, bool, std::int64_t, int, double, callbacks::JsonDict, callbacks::JsonValue>;
template <class T>
inline constexpr bool is_list_of_scalars = false;
template <class T>
inline constexpr bool is_list_of_scalars<std::vector<T>> = is_scalar<T>;

}  // namespace detail

/// What a value of a configuration can be read as.
template <class T>
concept configuration_value = detail::is_scalar<T> || detail::is_list_of_scalars<T>;

/// A part of a module's configuration, with typed access and precise errors. What parse_config gets.
///
///     static Config parse_config(const modapi::ConfigSection& config) {
///         return Config(config.required<std::string>("audit_room"), config.value_or<bool>("verbose", false));
///     }
///
/// T is std::string, bool, std::int64_t, int, double, callbacks::JsonDict, callbacks::JsonValue or a std::vector of one of
/// those. Errors: callbacks::ConfigError with the path to the value: "is required", "must be a string, not a number".
/// A key with the value null counts as missing. Converts to the plain object for a parse_config that wants just that.
class ConfigSection {
public:
    explicit ConfigSection(callbacks::JsonDict values, std::vector<std::string> path = {})
        : values_(std::move(values)), path_(std::move(path)) {}

    template <configuration_value T>
    [[nodiscard]] T required(std::string_view key) const;
    template <configuration_value T>
    [[nodiscard]] std::optional<T> optional(std::string_view key) const;
    template <configuration_value T>
    [[nodiscard]] T value_or(std::string_view key, T otherwise) const {
        std::optional<T> value = optional<T>(key);
        return value ? std::move(*value) : std::move(otherwise);
    }

    [[nodiscard]] bool contains(std::string_view key) const;
    /// The mapping at `key`; an empty one if it is missing.
    [[nodiscard]] ConfigSection section(std::string_view key) const;
    /// The mappings in the list at `key`; none if it is missing.
    [[nodiscard]] std::vector<ConfigSection> sections(std::string_view key) const;
    /// Fails for the first key that isn't in `known`, and says which are.
    void refuse_unknown_keys(std::initializer_list<std::string_view> known) const;
    /// Throws a ConfigError about the value at `key`.
    [[noreturn]] void fail(std::string_view key, std::string_view message) const;

    [[nodiscard]] const callbacks::JsonDict& values() const noexcept { return values_; }
    operator const callbacks::JsonDict&() const noexcept { return values_; }  // NOLINT: a parse_config may want the object

private:
    callbacks::JsonDict values_;
    std::vector<std::string> path_;
};

}  // namespace modapi
