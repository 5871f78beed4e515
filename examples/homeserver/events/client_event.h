#pragma once

#include "events/response_memory.h"
#include "events/room_store.h"
#include "http/endpoint.h"

#include <callbacks/json_buffer.h>
#include <callbacks/unsigned.h>
#include <callbacks/users.h>

#include <modapi/web_resource.h>

#include <async/clock.h>
#include <async/task.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace homeserver {

/// For whom events are written.
struct Recipient {
    std::string user_id;
    std::string device_id;     ///< empty: a token without a device
    bool with_room_id = true;  ///< sync leaves it out: the room is known from the place
};

[[nodiscard]] Recipient recipient_of(const callbacks::Requester& requester, bool with_room_id = true);

/// What a worker's responses with events are written by.
struct ClientEventWriter {
    ResponseMemories& memories;
    callbacks::UnsignedDispatch& unsigned_section;
    const async::clock& clock;
};

/// A JSON response with events in it, from its beginning to its end: text and events alternate. Through it the server runs
/// add_field_to_unsigned, for all events of the response at once, when it is written.
///
///     EventResponse response(event_writer, recipient_of(requester));
///     response.text().append(R"({"chunk":)");
///     response.events(page.events);
///     response.text().append("}");
///     co_return co_await response.write(request);
class EventResponse {
public:
    /// What is left of an event that a filter reduces.
    using Reduce = std::function<callbacks::JsonDict(callbacks::JsonDict)>;

    EventResponse(ClientEventWriter& writer, Recipient recipient)
        : writer_(writer), recipient_(std::move(recipient)), memory_(writer.memories.lend()) {}

    /// Where the JSON text goes that is next to be sent.
    [[nodiscard]] callbacks::JsonBuffer& text() noexcept { return memory_->text; }
    /// An event at this place.
    void event(StoredEvent stored, bool may_be_reduced = false);
    /// An array of events.
    void events(std::vector<StoredEvent> stored, bool may_be_reduced = false);
    /// Reduces the events of which that was said.
    void reduce(Reduce how) { reduce_ = std::move(how); }

    /// 200 with the whole text, which is sent from where it was written, as the request's outgoing_body, unless a filter reduces its
    /// events. Once. Errors: what a module throws.
    [[nodiscard]] async::task<modapi::Response> write(const RoutedRequest& request);

private:
    void take(StoredEvent& stored, bool may_be_reduced);
    [[nodiscard]] callbacks::OutgoingEvent outgoing(const EventPlace& place, std::size_t text_begin, std::int64_t now) const;
    [[nodiscard]] std::string assembled(std::string_view events_by_line) const;

    ClientEventWriter& writer_;
    Recipient recipient_;
    ResponseMemories::Lent memory_;
    Reduce reduce_;
};

/// What somebody outside of the room sees of a state event: type, state key, sender, content.
[[nodiscard]] callbacks::JsonDict stripped_event(const callbacks::Event& event);

}  // namespace homeserver
