#include "text/utf8.h"

#include <algorithm>

namespace homeserver {

namespace {

char ascii_lower(char letter) noexcept {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

}  // namespace

std::string ascii_lower_case(std::string_view text) {
    std::string lowered(text);
    for (char& letter : lowered) letter = ascii_lower(letter);
    return lowered;
}

bool equal_ignoring_case(std::string_view left, std::string_view right) noexcept {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      [](char a, char b) { return ascii_lower(a) == ascii_lower(b); });
}

}  // namespace homeserver
