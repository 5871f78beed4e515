#include <modapi/sql_value.h>

#include <modapi/database.h>

#include <cmath>

namespace modapi::detail {

void refuse_column(std::size_t index, std::string_view wanted, const SqlValue& found) {
    static constexpr std::string_view kinds[] = {"NULL", "an integer", "a number", "a text", "a truth value", "bytes"};
    static_assert(std::size(kinds) == std::variant_size_v<SqlValue>);
    std::string message = "column " + std::to_string(index + 1) + " of the result is not ";
    message.append(wanted).append(" but ").append(kinds[found.index()]);
    throw DatabaseError(message);
}

void refuse_range(std::size_t index) {
    throw DatabaseError("column " + std::to_string(index + 1) + " of the result is too large or too small for its type");
}

std::int64_t to_whole_number(double number, std::size_t index) {
    constexpr double most_exact = 9007199254740992.0;  // 2^53
    if (std::abs(number) > most_exact) refuse_range(index);
    if (std::trunc(number) != number) refuse_column(index, "an integer", number);
    return static_cast<std::int64_t>(number);
}

}  // namespace modapi::detail
