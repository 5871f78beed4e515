#include "rooms/remote_invites.h"

#include "events/event_format.h"
#include "events/room_store.h"
#include "events/stream.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <string>

namespace homeserver {

using modapi::Transaction;

bool is_remote_invite(Transaction& transaction, const std::string& event_id) {
    return transaction.query_one<std::int64_t>("SELECT 1 FROM outside_invites WHERE event_id = ?", event_id).has_value();
}

bool store_remote_invite(Transaction& transaction, const callbacks::Event& event, const callbacks::JsonArray& room_state) {
    if (is_remote_invite(transaction, *event.event_id())) return false;
    const std::int64_t position = next_stream_position(transaction);
    // A later invitation takes the place of an earlier one.
    std::string insert =
        "INSERT INTO outside_invites (user_id, room_id, event_id, pdu, room_state, declined, stream_position) "
        "VALUES (?, ?, ?, ?, ?, 0, ?) ON CONFLICT (user_id, room_id) DO UPDATE SET event_id = excluded.event_id, "
        "pdu = excluded.pdu, room_state = excluded.room_state, declined = 0, stream_position = excluded.stream_position";
    if (transaction.engine() == "postgresql") insert += ", stored_by = excluded.stored_by";
    transaction.execute(insert, *event.state_key(), event.room_id(), *event.event_id(),
                        pdu_text(event), boost::json::serialize(room_state), position);
    return true;
}

LaterRemoteInvites::LaterRemoteInvites(Transaction& transaction, const std::string& user_id, std::int64_t since)
    : since_(since),
      rows_(transaction.query_later<std::string, std::string, std::string, std::string, bool>(
          "SELECT room_id, event_id, pdu, room_state, declined FROM outside_invites WHERE user_id = ? AND stream_position > ? "
          "ORDER BY room_id",
          user_id, since)) {}

std::vector<RemoteInvite> LaterRemoteInvites::take() {
    std::vector<RemoteInvite> invites;
    for (auto& [room_id, event_id, pdu, room_state, declined] : rows_.take()) {
        if (declined && since_ == 0) continue;
        const callbacks::Event event = event_from_pdu(stored_json(pdu), std::move(event_id), callbacks::JsonDict());
        boost::json::parse_options options;
        options.max_depth = 128;  // what a request may hold, and more
        invites.push_back({std::move(room_id), event, boost::json::parse(room_state, {}, options).as_array(), declined});
    }
    return invites;
}

void decline_remote_invites(Transaction& transaction, const std::string& user_id) {
    auto rows =
        transaction.query<std::string>("SELECT room_id FROM outside_invites WHERE user_id = ? AND declined = 0", user_id);
    for (const auto& [room_id] : rows) static_cast<void>(decline_remote_invite(transaction, user_id, room_id));
}

bool decline_remote_invite(Transaction& transaction, const std::string& user_id, const std::string& room_id) {
    const auto known = transaction.query_one<std::int64_t>(
        "SELECT 1 FROM outside_invites WHERE user_id = ? AND room_id = ? AND declined = 0", user_id, room_id);
    if (!known) return false;
    const std::int64_t position = next_stream_position(transaction);
    return transaction.execute(
               "UPDATE outside_invites SET declined = 1, stream_position = ? WHERE user_id = ? AND room_id = ? AND declined = "
               "0",
               position, user_id, room_id) != 0;
}

}  // namespace homeserver
