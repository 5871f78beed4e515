#include "yaml_scalar.h"

#include <charconv>
#include <cstdint>
#include <limits>
#include <string_view>
#include <system_error>

namespace modapi {

namespace {

using callbacks::JsonValue;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool all_digits(std::string_view text) {
    if (text.empty()) return false;
    for (const char c : text) {
        if (!is_digit(c)) return false;
    }
    return true;
}

/// `digits` in `base`, all of it, as int64, uint64 or, if it is larger, none.
std::optional<JsonValue> whole_number(std::string_view digits, int base, bool negative) {
    std::uint64_t magnitude = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stopped, error] = std::from_chars(digits.data(), end, magnitude, base);
    if (error != std::errc() || stopped != end) return std::nullopt;
    constexpr auto max_signed = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (negative) {
        if (magnitude > max_signed + 1) return std::nullopt;
        return JsonValue(static_cast<std::int64_t>(~magnitude + 1));
    }
    if (magnitude > max_signed) return JsonValue(magnitude);
    return JsonValue(static_cast<std::int64_t>(magnitude));
}

/// [0-9]+ ( . [0-9]* )? or . [0-9]+, then ( [eE] [-+]? [0-9]+ )?
bool looks_like_float(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size() && is_digit(text[at])) ++at;
    const bool has_whole = at > 0;
    bool has_fraction = false;
    if (at < text.size() && text[at] == '.') {
        const std::size_t point = at++;
        while (at < text.size() && is_digit(text[at])) ++at;
        has_fraction = at > point + 1;
    }
    if (!has_whole && !has_fraction) return false;
    if (at == text.size()) return true;
    if (text[at] != 'e' && text[at] != 'E') return false;
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    return all_digits(text.substr(at));
}

std::optional<JsonValue> number(std::string_view text) {
    if (text.starts_with("0x")) return whole_number(text.substr(2), 16, false);
    if (text.starts_with("0o")) return whole_number(text.substr(2), 8, false);
    bool negative = false;
    std::string_view magnitude = text;
    if (!magnitude.empty() && (magnitude.front() == '-' || magnitude.front() == '+')) {
        negative = magnitude.front() == '-';
        magnitude.remove_prefix(1);
    }
    if (all_digits(magnitude)) {
        if (std::optional<JsonValue> whole = whole_number(magnitude, 10, negative)) return whole;
    }
    if (magnitude == ".inf" || magnitude == ".Inf" || magnitude == ".INF") {
        const double infinite = std::numeric_limits<double>::infinity();
        return JsonValue(negative ? -infinite : infinite);
    }
    if (!looks_like_float(magnitude)) return std::nullopt;
    double value = 0;
    const char* const end = magnitude.data() + magnitude.size();
    const auto [stopped, error] = std::from_chars(magnitude.data(), end, value);
    if (error == std::errc::result_out_of_range)
        value = std::numeric_limits<double>::infinity();
    else if (error != std::errc() || stopped != end)
        return std::nullopt;
    return JsonValue(negative ? -value : value);
}

}  // namespace

JsonValue resolve_plain_scalar(const std::string& text) {
    if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return JsonValue(nullptr);
    if (text == "true" || text == "True" || text == "TRUE") return JsonValue(true);
    if (text == "false" || text == "False" || text == "FALSE") return JsonValue(false);
    if (text == ".nan" || text == ".NaN" || text == ".NAN") return JsonValue(std::numeric_limits<double>::quiet_NaN());
    if (std::optional<JsonValue> value = number(text)) return std::move(*value);
    return JsonValue(text);
}

}  // namespace modapi
