#pragma once

#include <modapi/hosting/request_trace.h>
#include <modapi/worker_place.h>

#include <async/context.h>
#include <async/operation.h>
#include <async/task.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace modapi {

/// So many calls of modules back into their host may lie within each other. What a module asks its host for runs callbacks, its
/// own too: one that causes itself would go on until the memory ends.
inline constexpr std::uint32_t max_nested_calls = 50;
/// So many events may modules send because of one request, whatever way they hear of it.
inline constexpr std::uint32_t max_events_of_request = 1000;

/// How many events modules may still send because of one request. All workers run on_new_event for an event that is sent: when
/// the first one travels to them, each gets its share of what is left.
///
/// Thread: any.
class EventBudget {
public:
    /// False, and nothing is taken: less is left for that worker.
    [[nodiscard]] bool take(std::uint32_t events, const WorkerPlace& worker);
    /// From now on all workers spend of it, each no more than its share.
    void share_out();

private:
    std::mutex mutex_;
    std::uint32_t left_ = max_events_of_request;
    bool is_shared_out_ = false;
    std::vector<std::uint32_t> spent_;  // by each worker, since then
};

/// What led to something: travels with it where a chain of awaits doesn't, as with an event to on_new_event.
struct Cause {
    std::uint32_t depth = 0;              ///< calls of modules within each other that it is inside of
    std::shared_ptr<EventBudget> budget;  ///< null: nothing was sent because of it yet
    std::shared_ptr<const RequestTrace> request{};  ///< null: none, or none that is known

    /// What led to the chain's work, with a budget to share with what comes of it.
    [[nodiscard]] static Cause of(const async::context& here);
};

/// Work with a cause: a request (none but itself), what a call of a module's runs, on_new_event.
///
///     modapi::CausedWork work(co_await async::this_context, cause);
///     co_await std::move(body).in(work.here());
///
/// Lifetime and thread as of every async::operation.
class CausedWork final : public TracedWork {
public:
    explicit CausedWork(const async::context& outer, Cause cause = Cause()) noexcept
        : TracedWork(outer, cause.request), cause_(std::move(cause)) {}

    [[nodiscard]] std::uint32_t depth() const noexcept { return cause_.depth; }
    /// Its cause, with a budget.
    [[nodiscard]] const Cause& cause() const;

private:
    mutable Cause cause_;  // the budget is made when somebody wants it
};

/// Runs work of a host's that something led to, in a place where it inherits nothing, as in an async::scope.
[[nodiscard]] async::task<void> run_caused(Cause cause, async::task<void> work);

}  // namespace modapi
