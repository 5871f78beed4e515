#include "rooms/receipts.h"

#include "events/stream.h"
#include "push/unread_notifications.h"

#include <algorithm>
#include <tuple>

namespace homeserver {

namespace {

using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;
using modapi::Transaction;

template <class... Values>
LaterReceipts select_receipts(Transaction& transaction, const std::string& which, const Values&... values) {
    return LaterReceipts(
        transaction.query_later<std::string, std::string, std::string, std::string, std::string, std::int64_t>(
            "SELECT r.room_id, r.user_id, r.receipt_type, r.thread_id, r.event_id, r.received_ts FROM receipts r " + which +
                " ORDER BY r.stream_position",
            values...));
}

JsonDict& object_at(JsonDict& parent, std::string_view key) {
    JsonValue& member = parent[key];
    if (!member.is_object()) member.emplace_object();
    return member.get_object();
}

}  // namespace

bool store_receipt(Transaction& transaction, const Receipt& receipt, std::int64_t event_position) {
    const std::string thread_id = receipt.thread_id.value_or(std::string());
    const auto before = transaction.query_one<std::int64_t>(
        "SELECT event_position FROM receipts WHERE room_id = ? AND user_id = ? AND receipt_type = ? AND thread_id = ?",
        receipt.room_id, receipt.user_id, receipt.type, thread_id);
    if (before && std::get<0>(*before) >= event_position) return false;
    const std::int64_t position = next_stream_position(transaction);
    transaction.execute(
        "INSERT INTO receipts (room_id, user_id, receipt_type, thread_id, event_id, event_position, received_ts, "
        "stream_position) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (room_id, user_id, receipt_type, thread_id) DO UPDATE "
        "SET "
        "event_id = excluded.event_id, event_position = excluded.event_position, received_ts = excluded.received_ts, "
        "stream_position = excluded.stream_position",
        receipt.room_id, receipt.user_id, receipt.type, thread_id, receipt.event_id, event_position, receipt.received_ms,
        position);
    forget_read_notifications(transaction, receipt, event_position);
    return true;
}

std::vector<Receipt> LaterReceipts::take() {
    std::vector<Receipt> receipts;
    for (auto& [room_id, user_id, type, thread_id, event_id, received_ms] : rows_.take()) {
        Receipt receipt{std::move(room_id), std::move(user_id),  std::move(type),
                        std::nullopt,       std::move(event_id), received_ms};
        if (!thread_id.empty()) receipt.thread_id = std::move(thread_id);
        receipts.push_back(std::move(receipt));
    }
    return receipts;
}

LaterReceipts receipts_since(Transaction& transaction, const std::string& user_id, std::int64_t since) {
    // SQLite takes the tables of a CROSS JOIN in this order; it would begin with all rooms of the user.
    return select_receipts(
        transaction,
        "CROSS JOIN room_memberships m WHERE r.stream_position > ? AND m.room_id = r.room_id AND m.user_id = ? "
        "AND m.membership = 'join' AND (r.receipt_type = 'm.read' OR r.user_id = ?)",
        since, user_id, user_id);
}

LaterReceipts receipts_of_room(Transaction& transaction, const std::string& user_id, const std::string& room_id) {
    return select_receipts(transaction, "WHERE r.room_id = ? AND (r.receipt_type = 'm.read' OR r.user_id = ?)", room_id,
                           user_id);
}

JsonArray receipt_events(const std::vector<Receipt>& receipts) {
    std::vector<JsonDict> contents;
    for (const Receipt& receipt : receipts) {
        JsonDict read;
        read["ts"] = receipt.received_ms;
        if (receipt.thread_id) read["thread_id"] = *receipt.thread_id;
        const auto still_lacks_it = [&](JsonDict& content) {
            return !object_at(object_at(content, receipt.event_id), receipt.type).contains(receipt.user_id);
        };
        auto content = std::find_if(contents.begin(), contents.end(), still_lacks_it);
        if (content == contents.end()) content = contents.insert(content, JsonDict());
        object_at(object_at(*content, receipt.event_id), receipt.type)[receipt.user_id] = std::move(read);
    }
    JsonArray events;
    for (JsonDict& content : contents) {
        JsonDict event;
        event["type"] = "m.receipt";
        event["content"] = std::move(content);
        events.emplace_back(std::move(event));
    }
    return events;
}

}  // namespace homeserver
