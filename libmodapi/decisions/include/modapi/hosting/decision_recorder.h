#pragma once

#include <modapi/hosting/decisions.h>
#include <modapi/hosting/request_trace.h>

#include <async/clock.h>
#include <async/error_rule.h>
#include <async/observation.h>
#include <async/observed_run.h>

#include <exception>
#include <string>
#include <string_view>

namespace callbacks {
struct CallbackDescription;
}

namespace modapi {

/// Notes what the callbacks of a worker's modules decide, fail at and would have decided, with the request it was about.
///
/// `work` is what a run's chain works for (work_of), null: nothing that is known.
///
/// Thread: the worker's. Lifetime: `decisions` and `clock` outlive it.
class DecisionRecorder {
public:
    DecisionRecorder(Decisions& decisions, std::string worker, const async::clock& clock);

    /// Notes an answer that ended the walk, if it denied or replaced something. The chain that asked is denied by it then.
    void note_answer(const async::observed_run& run, TracedWork* work);
    /// Notes an exception: an answer, where it leaves the dispatcher as it is for the client (`quiet`), or a failure.
    void note_failure(const async::observed_run& run, TracedWork* work, async::error_level level, const std::exception_ptr& failure);
    /// Notes one that became what somebody ruled.
    void note_ruled_failure(const async::observed_run& run, TracedWork* work, async::failure_outcome outcome, const std::exception_ptr& failure);
    /// Notes that a breaker opened or closed.
    void note_breaker(const async::observed_run& run, TracedWork* work, DecisionOutcome change, std::string_view text);
    /// Notes what a run in shadow mode would have answered.
    void note_shadow_run(const async::observed_run& run, TracedWork* work, const async::shadow_result& result);

    /// The innermost of what the run's chain works for; null: nothing is known of a request.
    [[nodiscard]] static TracedWork* work_of(const async::observed_run& run) noexcept {
        return run.here != nullptr ? async::innermost<TracedWork>(*run.here) : nullptr;
    }

private:
    /// `fails_the_call`: the client of the request gets an error for it.
    void note(const async::observed_run& run, TracedWork* work, DecisionOutcome outcome, std::string_view errcode, std::string_view text,
              bool fails_the_call);

    Decisions& decisions_;
    std::string worker_;
    const async::clock& clock_;
    std::string_view last_callback_;
    const callbacks::CallbackDescription* last_described_ = nullptr;
};

}  // namespace modapi
