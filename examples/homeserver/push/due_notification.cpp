#include "push/due_notification.h"

#include "events/room_store.h"
#include "push/unread_notifications.h"

#include <utility>

namespace homeserver {

namespace {

using callbacks::Event;
using callbacks::JsonDict;
using callbacks::JsonValue;
using modapi::Transaction;

bool is_set(const JsonDict& tweaks, std::string_view name) {
    const JsonValue* const value = tweaks.if_contains(name);
    return value != nullptr && *value != false && !value->is_null();
}

/// A string from the content of current state; none if there is none.
std::optional<std::string> state_text(Transaction& transaction, const std::string& room_id, const char* type,
                                      const std::string& state_key, const char* key) {
    const std::optional<Event> event = current_state_event(transaction, room_id, type, state_key);
    const std::optional<std::string_view> text = event ? event->content_string(key) : std::nullopt;
    if (!text || text->empty()) return std::nullopt;
    return std::string(*text);
}

void describe(Transaction& transaction, const Event& event, const std::string& user_id, JsonDict& notification) {
    notification["type"] = event.type();
    notification["sender"] = event.sender();
    const std::string& room_id = event.room_id();
    if (const auto name = state_text(transaction, room_id, "m.room.member", event.sender(), "displayname"))
        notification["sender_display_name"] = *name;
    if (const auto name = state_text(transaction, room_id, "m.room.name", "", "name")) notification["room_name"] = *name;
    if (const auto alias = state_text(transaction, room_id, "m.room.canonical_alias", "", "alias"))
        notification["room_alias"] = *alias;
    if (event.membership()) {
        notification["membership"] = *event.membership();
        notification["user_is_target"] = *event.state_key() == user_id;
    }
    notification["content"] = event.content();
}

}  // namespace

std::optional<DueNotification> next_due_notification(Transaction& transaction, const Pusher& pusher) {
    std::optional<Pusher> now = find_pusher(transaction, pusher);
    if (!now) return std::nullopt;
    std::optional<UnreadNotification> next = next_unread(transaction, now->user_id, now->last_position);
    if (!next) return std::nullopt;
    const Event event = find_event(transaction, next->room_id, next->event_id).value().event;

    DueNotification due;
    due.position = next->position;
    due.tweaks = std::move(next->tweaks);
    due.notification["event_id"] = next->event_id;
    due.notification["room_id"] = next->room_id;
    // What makes no sound and isn't highlighted may wait until the device is awake; what is encrypted may be either.
    const bool is_urgent = event.type() == "m.room.encrypted" || is_set(due.tweaks, "highlight") || is_set(due.tweaks, "sound");
    due.notification["prio"] = is_urgent ? "high" : "low";
    if (!now->data.contains("format")) describe(transaction, event, now->user_id, due.notification);
    JsonDict counts;
    counts["unread"] = rooms_with_unread(transaction, now->user_id);
    due.notification["counts"] = std::move(counts);
    due.pusher = std::move(*now);
    return due;
}

}  // namespace homeserver
