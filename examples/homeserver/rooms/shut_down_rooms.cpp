#include "rooms/shut_down_rooms.h"

#include "events/stream.h"

namespace homeserver {

void note_shut_down(modapi::Transaction& transaction, const std::string& room_id, const std::vector<std::string>& users) {
    const std::int64_t position = next_stream_position(transaction);
    for (const std::string& user_id : users) {
        transaction.execute(
            "INSERT INTO shut_down_rooms (user_id, room_id, stream_position) VALUES (?, ?, ?) ON CONFLICT (user_id, room_id) "
            "DO "
            "UPDATE SET stream_position = excluded.stream_position",
            user_id, room_id, position);
    }
}

modapi::LaterRows<std::string> rooms_shut_down_since(modapi::Transaction& transaction, const std::string& user_id,
                                                     std::int64_t since) {
    return transaction.query_later<std::string>(
        "SELECT room_id FROM shut_down_rooms WHERE user_id = ? AND stream_position > ? ORDER BY room_id", user_id, since);
}

}  // namespace homeserver
