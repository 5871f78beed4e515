#include "push/text_pattern.h"

#include "text/unicode_text.h"

#include <cctype>
#include <string>

namespace homeserver {

namespace {

constexpr std::size_t bytes = 256;
constexpr std::size_t bits = 64;
/// Rules are asked for every member of a room, and most of their patterns are short texts: those are looked for as they are. A
/// longer one could make that slow.
constexpr std::size_t max_literal = 128;

bool is_word(char character) { return std::isalnum(static_cast<unsigned char>(character)) != 0 || character == '_'; }
bool goes_on(unsigned char byte) { return (byte & 0xC0U) == 0x80U; }  // a later byte of a character in UTF-8

bool is_boundary(std::string_view text, std::size_t position) {
    return position == 0 || position == text.size() || !is_word(text[position - 1]) || !is_word(text[position]);
}

/// Whether `words` stand in `text` between two boundaries.
bool has_words(const std::string& text, const std::string& words) {
    for (std::size_t at = text.find(words); at != std::string::npos; at = text.find(words, at + 1)) {
        if (is_boundary(text, at) && is_boundary(text, at + words.size())) return true;
    }
    return false;
}

void add(std::vector<std::uint64_t>& set, std::size_t index) { set[index / bits] |= std::uint64_t{1} << (index % bits); }

}  // namespace

TextPattern::TextPattern(std::string_view glob) : TextPattern(without_case(glob), true) {}

TextPattern TextPattern::literal(std::string_view text) { return {without_case(text), false}; }

TextPattern::TextPattern(std::string_view text, bool has_wildcards) : words_(text.size() / bits + 1) {
    const bool is_literal = !has_wildcards || text.find_first_of("*?") == std::string_view::npos;
    if (is_literal && text.size() <= max_literal) {
        literal_ = std::string(text);
        return;
    }
    advance_.assign(bytes * words_, 0);
    stay_ = empty_set();
    behind_any_ = empty_set();
    for (const char character : text) {
        if (has_wildcards && character == '*') {
            add(stay_, length_);
        } else if (has_wildcards && character == '?') {
            for (std::size_t byte = 0; byte < bytes; ++byte) {
                if (!goes_on(static_cast<unsigned char>(byte))) add(advance_, byte * words_ * bits + length_);
            }
            add(behind_any_, ++length_);
        } else {
            add(advance_, static_cast<unsigned char>(character) * words_ * bits + length_++);
        }
    }
}

void TextPattern::step(Set& reached, unsigned char byte) const {
    const std::uint64_t* const advance = &advance_[byte * words_];
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
    if (literal_) return *literal_ == without_case(text);
    Set reached = empty_set();
    add(reached, 0);
    for (const char character : without_case(text)) step(reached, static_cast<unsigned char>(character));
    return is_complete(reached);
}

bool TextPattern::matches_words(std::string_view text) const {
    const std::string lower = without_case(text);
    if (literal_) return has_words(lower, *literal_);
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
