#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

/// A pattern with wildcards, for what clients, other servers and configurations give: `*` stands for any run of characters,
/// also none, `?` for one character, all else for itself.
///
///     const modapi::Glob banned(modapi::characters_without_case("*.Example.org"));
///     banned.matches(modapi::characters_without_case("hs.example.ORG"));   // true
///
/// Pattern and text are prepared alike, by characters_without_case or characters (`<modapi/case_folding.h>`), so that a text
/// which many patterns are tried on is prepared once.
///
/// Cost: linear in the text for every pattern, since nothing is tried twice: each character of the text moves the set of all
/// places in the pattern that can be meant by it, 64 places at a time. Thread: any. Lifetime: nothing is referred to.
class Glob {
public:
    /// Which characters stand for others.
    enum class Wildcards : unsigned char {
        star_and_question_mark,
        star,  ///< `?` stands for itself
        none,  ///< both stand for themselves
    };

    explicit Glob(std::u32string_view pattern, Wildcards wildcards = Wildcards::star_and_question_mark);
    /// Whether any character of the pattern stands for others.
    [[nodiscard]] static bool has_wildcards(std::u32string_view pattern) noexcept;

    /// Whether the pattern stands for the whole text.
    [[nodiscard]] bool matches(std::u32string_view text) const;
    /// Whether it stands for a part that begins and ends at a word's boundary: at an end of the text, or beside a character
    /// that is none of A-Z, a-z, 0-9 and _.
    [[nodiscard]] bool matches_words(std::u32string_view text) const;

private:
    using Word = std::uint64_t;

    [[nodiscard]] const Word* places_of(char32_t character) const noexcept;
    /// Moves the set of places by one character; false: it is empty then.
    bool step(Word* reached, char32_t character) const noexcept;

    std::optional<std::u32string> literal_;  ///< of a short pattern without wildcards, which is looked for as it is
    std::size_t length_ = 0;                 ///< of the pattern without its stars: the place after the last of them is the end
    std::size_t words_ = 1;                  ///< of a set of places
    std::vector<Word> stays_;
    std::u32string letters_;    ///< those of the pattern, sorted
    std::vector<Word> places_;  ///< after each `?`, then for each letter after each `?` and itself
};

}  // namespace modapi
