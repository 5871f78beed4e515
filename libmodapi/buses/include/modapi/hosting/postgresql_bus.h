#pragma once

#include <modapi/hosting/server_bus.h>

#include <string>

namespace modapi {

/// The bus between the processes of one PostgreSQL database, by LISTEN and NOTIFY on a connection of its own, whose session is
/// called `modapi bus` unless the parameters call it otherwise. Whoever may log in to the database can speak on it.
class PostgresqlBus final : public ServerBus {
public:
    /// `connection` is libpq's key=value form, as DatabaseSettings::postgresql_connection. All that use one `channel` hear each
    /// other; it has at most 63 bytes. Empty: the buses of the schema that tables without one go to.
    ///
    /// Blocks until the server has said that it listens. Errors: BusError, also for a server that isn't there: the database
    /// wouldn't be either; std::invalid_argument for a channel that is too long.
    explicit PostgresqlBus(const std::string& connection, const std::string& channel = {}, const BusTimes& times = {});
};

}  // namespace modapi
