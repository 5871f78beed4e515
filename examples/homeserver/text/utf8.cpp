#include "text/utf8.h"

#include <boost/locale/utf.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace homeserver {

namespace {

namespace utf = boost::locale::utf;

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
    const char* next = text.data() + at;
    const utf::code_point point = utf::utf_traits<char>::decode(next, text.data() + text.size());
    at = static_cast<std::size_t>(next - text.data());
    if (!utf::is_valid_codepoint(point)) return std::nullopt;  // illegal or incomplete
    return point;
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

}  // namespace homeserver
