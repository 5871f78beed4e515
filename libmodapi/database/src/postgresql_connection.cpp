#include "postgresql_connection.h"

#include "interaction.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <system_error>

namespace modapi {

PostgresqlConnection::PostgresqlConnection(const std::string& parameters, Patience patience, const std::string& options)
    : parameters_(parameters, {}, options), patience_(patience) {
    if (const auto reason = connect()) throw DatabaseError("can't open the PostgreSQL database: " + *reason);
}

void PostgresqlConnection::connect_again() {
    if (const auto reason = connect())
        throw TransientDatabaseError("the connection to the PostgreSQL server is lost: " + *reason);
}

std::optional<std::string> PostgresqlConnection::connect() {
    PostgresqlParameters parameters = parameters_;
    std::string reason;
    do {
        if (!reason.empty()) reason += "; ";
        connection_.reset();  // the server need not have room for both
        connection_.reset(parameters.begin_connecting());
        statements_ = PreparedStatements();
        later_.clear();
        ends_with_next_ = false;
        is_leaving_ = false;
        PGconn* const connection = connection_.get();
        Deadline deadline;
        const auto limit = parameters.connect_timeout();
        if (limit) deadline = std::chrono::steady_clock::now() + *limit;
        if (finish_connecting(deadline)) {
            const bool is_open = PQstatus(connection) == CONNECTION_OK;
            if (is_open && PQsetnonblocking(connection, 1) == 0 && PQenterPipelineMode(connection) == 1) return std::nullopt;
            return reason + postgresql_reason(connection);
        }
        reason += postgresql_silence(connection, *limit);
    } while (parameters.drop_silent_host(connection_.get()));
    return reason;
}

bool PostgresqlConnection::finish_connecting(Deadline deadline) {
    PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
    while (PQstatus(connection_.get()) != CONNECTION_BAD && wanted != PGRES_POLLING_OK) {
        if (!wait_for_server(wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline)) return false;
        wanted = PQconnectPoll(connection_.get());
    }
    return true;
}

bool PostgresqlConnection::wait_for_server(short events, Deadline deadline) const {
    pollfd socket = {PQsocket(connection_.get()), events, 0};
    // libpq says what became of it.
    if (socket.fd < 0) return true;
    while (true) {
        int milliseconds = -1;
        if (deadline) {
            const auto left =
                std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now()).count();
            if (left <= 0) return false;
            milliseconds = static_cast<int>(std::min<std::int64_t>(left, std::numeric_limits<int>::max()));
        }
        const int ready = poll(&socket, 1, milliseconds);
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "waiting for PostgreSQL");
    }
}

}  // namespace modapi
