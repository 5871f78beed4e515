#include "accounts/shared_time.h"

#include <tuple>

namespace homeserver {

namespace {

std::int64_t database_time_ms(modapi::Transaction& transaction) {
    const auto row = transaction.query_one<std::int64_t>("SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint");
    return std::get<0>(row.value());
}

}  // namespace

std::int64_t shared_time_ms(modapi::Transaction& transaction, std::int64_t own_ms) {
    return transaction.engine() == "postgresql" ? database_time_ms(transaction) : own_ms;
}

async::task<std::int64_t> shared_time_ms(modapi::Database& database, const async::clock& clock) {
    if (database.engine() != "postgresql") co_return clock.wall_time_ms();
    co_return co_await database.read("find_shared_time", &database_time_ms);
}

}  // namespace homeserver
