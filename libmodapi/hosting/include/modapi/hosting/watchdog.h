#pragma once

#include <async/observation.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace modapi {

class Database;

/// Names the callback that blocks a worker's thread: what can't be cut can at least be seen. Looks at each worker's mark from a
/// thread of its own; one warning per blocked run, and one line when it ends.
class Watchdog {
public:
    Watchdog();
    ~Watchdog();
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;

    /// Watches a worker's mark (async::running_callback_mark::identity) until `forget`. Its warnings name the worker; empty:
    /// they don't.
    void watch(const std::atomic<const async::callback_identity*>& on_stack, std::chrono::milliseconds blocked,
               std::string worker = {});
    /// Ends the watching of a mark.
    void forget(const std::atomic<const async::callback_identity*>& on_stack);
    /// What a mark names no more may end after this: nothing is read of it from here on.
    void forget_seen(const std::atomic<const async::callback_identity*>& on_stack);
    /// What is on the stack of a watched worker right now, by the names of module and callback; none: nothing of a module's.
    [[nodiscard]] std::optional<std::pair<std::string, std::string>> on_stack_of(
        const std::atomic<const async::callback_identity*>& on_stack) const;
    /// Names each interaction that is at work for longer than `slow` from now on, and says when it ended: others wait for it.
    /// The database outlives the watchdog.
    void watch(const Database& database, std::chrono::milliseconds slow);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace modapi
