#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace modapi {

/// Walks the characters of a text.
class YamlCursor {
public:
    explicit YamlCursor(std::string_view text) : text_(text) {}

    [[nodiscard]] bool at_end() const noexcept { return at_ == text_.size(); }
    /// How many characters have been taken.
    [[nodiscard]] std::size_t index() const noexcept { return index_; }
    /// Where the last character that was taken stands, from 1; lines end as editors count them.
    [[nodiscard]] int line() const noexcept { return line_; }
    /// The next character, none if what comes isn't UTF-8. Not to be called at the end.
    std::optional<char32_t> take() noexcept;

private:
    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t index_ = 0;
    int line_ = 1;
    bool ended_line_ = false;
};

/// YAML 1.1's: also the next line character and the two separators of Unicode.
[[nodiscard]] constexpr bool is_yaml_line_break(char32_t character) noexcept {
    return character == U'\n' || character == U'\r' || character == 0x85 || character == 0x2028 || character == 0x2029;
}

struct YamlTextError {
    int line = 1;
    std::string message;
};

/// The first byte that isn't UTF-8, or character that may not stand in YAML 1.1, not even in a comment: controls (NUL too), and
/// U+FFFE and U+FFFF. A text of UTF-16 is named as such.
[[nodiscard]] std::optional<YamlTextError> find_yaml_text_error(std::string_view text);

}  // namespace modapi
