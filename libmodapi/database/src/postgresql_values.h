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
/// 1 is a BIGINT, a BOOLEAN or a DOUBLE PRECISION; a binary value has one type, which would have to be asked for first. Bytes
/// alone are sent as what they are: as a text they would be one wherever a text is wanted.
class SentValues {
public:
    /// `values` must outlive this object. Errors: DatabaseError for a text with a NUL character.
    explicit SentValues(const std::vector<SqlValue>& values);
    SentValues(const SentValues&) = delete;
    SentValues& operator=(const SentValues&) = delete;

    [[nodiscard]] int count() const noexcept { return static_cast<int>(pointers_.size()); }
    /// One for each, null for NULL.
    [[nodiscard]] const char* const* pointers() const noexcept { return pointers_.data(); }
    /// Of each: null where none is of bytes.
    [[nodiscard]] const int* lengths() const noexcept { return lengths_.empty() ? nullptr : lengths_.data(); }
    [[nodiscard]] const int* formats() const noexcept { return formats_.empty() ? nullptr : formats_.data(); }
    /// Of each, 0 for the type that its place has; empty where none is of bytes.
    [[nodiscard]] const std::vector<Oid>& types() const noexcept { return types_; }
    /// Whether a statement that was prepared for values of these types takes them.
    [[nodiscard]] bool fit(const std::vector<Oid>& types) const noexcept;

private:
    const char* text_of(const SqlValue& value);
    void note_bytes(const std::vector<SqlValue>& values);

    std::vector<std::string> numbers_;
    std::vector<const char*> pointers_;
    std::vector<int> lengths_;
    std::vector<int> formats_;
    std::vector<Oid> types_;
};

/// A value of a result. Errors: DatabaseError for a type that has no value here, and for a number that has none.
[[nodiscard]] SqlValue read_postgresql_value(const PGresult* result, int row, int index);

/// libpq would end a text there. Errors: DatabaseError.
void refuse_nul(std::string_view text);
/// What libpq can't send. Errors: DatabaseError for a text with a NUL character, and for more bytes than a value may have.
void check_value(const SqlValue& value);
/// As the server writes them.
[[nodiscard]] std::string text_of_bytes(const SqlBytes& bytes);

}  // namespace modapi
