#include "rooms/room_turns.h"

#include "accounts/turn_rows.h"

#include <callbacks/errors.h>

#include <async/sleep.h>

#include <chrono>
#include <utility>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonDict;
using callbacks::SynapseError;

constexpr std::chrono::seconds max_wait{10};

}  // namespace

void refuse_busy_room() {
    SynapseError::Headers headers;
    headers.emplace_back("Retry-After", "1");
    throw SynapseError(503, "The room is too busy to take this event; try again",
                       std::string(callbacks::errcode_of(Codes::UNKNOWN)), JsonDict(), std::move(headers));
}

std::string turn_at_events_of(const std::string& room_id) { return "events of " + room_id; }

bool room_has_turn_of_another(modapi::Transaction& transaction, const std::string& room_id, const std::string& holder,
                              std::int64_t own_ms) {
    return has_turn_of_another(transaction, turn_at_events_of(room_id), holder, own_ms);
}

async::task<RoomTurns::Turn> RoomTurns::take(std::string room_id) {
    try {
        async::task<Turn> taking = turns_.take(turn_at_events_of(room_id), SharedTurns::Reach::writers);
        co_return co_await async::with_deadline(max_wait, std::move(taking));
    } catch (const async::deadline_exceeded&) {
    }
    const async::context& here = co_await async::this_context;
    here.throw_if_cancelled();  // it was another one's deadline
    refuse_busy_room();
}

async::task<void> RoomTurns::end(Turn turn) { return turns_.end(std::move(turn)); }

}  // namespace homeserver
