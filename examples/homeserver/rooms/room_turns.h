#pragma once

#include "accounts/turns.h"

#include <modapi/database.h>

#include <async/clock.h>
#include <async/task.h>

#include <cstdint>
#include <string>

namespace homeserver {

/// Keeps a room's state as it is while modules are asked about it: whoever has a room's turn is the only one who may change it.
/// Workers of this process queue for it; between processes it is a row in the database, which ends by itself if its process
/// does. One a worker; thread: the worker's.
class RoomTurns {
public:
    RoomTurns(modapi::Database& database, const async::clock& clock, Turns& turns) noexcept
        : database_(database), clock_(clock), turns_(turns) {}

    /// A turn that somebody has: until `end`, or for `lasts` after the last `take` or `renew`.
    class Turn {
    public:
        [[nodiscard]] const std::string& holder() const noexcept { return holder_; }

    private:
        friend class RoomTurns;
        std::string room_id_;
        std::string holder_;
        Turns::Turn in_process_;
    };

    /// Waits for the turn. Errors: SynapseError 503 `M_UNKNOWN` with `Retry-After: 1` after 10 s.
    [[nodiscard]] async::task<Turn> take(std::string room_id);
    /// Lets a turn last longer; one that has ended meanwhile is taken again, if nobody else has it.
    [[nodiscard]] async::task<void> renew(const Turn& turn);
    /// Gives it to the next one. A cancelled chain does so too.
    [[nodiscard]] async::task<void> end(Turn turn);

private:
    [[nodiscard]] async::task<Turn> take_in_time(std::string room_id);

    modapi::Database& database_;
    const async::clock& clock_;
    Turns& turns_;
};

/// What an operation says that found a room too busy: 503 `M_UNKNOWN` with `Retry-After: 1`.
[[noreturn]] void refuse_busy_room();

/// Whether somebody else has the room's turn. For use inside a transaction.
[[nodiscard]] bool has_turn_of_another(modapi::Transaction& transaction, const std::string& room_id, const std::string& holder,
                                       std::int64_t now_ms);

}  // namespace homeserver
