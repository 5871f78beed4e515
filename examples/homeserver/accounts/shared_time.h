#pragma once

#include <modapi/database.h>

#include <async/clock.h>
#include <async/task.h>

#include <cstdint>

/// The time that all processes over one database share, whose machines' clocks may differ: the database's own, in milliseconds
/// since 1970. On SQLite, which has one process, it is the process's. For whatever one process begins and another ends: what is
/// good for a minute here must not be too old there.
namespace homeserver {

/// For use inside a transaction. `own_ms`: the process's time. Cost: a query on PostgreSQL.
[[nodiscard]] std::int64_t shared_time_ms(modapi::Transaction& transaction, std::int64_t own_ms);
[[nodiscard]] async::task<std::int64_t> shared_time_ms(modapi::Database& database, const async::clock& clock);

}  // namespace homeserver
