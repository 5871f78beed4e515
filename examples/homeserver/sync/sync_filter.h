#pragma once

#include "events/event_filter.h"

#include <callbacks/event.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace homeserver {

/// The filter of a sync.
class SyncFilter {
public:
    SyncFilter() = default;
    /// Errors: SynapseError 400 `M_BAD_JSON` for a member of a wrong type.
    explicit SyncFilter(const callbacks::JsonDict& filter);

    EventFilter timeline;
    EventFilter state;
    EventFilter presence;
    EventFilter account_data;
    EventFilter room_account_data;
    EventFilter ephemeral;
    bool include_leave = false;

    [[nodiscard]] bool wants_room(const std::string& room_id) const;
    /// Whether `event_fields` names anything.
    [[nodiscard]] bool reduces() const noexcept { return !event_fields_.empty(); }
    /// Leaves of an event what `event_fields` names; everything if it names nothing.
    [[nodiscard]] callbacks::JsonDict reduced(callbacks::JsonDict event) const;

private:
    std::optional<std::vector<std::string>> rooms_;
    std::vector<std::string> not_rooms_;
    std::vector<std::vector<std::string>> event_fields_;  // each as its path
};

}  // namespace homeserver
