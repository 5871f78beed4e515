#pragma once

#include <modapi/database.h>

#include <cstdint>
#include <memory>
#include <string>

namespace modapi {

class PostgresqlConnection;

/// A name that one process at a time has among all that share a PostgreSQL database and its schema. It is held by a connection
/// of its own: it ends with the process, however that ends, and with nothing else of it. A process that is stopped (SIGSTOP)
/// keeps it.
///
/// The connection is never in a transaction and is told from a dead one within some 15 s, on either side. It must lead to the
/// server itself or through a proxy that leaves it one session: one that pools by transactions would give the lock to somebody
/// else.
///
/// Thread: one at a time, one that may block. Cost: a connection, and a round trip per check().
class SessionLock {
public:
    /// Takes the lock, if nobody has it; null: somebody else has. Blocks, for some seconds if the server says nothing. Errors:
    /// DatabaseError with the reason, never the password; std::invalid_argument for a database that isn't PostgreSQL.
    [[nodiscard]] static std::unique_ptr<SessionLock> try_lock(const DatabaseSettings& settings, const std::string& name);
    /// Releases it.
    ~SessionLock();
    SessionLock(const SessionLock&) = delete;
    SessionLock& operator=(const SessionLock&) = delete;

    /// Whether it is held. A lost connection is opened again and the lock is taken again; false: somebody else took it
    /// meanwhile, and it isn't tried again before the next check(). Blocks for some seconds at most for each host of the
    /// connection's parameters. Errors: DatabaseError while the server can't be reached: then nobody knows, and it is asked
    /// again later.
    [[nodiscard]] bool check();
    /// Others can take it as soon as this returns, unless the server can't be reached. It isn't taken again.
    void release() noexcept;

    /// Whether somebody has the lock of that name; if nobody has, this transaction has it until it ends. PostgreSQL only.
    [[nodiscard]] static bool is_taken(Transaction& transaction, const std::string& name);

private:
    SessionLock(const std::string& parameters, std::string name);

    /// False: somebody else has it.
    [[nodiscard]] bool take();
    /// The server may not have noticed yet that the connection before this one is lost, and holds the lock for it. False: that
    /// session has ended.
    [[nodiscard]] bool end_session_before();

    std::string name_;
    std::unique_ptr<PostgresqlConnection> connection_;  ///< null once it is released
    bool is_held_ = false;
    std::int64_t session_ = 0;  ///< the server's process that holds it, and when that began
    std::string session_began_;
};

}  // namespace modapi
