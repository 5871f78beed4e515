#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace modapi {

/// `%41` becomes `A`; an incomplete `%` stays as it is. With `plus_is_space`, as in a query, `+` becomes a space.
[[nodiscard]] std::string percent_decoded(std::string_view text, bool plus_is_space = false);

/// `a=1&b=x%20y` as decoded pairs, in order; a name without `=` has an empty value.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query);

/// A request's target, still encoded, taken apart: `/path?query`, also in the absolute form that proxies get.
struct RequestTarget {
    std::string_view path;
    std::string_view query;
};

/// `target` outlives the result. A target that has no path (`*`) gives an empty one.
[[nodiscard]] RequestTarget split_target(std::string_view target) noexcept;

}  // namespace modapi
