#include "events/client_event.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace homeserver {

using callbacks::Event;
using callbacks::JsonDict;
using callbacks::OutgoingEvent;

namespace {

/// A response's text where it was written, with the memory that it is in.
class WrittenText final : public OutgoingBody {
public:
    WrittenText(ResponseMemories::Lent memory, std::string_view text) : memory_(std::move(memory)), text_(text) {}
    [[nodiscard]] std::uint64_t size() const noexcept override { return text_.size(); }
    [[nodiscard]] std::optional<std::string_view> whole() const noexcept override { return text_; }
    [[nodiscard]] async::task<std::string> read() override { co_return std::string(); }

private:
    ResponseMemories::Lent memory_;
    std::string_view text_;
};

modapi::Response text_response(std::string json) {
    modapi::Response response = modapi::json_response(200, JsonDict());
    response.body = std::move(json);
    return response;
}

}  // namespace

Recipient recipient_of(const callbacks::Requester& requester, bool with_room_id) {
    return {requester.user.to_string(), requester.device_id.value_or(std::string()), with_room_id};
}

void EventResponse::take(StoredEvent& stored, bool may_be_reduced) {
    EventPlace& place = memory_->places.emplace_back();
    place.text_end = memory_->text.size();
    place.may_be_reduced = may_be_reduced;
    const bool same_session =
        stored.transaction_id && stored.event.sender() == recipient_.user_id && stored.device_id == recipient_.device_id;
    if (same_session) place.transaction_id = std::move(stored.transaction_id);
    place.event = std::move(stored.kept);
    if (place.event == nullptr) place.event = std::make_shared<const KeptEvent>(std::move(stored.event));
}

void EventResponse::event(StoredEvent stored, bool may_be_reduced) { take(stored, may_be_reduced); }

void EventResponse::events(std::vector<StoredEvent> stored, bool may_be_reduced) {
    text().append('[');
    for (StoredEvent& each : stored) {
        if (&each != stored.data()) text().append(',');
        take(each, may_be_reduced);
    }
    text().append(']');
}

async::task<modapi::Response> EventResponse::write(const RoutedRequest& request) {
    ResponseMemory& memory = *memory_;
    const std::int64_t now = writer_.clock.wall_time_ms();
    memory.outgoing.reserve(memory.places.size());
    std::size_t text_begin = 0;
    for (const EventPlace& place : memory.places) {
        memory.outgoing.push_back(outgoing(place, text_begin, now));
        text_begin = place.text_end;
    }
    std::string_view behind = memory.text.view().substr(text_begin);
    if (reduce_) {
        // Event by event, on lines of their own: no JSON text has a line feed in it.
        for (OutgoingEvent& each : memory.outgoing) each.before = "\n";
        behind = {};
    }
    const std::string_view written = co_await memory.writer.write(writer_.unsigned_section, memory.outgoing, behind);
    memory_.get_deleter().written(memory.places.size(), written.size());
    if (reduce_) co_return text_response(assembled(written));
    // Who reads slowly holds the text, and not the events.
    memory.outgoing.clear();
    memory.places.clear();
    request.outgoing_body = std::make_unique<WrittenText>(std::move(memory_), written);
    co_return text_response(std::string());
}

OutgoingEvent EventResponse::outgoing(const EventPlace& place, std::size_t text_begin, std::int64_t now) const {
    OutgoingEvent event;
    event.event = &place.event->for_clients();
    event.before = memory_->text.view().substr(text_begin, place.text_end - text_begin);
    event.number = now - place.event->event().origin_server_ts();
    if (place.transaction_id) event.own_string = callbacks::OwnString{"transaction_id", *place.transaction_id};
    event.in_full = recipient_.with_room_id;
    return event;
}

/// The response with what a filter leaves of its events.
std::string EventResponse::assembled(std::string_view events_by_line) const {
    const std::string_view text = memory_->text.view();
    callbacks::JsonBuffer whole;
    std::size_t text_begin = 0;
    for (const EventPlace& place : memory_->places) {
        whole.append(text.substr(text_begin, place.text_end - text_begin));
        text_begin = place.text_end;
        events_by_line.remove_prefix(1);
        const std::string_view event = events_by_line.substr(0, events_by_line.find('\n'));
        events_by_line.remove_prefix(event.size());
        if (place.may_be_reduced) {
            whole.object(reduce_(stored_json(event)));
        } else {
            whole.append(event);
        }
    }
    whole.append(text.substr(text_begin));
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
