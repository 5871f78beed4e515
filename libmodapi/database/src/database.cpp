#include <modapi/database.h>

#include "postgresql_database.h"
#include "sql_placeholders.h"
#include "sqlite_database.h"

#include <cmath>

namespace modapi {

namespace detail {

void refuse_column(std::size_t index, std::string_view wanted, const SqlValue& found) {
    static constexpr std::string_view kinds[] = {"NULL", "an integer", "a number", "a text"};
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

}  // namespace detail

void Transaction::check_width(std::size_t found, std::size_t wanted, std::string_view sql) {
    if (found == wanted) return;
    throw DatabaseError("the result has " + std::to_string(found) + " columns, " + std::to_string(wanted) +
                        " were asked for: " + statement_on_one_line(sql));
}

std::unique_ptr<Database> Database::open(const DatabaseSettings& settings) {
    if (settings.name == "sqlite3") return open_sqlite(settings);
    if (settings.is_postgresql()) return open_postgresql(settings);
    throw DatabaseError("the database engine " + settings.name + " isn't known; there are sqlite3 and psycopg2");
}

}  // namespace modapi
