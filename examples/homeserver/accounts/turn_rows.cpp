#include "accounts/turn_rows.h"

#include "accounts/shared_time.h"

namespace homeserver {

using modapi::Transaction;

namespace {

bool has_shared_clock(const Transaction& transaction) { return transaction.engine() == "postgresql"; }

}  // namespace

bool has_turn_of_another(Transaction& transaction, const std::string& what, const std::string& holder, std::int64_t own_ms) {
    if (has_shared_clock(transaction)) {
        return transaction
            .query_one<std::int64_t>(
                "SELECT 1 FROM turns WHERE what = ? AND holder <> ? AND ends_ms > EXTRACT(EPOCH FROM "
                "clock_timestamp()) * 1000",
                what, holder)
            .has_value();
    }
    return transaction
        .query_one<std::int64_t>("SELECT 1 FROM turns WHERE what = ? AND holder <> ? AND ends_ms > ?", what, holder, own_ms)
        .has_value();
}

bool take_turn_row(Transaction& transaction, const std::string& what, const std::string& holder, std::int64_t own_ms) {
    if (has_turn_of_another(transaction, what, holder, own_ms)) return false;
    transaction.execute(
        "INSERT INTO turns (what, holder, ends_ms) VALUES (?, ?, ?) "
        "ON CONFLICT (what) DO UPDATE SET holder = excluded.holder, ends_ms = excluded.ends_ms",
        what, holder, shared_time_ms(transaction, own_ms) + turn_lasts_ms);
    return true;
}

void end_turn_row(Transaction& transaction, const std::string& what, const std::string& holder) {
    transaction.execute("DELETE FROM turns WHERE what = ? AND holder = ?", what, holder);
}

void forget_old_turns(Transaction& transaction) {
    transaction.execute("DELETE FROM turns WHERE ends_ms < EXTRACT(EPOCH FROM clock_timestamp()) * 1000");
}

std::vector<std::string> schema_of_turns() {
    return {
        // Turns of rooms, before they were kept with all others.
        "DROP TABLE IF EXISTS room_turns",
        "CREATE TABLE IF NOT EXISTS turns (what TEXT PRIMARY KEY, holder TEXT NOT NULL, ends_ms BIGINT NOT NULL)",
    };
}

}  // namespace homeserver
