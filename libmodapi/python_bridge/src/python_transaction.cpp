#include "python_transaction.h"

#include "permitted_statement.h"
#include "python_errors.h"
#include "python_values.h"

#include <modapi/database.h>
#include <modapi/hosting/transient_database_error.h>

#include <callbacks/text.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <exception>
#include <string_view>
#include <utility>
#include <vector>

namespace modapi {

namespace {

using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;

SqlValue bound_value(const JsonValue& value) {
    if (value.is_null()) return {};
    if (const bool* const truth = value.if_bool()) return *truth;
    if (const std::int64_t* const number = value.if_int64()) return *number;
    if (const double* const number = value.if_double()) return *number;
    if (const auto* const text = value.if_string()) return std::string(*text);
    if (held_by(value, "$bytes") != nullptr) return SqlBytes(bytes_of(value));
    throw std::invalid_argument("a statement's value is " + kind_of(value) + ", which no column takes");
}

std::vector<SqlValue> bound_values(const JsonValue* list) {
    std::vector<SqlValue> values;
    if (list == nullptr || list->is_null()) return values;
    if (!list->is_array()) throw std::invalid_argument("the parameters of a statement are no list");
    for (const JsonValue& value : list->get_array()) values.push_back(bound_value(value));
    return values;
}

JsonValue value_of(SqlValue& value, const std::string& column) {
    if (const auto* const truth = std::get_if<bool>(&value)) return *truth;
    if (const auto* const number = std::get_if<std::int64_t>(&value)) return *number;
    if (const auto* const number = std::get_if<double>(&value)) return std::isnan(*number) ? JsonValue() : JsonValue(*number);
    if (const auto* const text = std::get_if<std::string>(&value)) {
        if (!callbacks::is_utf8(*text)) throw DatabaseError("the text of the column " + column + " isn't UTF-8");
        return JsonValue(*text);
    }
    if (const auto* const bytes = std::get_if<SqlBytes>(&value)) return bytes_to_python(bytes->content());
    return nullptr;
}

/// Whether a statement that gives no rows changes some, as a cursor's rowcount has it: -1 for all others.
bool changes_rows(std::string_view sql) {
    constexpr std::array<std::string_view, 5> words = {"insert", "update", "delete", "replace", "with"};
    return std::find(words.begin(), words.end(), first_word_of(sql)) != words.end();
}

/// Writes the rows of a statement as they are sent, so that there is nothing else of them.
class WrittenRows final : public RowVisitor {
public:
    WrittenRows(std::string_view module, std::string_view sql) noexcept
        : RowVisitor(PythonConnection::frame_limit), module_(module), sql_(sql) {}

    void row(const std::vector<std::string>& columns, std::vector<SqlValue> values) override {
        if (count_ == 0) begin(columns);
        text_ += count_++ == 0 ? "[" : ",[";
        for (std::size_t place = 0; place < values.size(); ++place) {
            if (place > 0) text_ += ',';
            text_ += boost::json::serialize(value_of(values[place], columns.at(place)));
        }
        text_ += ']';
        if (text_.size() > PythonConnection::frame_limit) refuse();
    }
    /// The whole answer, once all of them were there.
    [[nodiscard]] std::string answer(const std::vector<std::string>& columns, std::int64_t rowcount) && {
        if (count_ == 0) begin(columns);
        text_ += "],\"rowcount\":" + std::to_string(rowcount) + "}}";
        if (text_.size() > PythonConnection::frame_limit) refuse();
        return std::move(text_);
    }
    [[nodiscard]] std::int64_t count() const noexcept { return count_; }

private:
    void begin(const std::vector<std::string>& columns) {
        JsonArray names;
        for (const std::string& name : columns) names.emplace_back(name);
        text_ = "{\"result\":{\"columns\":" + boost::json::serialize(names) + ",\"rows\":[";
    }
    [[noreturn]] void refuse() const {
        throw ResultTooLarge(
            "module " + std::string(module_) + ": the rows of a statement have more than " +
            std::to_string(PythonConnection::frame_limit) +
            " bytes as they are sent to it: select fewer (LIMIT), or read them in parts: " + std::string(sql_));
    }

