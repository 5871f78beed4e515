#pragma once

#include <async/string_hash.h>

#include <charconv>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace async::detail {

template <class Argument>
inline constexpr bool is_string =
    std::is_same_v<std::decay_t<Argument>, std::string> || std::is_same_v<std::decay_t<Argument>, std::string_view>;
/// What a run keeps of an argument, so that nobody's temporaries have to outlive it.
template <class Argument>
using kept_argument = std::conditional_t<is_string<Argument>, std::string, std::decay_t<Argument>>;
/// What a key is looked up by.
template <class Argument>
using part_view = std::conditional_t<is_string<Argument>, std::string_view, std::decay_t<Argument>>;

template <class Given, class Argument>
inline constexpr bool passes_as = is_string<Argument> ? std::is_convertible_v<const Given&, std::string_view>
                                                      : std::is_convertible_v<const Given&, std::decay_t<Argument>>;

[[nodiscard]] inline std::uint64_t hash_of_part(std::string_view part, std::uint64_t seed) noexcept {
    return hash_of_string(part, seed);
}
template <class Number>
requires std::is_integral_v<Number>
[[nodiscard]] std::uint64_t hash_of_part(Number part, std::uint64_t seed) noexcept {
    return mix_hash(seed ^ static_cast<std::uint64_t>(part));
}

/// One part of a key as a string and back: a string is itself, a number decimal, a bool `true` or `false`.
inline std::string string_of_part(std::string_view part) { return std::string(part); }
template <class Number>
requires std::is_integral_v<Number> std::string string_of_part(Number part) {
    if constexpr (std::is_same_v<Number, bool>) {
        return part ? "true" : "false";
    } else {
        return std::to_string(part);
    }
}
inline bool parse_part(const std::string& string, std::string& into) {
    into = string;
    return true;
}
template <class Number>
requires std::is_integral_v<Number>
bool parse_part(const std::string& string, Number& into) {
    if constexpr (std::is_same_v<Number, bool>) {
        into = string == "true";
        return into || string == "false";
    } else {
        const char* const end = string.data() + string.size();
        const std::from_chars_result read = std::from_chars(string.data(), end, into);
        return read.ec == std::errc() && read.ptr == end;
    }
}

/// The key of a cached function: its first arguments, as they are stored, viewed, hashed, compared and spelled.
template <class Sequence, class... Arguments>
struct cached_key;

template <std::size_t... Index, class... Arguments>
struct cached_key<std::index_sequence<Index...>, Arguments...> {
    using all = std::tuple<std::decay_t<Arguments>...>;
    using stored = std::tuple<kept_argument<std::tuple_element_t<Index, all>>...>;
    using view = std::tuple<part_view<std::tuple_element_t<Index, all>>...>;
    static constexpr std::size_t size = sizeof...(Index);
    static constexpr bool are_parts =
        ((is_string<std::tuple_element_t<Index, all>> || std::is_integral_v<std::tuple_element_t<Index, all>>)&&...);

    template <class... Given>
    static constexpr bool are_given_by() {
        if constexpr (sizeof...(Given) == size) {
            return (passes_as<Given, std::tuple_element_t<Index, all>> && ...);
        } else {
            return false;
        }
    }

    /// Of what begins with the parts of a key: a stored key, or all arguments.
    template <class Held>
    static view view_of(const Held& held) {
        return view(static_cast<std::tuple_element_t<Index, view>>(std::get<Index>(held))...);
    }
    static stored copy_of(const view& key) { return stored(std::tuple_element_t<Index, stored>(std::get<Index>(key))...); }
    /// Takes the key out of all arguments.
    template <class Held>
    static stored take(Held& held) {
        return stored(std::move(std::get<Index>(held))...);
    }
    static std::size_t hash([[maybe_unused]] const view& key, std::uint64_t seed) noexcept {
        ((seed = hash_of_part(std::get<Index>(key), seed)), ...);
        return seed;
    }
    /// Whether the first `count` parts of both are equal.
    static bool equal_up_to([[maybe_unused]] const view& first, [[maybe_unused]] const view& second,
                            [[maybe_unused]] std::size_t count) {
        return ((Index >= count || std::get<Index>(first) == std::get<Index>(second)) && ...);
    }

    static std::vector<std::string> strings_of([[maybe_unused]] const view& key) {
        std::vector<std::string> strings;
        strings.reserve(size);
        (strings.push_back(string_of_part(std::get<Index>(key))), ...);
        return strings;
    }
    /// Reads a key, or the beginning of one. False: a string is no value of its part's type.
    static bool parse(std::span<const std::string> strings, [[maybe_unused]] stored& into) {
        return ((Index >= strings.size() || parse_part(strings[Index], std::get<Index>(into))) && ...);
    }
};

}  // namespace async::detail
