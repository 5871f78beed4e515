#pragma once

#include <modapi/cache_invalidation.h>
#include <modapi/sql_value.h>

#include <async/cached.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace modapi {

/// A statement failed. what() has the database's message and the statement, never the values.
class DatabaseError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};
/// A uniqueness or other constraint was violated.
class ConstraintViolation : public DatabaseError {
public:
    using DatabaseError::DatabaseError;
};

/// A statement that writes, in an interaction that only reads.
class WriteRefused : public DatabaseError {
public:
    using DatabaseError::DatabaseError;
};

/// An interaction that was at work for longer than its time limit: its statement was cut, or a further one refused.
class InteractionTimeout : public DatabaseError {
public:
    using DatabaseError::DatabaseError;
};

/// A result that has more bytes than whoever asked holds. The statement was stopped there: the transaction can only be rolled
/// back.
class ResultTooLarge : public DatabaseError {
public:
    using DatabaseError::DatabaseError;
};

/// Is given the rows of a statement one by one, as the database gives them, so that nobody holds all of them.
///
/// Thread: the transaction's.
class RowVisitor {
public:
    /// `most_row_bytes`: no row has more. It isn't held, and the statement fails with ResultTooLarge.
    explicit RowVisitor(std::size_t most_row_bytes) noexcept : most_row_bytes_(most_row_bytes) {}
    virtual ~RowVisitor() = default;
    RowVisitor(const RowVisitor&) = delete;
    RowVisitor& operator=(const RowVisitor&) = delete;

    /// One row, with a value for each of `columns`, which are the same for all rows. What it throws, the statement fails with:
    /// no further row comes.
    virtual void row(const std::vector<std::string>& columns, std::vector<SqlValue> values) = 0;
    [[nodiscard]] std::size_t most_row_bytes() const noexcept { return most_row_bytes_; }

private:
    std::size_t most_row_bytes_;
};

class Transaction;

namespace detail {
/// What becomes of a query that goes with the next statement.
struct LaterResult {
    std::string sql;
    std::vector<std::vector<SqlValue>> rows{};
    bool is_there = false;
};
}  // namespace detail

/// The rows of a query that Transaction::query_later has asked for.
///
/// Thread: the transaction's. Lifetime: within the function that was given the transaction, which doesn't return or keep it;
/// called again it asks again.
template <class... Columns>
class LaterRows {
public:
    using row = std::tuple<Columns...>;

    LaterRows(LaterRows&&) noexcept = default;
    LaterRows& operator=(LaterRows&&) noexcept = default;
    LaterRows(const LaterRows&) = delete;
    LaterRows& operator=(const LaterRows&) = delete;
    ~LaterRows() = default;

    /// All its rows, in order; once. Where no statement was run since it was asked for, all that waits is run now. Errors: then
    /// those of all that waits; DatabaseError if there are none, since the query or a statement before it has failed;
    /// std::logic_error the second time.
    [[nodiscard]] std::vector<row> take();
    /// The first of them, of which all are read; none if there is none.
    [[nodiscard]] std::optional<row> take_one() {
        std::vector<row> rows = take();
        if (rows.empty()) return std::nullopt;
        return std::move(rows.front());
    }

private:
    friend class Transaction;
    LaterRows(Transaction& transaction, std::shared_ptr<detail::LaterResult> result)
        : transaction_(&transaction), result_(std::move(result)) {}

    Transaction* transaction_;
    std::shared_ptr<detail::LaterResult> result_;
};

namespace detail {
template <class T>
inline constexpr bool is_later_rows = false;
template <class... Columns>
inline constexpr bool is_later_rows<LaterRows<Columns...>> = true;
}  // namespace detail

