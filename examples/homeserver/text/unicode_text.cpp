#include "text/unicode_text.h"

#include "text/utf8.h"

#include <boost/locale/utf.hpp>

#include <cstdint>
#include <cwctype>
#include <iterator>
#include <optional>

#include <locale.h>

namespace homeserver {

namespace {

constexpr unsigned continuation_mask = 0xC0;
constexpr unsigned continuation = 0x80;

bool is_continuation(char byte) noexcept { return (static_cast<unsigned char>(byte) & continuation_mask) == continuation; }

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
            boost::locale::utf::utf_traits<char>::encode(without_case(*point), std::back_inserter(folded));
            continue;
        }
        folded += without_case(first);  // ASCII, or a byte that belongs to no character
        at = behind;
    }
    return folded;
}

}  // namespace homeserver
