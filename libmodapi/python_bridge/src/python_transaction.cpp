#include "python_transaction.h"

#include "permitted_statement.h"
#include "python_errors.h"
#include "python_values.h"

#include <modapi/database.h>
#include <modapi/hosting/transient_database_error.h>

#include <callbacks/text.h>

#include <algorithm>
#include <array>
#include <cctype>
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
    const auto is_space = [](unsigned char letter) { return std::isspace(letter) != 0; };
    sql.remove_prefix(static_cast<std::size_t>(std::find_if_not(sql.begin(), sql.end(), is_space) - sql.begin()));
    constexpr std::array<std::string_view, 6> words = {"insert", "update", "delete", "replace", "with", "merge"};
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
        const auto same = [](unsigned char one, unsigned char other) { return std::tolower(one) == other; };
        return sql.size() > word.size() && std::equal(word.begin(), word.end(), sql.begin(), [&](char wanted, char found) {
                   return same(static_cast<unsigned char>(found), static_cast<unsigned char>(wanted));
               });
    });
}

std::int64_t rowcount_of(const Transaction& transaction, std::string_view sql, const SqlResult& result) {
    if (result.changed > 0) return result.changed;
    if (!result.columns.empty())
        return transaction.engine() == "postgresql" ? static_cast<std::int64_t>(result.rows.size()) : -1;
    return changes_rows(sql) ? 0 : -1;
}

JsonDict described(SqlResult result, std::int64_t rowcount) {
    JsonArray columns;
    for (const std::string& name : result.columns) columns.emplace_back(name);
    JsonArray rows;
    rows.reserve(result.rows.size());
    for (std::vector<SqlValue>& row : result.rows) {
        JsonArray values;
        values.reserve(row.size());
        for (std::size_t place = 0; place < row.size(); ++place)
            values.push_back(value_of(row[place], result.columns.at(place)));
        rows.emplace_back(std::move(values));
    }
    JsonDict said;
    said["columns"] = std::move(columns);
    said["rows"] = std::move(rows);
    said["rowcount"] = rowcount;
    return said;
}

std::string statement_of(const JsonDict& question) {
    const JsonValue* const sql = question.if_contains("sql");
    if (sql == nullptr || !sql->is_string()) throw std::invalid_argument("there is no statement");
    require_permitted(sql->get_string());
    return std::string(sql->get_string());
}

/// What a function may have set for the whole session isn't the next one's.
void forget_settings(Transaction& transaction) {
    if (transaction.engine() == "postgresql") transaction.execute("RESET ALL");
}

JsonDict executed(Transaction& transaction, const JsonDict& question) {
    const std::string sql = statement_of(question);
    SqlResult result = transaction.query_any_with(sql, bound_values(question.if_contains("parameters")));
    const std::int64_t rowcount = rowcount_of(transaction, sql, result);
    return described(std::move(result), rowcount);
}

JsonDict executed_many(Transaction& transaction, const JsonDict& question) {
    const std::string sql = statement_of(question);
    const JsonValue* const lists = question.if_contains("parameters");
    if (lists == nullptr || !lists->is_array()) throw std::invalid_argument("there are no lists of parameters");
    std::int64_t changed = 0;
    for (const JsonValue& list : lists->get_array()) changed += transaction.execute_with(sql, bound_values(&list));
    return described(SqlResult(), changed);
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

PythonTransaction::PythonTransaction(PythonConnection& connection, std::chrono::milliseconds patience,
                                     std::optional<std::chrono::milliseconds> whole,
                                     std::function<JsonDict(const JsonDict&)> look)
    : connection_(connection), patience_(patience), whole_(whole), look_(std::move(look)) {}

void PythonTransaction::talk(Transaction& transaction) {
    if (has_begun_) {
        is_to_be_run_again_ = true;
        throw PythonTransactionEnded("the process runs it again");
    }
    has_begun_ = true;
    const time_point begin = std::chrono::steady_clock::now();
    JsonDict answer;
    answer["result"] = JsonDict{{"engine", transaction.engine() == "postgresql" ? "postgresql" : "sqlite"}};
    while (true) {
        send(answer);
        time_point last = std::chrono::steady_clock::now() + patience_;
        if (whole_) last = std::min(last, begin + *whole_);
        const JsonDict question = next(last);
        const JsonValue& asked = question.at("do");
        if (asked == "commit") {
            end_ = End::commit;
            if (refused_) std::rethrow_exception(refused_);
            forget_settings(transaction);
            return;
        }
        if (asked == "rollback") leave(End::rollback, "the process rolled it back");
        answer.clear();
        std::exception_ptr failure;
        try {
            if (asked == "execute")
                answer["result"] = executed(transaction, question);
            else if (asked == "execute_many")
                answer["result"] = executed_many(transaction, question);
            else if (asked == "begin")
                answer = failed_question("ProgrammingError", "a transaction is open already");
            else
                answer = look_(question);
        } catch (const WriteRefused&) {
            failure = refused_ = std::current_exception();
        } catch (...) {
            failure = std::current_exception();
        }
        if (failure) answer = failed_question(failure);
    }
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

void PythonTransaction::send(const JsonDict& answer) {
    // What the socket doesn't take now goes out while the next question is waited for.
    try {
        if (!connection_.send(answer)) leave(End::gone, "the process closed the connection");
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