/// One open transaction. Statements have `?` for each value; values are bound, never pasted into the text.
///
///     transaction.execute("INSERT INTO visits (user_id, seen) VALUES (?, ?)", user_id, now);
///     auto rows = transaction.query<std::string, std::int64_t>("SELECT user_id, seen FROM visits WHERE seen > ?", since);
///
/// Thread: that of the function it was given to. Lifetime: until that function returns. The same statements run on SQLite and
/// PostgreSQL as far as their SQL does. A bool is bound to and read from a BIGINT column, as 0 and 1, or a BOOLEAN one, where a
/// statement says TRUE and FALSE and never 1 and 0, which PostgreSQL doesn't take there. Bytes are a SqlBytes, bound to and
/// read from a BYTEA column, which both have; a column of bytes that is read as a std::string gives the bytes themselves on
/// SQLite, and PostgreSQL's text for them, `\x00ff`, there. A `?` inside a quoted SQL text is text. When a statement has
/// failed, the transaction can't be committed any more. PostgreSQL refuses texts with a NUL character.
class Transaction {
public:
    virtual ~Transaction() = default;
    Transaction() = default;
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    /// Runs one statement; returns the number of rows it changed.
    template <class... Values>
    std::int64_t execute(std::string_view sql, const Values&... values) {
        return run(sql, {detail::to_sql(values)...}, nullptr);
    }
    /// Runs one statement with as many values as turn out when it is made; returns the number of rows it changed.
    std::int64_t execute_with(std::string_view sql, std::vector<SqlValue> values) {
        return run(sql, std::move(values), nullptr);
    }
    /// Runs one statement before the next one, of which nothing is needed but that it was run: PostgreSQL gets both at once,
    /// which is half the waiting. What the statement can't do, the next one's error says, or that of the commit. For INSERT,
    /// UPDATE and DELETE.
    template <class... Values>
    void execute_later(std::string_view sql, const Values&... values) {
        run_later(sql, {detail::to_sql(values)...}, nullptr);
    }
    /// Likewise with as many values as turn out when it is made.
    void execute_with_later(std::string_view sql, std::vector<SqlValue> values) {
        run_later(sql, std::move(values), nullptr);
    }
    /// Runs one query; all its rows, in order.
    template <class... Columns, class... Values>
    [[nodiscard]] std::vector<std::tuple<Columns...>> query(std::string_view sql, const Values&... values) {
        return query_with<Columns...>(sql, {detail::to_sql(values)...});
    }
    /// Runs one query with as many values as turn out when it is made; all its rows, in order.
    template <class... Columns>
    [[nodiscard]] std::vector<std::tuple<Columns...>> query_with(std::string_view sql, std::vector<SqlValue> values) {
        std::vector<std::vector<SqlValue>> raw;
        run(sql, std::move(values), &raw);
        return rows_of<Columns...>(std::move(raw), sql);
    }
    /// The first row of a query; none if there is none.
    template <class... Columns, class... Values>
    [[nodiscard]] std::optional<std::tuple<Columns...>> query_one(std::string_view sql, const Values&... values) {
        std::vector<std::tuple<Columns...>> rows = query<Columns...>(sql, values...);
        if (rows.empty()) return std::nullopt;
        return std::move(rows.front());
    }
    /// Asks for the rows of one query, which goes to the server with the statement that follows, so that the waiting for
    /// several is that for one. They are taken where they are needed, from what it returns:
    ///
    ///     auto age = transaction.query_later<std::int64_t>("SELECT age FROM users WHERE name = ?", name);
    ///     auto friends = transaction.query<std::string>("SELECT friend FROM friends WHERE name = ?", name);
    ///     auto row = age.take_one();
    ///
    /// Where nobody is waited for, on SQLite and in an interaction that is apart, it runs at once. It runs in any case, whether
    /// its rows are taken or not, and they are held until then. For queries: no COPY. Errors: a wrong number of values, and
    /// where it runs at once those of the query, which otherwise are the next statement's or the commit's.
    template <class... Columns, class... Values>
    [[nodiscard]] LaterRows<Columns...> query_later(std::string_view sql, const Values&... values) {
        return query_with_later<Columns...>(sql, {detail::to_sql(values)...});
    }
    /// Likewise with as many values as turn out when it is made.
    template <class... Columns>
    [[nodiscard]] LaterRows<Columns...> query_with_later(std::string_view sql, std::vector<SqlValue> values) {
        auto result = std::make_shared<detail::LaterResult>(detail::LaterResult{std::string(sql)});
        run_later(sql, std::move(values), result);
        return LaterRows<Columns...>(*this, std::move(result));
    }
    /// Runs one statement of whatever kind, also one that gives no rows, of which nothing is known before it runs. For tools
    /// and for statements that somebody else writes: where the columns are known, `query` says when they are others. Errors:
    /// ResultTooLarge beyond `usual_result_bytes`.
    template <class... Values>
    SqlResult query_any(std::string_view sql, const Values&... values) {
        return query_any_with(sql, {detail::to_sql(values)...});
    }
    /// What the rows of `query_any` have at most, in bytes of this process's memory.
    static constexpr std::size_t usual_result_bytes = 256UL * 1024 * 1024;
    /// Likewise with as many values as turn out when it is made, and at most `most_bytes` of rows: those that are beyond are
    /// never held, so that who writes the statement can't fill the memory. Errors: ResultTooLarge.
    SqlResult query_any_with(std::string_view sql, std::vector<SqlValue> values, std::size_t most_bytes = usual_result_bytes);
    /// Likewise, but `visitor` is given the rows, each as it comes: the result has none. Errors: also what the visitor throws.
    SqlResult visit_with(std::string_view sql, std::vector<SqlValue> values, RowVisitor& visitor) {
        SqlResult result;
        result.changed = visit(sql, std::move(values), visitor, result.columns);
        return result;
    }
    /// For a transaction of Database::run_apart, before its first statement: waits until nobody writes, and lets nobody write
    /// until it ends, so that it can't collide. Nothing where writers don't wait for each other. Errors: InteractionTimeout.
    virtual void keep_others_from_writing() {}
    /// Whether whoever wants to write waits for this transaction, whatever they write.
    [[nodiscard]] virtual bool keeps_others_from_writing() const noexcept { return false; }
    /// Has `function`, which was registered with ModuleApi::register_cached_function, forget the answer for this key on all
    /// workers of all processes: when this transaction is committed, and not at all if it isn't. Before whoever awaits the
    /// interaction goes on the workers of this process have dropped it; others soon after. Cost: on PostgreSQL, where processes
    /// share the database, a row.
    template <class Signature, std::size_t KeyParts, class... Key>
    void invalidate_cache(const async::cached<Signature, KeyParts>& function, const Key&... key) {
        constexpr bool is_key = async::cached<Signature, KeyParts>::template is_key<Key...>;
        static_assert(is_key, "an invalidation names every part of the cached function's key, by values of their types");
        if constexpr (is_key) add_invalidation(function, function.key_strings(key...));
    }
    /// Likewise by the parts of the key as text, as async::cached::key_strings gives them, for a function whose types are only
    /// known at run time. Errors: std::logic_error for one that wasn't registered, and for another number of parts. A part that
    /// is no value of its type has the function forget everything.
    void invalidate_cache_by_text(const async::cached_function& function, std::vector<std::string> key);
    /// What was invalidated so far.
    [[nodiscard]] const CacheInvalidations& invalidations() const noexcept { return invalidations_; }

