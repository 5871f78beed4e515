#include "glob.h"

#include <boost/container/small_vector.hpp>
#include <boost/locale/encoding_utf.hpp>

#include <algorithm>
#include <locale>

namespace mjolnir {

namespace {

constexpr std::size_t bits = 64;

template <class Places>
void add(Places&& places, std::size_t place) {
    places[place / bits] |= std::uint64_t(1) << (place % bits);
}

}  // namespace

std::u32string without_case(std::string_view utf8) {
    static const std::locale unicode("C.UTF-8");
    static const auto& letters = std::use_facet<std::ctype<wchar_t>>(unicode);
    static_assert(sizeof(wchar_t) == sizeof(char32_t));
    std::u32string text = boost::locale::conv::utf_to_utf<char32_t>(utf8.data(), utf8.data() + utf8.size());
    for (char32_t& character : text) character = static_cast<char32_t>(letters.tolower(static_cast<wchar_t>(character)));
    return text;
}

Glob::Glob(std::u32string_view pattern) {
    for (const char32_t token : pattern) {
        if (token == U'*') continue;
        ++length_;
        if (token != U'?') letters_ += token;
    }
    std::sort(letters_.begin(), letters_.end());
    letters_.erase(std::unique(letters_.begin(), letters_.end()), letters_.end());
    letters_.shrink_to_fit();
    words_ = length_ / bits + 1;
    stays_.assign(words_, 0);
    places_.assign(words_ * (letters_.size() + 1), 0);
    std::size_t place = 0;
    for (const char32_t token : pattern) {
        if (token == U'*') {
            add(stays_, place);
            continue;
        }
        ++place;
        for (std::size_t row = 0; row <= letters_.size(); ++row) {
            if (token == U'?' || (row > 0 && letters_[row - 1] == token)) add(places_.data() + row * words_, place);
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

bool Glob::has(const Word* places, std::size_t place) noexcept { return (places[place / bits] >> (place % bits) & 1) != 0; }

bool Glob::matches(std::u32string_view value) const {
    if (value.size() < length_) return false;
    // Most patterns end in a name that most values don't end in.
    if (!value.empty() && !has(stays_.data(), length_) && !has(places_of(value.back()), length_)) return false;
    boost::container::small_vector<Word, 8> reached(words_, 0);
    add(reached, 0);
    for (const char32_t character : value) {
        const Word* const next = places_of(character);
        Word carried = 0;
        Word any = 0;
        for (std::size_t word = 0; word < words_; ++word) {
            const Word before = reached[word];
            reached[word] = (((before << 1) | carried) & next[word]) | (before & stays_[word]);
            carried = before >> (bits - 1);
            any |= reached[word];
        }
        if (any == 0) return false;
    }
    return has(reached.data(), length_);
}

}  // namespace mjolnir
