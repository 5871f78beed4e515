#pragma once

#include <async/context.h>
#include <async/duration_histogram.h>
#include <async/observation.h>
#include <async/task.h>

#include <atomic>
#include <cstdint>
#include <exception>
#include <type_traits>
#include <utility>

namespace modapi {

/// What a WorkStatistics has counted by a moment.
struct WorkCounts {
    std::uint64_t failed = 0;          ///< of those in `durations`
    async::duration_counts durations;  ///< of all that has ended, however it did

    /// Adds another one's counts.
    void add(const WorkCounts& others) noexcept {
        failed += others.failed;
        durations.add(others.durations);
    }
};

/// How much work of one kind a module had done for it, as by its database, and how long it waited for that. Thread: the worker's.
class WorkStatistics {
public:
    [[nodiscard]] WorkCounts counts() const noexcept {
        return {failed_.load(std::memory_order_relaxed), durations_.counts()};
    }
    /// Does the work and counts it; what it throws has failed, a cancellation too. The statistics outlive the task.
    template <class T>
    [[nodiscard]] static async::task<T> counted(WorkStatistics& self, async::task<T> work) {
        const async::context& here = co_await async::this_context;
        const async::clock::time_point began = here.clock().now();
        std::exception_ptr failure;
        try {
            if constexpr (std::is_void_v<T>) {
                co_await std::move(work);
                self.ended(here.clock().now() - began);
                co_return;
            } else {
                T result = co_await std::move(work);
                self.ended(here.clock().now() - began);
                co_return result;
            }
        } catch (...) {
            failure = std::current_exception();
        }
        async::callback_statistics::add(self.failed_);
        self.ended(here.clock().now() - began);
        std::rethrow_exception(std::move(failure));
    }

private:
    void ended(async::clock::duration took) noexcept { durations_.add(static_cast<std::uint64_t>(took.count())); }

    std::atomic<std::uint64_t> failed_{0};
    async::duration_histogram durations_;
};

}  // namespace modapi