    /// "sqlite3" or "postgresql", where a statement has to differ.
    [[nodiscard]] virtual std::string_view engine() const noexcept = 0;

protected:
    /// Runs `sql` with `values`; rows go to `rows` unless that is null. Returns the number of rows changed.
    virtual std::int64_t run(std::string_view sql, std::vector<SqlValue> values, std::vector<std::vector<SqlValue>>* rows) = 0;
    /// Runs `sql` with `values`; rows go to `visitor`, and the columns' names to `columns`. Returns the number of rows changed.
    virtual std::int64_t visit(std::string_view sql, std::vector<SqlValue> values, RowVisitor& visitor,
                               std::vector<std::string>& columns) = 0;
    /// Runs `sql` before the next statement, or at once. `result`: what its rows are for; null: nothing.
    virtual void run_later(std::string_view sql, std::vector<SqlValue> values, std::shared_ptr<detail::LaterResult> result) {
        run(sql, std::move(values), result != nullptr ? &result->rows : nullptr);
        if (result != nullptr) result->is_there = true;
    }
    /// Runs what waits for the next statement, if anything does; `sql`, which may be of that, names it in errors.
    virtual void run_waiting(std::string_view sql) { static_cast<void>(sql); }
    /// What a column of bytes gives that is read as a std::string: the bytes.
    [[nodiscard]] virtual std::string text_of(SqlBytes bytes) const { return std::move(bytes).content(); }
    /// Errors: DatabaseError if a row has another number of columns than are read.
    static void check_width(std::size_t found, std::size_t wanted, std::string_view sql);

private:
    template <class... Columns>
    friend class LaterRows;

    template <class... Columns>
    [[nodiscard]] std::vector<std::tuple<Columns...>> rows_of(std::vector<std::vector<SqlValue>> raw, std::string_view sql) const {
        std::vector<std::tuple<Columns...>> rows;
        rows.reserve(raw.size());
        for (std::vector<SqlValue>& row : raw) {
            check_width(row.size(), sizeof...(Columns), sql);
            rows.push_back([&]<std::size_t... Index>(std::index_sequence<Index...>) {
                return std::tuple<Columns...>(read<Columns>(row[Index], Index)...);
            }(std::index_sequence_for<Columns...>()));
        }
        return rows;
    }
    /// The rows of a statement that went with another one, or goes now.
    [[nodiscard]] std::vector<std::vector<SqlValue>> take_rows(detail::LaterResult* result);
    template <class Column>
    [[nodiscard]] Column read(SqlValue& value, std::size_t index) const {
        if constexpr (std::is_same_v<Column, std::string> || std::is_same_v<Column, std::optional<std::string>>) {
            if (auto* const bytes = std::get_if<SqlBytes>(&value)) [[unlikely]]
                return text_of(std::move(*bytes));
        }
        return detail::from_sql<Column>(value, index);
    }
    void add_invalidation(const async::cached_function& function, std::vector<std::string> key);

    CacheInvalidations invalidations_;
};

template <class... Columns>
std::vector<typename LaterRows<Columns...>::row> LaterRows<Columns...>::take() {
    const std::shared_ptr<detail::LaterResult> result = std::move(result_);
    std::vector<std::vector<SqlValue>> raw = transaction_->take_rows(result.get());
    return transaction_->template rows_of<Columns...>(std::move(raw), result->sql);
}

/// What must hold for a transaction to be committed. Thread: the transaction's. Lifetime: outlives the interactions it is given
/// to.
class TransactionCondition {
public:
    virtual ~TransactionCondition() = default;
    TransactionCondition() = default;
    TransactionCondition(const TransactionCondition&) = delete;
    TransactionCondition& operator=(const TransactionCondition&) = delete;

    /// In the transaction, before anything else. What it throws, the interaction fails with.
    virtual void require(Transaction& transaction) const = 0;
};

}  // namespace modapi
