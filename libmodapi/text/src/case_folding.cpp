#include <modapi/case_folding.h>

#include <callbacks/text.h>

#include <boost/locale/utf.hpp>

#include <cstdint>
#include <cwctype>
#include <iterator>
#include <optional>

#include <locale.h>

namespace modapi {

namespace {

constexpr char32_t no_character = 0x110000;  // and behind it: bytes that belong to none

/// The C library's own tables, whatever the process's locale is. Null on a system without them.
locale_t unicode_locale() {
    static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return locale;
}

char32_t folded(char32_t character) {
    if (character < 0x80) return character >= U'A' && character <= U'Z' ? character - U'A' + U'a' : character;
    const locale_t locale = unicode_locale();
    if (character >= no_character || locale == nullptr) return character;
    return static_cast<char32_t>(towlower_l(towupper_l(static_cast<wint_t>(character), locale), locale));
}

/// The character that begins at `at`, which is moved past it.
char32_t next(std::string_view text, std::size_t& at) {
    const unsigned char first = static_cast<unsigned char>(text[at]);
    const std::size_t after_first = at + 1;
    if (first >= 0x80) {
        if (const std::optional<std::uint32_t> point = callbacks::next_code_point(text, at)) return *point;
    }
    at = after_first;
    return first < 0x80 ? first : no_character + first;
}

}  // namespace

std::string without_case(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const char32_t character = folded(next(text, at));
        if (character >= no_character) {
            result += static_cast<char>(character - no_character);
        } else {
            boost::locale::utf::utf_traits<char>::encode(character, std::back_inserter(result));
        }
    }
    return result;
}

std::u32string characters_without_case(std::string_view text) {
    std::u32string result;
    result.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) result += folded(next(text, at));
    return result;
}

std::u32string characters(std::string_view text) {
    std::u32string result;
    result.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) result += next(text, at);
    return result;
}

}  // namespace modapi
