#include <modapi/hosting/decision_recorder.h>

#include <modapi/hosting/request_trace.h>

#include <callbacks/decision.h>
#include <callbacks/dispatchers.h>
#include <callbacks/errors.h>

#include <async/call_limits.h>
#include <async/cancellation.h>

#include <chrono>
#include <utility>

namespace modapi {

namespace {

bool is_deadline(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const async::deadline_exceeded&) {
        return true;
    } catch (...) {
        return false;
    }
}

std::string errcode_of(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const callbacks::SynapseError& error) {
        return error.errcode();
    } catch (...) {
        return {};
    }
}

double in_milliseconds(const std::optional<async::clock::duration>& took) {
    return took ? std::chrono::duration<double, std::milli>(*took).count() : 0;
}

}  // namespace

DecisionRecorder::DecisionRecorder(Decisions& decisions, std::string worker, const async::clock& clock)
    : decisions_(decisions), worker_(std::move(worker)), clock_(clock) {}

void DecisionRecorder::note(const async::observed_run& run, TracedWork* work, DecisionOutcome outcome, std::string_view errcode, std::string_view text,
                            bool fails_the_call) {
    const RequestTrace* const trace = work != nullptr ? work->trace().get() : nullptr;
    // Most are of the callback of the one before them; names are static.
    const std::string_view callback = run.callback.callback;
    if (callback.data() != last_callback_.data() || callback.size() != last_callback_.size()) {
        last_callback_ = callback;
        last_described_ = callbacks::description_of(callback);
    }
    const callbacks::CallbackDescription* const described = last_described_;
    const callbacks::CallSubject subject = callbacks::subject_of(run, described);
    NewDecision decision;
    decision.time_ms = clock_.wall_time_ms();
    decision.worker = worker_;
    if (trace != nullptr) decision.request_id = trace->request_id();
    decision.module = run.callback.module;
    decision.callback = run.callback.callback;
    decision.outcome = outcome;
    decision.errcode = errcode;
    decision.text = text;
    decision.user_id = subject.user_id;
    decision.room_id = subject.room_id;
    decision.event_id = subject.event_id;
    if (trace != nullptr) decision.address = trace->client_address();
    decision.duration_ms = in_milliseconds(run.took);
    std::string id = decisions_.note(decision);
    const bool is_hidden = described != nullptr && described->hides_denial;
    if (fails_the_call && work != nullptr && !is_hidden) work->set_denied_by(std::move(id));
}

void DecisionRecorder::note_answer(const async::observed_run& run, TracedWork* work) {
    using Kind = callbacks::AnsweredDecision::Kind;
    const callbacks::AnsweredDecision answered = callbacks::answered_decision(run);
    if (answered.kind == Kind::let_pass) return;
    const bool is_denial = answered.kind == Kind::denied;
    note(run, work, is_denial ? DecisionOutcome::denied : DecisionOutcome::replaced, answered.errcode, answered.text, is_denial);
}

void DecisionRecorder::note_failure(const async::observed_run& run, TracedWork* work, async::error_level level, const std::exception_ptr& failure) {
    if (run.fails_the_call && level == async::error_level::quiet && callbacks::is_client_error(failure)) {
        note(run, work, DecisionOutcome::denied, errcode_of(failure), callbacks::message_of(failure), true);
        return;
    }
    // What an open breaker doesn't let through is told when it opens, unless somebody gets an error for it.
    if (!run.fails_the_call && async::is_refusal_of_breaker(failure)) return;
    const DecisionOutcome outcome = is_deadline(failure) ? DecisionOutcome::cut : DecisionOutcome::failed;
    note(run, work, outcome, {}, callbacks::text_of_failure(failure, run), run.fails_the_call);
}

void DecisionRecorder::note_ruled_failure(const async::observed_run& run, TracedWork* work, async::failure_outcome outcome,
                                          const std::exception_ptr& failure) {
    const bool denies = run.fails_the_call || outcome == async::failure_outcome::reject;
    if (!denies && async::is_refusal_of_breaker(failure)) return;
    note(run, work, is_deadline(failure) ? DecisionOutcome::cut : DecisionOutcome::failed, {}, callbacks::text_of_failure(failure, run),
         run.fails_the_call);
}

void DecisionRecorder::note_breaker(const async::observed_run& run, TracedWork* work, DecisionOutcome change, std::string_view text) {
    note(run, work, change, {}, text, false);
}

void DecisionRecorder::note_shadow_run(const async::observed_run& run, TracedWork* work, const async::shadow_result& result) {
    if (result.end == async::shadow_end::differed)
        note(run, work, DecisionOutcome::shadow_differs, {}, "would have answered " + result.answer + " where " + result.done + " was done", false);
    if (result.end == async::shadow_end::failed) note(run, work, DecisionOutcome::failed, {}, "in shadow mode: " + callbacks::text_of_failure(result.answer, run), false);
}

}  // namespace modapi
