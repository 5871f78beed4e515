#pragma once

#include <modapi/hosting/cause.h>

#include <async/context.h>
#include <async/operation.h>
#include <async/task.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace modapi {

/// A module's call that callbacks run for.
struct ModuleCall {
    ModuleCall(std::string called, WorkerPlace place, std::uint32_t sends = 0)
        : method(std::move(called)), worker(place), events(sends) {}

    std::string method;
    WorkerPlace worker;
    std::uint32_t events;  ///< how many it sends, about
    bool changes = true;   ///< something that isn't the module's own

    /// One that changes nothing.
    [[nodiscard]] static ModuleCall that_reads(std::string called, WorkerPlace place) {
        ModuleCall call(std::move(called), place);
        call.changes = false;
        return call;
    }
    /// The cause of what it runs in this chain. Errors: std::runtime_error for a call too many within others, and for one that
    /// sends what the request's budget has no more; ShadowedChange for one that changes something.
    [[nodiscard]] Cause cause_in(const async::context& outer) const;
};

/// Runs what a module's call asks for.
template <class T>
[[nodiscard]] async::task<T> nested_call(ModuleCall made, async::task<T> call) {
    const async::context& outer = co_await async::this_context;
    const CausedWork inner(outer, made.cause_in(outer));
    co_return co_await std::move(call).in(inner.here());
}

}  // namespace modapi
