#include "client_event_text.h"

#include <string>
#include <string_view>

namespace homeserver {

using callbacks::Event;
using callbacks::JsonDict;

namespace {

/// Clients look for what a redaction is about in its content too, where later room versions have it.
bool repeats_target(const Event& event) {
    return event.type() == "m.room.redaction" && event.redacts() && !event.content().contains("redacts");
}

JsonDict content_with_target(const Event& redaction) {
    JsonDict content = redaction.content();
    content["redacts"] = *redaction.redacts();
    return content;
}

}  // namespace

callbacks::ClientEventText client_event_text(const Event& event) {
    callbacks::ClientEventText text;
    text.member("room_id", event.room_id());
    text.end_long_form();
    text.member("type", event.type());
    if (event.event_id()) text.member("event_id", *event.event_id());
    text.member("sender", event.sender());
    if (repeats_target(event)) {
        text.member("content", content_with_target(event));
    } else {
        text.member("content", event.content());
    }
    if (event.state_key()) text.member("state_key", *event.state_key());
    text.member("origin_server_ts", event.origin_server_ts());
    if (event.redacts()) text.member("redacts", *event.redacts());

    text.begin_unsigned();
    for (const auto& field : event.unsigned_fields()) {
        const std::string_view key = field.key();
        if (key != "age") text.own_field(key, field.value());  // there always is one of the moment
    }
    text.end_before_number("age");
    return text;
}

}  // namespace homeserver