    std::string_view module_;
    std::string_view sql_;
    std::string text_;
    std::int64_t count_ = 0;
};

/// For statements of which nobody wants rows.
class NoRows final : public RowVisitor {
public:
    NoRows() noexcept : RowVisitor(PythonConnection::frame_limit) {}
    void row(const std::vector<std::string>&, std::vector<SqlValue>) override {}
};

std::int64_t rowcount_of(const Transaction& transaction, std::string_view sql, const SqlResult& result, std::int64_t rows) {
    if (result.changed > 0) return result.changed;
    if (!result.columns.empty()) return transaction.engine() == "postgresql" ? rows : -1;
    return changes_rows(sql) ? 0 : -1;
}

}  // namespace

JsonDict failed_question(const std::exception_ptr& failure) {
    JsonDict error = python_error_of(failure);
    try {
        std::rethrow_exception(failure);
    } catch (const TransientDatabaseError&) {
        error["retry"] = true;
    } catch (...) {  // NOLINT: all others are as they are
    }
    JsonDict answer;
    answer["error"] = std::move(error);
    return answer;
}

JsonDict failed_question(std::string_view class_name, std::string_view text, bool retry) {
    JsonDict error;
    error["kind"] = "sql";
    error["class"] = class_name;
    error["text"] = text;
    error["retry"] = retry;
    JsonDict answer;
    answer["error"] = std::move(error);
    return answer;
}

PythonTransaction::PythonTransaction(PythonConnection& connection, std::string module, Limits limits, Look look)
    : connection_(connection), module_(std::move(module)), limits_(limits), look_(std::move(look)) {}

std::string PythonTransaction::statement_of(const JsonDict& question) const {
    const JsonValue* const sql = question.if_contains("sql");
    if (sql == nullptr || !sql->is_string()) throw std::invalid_argument("there is no statement");
    require_permitted(sql->get_string());
    if (only_looks_) require_undone_by_rollback(sql->get_string());
    return std::string(sql->get_string());
}

std::string PythonTransaction::executed(Transaction& transaction, const JsonDict& question) const {
    const std::string sql = statement_of(question);
    WrittenRows rows(module_, sql);
    const SqlResult result = transaction.visit_with(sql, bound_values(question.if_contains("parameters")), rows);
    const std::int64_t rowcount = rowcount_of(transaction, sql, result, rows.count());
    return std::move(rows).answer(result.columns, rowcount);
}

std::string PythonTransaction::executed_many(Transaction& transaction, const JsonDict& question) const {
    const std::string sql = statement_of(question);
    const JsonValue* const lists = question.if_contains("parameters");
    if (lists == nullptr || !lists->is_array()) throw std::invalid_argument("there are no lists of parameters");
    std::int64_t changed = 0;
    NoRows rows;
    for (const JsonValue& list : lists->get_array()) changed += transaction.visit_with(sql, bound_values(&list), rows).changed;
    return WrittenRows(module_, sql).answer({}, changed);
}

std::string PythonTransaction::answer_to(Transaction& transaction, const JsonDict& question) {
    const JsonValue& asked = question.at("do");
    std::exception_ptr failure;
    try {
        if (asked == "execute") return executed(transaction, question);
        if (asked == "execute_many") return executed_many(transaction, question);
        if (asked == "begin")
            return boost::json::serialize(failed_question("ProgrammingError", "a transaction is open already"));
        return look_(question);
    } catch (const WriteRefused&) {
        failure = refused_ = std::current_exception();
    } catch (const TransientDatabaseError&) {
        failure = collision_ = std::current_exception();
    } catch (...) {
        failure = std::current_exception();
    }
    return boost::json::serialize(failed_question(failure));
}

void PythonTransaction::talk(Transaction& transaction) {
    if (has_begun_) {
        is_to_be_run_again_ = true;
        throw PythonTransactionEnded("the process runs it again");
    }
    if (keeps_others_from_writing_) transaction.keep_others_from_writing();
    has_begun_ = true;
    const time_point begin = std::chrono::steady_clock::now();
    JsonDict began;
    began["result"] = JsonDict{{"engine", transaction.engine() == "postgresql" ? "postgresql" : "sqlite"}};
    std::string answer = boost::json::serialize(began);
    while (true) {
        send(std::move(answer));
        const JsonDict question = next(transaction, begin);
        const JsonValue& asked = question.at("do");
        if (asked == "commit") {
            end_ = End::commit;
            if (refused_) std::rethrow_exception(refused_);
            // Whatever the function made of it.
            if (collision_) std::rethrow_exception(collision_);
            return;
        }
        if (asked == "rollback") leave(End::rollback, "the process rolled it back");
        answer = answer_to(transaction, question);
    }
}

JsonDict PythonTransaction::next(const Transaction& transaction, time_point begin) {
    const time_point now = std::chrono::steady_clock::now();
    time_point last = now + limits_.patience;
    if (limits_.whole) last = std::min(last, begin + *limits_.whole);
    if (!transaction.keeps_others_from_writing()) return next(last);
    const time_point last_of_others = now + std::min<std::chrono::steady_clock::duration>(
                                                limits_.patience_of_others, limits_.whole_patience_of_others - others_waited_);
    kept_others_waiting_ = last_of_others < last;
    JsonDict question = next(std::min(last, last_of_others));
    kept_others_waiting_ = false;
    others_waited_ += std::chrono::steady_clock::now() - now;
    return question;
}

JsonDict PythonTransaction::next(time_point last) {
    while (true) {
        try {
            std::optional<JsonDict> message = connection_.next();
            if (message && message->contains("do")) return *std::move(message);
            if (message) leave(End::gone, "the process says what is no question");
        } catch (const BadFrame& error) {
            leave(End::gone, error.what());
        }
        constexpr int none = -1;
        if (!connection_.wait_until(last, none)) leave(End::too_slow, "its next statement didn't come in time");
        if (!connection_.flush() || !connection_.receive()) leave(End::gone, "the process closed the connection");
    }
}

void PythonTransaction::send(std::string answer) {
    // What the socket doesn't take now goes out while the next question is waited for.
    try {
        if (!connection_.send_text(std::move(answer))) leave(End::gone, "the process closed the connection");
    } catch (const std::length_error& error) {
        if (!connection_.send(failed_question("DataError", error.what())))
            leave(End::gone, "the process closed the connection");
    }
}

void PythonTransaction::leave(End how, const char* why) {
    end_ = how;
    // What the function of a module in C++ would have ended with.
    if (refused_) std::rethrow_exception(refused_);
    throw PythonTransactionEnded(why);
}

}  // namespace modapi
