#pragma once

#include <modapi/hosting/decision_store.h>
#include <modapi/hosting/decisions.h>

#include <async/context.h>
#include <async/scope.h>
#include <async/task.h>

#include <cstdint>
#include <memory>
#include <optional>

namespace modapi {

/// Decisions in memory and, where somebody wants them kept, in a store that they are written to in batches, off the way of those who
/// decide.
///
/// Thread: find() on any worker, the rest on that which `where` is of. Lifetime: `decisions` outlives it; stop() was awaited before it is
/// destroyed.
class DecisionKeeper {
public:
    DecisionKeeper(Decisions& decisions, std::shared_ptr<DecisionStore> store, std::int64_t keep_ms, const async::environment& where);
    DecisionKeeper(const DecisionKeeper&) = delete;
    DecisionKeeper& operator=(const DecisionKeeper&) = delete;

    /// Writes from now on what is decided, a few times a second, and forgets what is too old.
    ///
    /// A store that fails is a line of the log when it begins and one when it is over; what has left the memory meanwhile is counted as
    /// lost, and told then.
    void start();
    /// Writes what is left, once; what couldn't be written is counted in the log.
    [[nodiscard]] async::task<void> stop();
    /// The newest `limit` of all that pass, from memory and store, from the newest on: a decision is found from the moment it is noted.
    /// While the store can't be read, those in memory.
    [[nodiscard]] async::task<DecisionPage> find(DecisionFilter filter, std::optional<DecisionPlace> from, std::size_t limit);

private:
    static async::task<void> keep(DecisionKeeper& self);
    /// False: the store failed.
    static async::task<bool> write_all(DecisionKeeper& self);
    static async::task<void> forget_old(DecisionKeeper& self);
    void tell_of_failure(const std::exception_ptr& failure);
    void tell_of_recovery();

    Decisions& decisions_;
    std::shared_ptr<DecisionStore> store_;
    std::int64_t keep_ms_;
    const async::environment& where_;
    async::scope writing_;
    bool has_failed_ = false;
    std::uint64_t lost_and_told_ = 0;
};

/// A part of the list that two lists have together, which may have some in common: the newest `limit`.
[[nodiscard]] DecisionPage merged(DecisionPage one, DecisionPage other, std::size_t limit);

}  // namespace modapi
