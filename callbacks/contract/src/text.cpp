#include <callbacks/text.h>

#include <boost/locale/utf.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace callbacks {

namespace {

namespace utf = boost::locale::utf;

bool is_white_space(std::uint32_t point) noexcept {
    constexpr std::uint32_t others[] = {0x20, 0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000};
    for (const std::uint32_t other : others) {
        if (point == other) return true;
    }
    return (point >= 0x09 && point <= 0x0D) || (point >= 0x1C && point <= 0x1F) || (point >= 0x2000 && point <= 0x200A);
}

bool is_continuation(char byte) noexcept { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

/// Whether so many bytes of a text, which are whole words, are nothing but ASCII, as most of what passes here is.
template <std::size_t Bytes>
bool is_ascii(const char* begin) noexcept {
    constexpr std::uint64_t beyond_ascii = 0x8080808080808080;
    std::uint64_t bits = 0;
    for (std::size_t at = 0; at < Bytes; at += sizeof bits) {
        std::uint64_t word = 0;
        std::memcpy(&word, begin + at, sizeof word);
        bits |= word;
    }
    return (bits & beyond_ascii) == 0;
}

/// How many bytes of white space the text begins with, up to its first other character.
std::size_t white_space_at_front(std::string_view text) noexcept {
    std::size_t after = 0;
    for (std::size_t at = 0; at < text.size(); after = at) {
        const std::optional<std::uint32_t> point = next_code_point(text, at);
        if (!point || !is_white_space(*point)) break;
    }
    return after;
}

/// Where the last character of a text begins that isn't empty.
std::size_t last_character(std::string_view text) noexcept {
    constexpr std::size_t max_bytes = 4;
    std::size_t at = text.size() - 1;
    while (at > 0 && text.size() - at < max_bytes && is_continuation(text[at])) --at;
    return at;
}

}  // namespace

std::optional<std::uint32_t> next_code_point(std::string_view text, std::size_t& at) noexcept {
    const char* next = text.data() + at;
    const utf::code_point point = utf::utf_traits<char>::decode(next, text.data() + text.size());
    at = static_cast<std::size_t>(next - text.data());
    if (!utf::is_valid_codepoint(point)) return std::nullopt;  // illegal or incomplete
    return point;
}

std::size_t end_of_utf8(std::string_view text, std::size_t at) noexcept {
    constexpr std::size_t line = 64;  // of the processor's cache
    constexpr std::size_t word = sizeof(std::uint64_t);
    while (at < text.size()) {
        const std::size_t left = text.size() - at;
        std::size_t next = at;
        if (left >= line && is_ascii<line>(text.data() + at)) {
            next += line;
        } else if (left >= word && is_ascii<word>(text.data() + at)) {
            next += word;
        } else if (!next_code_point(text, next)) {
            return at;
        }
        at = next;
    }
    return at;
}

bool is_storable_text(std::string_view text) noexcept { return text.find('\0') == std::string_view::npos && is_utf8(text); }

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

std::string_view trimmed(std::string_view text) noexcept {
    text.remove_prefix(white_space_at_front(text));
    while (!text.empty()) {
        const std::size_t last = last_character(text);
        std::size_t at = last;
        const std::optional<std::uint32_t> point = next_code_point(text, at);
        if (!point || at != text.size() || !is_white_space(*point)) break;
        text = text.substr(0, last);
    }
    return text;
}

}  // namespace callbacks
