#include "rooms/judged_write.h"

#include <exception>
#include <utility>

namespace homeserver {

namespace {

constexpr int tries_without_turn = 2;
constexpr int tries_in_turn = 3;  // more than one only if the turn was lost

async::task<void> judge_and_store_once(RoomOperation& operation, JudgedWrite& write, std::string holder) {
    co_await write.judge(operation);
    if (!write.is_through()) co_await write.store(operation, std::move(holder));
}

async::task<void> go_on_in_turn(RoomOperation& operation, JudgedWrite& write, std::string holder) {
    // What was judged before the turn may be good still.
    if (write.room_is_taken()) co_await write.store(operation, holder);
    for (int tried = 0; tried < tries_in_turn && !write.is_through(); ++tried) {
        co_await judge_and_store_once(operation, write, holder);
    }
    if (!write.is_through()) refuse_busy_room();
}

}  // namespace

async::task<void> judge_and_store(RoomTurns& room_turns, RoomOperation& operation, JudgedWrite& write) {
    const async::context& here = co_await async::this_context;
    // A part of what has the turn already would wait for itself.
    const std::string shared_holder = RoomOperation::holder_around(here, operation.room_id());
    const bool shares_turn = !shared_holder.empty();
    operation.act_as(shared_holder);
    const int tries = shares_turn ? tries_without_turn + tries_in_turn : tries_without_turn;
    for (int tried = 0; tried < tries && !write.room_is_taken(); ++tried) {
        co_await judge_and_store_once(operation, write, shared_holder);
        if (write.is_through()) co_return;
    }
    if (shares_turn) refuse_busy_room();
    RoomTurns::Turn turn = co_await room_turns.take(operation.room_id());
    operation.act_as(turn->holder());
    std::exception_ptr failure;
    try {
        co_await go_on_in_turn(operation, write, turn->holder());
    } catch (...) {
        failure = std::current_exception();
    }
    co_await room_turns.end(std::move(turn));
    if (failure) std::rethrow_exception(failure);
}

}  // namespace homeserver
