#pragma once

#include "events/room_store.h"

#include <callbacks/event.h>
#include <modapi/database.h>

#include <cstdint>
#include <optional>
#include <string>

/// Events that come into rooms. Every function is for use inside a transaction.
namespace homeserver {

class NotifiedMembers;

/// The request that an event came from, to answer its repetition.
struct SentTransaction {
    const char* endpoint = "send";  ///< each endpoint has transaction ids of its own
    std::string user_id;
    std::string device_id;  ///< empty: a token without a device
    std::string transaction_id;
};

void insert_room(modapi::Transaction& transaction, const std::string& room_id, const std::string& creator, bool is_public);
/// Every row of the room goes. For Database::run_in_turn.
void delete_room(modapi::Transaction& transaction, const std::string& room_id);

/// The event of a client's transaction that came before; none: it is the first time.
[[nodiscard]] std::optional<std::string> event_of_transaction(modapi::Transaction& transaction, const std::string& room_id,
                                                              const SentTransaction& sent);
/// The same, which was asked for, and comes with the next statement.
class LaterEventOfTransaction {
public:
    LaterEventOfTransaction(modapi::Transaction& transaction, const std::string& room_id, const SentTransaction& sent);
    /// Once.
    [[nodiscard]] std::optional<std::string> take();

private:
    modapi::LaterRows<std::string> rows_;
};

/// Stores an event at the room's end: the event, the state it sets, its membership, what it redacts, whom it notifies. The
/// room's row exists. `position` is the stream's next one. `head` is where the room stands, as this transaction has read it,
/// and then where it stands with the event; `state` is the room's with it, and `members` are its members; null: they are looked
/// up in it.
void append_event(modapi::Transaction& transaction, const callbacks::Event& event, std::int64_t position,
                  const std::optional<SentTransaction>& sent, RoomHead& head, const callbacks::StateMap& state,
                  NotifiedMembers* members = nullptr);

}  // namespace homeserver
