#pragma once

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace fuzz {

/// Whether a pattern with `*` and `?` stands for the whole text, by a table of all its beginnings against all of the text's:
/// slow, and easily seen to be right.
[[nodiscard]] inline bool stands_for(std::u32string_view pattern, std::u32string_view text) {
    std::vector<bool> reached(text.size() + 1, false);
    reached[0] = true;
    for (const char32_t token : pattern) {
        std::vector<bool> next(text.size() + 1, false);
        for (std::size_t at = 0; at <= text.size(); ++at) {
            const bool is_one = at > 0 && reached[at - 1] && (token == U'?' || token == text[at - 1]);
            next[at] = token == U'*' ? reached[at] || (at > 0 && next[at - 1]) : is_one;
        }
        reached = std::move(next);
    }
    return reached.back();
}

}  // namespace fuzz
