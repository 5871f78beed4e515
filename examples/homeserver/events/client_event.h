#pragma once

#include "events/client_event_cache.h"
#include "events/room_store.h"

#include <callbacks/client_event.h>
#include <callbacks/unsigned.h>
#include <callbacks/users.h>

#include <modapi/web_resource.h>

#include <async/clock.h>
#include <async/task.h>

#include <functional>
#include <memory>
#include <optional>
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
    ClientEventCache& cache;
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
///     co_return co_await response.write();
class EventResponse {
public:
    /// What is left of an event that a filter reduces.
    using Reduce = std::function<callbacks::JsonDict(callbacks::JsonDict)>;

    EventResponse(ClientEventWriter& writer, Recipient recipient) : writer_(writer), recipient_(std::move(recipient)) {}

    /// Where the JSON text goes that is next to be sent.
    [[nodiscard]] callbacks::JsonBuffer& text() noexcept { return text_; }
    /// An event at this place.
    void event(const StoredEvent& stored, bool may_be_reduced = false);
    /// An array of events.
    void events(const std::vector<StoredEvent>& stored, bool may_be_reduced = false);
    /// Reduces the events of which that was said.
    void reduce(Reduce how) { reduce_ = std::move(how); }

    /// 200 with the whole text. Once. Errors: what a module throws.
    [[nodiscard]] async::task<modapi::Response> write();

private:
    struct Part {
        std::shared_ptr<const callbacks::ClientEvent> event;
        std::optional<std::string> transaction_id;
        std::size_t text_end;  ///< of the text in front of it
        bool may_be_reduced;
    };

    [[nodiscard]] std::vector<callbacks::OutgoingEvent> outgoing() const;
    [[nodiscard]] std::string assembled(std::string_view events_by_line) const;

    ClientEventWriter& writer_;
    Recipient recipient_;
    callbacks::JsonBuffer text_;
    std::vector<Part> parts_;
    Reduce reduce_;
};

/// What somebody outside of the room sees of a state event: type, state key, sender, content.
[[nodiscard]] callbacks::JsonDict stripped_event(const callbacks::Event& event);

}  // namespace homeserver
