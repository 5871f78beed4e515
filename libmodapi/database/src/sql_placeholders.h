#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace modapi {

/// A statement with each `?` rewritten to PostgreSQL's `$1`, `$2`, ...
struct NumberedPlaceholders {
    std::string sql;
    std::size_t count = 0;
};

/// A `?` inside a quoted text, a quoted identifier or a comment isn't a placeholder.
[[nodiscard]] NumberedPlaceholders number_placeholders(std::string_view sql);

/// The statement on one line, for error messages.
[[nodiscard]] std::string statement_on_one_line(std::string_view sql);

}  // namespace modapi
