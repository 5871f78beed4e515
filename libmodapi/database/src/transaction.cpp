#include <modapi/transaction.h>

#include "sql_placeholders.h"

#include <stdexcept>
#include <utility>
#include <variant>

namespace modapi {

void Transaction::check_width(std::size_t found, std::size_t wanted, std::string_view sql) {
    if (found == wanted) return;
    throw DatabaseError("the result has " + std::to_string(found) + " columns, " + std::to_string(wanted) +
                        " were asked for: " + statement_on_one_line(sql));
}

std::vector<std::vector<SqlValue>> Transaction::take_rows(detail::LaterResult* result) {
    if (result == nullptr) throw std::logic_error("the rows of a query were taken before");
    if (!result->is_there) run_waiting(result->sql);
    if (!result->is_there)
        throw DatabaseError("there are no rows, since the query or a statement before it has failed: " +
                            statement_on_one_line(result->sql));
    return std::move(result->rows);
}

namespace {

std::size_t bytes_of(const std::vector<SqlValue>& row) noexcept {
    std::size_t bytes = sizeof row + row.capacity() * sizeof(SqlValue);
    for (const SqlValue& value : row) {
        if (const auto* const text = std::get_if<std::string>(&value)) bytes += text->size();
        if (const auto* const content = std::get_if<SqlBytes>(&value)) bytes += content->content().size();
    }
    return bytes;
}

/// Holds all rows, as long as they aren't too many.
class RowsHeld final : public RowVisitor {
public:
    RowsHeld(std::string_view sql, std::size_t most_bytes) noexcept : RowVisitor(most_bytes), sql_(sql) {}
    void row(const std::vector<std::string>&, std::vector<SqlValue> values) override {
        bytes_ += bytes_of(values);
        if (bytes_ > most_row_bytes())
            throw ResultTooLarge("the result has more than " + std::to_string(most_row_bytes()) +
                                 " bytes: select fewer rows (LIMIT), or read them in parts: " + statement_on_one_line(sql_));
        rows.push_back(std::move(values));
    }
    std::vector<std::vector<SqlValue>> rows;

private:
    std::string_view sql_;
    std::size_t bytes_ = 0;
};

}  // namespace

SqlResult Transaction::query_any_with(std::string_view sql, std::vector<SqlValue> values, std::size_t most_bytes) {
    RowsHeld held(sql, most_bytes);
    SqlResult result = visit_with(sql, std::move(values), held);
    result.rows = std::move(held.rows);
    return result;
}

void Transaction::invalidate_cache_by_text(const async::cached_function& function, std::vector<std::string> key) {
    if (key.size() != function.key_parts()) {
        throw std::logic_error("a key of the cached function " + std::string(function.name()) + " has " +
                               std::to_string(function.key_parts()) + " parts, not " + std::to_string(key.size()));
    }
    add_invalidation(function, std::move(key));
}

void Transaction::add_invalidation(const async::cached_function& function, std::vector<std::string> key) {
    if (function.shared_name().empty()) {
        throw std::logic_error(
            "the cached function " + std::string(function.name()) +
            " was not registered with register_cached_function: its entries in other workers can't be invalidated");
    }
    invalidations_.push_back({function.shared_name(), std::move(key)});
}

}  // namespace modapi
