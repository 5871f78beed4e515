#include "text/http_text.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace homeserver {

namespace {

int hexadecimal_digit(char digit) noexcept {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

/// Where what is UTF-8 from `at` on ends.
std::size_t end_of_utf8(std::string_view text, std::size_t at) noexcept {
    constexpr std::uint64_t beyond_ascii = 0x8080808080808080;
    while (at < text.size()) {
        std::uint64_t word = 0;
        if (text.size() - at >= sizeof word) {
            std::memcpy(&word, text.data() + at, sizeof word);
            if ((word & beyond_ascii) == 0) {
                at += sizeof word;
                continue;
            }
        }
        std::size_t next = at;
        if (!next_code_point(text, next)) return at;
        at = next;
    }
    return at;
}

char ascii_lower(char letter) noexcept {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

}  // namespace

std::optional<std::uint32_t> next_code_point(std::string_view text, std::size_t& at) noexcept {
    const auto first = static_cast<unsigned char>(text[at++]);
    if (first < 0x80) return first;
    int following = 0;
    std::uint32_t point = 0;
    std::uint32_t smallest = 0;
    if ((first & 0xE0) == 0xC0) {
        following = 1, point = first & 0x1F, smallest = 0x80;
    } else if ((first & 0xF0) == 0xE0) {
        following = 2, point = first & 0x0F, smallest = 0x800;
    } else if ((first & 0xF8) == 0xF0) {
        following = 3, point = first & 0x07, smallest = 0x10000;
    } else {
        return std::nullopt;
    }
    for (; following > 0; --following, ++at) {
        if (at >= text.size()) return std::nullopt;
        const auto next = static_cast<unsigned char>(text[at]);
        if ((next & 0xC0) != 0x80) return std::nullopt;
        point = (point << 6) | (next & 0x3F);
    }
    const bool is_surrogate = point >= 0xD800 && point <= 0xDFFF;
    if (point < smallest || point > 0x10FFFF || is_surrogate) return std::nullopt;
    return point;
}

std::string percent_decoded(std::string_view text, bool plus_is_space) {
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '%' && at + 2 < text.size()) {
            const int high = hexadecimal_digit(text[at + 1]);
            const int low = hexadecimal_digit(text[at + 2]);
            if (high >= 0 && low >= 0) {
                decoded += static_cast<char>(high * 16 + low);
                at += 2;
                continue;
            }
        }
        decoded += plus_is_space && text[at] == '+' ? ' ' : text[at];
    }
    return decoded;
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query) {
    std::vector<std::pair<std::string, std::string>> parsed;
    while (!query.empty()) {
        const std::string_view part = query.substr(0, query.find('&'));
        query.remove_prefix(part.size() < query.size() ? part.size() + 1 : part.size());
        if (part.empty()) continue;
        const std::string_view name = part.substr(0, part.find('='));
        const std::string_view value = name.size() < part.size() ? part.substr(name.size() + 1) : std::string_view();
        parsed.emplace_back(percent_decoded(name, true), percent_decoded(value, true));
    }
    return parsed;
}

bool is_storable_text(std::string_view text) noexcept {
    for (std::size_t at = 0; at < text.size();) {
        const std::optional<std::uint32_t> point = next_code_point(text, at);
        if (!point || *point == 0) return false;
    }
    return true;
}

std::string repaired_utf8(std::string text) {
    std::size_t at = end_of_utf8(text, 0);
    if (at == text.size()) return text;
    std::string repaired;
    std::size_t from = 0;
    while (at < text.size()) {
        repaired.append(text, from, at - from).append("\xEF\xBF\xBD");
        from = at + 1;
        at = end_of_utf8(text, from);
    }
    return repaired.append(text, from);
}

std::string ascii_lower_case(std::string_view text) {
    std::string lowered(text);
    for (char& letter : lowered) letter = ascii_lower(letter);
    return lowered;
}

bool equal_ignoring_case(std::string_view left, std::string_view right) noexcept {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      [](char a, char b) { return ascii_lower(a) == ascii_lower(b); });
}

std::string printable(std::string_view text) {
    constexpr std::size_t longest = 512;
    constexpr const char* digits = "0123456789ABCDEF";
    std::string printed;
    for (const char character : text.substr(0, longest)) {
        const auto byte = static_cast<unsigned char>(character);
        if (byte > 0x20 && byte < 0x7F && byte != '"') {
            printed += character;
        } else {
            printed.append({'%', digits[byte >> 4], digits[byte & 0x0F]});
        }
    }
    if (text.size() > longest) printed += "...";
    return printed;
}

RequestTarget split_target(std::string_view target) noexcept {
    if (!target.starts_with('/')) {
        const std::size_t scheme = target.find("://");
        const std::size_t path = scheme == std::string_view::npos ? scheme : target.find('/', scheme + 3);
        if (path == std::string_view::npos) return {};
        target.remove_prefix(path);
    }
    target = target.substr(0, target.find('#'));
    RequestTarget split;
    split.path = target.substr(0, target.find('?'));
    if (split.path.size() < target.size()) split.query = target.substr(split.path.size() + 1);
    return split;
}

}  // namespace homeserver
