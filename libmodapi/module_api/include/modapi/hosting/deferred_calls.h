#pragma once

#include <modapi/deferred_call.h>
#include <modapi/thread_pool.h>

#include <async/context.h>
#include <async/notification.h>
#include <async/task.h>

#include <cstddef>
#include <memory>
#include <string>

namespace modapi {

/// The threads that modules' blocking calls are made on. Thread: any.
class CallingThreads {
public:
    virtual ~CallingThreads() = default;
    /// Has a call made as soon as this module has a thread free: of this pool of its own; null: of those it has anyway. Errors:
    /// std::system_error, where it can't get its first one; std::logic_error for a pool too many.
    virtual void add(const std::string& module, const ThreadPool* pool, std::shared_ptr<detail::DeferredCall> call) = 0;
    /// False: a thread has begun it.
    virtual bool take_back(const std::string& module, const ThreadPool* pool, const detail::DeferredCall& call) noexcept = 0;
};

/// The blocking calls of a worker's modules. Thread: the worker's.
class DeferredCalls {
public:
    /// Both outlive it.
    DeferredCalls(const async::environment& where, CallingThreads& threads) noexcept : where_(where), threads_(threads) {}

    /// Ends when no thread is in the middle of a call: modules may be destroyed then, if they make no more.
    [[nodiscard]] async::task<void> all_returned();

private:
    friend class detail::DeferredCall;
    friend class detail::DeferredCallWait;

    /// A call is back, or was taken back.
    void returned() noexcept {
        if (--away_ == 0) none_is_away_.notify_all();
    }

    const async::environment& where_;
    CallingThreads& threads_;
    std::size_t away_ = 0;  ///< calls that threads have, or that wait for one
    async::notification none_is_away_;
};

}  // namespace modapi
