#include "client_event.h"

#include "client_event_cache.h"

#include <utility>

namespace homeserver {

using callbacks::Event;
using callbacks::JsonDict;
using callbacks::OutgoingEvent;

namespace {

modapi::Response text_response(std::string json) {
    modapi::Response response = modapi::json_response(200, JsonDict());
    response.body = std::move(json);
    return response;
}

}  // namespace

Recipient recipient_of(const callbacks::Requester& requester, bool with_room_id) {
    return {requester.user.to_string(), requester.device_id.value_or(std::string()), with_room_id};
}

void EventResponse::event(const StoredEvent& stored, bool may_be_reduced) {
    Part part;
    part.event = worker_.client_events().get(stored.event);
    const bool same_session =
        stored.transaction_id && stored.event.sender() == recipient_.user_id && stored.device_id == recipient_.device_id;
    if (same_session) part.transaction_id = stored.transaction_id;
    part.text_end = text_.size();
    part.may_be_reduced = may_be_reduced;
    parts_.push_back(std::move(part));
}

void EventResponse::events(const std::vector<StoredEvent>& stored, bool may_be_reduced) {
    text_.append('[');
    bool first = true;
    for (const StoredEvent& each : stored) {
        if (!first) text_.append(',');
        first = false;
        event(each, may_be_reduced);
    }
    text_.append(']');
}

async::task<modapi::Response> EventResponse::write() {
    callbacks::ClientEvents writer;
    std::vector<OutgoingEvent> events = outgoing();
    const std::size_t last = parts_.empty() ? 0 : parts_.back().text_end;
    std::string_view behind = text_.view().substr(last);
    if (reduce_) {
        // Event by event, on lines of their own: no JSON text has a line feed in it.
        for (OutgoingEvent& each : events) each.before = "\n";
        behind = {};
    }
    const std::string_view written = co_await writer.write(worker_.hooks().unsigned_section, events, behind);
    co_return text_response(reduce_ ? assembled(written) : std::string(written));
}

std::vector<OutgoingEvent> EventResponse::outgoing() const {
    const std::int64_t now = worker_.now_ms();
    std::vector<OutgoingEvent> events;
    events.reserve(parts_.size());
    std::size_t text_begin = 0;
    for (const Part& part : parts_) {
        OutgoingEvent event;
        event.event = part.event.get();
        event.before = text_.view().substr(text_begin, part.text_end - text_begin);
        event.number = now - part.event->event().origin_server_ts();
        if (part.transaction_id) event.own_string = callbacks::OwnString{"transaction_id", *part.transaction_id};
        event.in_full = recipient_.with_room_id;
        events.push_back(event);
        text_begin = part.text_end;
    }
    return events;
}

/// The response with what a filter leaves of its events.
std::string EventResponse::assembled(std::string_view events_by_line) const {
    callbacks::JsonBuffer whole;
    std::size_t text_begin = 0;
    for (const Part& part : parts_) {
        whole.append(text_.view().substr(text_begin, part.text_end - text_begin));
        text_begin = part.text_end;
        events_by_line.remove_prefix(1);
        const std::string_view event = events_by_line.substr(0, events_by_line.find('\n'));
        events_by_line.remove_prefix(event.size());
        if (part.may_be_reduced) {
            whole.object(reduce_(stored_json(event)));
        } else {
            whole.append(event);
        }
    }
    whole.append(text_.view().substr(text_begin));
    return std::string(whole.view());
}

JsonDict stripped_event(const Event& event) {
    JsonDict stripped;
    stripped["type"] = event.type();
    stripped["state_key"] = event.state_key().value_or(std::string());
    stripped["sender"] = event.sender();
    stripped["content"] = event.content();
    return stripped;
}

}  // namespace homeserver
