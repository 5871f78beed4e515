#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace modapi {

/// Bytes as a value of a statement or of a row, where a std::string is a text: what a BYTEA column of PostgreSQL and a BLOB one
/// of SQLite have, and a column that is called BYTEA on both. Any bytes, NUL too.
///
/// No text becomes one by itself. They belong into a column of bytes: for a TEXT one PostgreSQL takes its text for them,
/// `\x00ff`, and SQLite keeps the bytes. PostgreSQL refuses to compare them with a text.
class SqlBytes {
public:
    SqlBytes() = default;
    explicit SqlBytes(std::string content) noexcept : content_(std::move(content)) {}
    explicit SqlBytes(std::span<const std::byte> content)
        : content_(reinterpret_cast<const char*>(content.data()), content.size()) {}  // NOLINT: bytes are bytes

    [[nodiscard]] const std::string& content() const& noexcept { return content_; }
    [[nodiscard]] std::string content() && noexcept { return std::move(content_); }

    bool operator==(const SqlBytes&) const = default;

private:
    std::string content_;
};

/// A value that is bound to a placeholder or read from a column; std::monostate is NULL.
using SqlValue = std::variant<std::monostate, std::int64_t, double, std::string, bool, SqlBytes>;

/// What a statement gave of which nothing was known before (Transaction::query_any).
///
/// A value has the type that the database has for it: a BOOLEAN column is bool on PostgreSQL, and 0 and 1 on SQLite, which has
/// no such type; BYTEA and BLOB are SqlBytes.
struct SqlResult {
    std::vector<std::string> columns{};         ///< their names, in order; empty for a statement that gives no rows
    std::vector<std::vector<SqlValue>> rows{};  ///< each with a value for each column
    std::int64_t changed = 0;                   ///< rows that it inserted, updated or deleted; 0 for one that only reads
};

namespace detail {

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};

/// Integers travel as 64-bit integers, strings as text, std::optional as its value or NULL.
template <class T>
[[nodiscard]] SqlValue to_sql(const T& value) {
    if constexpr (is_optional<T>::value) {
        return value ? to_sql(*value) : SqlValue();
    } else if constexpr (std::is_same_v<T, std::nullopt_t> || std::is_same_v<T, std::nullptr_t>) {
        return SqlValue();
    } else if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, SqlBytes> || std::is_same_v<T, SqlValue>) {
        return SqlValue(value);
    } else if constexpr (std::is_integral_v<T>) {
        return static_cast<std::int64_t>(value);
    } else if constexpr (std::is_floating_point_v<T>) {
        return static_cast<double>(value);
    } else {
        constexpr bool is_text = std::is_convertible_v<const T&, std::string_view>;
        static_assert(is_text,
                      "values are bound as texts, integers, bool, double, SqlBytes, SqlValue or std::optional of those");
        if constexpr (is_text) {
            return std::string(std::string_view(value));
        } else {
            return {};
        }
    }
}

[[noreturn]] void refuse_column(std::size_t index, std::string_view wanted, const SqlValue& found);
[[noreturn]] void refuse_range(std::size_t index);
/// Refuses what has a fraction, or is so large that it may have lost digits.
[[nodiscard]] std::int64_t to_whole_number(double number, std::size_t index);

/// A truth value is also 0 or 1, and the other way round.
template <class T>
[[nodiscard]] T from_sql(SqlValue& value, std::size_t index) {
    if constexpr (is_optional<T>::value) {
        if (std::holds_alternative<std::monostate>(value)) return std::nullopt;
        return from_sql<typename T::value_type>(value, index);
    } else if constexpr (std::is_same_v<T, bool>) {
        if (const auto* const truth = std::get_if<bool>(&value)) return *truth;
        if (const auto* const number = std::get_if<std::int64_t>(&value)) return *number != 0;
        refuse_column(index, "a truth value", value);
    } else if constexpr (std::is_integral_v<T>) {
        // 5.00 is one too.
        if (const auto* const number = std::get_if<double>(&value)) value = to_whole_number(*number, index);
        if (const auto* const number = std::get_if<std::int64_t>(&value)) {
            if (!std::in_range<T>(*number)) refuse_range(index);
            return static_cast<T>(*number);
        }
        if (const auto* const truth = std::get_if<bool>(&value)) return static_cast<T>(*truth);
        refuse_column(index, "an integer", value);
    } else if constexpr (std::is_floating_point_v<T>) {
        if (const auto* const number = std::get_if<double>(&value)) return static_cast<T>(*number);
        if (const auto* const number = std::get_if<std::int64_t>(&value)) return static_cast<T>(*number);
        if (const auto* const truth = std::get_if<bool>(&value)) return static_cast<T>(*truth);
        refuse_column(index, "a number", value);
    } else if constexpr (std::is_same_v<T, SqlBytes>) {
        if (auto* const bytes = std::get_if<SqlBytes>(&value)) return std::move(*bytes);
        refuse_column(index, "bytes", value);
    } else {
        static_assert(std::is_same_v<T, std::string>,
                      "columns are read as std::string, integers, bool, double, SqlBytes or std::optional of those");
        if (auto* const text = std::get_if<std::string>(&value)) return std::move(*text);
        refuse_column(index, "a text", value);
    }
}

}  // namespace detail

}  // namespace modapi
