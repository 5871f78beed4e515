#include "nested_call.h"

#include <modapi/hosting/shadow_runs.h>

#include <algorithm>

namespace modapi {

Cause ModuleCall::cause_in(const async::context& outer) const {
    if (changes) refuse_in_shadow(outer, method);
    const CausedWork* const around = async::innermost<CausedWork>(outer);
    Cause cause;  // of a module's own, if there is nothing around it
    if (around != nullptr) cause = around->cause();
    if (cause.depth >= max_nested_calls) {
        throw std::runtime_error(method + ": " + std::to_string(max_nested_calls) +
                                 " calls lie within each other: a callback causes itself by what it does");
    }
    // One that is caused by another counts as an event even if it sends none: two in each callback would never end either.
    const std::uint32_t counted = std::max<std::uint32_t>(events, cause.depth > 0 ? 1 : 0);
    if (cause.budget != nullptr && counted > 0 && !cause.budget->take(counted, worker)) {
        throw std::runtime_error(method + ": modules may send " + std::to_string(max_events_of_request) +
                                 " events because of one request, and did: a callback causes itself by what it does");
    }
    ++cause.depth;
    return cause;
}

}  // namespace modapi
