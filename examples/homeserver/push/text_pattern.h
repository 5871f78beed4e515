#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace homeserver {

/// A pattern of a push rule: `*` stands for any characters, `?` for one; case is ignored.
///
/// Cost: a text takes time by its length times a sixty-fourth of the pattern's, whatever the two are.
class TextPattern {
public:
    explicit TextPattern(std::string_view glob);
    /// One in which `*` and `?` stand for themselves.
    [[nodiscard]] static TextPattern literal(std::string_view text);

    /// Whether the pattern stands for the whole text.
    [[nodiscard]] bool matches(std::string_view text) const;
    /// Whether it stands for a part that begins and ends at a word's boundary: at an end of the text, or beside a character
    /// that is none of A-Z, a-z, 0-9 and _.
    [[nodiscard]] bool matches_words(std::string_view text) const;

private:
    /// Bit i of a set: the first i characters of the pattern are matched.
    using Set = std::vector<std::uint64_t>;

    /// `text` is without case.
    TextPattern(std::string_view text, bool has_wildcards);
    [[nodiscard]] Set empty_set() const { return Set(words_); }
    void step(Set& reached, unsigned char byte) const;
    [[nodiscard]] bool is_complete(const Set& reached) const;

    std::optional<std::string> literal_;  ///< in lower case, of a short pattern without wildcards, which has no sets
    std::size_t length_ = 0;
    std::size_t words_ = 1;
    Set advance_;     ///< by byte, one behind the other: the sets from which it leads on by one
    Set stay_;        ///< where a `*` takes any byte
    Set behind_any_;  ///< behind a `?`, which takes all bytes of one character
};

}  // namespace homeserver
