#include "text_pattern.h"

#include "../unicode_text.h"

#include <cctype>
#include <string>

namespace homeserver {

namespace {

constexpr std::size_t bytes = 256;
constexpr std::size_t bits = 64;

bool is_word(char character) { return std::isalnum(static_cast<unsigned char>(character)) != 0 || character == '_'; }
bool goes_on(unsigned char byte) { return (byte & 0xC0U) == 0x80U; }  // a later byte of a character in UTF-8

bool is_boundary(std::string_view text, std::size_t position) {
    return position == 0 || position == text.size() || !is_word(text[position - 1]) || !is_word(text[position]);
}

void add(std::vector<std::uint64_t>& set, std::size_t index) { set[index / bits] |= std::uint64_t{1} << (index % bits); }

}  // namespace

TextPattern::TextPattern(std::string_view glob) : TextPattern(without_case(glob), true) {}

TextPattern TextPattern::literal(std::string_view text) { return {without_case(text), false}; }

TextPattern::TextPattern(std::string_view text, bool has_wildcards) : words_(text.size() / bits + 1) {
    advance_.assign(bytes, empty_set());
    stay_ = empty_set();
    behind_any_ = empty_set();
    for (const char character : text) {
        if (has_wildcards && character == '*') {
            add(stay_, length_);
        } else if (has_wildcards && character == '?') {
            for (std::size_t byte = 0; byte < bytes; ++byte) {
                if (!goes_on(static_cast<unsigned char>(byte))) add(advance_[byte], length_);
            }
            add(behind_any_, ++length_);
        } else {
            add(advance_[static_cast<unsigned char>(character)], length_++);
        }
    }
}

void TextPattern::step(Set& reached, unsigned char byte) const {
    const Set& advance = advance_[byte];
    const bool inside = goes_on(byte);
    std::uint64_t carried = 0;
    for (std::size_t word = 0; word < words_; ++word) {
        const std::uint64_t before = reached[word];
        const std::uint64_t led_on = before & advance[word];
        const std::uint64_t stayed = before & (stay_[word] | (inside ? behind_any_[word] : 0));
        reached[word] = (led_on << 1U) | carried | stayed;
        carried = led_on >> (bits - 1);
    }
}

bool TextPattern::is_complete(const Set& reached) const { return ((reached[length_ / bits] >> (length_ % bits)) & 1U) != 0; }

bool TextPattern::matches(std::string_view text) const {
    Set reached = empty_set();
    add(reached, 0);
    for (const char character : without_case(text)) step(reached, static_cast<unsigned char>(character));
    return is_complete(reached);
}

bool TextPattern::matches_words(std::string_view text) const {
    const std::string lower = without_case(text);
    Set reached = empty_set();
    for (std::size_t position = 0;; ++position) {
        if (is_boundary(lower, position)) {
            add(reached, 0);
            if (is_complete(reached)) return true;
        }
        if (position == lower.size()) return false;
        step(reached, static_cast<unsigned char>(lower[position]));
    }
}

}  // namespace homeserver
