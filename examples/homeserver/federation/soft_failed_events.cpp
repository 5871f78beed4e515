#include "federation/soft_failed_events.h"

#include "events/event_format.h"


namespace homeserver {

void store_soft_failed(modapi::Transaction& transaction, const callbacks::Event& event) {
    transaction.execute("INSERT INTO soft_failed_events (event_id, room_id, pdu) VALUES (?, ?, ?)", *event.event_id(),
                        event.room_id(), pdu_text(event));
}

bool is_soft_failed(modapi::Transaction& transaction, const std::string& room_id, const std::string& event_id) {
    return transaction
        .query_one<std::int64_t>("SELECT 1 FROM soft_failed_events WHERE event_id = ? AND room_id = ?", event_id, room_id)
        .has_value();
}

}  // namespace homeserver
