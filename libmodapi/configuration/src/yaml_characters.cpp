#include "yaml_characters.h"

#include <callbacks/text.h>

#include <array>
#include <cstdint>
#include <cstdio>

namespace modapi {

namespace {

bool is_allowed_in_yaml(char32_t character) {
    if (character < 0x20) return character == U'\t' || character == U'\n' || character == U'\r';
    if (character < 0x7f || character == 0x85) return true;
    return character >= 0xa0 && character != 0xfffe && character != 0xffff;
}

}  // namespace

std::optional<char32_t> YamlCursor::take() noexcept {
    if (ended_line_) ++line_;
    ended_line_ = false;
    const std::optional<std::uint32_t> character = callbacks::next_code_point(text_, at_);
    if (!character) return std::nullopt;
    ++index_;
    ended_line_ = *character == U'\n';
    return static_cast<char32_t>(*character);
}

std::optional<YamlTextError> find_yaml_text_error(std::string_view text) {
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
        return YamlTextError{.line = 1, .message = "isn't UTF-8: it begins as UTF-16 does"};
    YamlCursor cursor(text);
    while (!cursor.at_end()) {
        const std::optional<char32_t> character = cursor.take();
        if (!character) return YamlTextError{.line = cursor.line(), .message = "isn't UTF-8"};
        if (is_allowed_in_yaml(*character)) continue;
        if (*character == 0) return YamlTextError{.line = cursor.line(), .message = "isn't YAML: there is a NUL byte"};
        std::array<char, 16> code{};
        std::snprintf(code.data(), code.size(), "U+%04X", static_cast<unsigned>(*character));
        return YamlTextError{.line = cursor.line(),
                             .message = std::string("isn't YAML: the control character ") + code.data() + " may not be in it"};
    }
    return std::nullopt;
}

}  // namespace modapi
