#pragma once

#include "accounts/shared_turns.h"

#include <modapi/database.h>

#include <async/task.h>

#include <cstdint>
#include <string>

namespace homeserver {

/// Keeps a room's state as it is while modules are asked about it: whoever has a room's turn is the only one who may change it,
/// in whichever process. A turn that was lost, since its process stood still, is found out by the transaction that stores. One
/// a worker; thread: the worker's.
class RoomTurns {
public:
    explicit RoomTurns(SharedTurns& turns) noexcept : turns_(turns) {}

    using Turn = SharedTurns::Turn;

    /// Waits for the turn. Errors: SynapseError 503 `M_UNKNOWN` with `Retry-After: 1` after 10 s.
    [[nodiscard]] async::task<Turn> take(std::string room_id);
    /// Gives it to the next one. A cancelled chain does so too.
    [[nodiscard]] async::task<void> end(Turn turn);

private:
    SharedTurns& turns_;
};

/// What an operation says that found a room too busy: 503 `M_UNKNOWN` with `Retry-After: 1`.
[[noreturn]] void refuse_busy_room();

/// As the row of a room's turn says what it is about.
[[nodiscard]] std::string turn_at_events_of(const std::string& room_id);
/// Whether somebody else has the room's turn. For use inside a transaction. `own_ms`: as of shared_time_ms.
[[nodiscard]] bool room_has_turn_of_another(modapi::Transaction& transaction, const std::string& room_id,
                                            const std::string& holder, std::int64_t own_ms);

}  // namespace homeserver
