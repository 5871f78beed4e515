#pragma once

#include <callbacks/client_event.h>

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace homeserver {

/// The events that this worker sent to clients lately, in the form that clients get: each is written once and then copied.
///
/// An event never changes but for its redaction, or that of the state it replaced, after which it has another key here. Thread:
/// one worker. Cost: a lookup; the least recently used half goes at once, so that nothing is moved at a hit. Memory: at most
/// `max_events` of at most 64 KB.
class ClientEventCache {
public:
    explicit ClientEventCache(std::size_t max_events = 10'000) noexcept : half_(max_events / 2) {}

    [[nodiscard]] std::shared_ptr<const callbacks::ClientEvent> get(const callbacks::Event& event);

private:
    using Events = boost::unordered_flat_map<std::string, std::shared_ptr<const callbacks::ClientEvent>>;

    std::size_t half_;
    Events recent_;
    Events before_;  // what was recent until there was too much of it
};

}  // namespace homeserver
