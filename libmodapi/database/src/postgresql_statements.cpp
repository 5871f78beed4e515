#include "postgresql_connection.h"

#include <modapi/hosting/log.h>

#include "interaction.h"
#include "postgresql_values.h"
#include "sql_placeholders.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <charconv>
#include <chrono>
#include <exception>
#include <memory>
#include <utility>

namespace modapi {

namespace {

bool is_error(const PGresult* result) noexcept { return PQresultStatus(result) == PGRES_FATAL_ERROR; }

/// 0 for a statement that changes none: what it counts then are the rows that it gives.
std::int64_t changed_by(PGresult* result) noexcept {
    const std::string_view command = PQcmdStatus(result);
    if (command.starts_with("SELECT") || command.starts_with("FETCH") || command.starts_with("MOVE")) return 0;
    const std::string_view changed = PQcmdTuples(result);  // empty where a statement doesn't count
    std::int64_t count = 0;
    std::from_chars(changed.data(), changed.data() + changed.size(), count);
    return count;
}

bool is_copy(const PGresult* result) noexcept {
    const ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

/// Bytes that have arrived and weren't read.
std::size_t bytes_at(int socket) noexcept {
    int bytes = 0;
    return ::ioctl(socket, FIONREAD, &bytes) == 0 && bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

}  // namespace

/// Rows on their way from the server to who wants them. What goes wrong there is kept until the connection has had all answers.
class PostgresqlConnection::Visit {
public:
    Visit(RowVisitor& visitor, std::vector<std::string>& columns, std::string_view sql)
        : visitor_(visitor), columns_(columns), sql_(sql) {}

    void take(PostgresqlConnection& connection, const PGresult* rows) {
        arriving_ = 0;
        name_columns(rows);
        for (int row = 0; row < PQntuples(rows) && !failure_; ++row) {
            try {
                std::vector<SqlValue> values;
                const int width = PQnfields(rows);
                values.reserve(static_cast<std::size_t>(width));
                for (int index = 0; index < width; ++index) values.push_back(read_postgresql_value(rows, row, index));
                visitor_.row(columns_, std::move(values));
            } catch (...) {
                failure_ = std::current_exception();
                connection.stop_statement();
            }
        }
    }
    /// Before they are read. libpq holds a row until it is there as a whole, and the server sends it as a whole: only the end
    /// of the connection stops that.
    void arrive(PostgresqlConnection& connection, std::size_t bytes) {
        arriving_ += bytes;
        if (failure_ || arriving_ <= visitor_.most_row_bytes() + slack) return;
        failure_ = std::make_exception_ptr(ResultTooLarge("a row has more than " + std::to_string(visitor_.most_row_bytes()) +
                                                          " bytes: select less of it: " + statement_on_one_line(sql_)));
        shutdown(PQsocket(connection.connection_.get()), SHUT_RDWR);
    }
    void name_columns(const PGresult* result) {
        if (!columns_.empty()) return;
        for (int index = 0; index < PQnfields(result); ++index) columns_.emplace_back(PQfname(result, index));
    }
    void rethrow() const {
        if (failure_) std::rethrow_exception(failure_);
    }

private:
    static constexpr std::size_t slack = 1024UL * 1024;  // of rows that arrive together

    RowVisitor& visitor_;
    std::vector<std::string>& columns_;
    std::string_view sql_;
    std::size_t arriving_ = 0;
    std::exception_ptr failure_;
};

bool PostgresqlConnection::is_lost() const noexcept {
    return PQstatus(connection_.get()) != CONNECTION_OK || PQtransactionStatus(connection_.get()) == PQTRANS_ACTIVE;
}

bool PostgresqlConnection::in_transaction() const noexcept {
    const PGTransactionStatusType status = PQtransactionStatus(connection_.get());
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR || !later_.empty();
}

void PostgresqlConnection::check(std::string_view sql, const std::vector<SqlValue>& values) {
    const NumberedPlaceholders& numbered = statements_.find(sql).numbered;
    if (numbered.count != values.size()) {
        throw DatabaseError("there are " + std::to_string(numbered.count) + " placeholders and " +
                            std::to_string(values.size()) + " values for: " + statement_on_one_line(sql));
    }
    if (numbered.count > PQ_QUERY_PARAM_MAX_LIMIT) {
        throw DatabaseError("the server takes at most " + std::to_string(PQ_QUERY_PARAM_MAX_LIMIT) +
                            " values, and there are more for: " + statement_on_one_line(sql));
    }
    refuse_nul(numbered.sql);
    // Before anything is sent: what goes out by half is lost with its connection.
    for (const SqlValue& value : values) check_value(value);
}

void PostgresqlConnection::run_later(std::string_view sql, std::vector<SqlValue> values,
                                     std::shared_ptr<detail::LaterResult> result) {
    check(sql, values);
    Waiting& waiting = later_.emplace_back();
    waiting.sql = sql;
    waiting.values = std::move(values);
    waiting.wanted = std::move(result);
}

void PostgresqlConnection::run_waiting() {
    if (later_.empty()) return;
    const Waiting last = std::move(later_.back());
    later_.pop_back();
    const bool is_wanted = last.wanted != nullptr;
    run(last.sql, last.values, is_wanted ? &last.wanted->rows : nullptr);
    if (is_wanted) last.wanted->is_there = true;
}

void PostgresqlConnection::send(std::string_view sql, const std::vector<SqlValue>& values, std::vector<Sent>& sent,
                                Waiting* waiting) {
    PGconn* const connection = connection_.get();
    KnownStatement& statement = statements_.find(sql);
    const SentValues given(values);
    const char* const numbered = statement.numbered.sql.c_str();
    if (statements_.should_prepare(statement)) {
        if (statements_.take_forgotten()) {
            const char* const forget = "DEALLOCATE ALL";
            if (PQsendQueryParams(connection, forget, 0, nullptr, nullptr, nullptr, nullptr, 0) != 0)
                sent.push_back({sql, false});
        }
        statement.name = statements_.next_name();
        statement.types = given.types();
        const int types = static_cast<int>(statement.types.size());
        if (PQsendPrepare(connection, statement.name.c_str(), numbered, types, statement.types.data()) != 0)
            sent.push_back({sql, true});
    }
    // What was prepared for a text would take bytes for one.
    const bool is_prepared = !statement.name.empty() && given.fit(statement.types);
    const Oid* const types = given.types().empty() ? nullptr : given.types().data();
    const int is_sent = is_prepared ? PQsendQueryPrepared(connection, statement.name.c_str(), given.count(), given.pointers(),
                                                          given.lengths(), given.formats(), 0)
                                    : PQsendQueryParams(connection, numbered, given.count(), types, given.pointers(),
                                                        given.lengths(), given.formats(), 0);
    if (is_sent != 0) sent.push_back({sql, false, waiting});
}

PostgresqlConnection::Result PostgresqlConnection::next_result() {
    while (PQisBusy(connection_.get()) != 0 && receive(POLLIN)) {
    }
    return Result(PQgetResult(connection_.get()));
}

PostgresqlConnection::Answer PostgresqlConnection::answer_to(const std::vector<Sent>& sent, Visit* visit) {
    Answer answer;
    answer.to = sent.size();
    for (std::size_t index = 0; index < sent.size(); ++index) {
        if (visit != nullptr && index + 1 == sent.size() && PQsetSingleRowMode(connection_.get()) != 0) visit_ = visit;
        while (Result next = next_result()) {
            if (PQresultStatus(next.get()) == PGRES_SINGLE_TUPLE) {
                visit->take(*this, next.get());
                continue;
            }
            // A COPY is given again and again.
            const bool never_ends = is_copy(next.get());
            // What comes after an error is the loss that it announced, or that the rest wasn't looked at.
            if (answer.to == sent.size()) {
                const bool is_failure = is_error(next.get()) || never_ends;
                if (is_failure) answer.to = index;
                Waiting* const waiting = is_failure ? nullptr : sent[index].waiting;
                Result& place = waiting != nullptr ? waiting->result : answer.result;
                place = std::move(next);
            }
            if (never_ends) return answer;
        }
    }
    visit_ = nullptr;
    while (Result synchronized = next_result()) {
        if (PQresultStatus(synchronized.get()) != PGRES_PIPELINE_SYNC && answer.to == sent.size()) {
            answer.result = std::move(synchronized);
        }
    }
    take_notifications();
    return answer;
}

PostgresqlConnection::Result PostgresqlConnection::execute(std::string_view sql, const std::vector<SqlValue>& values,
                                                           Visit* visit) {
    PGconn* const connection = connection_.get();
    std::vector<Waiting> before = std::exchange(later_, {});
    std::vector<Sent> sent;
    for (Waiting& waiting : before) send(waiting.sql, waiting.values, sent, waiting.wanted != nullptr ? &waiting : nullptr);
    const bool ends = std::exchange(ends_with_next_, false);
    Waiting last;
    send(sql, values, sent, ends ? &last : nullptr);
    if (ends) send("COMMIT", {}, sent);
    Answer answer;
    if (PQpipelineSync(connection) != 0) {
        // What the server says meanwhile must be read, or it might not take the rest of a long statement.
        while (PQflush(connection) > 0) receive(POLLIN | POLLOUT);
        answer = answer_to(sent, visit);
    }
    if (ends && answer.result != nullptr && answer.to == sent.size()) answer.result = std::move(last.result);
    if (answer.result == nullptr) answer.result.reset(PQmakeEmptyPGresult(connection, PGRES_FATAL_ERROR));
    visit_ = nullptr;
    const std::string_view failed = answer.to < sent.size() ? sent[answer.to].sql : sql;
    const bool was_prepared = !statements_.find(failed).name.empty();
    for (std::size_t index = answer.to; index < sent.size(); ++index) {
        if (sent[index].is_preparation) statements_.find(sent[index].sql).name.clear();
    }
    const bool is_failure = is_error(answer.result.get());
    try {
        give_rows(before);
    } catch (const DatabaseError&) {
        if (!is_failure) throw;  // what failed first is said below
    }
    if (visit != nullptr) [[unlikely]]
        visit->rethrow();
    check_result(answer.result.get(), failed);
    if (!is_failure) return std::move(answer.result);
    if (was_prepared) require_prepared(answer.result.get(), failed);
    fail(answer.result.get(), failed);
}

void PostgresqlConnection::leave_transaction() {
    PGconn* const connection = connection_.get();
    later_.clear();
    if (PQtransactionStatus(connection) != PQTRANS_INTRANS) return;  // nothing was asked in it
    const bool is_sent = PQsendQueryParams(connection, "COMMIT", 0, nullptr, nullptr, nullptr, nullptr, 0) != 0;
    if (!is_sent || PQpipelineSync(connection) == 0) return;  // lost, and the transaction with it
    is_leaving_ = true;
    while (PQflush(connection) > 0) receive(POLLIN | POLLOUT);
}

void PostgresqlConnection::settle() {
    if (!std::exchange(is_leaving_, false)) return;
    static_cast<void>(answer_to({{"COMMIT", false}}, nullptr));
    if (PQtransactionStatus(connection_.get()) != PQTRANS_IDLE) connection_.reset();
}

bool PostgresqlConnection::receive(short events) {
    Deadline deadline;
    if (patience_) deadline = std::chrono::steady_clock::now() + *patience_;
    // libpq then finds that the connection has ended.
    if (!wait_for_server(events, deadline)) shutdown(PQsocket(connection_.get()), SHUT_RDWR);
    if (visit_ != nullptr) [[unlikely]]
        visit_->arrive(*this, bytes_at(PQsocket(connection_.get())));
    return PQconsumeInput(connection_.get()) != 0;
}

void PostgresqlConnection::take_notifications() {
    struct Free {
        void operator()(PGnotify* notification) const noexcept { PQfreemem(notification); }
    };
    while (const auto notification = std::unique_ptr<PGnotify, Free>(PQnotifies(connection_.get()))) {
        framework_log().warn("a notification of the PostgreSQL server on the channel {} is dropped: nobody here listens",
                             notification->relname);
    }
}

void PostgresqlConnection::stop_statement() noexcept {
    struct Free {
        void operator()(PGcancel* cancel) const noexcept { PQfreeCancel(cancel); }
    };
    const std::unique_ptr<PGcancel, Free> cancel(PQgetCancel(connection_.get()));
    std::array<char, 256> reason{};
    if (cancel != nullptr && PQcancel(cancel.get(), reason.data(), static_cast<int>(reason.size())) != 0) return;
    framework_log().warn("the PostgreSQL server can't be told to stop a statement: {}", reason.data());
    // It stops when nobody listens.
    shutdown(PQsocket(connection_.get()), SHUT_RDWR);
}

void PostgresqlConnection::check_result(const PGresult* result, std::string_view sql) {
    if (is_copy(result)) throw DatabaseError("COPY isn't possible here: " + statement_on_one_line(sql));
    if (PQresultStatus(result) == PGRES_EMPTY_QUERY)
        throw DatabaseError("there is no statement in: " + statement_on_one_line(sql));
}

std::int64_t PostgresqlConnection::run(std::string_view sql, const std::vector<SqlValue>& values,
                                       std::vector<std::vector<SqlValue>>* rows) {
    check(sql, values);
    const Result result = execute(sql, values);
    if (rows == nullptr) return changed_by(result.get());
    read_rows(result.get(), *rows);
    return changed_by(result.get());
}

void PostgresqlConnection::give_rows(const std::vector<Waiting>& waiting) {
    for (const Waiting& query : waiting) {
        if (query.result == nullptr) continue;
        check_result(query.result.get(), query.sql);
        read_rows(query.result.get(), query.wanted->rows);
        query.wanted->is_there = true;
    }
}

void PostgresqlConnection::read_rows(const PGresult* result, std::vector<std::vector<SqlValue>>& rows) {
    const int width = PQnfields(result);
    const int height = PQntuples(result);
    rows.reserve(static_cast<std::size_t>(height));
    for (int row = 0; row < height; ++row) {
        std::vector<SqlValue>& read = rows.emplace_back();
        read.reserve(static_cast<std::size_t>(width));
        for (int index = 0; index < width; ++index) read.push_back(read_postgresql_value(result, row, index));
    }
}

std::int64_t PostgresqlConnection::visit(std::string_view sql, const std::vector<SqlValue>& values, RowVisitor& visitor,
                                         std::vector<std::string>& columns) {
    check(sql, values);
    Visit visit(visitor, columns, sql);
    const Result result = execute(sql, values, &visit);
    visit.take(*this, result.get());  // without rows, unless libpq didn't give them one by one
    visit.rethrow();
    return changed_by(result.get());
}

void PostgresqlConnection::forget_session() noexcept {
    if (is_lost()) return;
    try {
        run("DISCARD ALL", {}, nullptr);
        statements_ = PreparedStatements();
        return;
    } catch (const std::exception& error) {
        framework_log().warn("a connection to the PostgreSQL server is closed: {}", error.what());
    }
    connection_.reset();
}

void PostgresqlConnection::require_prepared(const PGresult* result, std::string_view sql) {
    const char* const field = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const std::string_view state = field != nullptr ? field : "";
    // Its table has other columns by now. A statement that the server really can't run says so when it runs by itself.
    if (state == "0A000") {
        statements_.forget();
    } else if (state == "26000") {
        // A proxy has many connections of the server behind this one, or somebody told it to forget them.
        statements_.stop();
    } else {
        return;
    }
    throw TransientDatabaseError("the server can't use what it prepared for: " + statement_on_one_line(sql));
}

void PostgresqlConnection::fail(const PGresult* result, std::string_view sql) const {
    const auto field = [&](int which) -> std::string_view {
        const char* const text = PQresultErrorField(result, which);
        return text != nullptr ? text : "";
    };
    const std::string_view state = field(PG_DIAG_SQLSTATE);
    // Without one the error is libpq's own.
    std::string_view reason = state.empty() ? PQresultErrorMessage(result) : field(PG_DIAG_MESSAGE_PRIMARY);
    reason = reason.substr(0, reason.find('\n'));
    std::string message(reason);
    // A data exception quotes the value, in words that depend on the server's language.
    if (state.starts_with("22")) message = "the server can't use one of the values (SQLSTATE " + std::string(state) + ")";
    message.append(" in: ").append(statement_on_one_line(sql));
    if (state == "25P03") throw IdleTransactionEnded(message);
    if (is_lost() || state == "40001" || state == "40P01" || state == "55P03") throw TransientDatabaseError(message);
    if (state == "57014") throw CutStatement(message, sql);
    if (state == "25006") throw WriteRefused(message);
    if (state.starts_with("23")) throw ConstraintViolation(message);
    throw DatabaseError(message);
}

}  // namespace modapi
