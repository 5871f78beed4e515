#include <modapi/hosting/session_lock.h>

#include "postgresql_connection.h"

#include <chrono>
#include <exception>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace modapi {

namespace {

/// Whoever asks for the lock waits for no longer than this, and connect_timeout, for a server that says nothing.
constexpr auto lock_patience = std::chrono::seconds(4);
constexpr const char* lock_connection =
    " connect_timeout=4 keepalives=1 keepalives_idle=5 keepalives_interval=2 keepalives_count=4 tcp_user_timeout=13000";
/// The server's side of it: it holds the lock for a machine that is gone until it notices.
constexpr const char* server_keepalives[] = {"SET tcp_keepalives_idle = 5", "SET tcp_keepalives_interval = 2",
                                             "SET tcp_keepalives_count = 4"};
/// A session that was told to end does so within this.
constexpr auto session_ends_within = std::chrono::seconds(2);
constexpr auto ask_again_after = std::chrono::milliseconds(20);

/// The call of a function that takes the number of the lock, with its name as the value. The server makes it, so that the names
/// of one schema have nothing to do with those of another.
std::string on_lock(std::string_view function) {
    std::string call(function);
    return call.append("(hashtextextended(coalesce(current_schema()::text, '') || '/' || ?, 0))");
}

}  // namespace

SessionLock::SessionLock(const std::string& parameters, std::string name)
    : name_(std::move(name)),
      connection_(std::make_unique<PostgresqlConnection>(parameters + lock_connection, lock_patience)) {}

SessionLock::~SessionLock() { release(); }

std::unique_ptr<SessionLock> SessionLock::try_lock(const DatabaseSettings& settings, const std::string& name) {
    if (!settings.is_postgresql())
        throw std::invalid_argument("a SessionLock is a connection to PostgreSQL: there is none to " + settings.name);
    std::unique_ptr<SessionLock> lock(new SessionLock(settings.postgresql_connection, name));
    if (!lock->take()) return nullptr;
    return lock;
}

bool SessionLock::take() {
    for (const char* const setting : server_keepalives) connection_->run_later(setting, {});
    std::vector<std::vector<SqlValue>> rows;
    connection_->run("SELECT " + on_lock("pg_try_advisory_lock") + ", pid, extract(epoch FROM backend_start)::text " +
                         "FROM pg_stat_activity WHERE pid = pg_backend_pid()",
                     {name_}, &rows);
    if (rows.empty()) throw DatabaseError("the PostgreSQL server doesn't show the session that wants the lock " + name_);
    std::vector<SqlValue>& row = rows.front();
    is_held_ = detail::from_sql<bool>(row[0], 0);
    if (!is_held_) return false;
    session_ = detail::from_sql<std::int64_t>(row[1], 1);
    session_began_ = detail::from_sql<std::string>(row[2], 2);
    return true;
}

bool SessionLock::end_session_before() {
    std::vector<std::vector<SqlValue>> rows;
    connection_->run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE pid = ? AND extract(epoch FROM backend_start)::text = ? AND pid <> pg_backend_pid()",
        {session_, session_began_}, &rows);
    return !rows.empty();
}

bool SessionLock::check() {
    if (connection_ == nullptr) return false;
    if (is_held_ && !connection_->is_lost()) {
        try {
            connection_->run("SELECT 1", {}, nullptr);
            return true;
        } catch (const DatabaseError&) {
            if (!connection_->is_lost()) throw;
        }
    }
    is_held_ = false;
    if (connection_->is_lost()) connection_->connect_again();
    const auto until = std::chrono::steady_clock::now() + session_ends_within;
    while (end_session_before()) {
        if (std::chrono::steady_clock::now() > until)
            throw DatabaseError("the PostgreSQL server doesn't end the session that was lost and holds the lock " + name_);
        std::this_thread::sleep_for(ask_again_after);
    }
    return take();
}

void SessionLock::release() noexcept {
    const std::unique_ptr<PostgresqlConnection> connection = std::move(connection_);
    if (connection == nullptr || !std::exchange(is_held_, false) || connection->is_lost()) return;
    try {
        // The server hears of the connection's end a little later.
        connection->run("SELECT pg_advisory_unlock_all()", {}, nullptr);
    } catch (const std::exception&) {  // NOLINT: the lock ends with the connection
    }
}

bool SessionLock::is_taken(Transaction& transaction, const std::string& name) {
    const auto row = transaction.query_one<bool>("SELECT " + on_lock("pg_try_advisory_xact_lock"), name);
    return row && !std::get<0>(*row);
}

}  // namespace modapi
