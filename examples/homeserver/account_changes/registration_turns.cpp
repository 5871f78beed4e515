#include "account_changes/registration_turns.h"

#include <async/sleep.h>

#include <chrono>

namespace homeserver {

bool RegistrationTurns::begin(const std::string& what) {
    const std::lock_guard lock(mutex_);
    return taken_.insert(what).second;
}

void RegistrationTurns::end(const std::string& what) {
    const std::lock_guard lock(mutex_);
    taken_.erase(what);
}

async::task<RegistrationTurns::Turn> RegistrationTurns::take(std::string what) {
    // Who waits may be on another worker's thread. It happens so rarely that looking again costs less than being woken.
    constexpr std::chrono::milliseconds pause(5);
    while (!begin(what)) co_await async::sleep_for(pause);
    co_return std::make_unique<Held>(*this, std::move(what));
}

}  // namespace homeserver
