#pragma once

#include "rooms/room_operation.h"
#include "rooms/room_turns.h"

#include <async/task.h>

#include <string>

namespace homeserver {

/// Events that modules judge on a room's state and that are stored on that state. Others may change it in between: then the
/// judgement isn't good any more.
class JudgedWrite {
public:
    JudgedWrite() = default;
    virtual ~JudgedWrite() = default;
    JudgedWrite(const JudgedWrite&) = delete;
    JudgedWrite& operator=(const JudgedWrite&) = delete;

    /// Reads how the room stands, begins the operation anew there, and has everything judged. Errors end the write.
    [[nodiscard]] virtual async::task<void> judge(RoomOperation& operation) = 0;
    /// Stores what was judged, if the state is the one that it was judged on. `holder`: of the room's turn, empty for none.
    [[nodiscard]] virtual async::task<void> store(RoomOperation& operation, std::string holder) = 0;

    [[nodiscard]] bool is_through() const noexcept { return is_through_; }
    [[nodiscard]] bool room_is_taken() const noexcept { return room_is_taken_; }

protected:
    bool is_through_ = false;     ///< nothing is left to do
    bool room_is_taken_ = false;  ///< the last store met somebody who has the room's turn
};

/// Judges and stores: when the state has changed in between, again, after two such tries in the room's turn, where nobody else
/// changes it. Errors: those of `judge` and `store`; SynapseError 503 for a room that is too busy.
[[nodiscard]] async::task<void> judge_and_store(RoomTurns& room_turns, RoomOperation& operation, JudgedWrite& write);

}  // namespace homeserver
