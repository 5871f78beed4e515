#include "rooms/room_turns.h"

#include "text/secrets.h"

#include <callbacks/errors.h>

#include <async/child_context.h>
#include <async/sleep.h>

#include <chrono>
#include <utility>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonDict;
using callbacks::SynapseError;
using modapi::Transaction;

constexpr std::chrono::seconds max_wait{10};
constexpr std::chrono::milliseconds looks_again_after{50};
constexpr std::int64_t lasts_ms = 15'000;

/// False: another process has it. In the stream's turn, as all who store events: they see the row, or are through before it is
/// there.
bool take_row(Transaction& transaction, const std::string& room_id, const std::string& holder, std::int64_t now_ms) {
    if (has_turn_of_another(transaction, room_id, holder, now_ms)) return false;
    transaction.execute(
        "INSERT INTO room_turns (room_id, holder, ends_ms) VALUES (?, ?, ?) "
        "ON CONFLICT (room_id) DO UPDATE SET holder = excluded.holder, ends_ms = excluded.ends_ms",
        room_id, holder, now_ms + lasts_ms);
    return true;
}

void end_row(Transaction& transaction, const std::string& room_id, const std::string& holder) {
    transaction.execute("DELETE FROM room_turns WHERE room_id = ? AND holder = ?", room_id, holder);
}

}  // namespace

void refuse_busy_room() {
    SynapseError::Headers headers;
    headers.emplace_back("Retry-After", "1");
    throw SynapseError(503, "The room is too busy to take this event; try again",
                       std::string(callbacks::errcode_of(Codes::UNKNOWN)), JsonDict(), std::move(headers));
}

bool has_turn_of_another(Transaction& transaction, const std::string& room_id, const std::string& holder, std::int64_t now_ms) {
    return transaction
        .query_one<std::int64_t>("SELECT 1 FROM room_turns WHERE room_id = ? AND holder <> ? AND ends_ms > ?", room_id, holder,
                                 now_ms)
        .has_value();
}

async::task<RoomTurns::Turn> RoomTurns::take_in_time(std::string room_id) {
    Turn turn;
    turn.in_process_ = co_await turns_.take("events of " + room_id);
    turn.room_id_ = std::move(room_id);
    turn.holder_ = new_media_id();
    for (;;) {
        const std::int64_t now_ms = clock_.wall_time_ms();
        const bool is_taken = co_await database_.run_in_turn("take_room_turn", &take_row, turn.room_id_, turn.holder_, now_ms);
        if (is_taken) co_return turn;
        co_await async::sleep_for(looks_again_after);
    }
}

async::task<RoomTurns::Turn> RoomTurns::take(std::string room_id) {
    try {
        co_return co_await async::with_deadline(max_wait, take_in_time(std::move(room_id)));
    } catch (const async::deadline_exceeded&) {
    }
    const async::context& here = co_await async::this_context;
    here.throw_if_cancelled();  // it was another one's deadline
    refuse_busy_room();
}

async::task<void> RoomTurns::renew(const Turn& turn) {
    const std::int64_t now_ms = clock_.wall_time_ms();
    static_cast<void>(co_await database_.run_in_turn("renew_room_turn", &take_row, turn.room_id_, turn.holder_, now_ms));
}

async::task<void> RoomTurns::end(Turn turn) {
    const async::context& outer = co_await async::this_context;
    async::child_context inner(outer, async::child_context::for_clean_up());
    const Turn ended = std::move(turn);
    async::task<void> ending = database_.run_in_turn("end_room_turn", &end_row, ended.room_id_, ended.holder_);
    co_await std::move(ending).in(inner.here());
}

}  // namespace homeserver
