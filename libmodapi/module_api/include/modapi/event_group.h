#pragma once

#include <callbacks/json.h>

#include <string>
#include <utility>
#include <vector>

namespace modapi {

/// Events of one room that belong together: ModuleApi::send_events sends all of them or none.
///
///     modapi::EventGroup group(room_id);
///     group.add(std::move(power_levels));
///     group.add(std::move(farewell));
///     const std::vector<callbacks::Event> sent = co_await api.send_events(std::move(group));
///
/// The contract has no such class.
class EventGroup {
public:
    explicit EventGroup(std::string room_id) : room_id_(std::move(room_id)) {}

    /// Adds an event as ModuleApi::create_and_send_event_into_room takes it; `room_id` may be left out. It is looked at when the
    /// group is sent.
    void add(callbacks::JsonDict event_dict) { events_.push_back(std::move(event_dict)); }

    [[nodiscard]] const std::string& room_id() const noexcept { return room_id_; }
    /// In the order in which they were added.
    [[nodiscard]] const std::vector<callbacks::JsonDict>& events() const noexcept { return events_; }

private:
    std::string room_id_;
    std::vector<callbacks::JsonDict> events_;
};

}  // namespace modapi
