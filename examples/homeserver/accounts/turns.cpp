#include "accounts/turns.h"

#include <async/sleep.h>

#include <chrono>

namespace homeserver {

Turns::Turn Turns::begin(std::string what) {
    const std::lock_guard lock(mutex_);
    if (!taken_.insert(what).second) return nullptr;
    return std::make_unique<Held>(*this, std::move(what));
}

void Turns::end(const std::string& what) {
    const std::lock_guard lock(mutex_);
    taken_.erase(what);
}

async::task<Turns::Turn> Turns::take(std::string what) {
    // Who waits may be on another worker's thread. It happens so rarely that looking again costs less than being woken.
    constexpr std::chrono::milliseconds pause(5);
    Turn turn = begin(what);
    while (!turn) {
        co_await async::sleep_for(pause);
        turn = begin(what);
    }
    co_return turn;
}

}  // namespace homeserver
