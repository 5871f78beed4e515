#include "nearest_name.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace command {

namespace {

/// Letters to change, to put in and to leave out.
std::size_t changes_between(std::string_view one, std::string_view other) {
    std::vector<std::size_t> before(other.size() + 1);
    std::iota(before.begin(), before.end(), std::size_t{0});
    for (std::size_t row = 1; row <= one.size(); ++row) {
        std::vector<std::size_t> current{row};
        for (std::size_t column = 1; column <= other.size(); ++column) {
            const std::size_t changed = before[column - 1] + (one[row - 1] == other[column - 1] ? 0 : 1);
            current.push_back(std::min({changed, before[column] + 1, current[column - 1] + 1}));
        }
        before = std::move(current);
    }
    return before.back();
}

}  // namespace

std::string nearest_name(std::string_view given, const std::vector<std::string_view>& known) {
    return std::string(*std::min_element(known.begin(), known.end(), [&](std::string_view one, std::string_view other) {
        return changes_between(given, one) < changes_between(given, other);
    }));
}

}  // namespace command
