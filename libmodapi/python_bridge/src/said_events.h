#pragma once

#include "python_values.h"

#include <callbacks/event.h>

#include <async/task.h>

#include <string>
#include <string_view>
#include <vector>

namespace modapi {

/// Events that a process is told, which may be very many: those of a large room's state.
struct SaidEvents {
    std::vector<callbacks::Event> events{};
    EventDetails details{};
    /// Around each of them: `$event`. Empty: nothing.
    std::string_view tag_of_each{};
    /// Around the list: `$state_events`. Empty: nothing. Both static.
    std::string_view tag{};
};

/// All events of a state, as `$event` holds them.
[[nodiscard]] SaidEvents events_of(const callbacks::StateMap& state);

/// Writes them as JSON. What else the executor has to do gets its turn meanwhile, about every millisecond. Errors:
/// std::length_error, as soon as they are longer than a frame. Cancel: throws.
[[nodiscard]] async::task<std::string> written_in_slices(SaidEvents said);

}  // namespace modapi
