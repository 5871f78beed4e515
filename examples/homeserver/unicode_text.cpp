#include "unicode_text.h"

#include <cstdint>
#include <cwctype>

#include <locale.h>

namespace homeserver {

namespace {

constexpr unsigned continuation_mask = 0xC0;
constexpr unsigned continuation = 0x80;

bool is_continuation(char byte) noexcept { return (static_cast<unsigned char>(byte) & continuation_mask) == continuation; }

/// How many bytes the character that begins so has; 0: none begins so.
std::size_t length_of(unsigned char first) noexcept {
    if (first < 0x80) return 1;
    if ((first & 0xE0) == 0xC0) return 2;
    if ((first & 0xF0) == 0xE0) return 3;
    if ((first & 0xF8) == 0xF0) return 4;
    return 0;
}

/// The length of the character at the beginning of `text`; 0: it isn't whole.
std::size_t whole_character(std::string_view text) noexcept {
    const std::size_t length = length_of(static_cast<unsigned char>(text.front()));
    if (length > text.size()) return 0;
    for (std::size_t at = 1; at < length; ++at) {
        if (!is_continuation(text[at])) return 0;
    }
    return length;
}

std::uint32_t code_point(std::string_view character) noexcept {
    constexpr unsigned masks[] = {0x7F, 0x1F, 0x0F, 0x07};
    std::uint32_t point = static_cast<unsigned char>(character.front()) & masks[character.size() - 1];
    for (const char byte : character.substr(1)) point = (point << 6) | (static_cast<unsigned char>(byte) & 0x3FU);
    return point;
}

void append(std::string& text, std::uint32_t point) {
    const auto following = [&](unsigned shift) { text += static_cast<char>(continuation | ((point >> shift) & 0x3FU)); };
    if (point < 0x80) {
        text += static_cast<char>(point);
    } else if (point < 0x800) {
        text += static_cast<char>(0xC0U | (point >> 6));
        following(0);
    } else if (point < 0x10000) {
        text += static_cast<char>(0xE0U | (point >> 12));
        following(6);
        following(0);
    } else {
        text += static_cast<char>(0xF0U | (point >> 18));
        following(12);
        following(6);
        following(0);
    }
}

/// The C library's own tables, whatever the process's locale is. Null on a system without them.
locale_t unicode_locale() {
    static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return locale;
}

char without_case(char letter) noexcept {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

/// Capitals first: two small letters of one capital (σ and ς) are the same.
std::uint32_t without_case(std::uint32_t point) {
    const locale_t locale = unicode_locale();
    if (locale == nullptr) return point;
    return static_cast<std::uint32_t>(towlower_l(towupper_l(static_cast<wint_t>(point), locale), locale));
}

}  // namespace

std::size_t character_count(std::string_view text) noexcept {
    std::size_t count = 0;
    for (const char byte : text) count += is_continuation(byte) ? 0U : 1U;
    return count;
}

std::string without_case(std::string_view text) {
    std::string folded;
    folded.reserve(text.size());
    while (!text.empty()) {
        const std::size_t length = whole_character(text);
        if (length <= 1) {  // ASCII, or a byte that belongs to no character
            folded += without_case(text.front());
            text.remove_prefix(1);
        } else {
            append(folded, without_case(code_point(text.substr(0, length))));
            text.remove_prefix(length);
        }
    }
    return folded;
}

}  // namespace homeserver
