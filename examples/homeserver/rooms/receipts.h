#pragma once

#include "push/receipt.h"

#include <modapi/database.h>

#include <callbacks/json.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// How far users say to have read. Every function with a transaction is for use inside it.
namespace homeserver {

/// Keeps a receipt, unless the user has one of its type and thread for the same or a later event. `event_position` is the
/// event's. Returns whether it was kept; then its user has read what notified of earlier events.
bool store_receipt(modapi::Transaction& transaction, const Receipt& receipt, std::int64_t event_position);

/// Receipts that were asked for, and come with the transaction's next statement.
class LaterReceipts {
public:
    /// Room, user, type, thread (empty: none), event, when it was received.
    using Rows = modapi::LaterRows<std::string, std::string, std::string, std::string, std::string, std::int64_t>;
    explicit LaterReceipts(Rows rows) : rows_(std::move(rows)) {}
    /// In the order of their coming; once.
    [[nodiscard]] std::vector<Receipt> take();

private:
    Rows rows_;
};

/// The receipts behind `since` that a user is told of, from all rooms the user is joined to.
[[nodiscard]] LaterReceipts receipts_since(modapi::Transaction& transaction, const std::string& user_id, std::int64_t since);
/// All receipts of one room that a user is told of.
[[nodiscard]] LaterReceipts receipts_of_room(modapi::Transaction& transaction, const std::string& user_id,
                                             const std::string& room_id);

/// The `m.receipt` events that tell them: one, or more where a user reads one event in a thread and in the whole room.
[[nodiscard]] callbacks::JsonArray receipt_events(const std::vector<Receipt>& receipts);

}  // namespace homeserver
