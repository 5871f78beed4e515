#pragma once

#include <modapi/database.h>

#include <callbacks/event.h>

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace homeserver {

/// The states of the rooms that were written to lately, so that a message costs a look at the version of its room's state and
/// not all of it.
///
/// A version never comes again for another state of the room, in whichever process it was made; of older ones none is kept.
/// Thread: any. Memory: at most `max_events` events; the rooms that are used least go first, half of all at once.
class RoomStates {
public:
    explicit RoomStates(std::size_t max_events = 20'000) noexcept : half_(max_events / 2) {}

    /// The current state of a room whose head has that version. For a transaction that has read the head and has written
    /// nothing in the room: what it writes may never become true.
    [[nodiscard]] std::shared_ptr<const callbacks::StateMap> get(modapi::Transaction& transaction, const std::string& room_id,
                                                                 std::int64_t state_version);

private:
    struct Known {
        std::int64_t version = 0;
        std::shared_ptr<const callbacks::StateMap> state;
    };
    using Rooms = boost::unordered_flat_map<std::string, Known>;

    [[nodiscard]] std::shared_ptr<const callbacks::StateMap> find(const std::string& room_id, std::int64_t state_version);
    void keep(const std::string& room_id, Known known);

    std::mutex mutex_;
    std::size_t half_;
    std::size_t recent_events_ = 0;
    Rooms recent_;
    Rooms before_;  // what was recent until there was too much of it
};

}  // namespace homeserver
