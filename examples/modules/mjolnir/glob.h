#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mjolnir {

/// Text for a comparison in which case doesn't matter, by characters: one element each. What is no UTF-8 is left out.
[[nodiscard]] std::u32string without_case(std::string_view utf8);

/// A pattern for whole values: `*` stands for any run of characters, also none, `?` for one character, all else for itself.
///
/// Cost: linear in the value for every pattern, since nothing is tried twice: each character of the value moves the set of all
/// places in the pattern that can be meant by it, 64 places at a time. Both texts are those of without_case.
class Glob {
public:
    explicit Glob(std::u32string_view pattern);
    [[nodiscard]] static bool has_wildcards(std::u32string_view pattern) noexcept;

    [[nodiscard]] bool matches(std::u32string_view value) const;

private:
    using Word = std::uint64_t;

    [[nodiscard]] const Word* places_of(char32_t character) const noexcept;
    [[nodiscard]] static bool has(const Word* places, std::size_t place) noexcept;

    std::size_t length_ = 0;  // of the pattern without its stars: the place behind the last of them is the end
    std::size_t words_ = 1;   // of a set of places
    std::vector<Word> stays_;
    std::u32string letters_;    // those of the pattern, sorted
    std::vector<Word> places_;  // behind each `?`, then for each letter behind each `?` and itself
};

}  // namespace mjolnir
