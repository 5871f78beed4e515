#pragma once

#include "events/kept_events.h"

#include <callbacks/client_event.h>
#include <callbacks/json_buffer.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace homeserver {

/// An event's place in a response.
struct EventPlace {
    std::shared_ptr<const KeptEvent> event;
    std::optional<std::string> transaction_id;
    std::size_t text_end = 0;  ///< of the text in front of it
    bool may_be_reduced = false;
};

/// What a response with events is put together in. Kept from one response to the next, it makes that one allocate next to
/// nothing.
struct ResponseMemory {
    callbacks::JsonBuffer text;  ///< beside the events
    std::vector<EventPlace> places;
    std::vector<callbacks::OutgoingEvent> outgoing;
    callbacks::ClientEvents writer;
};

/// The memory of a worker's responses.
///
/// Thread: that worker's. Cost: taking one that is there moves a pointer. Memory: at most `max_kept` of responses with at most
/// `max_events` and `max_text` bytes, of which each that waited for its modules has left about 6 KB, beside those that responses
/// have at the moment.
class ResponseMemories {
public:
    static constexpr std::size_t max_kept = 16;
    static constexpr std::size_t max_events = 128;
    static constexpr std::size_t max_text = 256UL * 1024;

    class GiveBack {
    public:
        explicit GiveBack(std::shared_ptr<std::vector<std::unique_ptr<ResponseMemory>>> spare) noexcept
            : spare_(std::move(spare)) {}
        void operator()(ResponseMemory* memory) const noexcept;
        /// What was written in it, of events. Without this it is destroyed: who knows what a response that failed has left there.
        void written(std::size_t events, std::size_t bytes) noexcept { is_kept_ = events <= max_events && bytes <= max_text; }

    private:
        std::shared_ptr<std::vector<std::unique_ptr<ResponseMemory>>> spare_;
        bool is_kept_ = false;
    };
    /// Lifetime: may outlive the memories.
    using Lent = std::unique_ptr<ResponseMemory, GiveBack>;

    [[nodiscard]] Lent lend();

private:
    std::shared_ptr<std::vector<std::unique_ptr<ResponseMemory>>> spare_ =
        std::make_shared<std::vector<std::unique_ptr<ResponseMemory>>>();
};

}  // namespace homeserver
