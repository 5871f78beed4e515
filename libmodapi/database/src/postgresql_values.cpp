#include "postgresql_values.h"

#include <boost/algorithm/hex.hpp>

#include <charconv>
#include <iterator>
#include <limits>
#include <memory>
#include <new>
#include <system_error>

namespace modapi {

namespace {

/// The types that are read as something else than a text or not at all, by PostgreSQL's numbers for them.
enum : Oid {
    boolean = 16,
    bytea = 17,
    bigint = 20,
    smallint = 21,
    integer = 23,
    oid = 26,
    real = 700,
    double_precision = 701,
    money = 790,
    date = 1082,
    time_of_day = 1083,
    timestamp = 1114,
    timestamp_with_zone = 1184,
    interval = 1186,
    time_with_zone = 1266,
    numeric = 1700,
    nothing = 2278
};

template <class Number>
bool parse(std::string_view text, Number& number) {
    const char* const end = text.data() + text.size();
    const std::from_chars_result parsed = std::from_chars(text.data(), end, number);
    return parsed.ec == std::errc() && parsed.ptr == end;
}

template <class Number>
SqlValue number_of(std::string_view text, std::size_t index) {
    Number number = 0;
    if (!parse(text, number)) detail::refuse_range(index);
    return number;
}

SqlValue bytes_of(const char* text) {
    struct Free {
        void operator()(unsigned char* memory) const noexcept { PQfreemem(memory); }
    };
    std::size_t size = 0;
    const std::unique_ptr<unsigned char, Free> bytes(
        PQunescapeBytea(reinterpret_cast<const unsigned char*>(text), &size));  // NOLINT: libpq's way to say it
    if (bytes == nullptr) throw std::bad_alloc();
    return SqlBytes(std::as_bytes(std::span(bytes.get(), size)));
}

}  // namespace

SentValues::SentValues(const std::vector<SqlValue>& values) {
    // Never moved: the pointers stay good.
    numbers_.reserve(values.size());
    pointers_.reserve(values.size());
    bool has_bytes = false;
    for (const SqlValue& value : values) {
        pointers_.push_back(text_of(value));
        has_bytes = has_bytes || std::holds_alternative<SqlBytes>(value);
    }
    if (has_bytes) note_bytes(values);
}

void SentValues::note_bytes(const std::vector<SqlValue>& values) {
    constexpr int in_binary = 1;
    lengths_.resize(values.size());
    formats_.resize(values.size());
    types_.resize(values.size());
    for (std::size_t index = 0; index < values.size(); ++index) {
        const auto* const bytes = std::get_if<SqlBytes>(&values[index]);
        if (bytes == nullptr) continue;
        lengths_[index] = static_cast<int>(bytes->content().size());
        formats_[index] = in_binary;
        types_[index] = bytea;
    }
}

bool SentValues::fit(const std::vector<Oid>& types) const noexcept {
    if (types.empty() && types_.empty()) return true;
    for (std::size_t index = 0; index < pointers_.size(); ++index) {
        const Oid prepared = types.empty() ? 0 : types[index];
        const Oid given = types_.empty() ? 0 : types_[index];
        if (pointers_[index] != nullptr && prepared != given) return false;  // NULL is of any type
    }
    return true;
}

const char* SentValues::text_of(const SqlValue& value) {
    if (const auto* const number = std::get_if<std::int64_t>(&value)) {
        return numbers_.emplace_back(std::to_string(*number)).c_str();
    }
    if (const auto* const number = std::get_if<double>(&value)) {
        // The shortest text that is this number. Without an exponent, which a column of integers doesn't take.
        char digits[512];
        char* const end = std::to_chars(digits, digits + sizeof digits, *number, std::chars_format::fixed).ptr;
        return numbers_.emplace_back(&digits[0], end).c_str();
    }
    if (const auto* const text = std::get_if<std::string>(&value)) {
        refuse_nul(*text);
        return text->c_str();
    }
    // What a column of integers takes, too.
    if (const auto* const truth = std::get_if<bool>(&value)) return *truth ? "1" : "0";
    if (const auto* const bytes = std::get_if<SqlBytes>(&value)) return bytes->content().data();
    return nullptr;
}

SqlValue read_postgresql_value(const PGresult* result, int row, int index) {
    if (PQgetisnull(result, row, index) != 0) return SqlValue();
    const std::string_view text(PQgetvalue(result, row, index), static_cast<std::size_t>(PQgetlength(result, row, index)));
    const auto place = static_cast<std::size_t>(index);
    switch (PQftype(result, index)) {
        case boolean:
            return text == "t";
        case bytea:
            return bytes_of(text.data());
        case bigint:
        case smallint:
        case integer:
        case oid:
            return number_of<std::int64_t>(text, place);
        case numeric:
            // As a sum of integers is.
            if (std::int64_t whole = 0; parse(text, whole)) return whole;
            return number_of<double>(text, place);
        case real:
        case double_precision:
            return number_of<double>(text, place);
        // Those are written as the server's settings say.
        case money:
        case date:
        case time_of_day:
        case timestamp:
        case timestamp_with_zone:
        case interval:
        case time_with_zone:
        case nothing:
            throw DatabaseError("column " + std::to_string(index + 1) +
                                " of the result has a type that can't be read; cast it to text");
        default:
            return std::string(text);
    }
}

void refuse_nul(std::string_view text) {
    if (text.find('\0') != std::string_view::npos) throw DatabaseError("PostgreSQL has no texts with a NUL character");
}

void check_value(const SqlValue& value) {
    if (const auto* const text = std::get_if<std::string>(&value)) refuse_nul(*text);
    constexpr std::size_t most_bytes = std::numeric_limits<int>::max();
    const auto* const bytes = std::get_if<SqlBytes>(&value);
    if (bytes != nullptr && bytes->content().size() > most_bytes)
        throw DatabaseError("a value of " + std::to_string(bytes->content().size()) + " bytes is more than PostgreSQL takes");
}

std::string text_of_bytes(const SqlBytes& bytes) {
    std::string text = "\\x";
    boost::algorithm::hex_lower(bytes.content(), std::back_inserter(text));
    return text;
}

}  // namespace modapi
