#include <modapi/glob.h>

#include <boost/container/small_vector.hpp>

#include <algorithm>

namespace modapi {

namespace {

constexpr std::size_t bits = 64;
/// Push rules are asked for every member of a room, and most of their patterns are short texts. A longer one could make looking
/// for it slow.
constexpr std::size_t max_literal = 128;

template <class Places>
void add(Places&& places, std::size_t place) {
    places[place / bits] |= std::uint64_t(1) << (place % bits);
}
bool has(const std::uint64_t* places, std::size_t place) noexcept { return (places[place / bits] >> (place % bits) & 1) != 0; }

bool is_of_words(char32_t character) {
    const bool is_letter = (character >= U'a' && character <= U'z') || (character >= U'A' && character <= U'Z');
    return is_letter || (character >= U'0' && character <= U'9') || character == U'_';
}
bool is_boundary(std::u32string_view text, std::size_t position) {
    return position == 0 || position == text.size() || !is_of_words(text[position - 1]) || !is_of_words(text[position]);
}

bool has_words(std::u32string_view text, const std::u32string& words) {
    for (std::size_t at = text.find(words); at != text.npos; at = text.find(words, at + 1)) {
        if (is_boundary(text, at) && is_boundary(text, at + words.size())) return true;
    }
    return false;
}

}  // namespace

Glob::Glob(std::u32string_view pattern, Wildcards wildcards) {
    const auto is_star = [&](char32_t token) { return token == U'*' && wildcards != Wildcards::none; };
    const auto is_any = [&](char32_t token) { return token == U'?' && wildcards == Wildcards::star_and_question_mark; };
    const bool is_literal =
        std::none_of(pattern.begin(), pattern.end(), [&](char32_t token) { return is_star(token) || is_any(token); });
    if (is_literal && pattern.size() <= max_literal) {
        literal_ = std::u32string(pattern);
        return;
    }
    for (const char32_t token : pattern) {
        if (is_star(token)) continue;
        ++length_;
        if (!is_any(token)) letters_ += token;
    }
    std::sort(letters_.begin(), letters_.end());
    letters_.erase(std::unique(letters_.begin(), letters_.end()), letters_.end());
    letters_.shrink_to_fit();
    words_ = length_ / bits + 1;
    stays_.assign(words_, 0);
    places_.assign(words_ * (letters_.size() + 1), 0);
    std::size_t place = 0;
    for (const char32_t token : pattern) {
        if (is_star(token)) {
            add(stays_, place);
            continue;
        }
        ++place;
        for (std::size_t row = 0; row <= letters_.size(); ++row) {
            if (is_any(token) || (row > 0 && letters_[row - 1] == token)) add(places_.data() + row * words_, place);
        }
    }
}

bool Glob::has_wildcards(std::u32string_view pattern) noexcept { return pattern.find_first_of(U"*?") != pattern.npos; }

const Glob::Word* Glob::places_of(char32_t character) const noexcept {
    const auto found = std::lower_bound(letters_.begin(), letters_.end(), character);
    const bool is_there = found != letters_.end() && *found == character;
    const std::size_t row = is_there ? static_cast<std::size_t>(found - letters_.begin()) + 1 : 0;
    return places_.data() + row * words_;
}

bool Glob::step(Word* reached, char32_t character) const noexcept {
    const Word* const next = places_of(character);
    Word carried = 0;
    Word any = 0;
    for (std::size_t word = 0; word < words_; ++word) {
        const Word before = reached[word];
        reached[word] = (((before << 1) | carried) & next[word]) | (before & stays_[word]);
        carried = before >> (bits - 1);
        any |= reached[word];
    }
    return any != 0;
}

bool Glob::matches(std::u32string_view text) const {
    if (literal_) return *literal_ == text;
    if (text.size() < length_) return false;
    // Most patterns end in a name that most texts don't end in.
    if (!text.empty() && !has(stays_.data(), length_) && !has(places_of(text.back()), length_)) return false;
    boost::container::small_vector<Word, 8> reached(words_, 0);
    add(reached, 0);
    for (const char32_t character : text) {
        if (!step(reached.data(), character)) return false;
    }
    return has(reached.data(), length_);
}

bool Glob::matches_words(std::u32string_view text) const {
    if (literal_) return has_words(text, *literal_);
    boost::container::small_vector<Word, 8> reached(words_, 0);
    for (std::size_t position = 0;; ++position) {
        if (is_boundary(text, position)) {
            add(reached, 0);
            if (has(reached.data(), length_)) return true;
        }
        if (position == text.size()) return false;
        static_cast<void>(step(reached.data(), text[position]));
    }
}

}  // namespace modapi
