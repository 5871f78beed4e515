#include "text/unicode_text.h"

#include "text/http_text.h"

#include <cstdint>
#include <cwctype>
#include <optional>

#include <locale.h>

namespace homeserver {

namespace {

constexpr unsigned continuation_mask = 0xC0;
constexpr unsigned continuation = 0x80;

bool is_continuation(char byte) noexcept { return (static_cast<unsigned char>(byte) & continuation_mask) == continuation; }

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
    for (std::size_t at = 0; at < text.size();) {
        const char first = text[at];
        const std::size_t behind = at + 1;
        const bool is_ascii = static_cast<unsigned char>(first) < 0x80;
        const std::optional<std::uint32_t> point = is_ascii ? std::nullopt : next_code_point(text, at);
        if (point) {
            append(folded, without_case(*point));
            continue;
        }
        folded += without_case(first);  // ASCII, or a byte that belongs to no character
        at = behind;
    }
    return folded;
}

}  // namespace homeserver
