#include "process/room_schema.h"

#include "events/room_store.h"

#include <cstdint>
#include <map>
#include <tuple>

namespace homeserver {

namespace {

bool has_table_of_extremities(modapi::Transaction& transaction) {
    const char* const looked_up = transaction.engine() == "sqlite3"
                                      ? "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'forward_extremities'"
                                      : "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = "
                                        "'forward_extremities'";
    return transaction.query_one<std::int64_t>(looked_up).has_value();
}

}  // namespace

void upgrade_rooms(modapi::Transaction& transaction) {
    if (!has_table_of_extremities(transaction)) return;
    transaction.execute("ALTER TABLE rooms ADD COLUMN extremities TEXT NOT NULL DEFAULT ''");
    std::map<std::string, RoomHead> heads;
    for (auto& [room_id, event_id] : transaction.query<std::string, std::string>(
             "SELECT e.room_id, e.event_id FROM forward_extremities f JOIN events e ON e.event_id = f.event_id "
             "ORDER BY e.stream_position")) {
        auto [head, is_new] = heads.try_emplace(room_id);
        if (is_new) head->second = find_head(transaction, room_id).value();
        head->second.extremities.push_back(std::move(event_id));
    }
    for (const auto& [room_id, head] : heads) store_head(transaction, room_id, head);
    transaction.execute("DROP TABLE forward_extremities");
}

std::vector<std::string> room_schema() {
    return {
        // state_version grows with each change of the state: who authorized an event by an older one has to look again.
        // extremities: the ids of the events that no other one follows yet, the newest last, with a space between them.
        "CREATE TABLE IF NOT EXISTS rooms (room_id TEXT PRIMARY KEY, creator TEXT NOT NULL, is_public BIGINT NOT NULL, "
        "depth BIGINT NOT NULL, state_version BIGINT NOT NULL, extremities TEXT NOT NULL)",

        // pdu: the event as it is signed, JSON. unsigned_fields: what the server keeps beside it (prev_content, ...).
        "CREATE TABLE IF NOT EXISTS events (event_id TEXT PRIMARY KEY, room_id TEXT NOT NULL, stream_position BIGINT NOT NULL, "
        "type TEXT NOT NULL, state_key TEXT, sender TEXT NOT NULL, pdu TEXT NOT NULL, unsigned_fields TEXT NOT NULL, "
        "device_id TEXT, transaction_id TEXT)",
        "CREATE UNIQUE INDEX IF NOT EXISTS events_by_position ON events (stream_position)",
        "CREATE INDEX IF NOT EXISTS events_of_room ON events (room_id, stream_position)",
        // What a stretch of a room changed in its state is found without its messages.
        "CREATE INDEX IF NOT EXISTS state_changes ON events (room_id, stream_position, type, state_key) "
        "WHERE state_key IS NOT NULL",
        "CREATE INDEX IF NOT EXISTS events_of_state ON events (room_id, type, state_key, stream_position) "
        "WHERE state_key IS NOT NULL",

        "CREATE TABLE IF NOT EXISTS current_state (room_id TEXT NOT NULL, type TEXT NOT NULL, state_key TEXT NOT NULL, "
        "event_id TEXT NOT NULL, PRIMARY KEY (room_id, type, state_key))",

        "CREATE TABLE IF NOT EXISTS room_memberships (room_id TEXT NOT NULL, user_id TEXT NOT NULL, membership TEXT NOT NULL, "
        "stream_position BIGINT NOT NULL, forgotten BIGINT NOT NULL, PRIMARY KEY (room_id, user_id))",
        "CREATE INDEX IF NOT EXISTS room_memberships_of_user ON room_memberships (user_id, membership)",
        "CREATE INDEX IF NOT EXISTS room_memberships_by_position ON room_memberships (user_id, stream_position)",

        "CREATE TABLE IF NOT EXISTS outside_invites (user_id TEXT NOT NULL, room_id TEXT NOT NULL, event_id TEXT NOT NULL, "
        "pdu TEXT NOT NULL, room_state TEXT NOT NULL, declined BIGINT NOT NULL, stream_position BIGINT NOT NULL, "
        "PRIMARY KEY (user_id, room_id))",
        "CREATE UNIQUE INDEX IF NOT EXISTS outside_invites_by_event ON outside_invites (event_id)",
        "CREATE INDEX IF NOT EXISTS outside_invites_by_position ON outside_invites (user_id, stream_position)",

        // Invites to addresses that nobody has yet; token is the state key of the room's m.room.third_party_invite.
        "CREATE TABLE IF NOT EXISTS third_party_invites (token TEXT PRIMARY KEY, room_id TEXT NOT NULL, sender TEXT NOT NULL, "
        "medium TEXT NOT NULL, address TEXT NOT NULL)",
        "CREATE INDEX IF NOT EXISTS third_party_invites_of_address ON third_party_invites (medium, address)",

        "CREATE TABLE IF NOT EXISTS soft_failed_events (event_id TEXT PRIMARY KEY, room_id TEXT NOT NULL, pdu TEXT NOT NULL)",

        "CREATE TABLE IF NOT EXISTS shut_down_rooms (user_id TEXT NOT NULL, room_id TEXT NOT NULL, stream_position BIGINT NOT "
        "NULL, PRIMARY KEY (user_id, room_id))",
        "CREATE INDEX IF NOT EXISTS shut_down_rooms_by_position ON shut_down_rooms (user_id, stream_position)",

        "CREATE TABLE IF NOT EXISTS room_aliases (alias TEXT PRIMARY KEY, room_id TEXT NOT NULL, creator TEXT NOT NULL)",
        "CREATE INDEX IF NOT EXISTS room_aliases_of_room ON room_aliases (room_id)",

        // thread_id is empty for a receipt of the whole room; event_position is where the event stands that was read.
        "CREATE TABLE IF NOT EXISTS receipts (room_id TEXT NOT NULL, user_id TEXT NOT NULL, receipt_type TEXT NOT NULL, "
        "thread_id TEXT NOT NULL, event_id TEXT NOT NULL, event_position BIGINT NOT NULL, received_ts BIGINT NOT NULL, "
        "stream_position BIGINT NOT NULL, PRIMARY KEY (room_id, user_id, receipt_type, thread_id))",
        "CREATE INDEX IF NOT EXISTS receipts_by_position ON receipts (stream_position)",

        // What a repeated request is answered with. device_id is empty for a token without a device; transaction_id is that of
        // the request, after the name of its endpoint.
        "CREATE TABLE IF NOT EXISTS sent_transactions (user_id TEXT NOT NULL, device_id TEXT NOT NULL, room_id TEXT NOT NULL, "
        "transaction_id TEXT NOT NULL, event_id TEXT NOT NULL, PRIMARY KEY (user_id, device_id, room_id, transaction_id))",
    };
}

}  // namespace homeserver
