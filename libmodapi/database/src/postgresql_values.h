#pragma once

#include <modapi/database.h>

#include <libpq-fe.h>

#include <string>
#include <string_view>
#include <vector>

namespace modapi {

/// What is sent to PostgreSQL for the values of a statement.
///
/// Values travel as texts, in both directions. The server reads a text as whatever type its place in the statement has, so that
/// 1 is a BIGINT, a BOOLEAN or a DOUBLE PRECISION; a binary value has one type, which would have to be asked for first.
class PostgresqlTexts {
public:
    /// `values` must outlive this object. Errors: DatabaseError for a text with a NUL character.
    explicit PostgresqlTexts(const std::vector<SqlValue>& values);
    PostgresqlTexts(const PostgresqlTexts&) = delete;
    PostgresqlTexts& operator=(const PostgresqlTexts&) = delete;

    /// One for each value, null for NULL.
    [[nodiscard]] const std::vector<const char*>& pointers() const noexcept { return pointers_; }

private:
    const char* text_of(const SqlValue& value);

    std::vector<std::string> numbers_;
    std::vector<const char*> pointers_;
};

/// A value of a result. Errors: DatabaseError for a type that has no value here, and for a number that has none.
[[nodiscard]] SqlValue read_postgresql_value(const PGresult* result, int row, int index);

/// libpq would end a text there. Errors: DatabaseError.
void refuse_nul(std::string_view text);

}  // namespace modapi
