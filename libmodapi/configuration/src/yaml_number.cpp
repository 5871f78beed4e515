#include "yaml_number.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <string>
#include <system_error>

namespace modapi {

namespace {

using callbacks::JsonValue;

bool is_decimal_digit(char c) { return c >= '0' && c <= '9'; }

/// Takes the characters at the front of `text` that are in `allowed`; how many there were.
std::size_t take_all_of(std::string_view& text, std::string_view allowed) {
    const std::size_t end = std::min(text.find_first_not_of(allowed), text.size());
    text.remove_prefix(end);
    return end;
}

/// Whether there was a minus sign.
bool take_sign(std::string_view& text) {
    if (text.empty() || (text.front() != '-' && text.front() != '+')) return false;
    const bool negative = text.front() == '-';
    text.remove_prefix(1);
    return negative;
}

/// (:[0-5]?[0-9])+ at the front: what base 60 has after its first digits.
bool take_sixties(std::string_view& text) {
    bool any = false;
    while (text.size() >= 2 && text[0] == ':' && is_decimal_digit(text[1])) {
        const bool two = text[1] <= '5' && text.size() >= 3 && is_decimal_digit(text[2]);
        text.remove_prefix(two ? 3 : 2);
        any = true;
    }
    return any;
}

std::string without_underscores(std::string_view text) {
    std::string digits(text);
    std::erase(digits, '_');
    return digits;
}

std::optional<std::uint64_t> magnitude_of(std::string_view digits, int base) {
    std::uint64_t magnitude = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stopped, error] = std::from_chars(digits.data(), end, magnitude, base);
    if (error != std::errc() || stopped != end) return std::nullopt;
    return magnitude;
}

std::optional<std::uint64_t> magnitude_in_base_60(std::string_view text) {
    std::uint64_t magnitude = 0;
    while (true) {
        const std::size_t end = std::min(text.find(':'), text.size());
        const std::optional<std::uint64_t> part = magnitude_of(text.substr(0, end), 10);
        if (!part) return std::nullopt;
        if (__builtin_mul_overflow(magnitude, 60U, &magnitude) || __builtin_add_overflow(magnitude, *part, &magnitude))
            return std::nullopt;
        if (end == text.size()) return magnitude;
        text.remove_prefix(end + 1);
    }
}

std::optional<std::uint64_t> magnitude_as_written(std::string_view text) {
    if (text.starts_with("0b")) return magnitude_of(text.substr(2), 2);
    if (text.starts_with("0x")) return magnitude_of(text.substr(2), 16);
    if (text.starts_with("0")) return magnitude_of(text, 8);
    if (text.find(':') != std::string_view::npos) return magnitude_in_base_60(text);
    return magnitude_of(text, 10);
}

std::optional<double> double_of(std::string_view text) {
    double value = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stopped != end) return std::nullopt;
    return value;
}

/// Added up from the last part on, each with its own power of 60: the order in which doubles are rounded is part of the value.
std::optional<double> double_in_base_60(std::string_view text) {
    double value = 0;
    double power = 1;
    while (true) {
        const std::size_t colon = text.rfind(':');
        const std::optional<double> part = double_of(colon == std::string_view::npos ? text : text.substr(colon + 1));
        if (!part) return std::nullopt;
        value += *part * power;
        if (colon == std::string_view::npos) return value;
        power *= 60;
        text = text.substr(0, colon);
    }
}

bool is_infinite_as_written(std::string_view text) { return text == ".inf" || text == ".Inf" || text == ".INF"; }
bool is_no_number_as_written(std::string_view text) { return text == ".nan" || text == ".NaN" || text == ".NAN"; }

/// ([eE][-+][0-9]+)? and then nothing.
bool ends_with_exponent_or_nothing(std::string_view text) {
    if (text.empty()) return true;
    if (text.size() < 3 || (text[0] != 'e' && text[0] != 'E') || (text[1] != '-' && text[1] != '+')) return false;
    text.remove_prefix(2);
    return take_all_of(text, "0123456789") > 0 && text.empty();
}

}  // namespace

bool is_yaml_integer(std::string_view text) {
    take_sign(text);
    if (text.empty() || !is_decimal_digit(text.front())) return false;
    if (text.starts_with("0b")) return text.size() > 2 && text.find_first_not_of("01_", 2) == std::string_view::npos;
    if (text.starts_with("0x"))
        return text.size() > 2 && text.find_first_not_of("0123456789abcdefABCDEF_", 2) == std::string_view::npos;
    if (text.front() == '0') return text.find_first_not_of("01234567_", 1) == std::string_view::npos;
    take_all_of(text, "0123456789_");
    if (text.empty()) return true;
    return take_sixties(text) && text.empty();
}

bool is_yaml_float(std::string_view text) {
    if (is_no_number_as_written(text)) return true;
    // No sign before a point, unless infinity follows.
    if (text.size() > 1 && text.front() == '.' && is_decimal_digit(text[1])) {
        text.remove_prefix(1);
        take_all_of(text, "0123456789_");
        return ends_with_exponent_or_nothing(text);
    }
    take_sign(text);
    if (is_infinite_as_written(text)) return true;
    if (text.empty() || !is_decimal_digit(text.front())) return false;
    take_all_of(text, "0123456789_");
    const bool in_base_60 = take_sixties(text);
    if (!text.starts_with('.')) return false;
    text.remove_prefix(1);
    take_all_of(text, "0123456789_");
    return in_base_60 ? text.empty() : ends_with_exponent_or_nothing(text);
}

std::optional<JsonValue> yaml_integer(std::string_view text) {
    const std::string digits = without_underscores(text);
    std::string_view rest = digits;
    const bool negative = take_sign(rest);
    const std::optional<std::uint64_t> magnitude = magnitude_as_written(rest);
    if (!magnitude) return std::nullopt;
    constexpr auto max_signed = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (negative) {
        if (*magnitude > max_signed + 1) return std::nullopt;
        return JsonValue(static_cast<std::int64_t>(~*magnitude + 1));
    }
    if (*magnitude > max_signed) return JsonValue(*magnitude);
    return JsonValue(static_cast<std::int64_t>(*magnitude));
}

std::optional<JsonValue> yaml_float(std::string_view text) {
    const std::string digits = without_underscores(text);
    std::string_view rest = digits;
    const bool negative = take_sign(rest);
    if (is_no_number_as_written(rest)) return JsonValue(std::numeric_limits<double>::quiet_NaN());
    std::optional<double> value;
    if (is_infinite_as_written(rest))
        value = std::numeric_limits<double>::infinity();
    else if (rest.find(':') != std::string_view::npos)
        value = double_in_base_60(rest);
    else
        value = double_of(rest);
    if (!value) return std::nullopt;
    return JsonValue(negative ? -*value : *value);
}

}  // namespace modapi
