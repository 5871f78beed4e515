#pragma once

#include <callbacks/errors.h>
#include <callbacks/json.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
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

/// Where in an entry's `config:` its module has read secrets, by the keys that lead there. The sections of one entry have one of these
/// together. Thread: any.
class DeclaredSecrets {
public:
    /// The value that these keys lead to is a secret.
    void add(std::vector<std::string> path);
    /// Those of the other one too.
    void add(const DeclaredSecrets& others);
    [[nodiscard]] std::set<std::vector<std::string>> paths() const;
    /// How many there are; they are never fewer than before.
    [[nodiscard]] std::size_t count() const;

private:
    mutable std::mutex one_at_a_time_;
    std::set<std::vector<std::string>> paths_;
};

/// A part of a module's configuration, with typed access and precise errors. What parse_config gets.
///
///     static Config parse_config(const modapi::ConfigSection& config) {
///         return Config(config.required<std::string>("audit_room"), config.value_or<bool>("verbose", false));
///     }
///
/// T is std::string, bool, std::int64_t, int, double, callbacks::JsonDict, callbacks::JsonValue or a std::vector of one of
/// those. Errors: callbacks::ConfigError with the path to the value: "is required", "must be a string, not a number".
/// A key with the value null counts as missing. What nobody but the module may see, whatever its key is called, is read by `secret`
/// or `optional_secret`: where an operator is shown the configuration, `***` stands in its place. Converts to the plain object for a parse_config that wants just that.
class ConfigSection {
public:
    explicit ConfigSection(callbacks::JsonDict values, std::vector<std::string> path = {})
        : ConfigSection(std::move(values), std::move(path), std::make_shared<DeclaredSecrets>()) {}

    /// The value of a key. Errors: ConfigurationError if it is missing or of another type.
    template <configuration_value T>
    [[nodiscard]] T required(std::string_view key) const;
    /// The value of a key; none if it is missing or null. Errors: ConfigurationError if it is of another type.
    template <configuration_value T>
    [[nodiscard]] std::optional<T> optional(std::string_view key) const;
    /// The value of a key, `otherwise` if it is missing or null. Errors: as of optional.
    template <configuration_value T>
    [[nodiscard]] T value_or(std::string_view key, T otherwise) const {
        std::optional<T> value = optional<T>(key);
        return value ? std::move(*value) : std::move(otherwise);
    }

    /// As `required` and `optional`, and says that the value at `key` is a secret, whether it is one that can be read or not:
    ///     const std::string sender = config.secret("sender");
    template <configuration_value T = std::string>
    [[nodiscard]] T secret(std::string_view key) const {
        declare_secret(key);
        return required<T>(key);
    }
    /// As optional, of a secret: it is masked wherever the section is shown.
    template <configuration_value T = std::string>
    [[nodiscard]] std::optional<T> optional_secret(std::string_view key) const {
        declare_secret(key);
        return optional<T>(key);
    }

    /// Whether the key is there, with whatever value.
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
    /// What was declared by this section, its copies, and those that it was taken from or that were taken from it. Never null.
    [[nodiscard]] const std::shared_ptr<DeclaredSecrets>& declared_secrets() const noexcept { return secrets_; }
    operator const callbacks::JsonDict&() const noexcept { return values_; }  // NOLINT: a parse_config may want the object

private:
    ConfigSection(callbacks::JsonDict values, std::vector<std::string> path, std::shared_ptr<DeclaredSecrets> secrets)
        : values_(std::move(values)), path_(std::move(path)), secrets_(std::move(secrets)) {}
    void declare_secret(std::string_view key) const;

    callbacks::JsonDict values_;
    std::vector<std::string> path_;
    std::shared_ptr<DeclaredSecrets> secrets_;
};

}  // namespace modapi
