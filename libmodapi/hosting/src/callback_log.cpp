#include "callback_log.h"

#include <modapi/hosting/log.h>
#include <modapi/hosting/request_trace.h>

#include <callbacks/dispatchers.h>
#include <callbacks/errors.h>
#include <callbacks/verdict.h>

#include <async/call_limits.h>

#include <spdlog/spdlog.h>

#include <string>

namespace modapi {

namespace {

spdlog::level::level_enum level_of_decision(const async::callback_identity& callback) {
    return callbacks::is_routine(callback.callback) ? spdlog::level::debug : spdlog::level::info;
}

/// What stands at the end of a line about a run: the request it is because of.
std::string for_request(const TracedWork* work) { return work != nullptr ? request_in_log(work->trace().get()) : std::string(); }

std::string_view done_instead(async::failure_outcome outcome) noexcept {
    switch (outcome) {
        case async::failure_outcome::accept:
            return "went on without its answer (on_failure: accept)";
        case async::failure_outcome::reject:
            return "denied instead (on_failure: reject)";
        case async::failure_outcome::tempfail:
            return "put off instead (on_failure: tempfail)";
        case async::failure_outcome::contract:
            break;
    }
    return "its error rule decides";
}

}  // namespace

void CallbackLog::on_error(const async::observed_run& run, async::error_level level, const std::exception_ptr& failure) noexcept {
    TracedWork* const work = DecisionRecorder::work_of(run);
    const async::callback_identity& callback = run.callback;
    failed_ = &callback;
    last_failure_ = failure;
    try {
        if (decisions_) decisions_->note_failure(run, work, level, failure);
        const std::string message = callbacks::message_of(failure);
        // A SynapseError that leaves the dispatcher is an intended answer. Clients cause it: as an error it would be theirs to
        // fill the log with.
        if (level == async::error_level::quiet && callbacks::is_synapse_error(failure)) {
            framework_log().log(level_of_decision(callback), "module {} decided {}: {}{}", callback.module, callback.callback,
                                message, for_request(work));
            return;
        }
        // Anything else that leaves it is the host's to answer; but only here the module is known.
        const spdlog::level::level_enum told = level == async::error_level::warning ? spdlog::level::warn : spdlog::level::err;
        framework_log().log(async::is_refusal_of_breaker(failure) ? spdlog::level::debug : told,
                            "module {}: {} failed: {}{}", callback.module, callback.callback, message, for_request(work));
    } catch (...) {  // NOLINT: without memory there is no log line either
    }
}

void CallbackLog::on_slow(const async::callback_identity& callback, async::clock::duration took) noexcept {
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
    framework_log().warn("module {}: {} took {} ms", callback.module, callback.callback, milliseconds);
}

void CallbackLog::on_waiting(const async::callback_identity& callback, async::clock::duration so_far,
                             std::size_t runs) noexcept {
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(so_far).count();
    if (runs == 1) {
        framework_log().warn("module {}: {} has been waiting for {} ms now", callback.module, callback.callback, milliseconds);
    } else {
        framework_log().warn("module {}: {} has been waiting for {} ms now, the longest of {} runs that take long",
                             callback.module, callback.callback, milliseconds, runs);
    }
}

void CallbackLog::on_ruled_failure(const async::observed_run& run, async::failure_outcome outcome,
                                   const std::exception_ptr& failure, const std::exception_ptr& leaves) noexcept {
    TracedWork* const work = DecisionRecorder::work_of(run);
    const async::callback_identity& callback = run.callback;
    if (leaves) {
        failed_ = &callback;
        last_failure_ = leaves;
    }
    try {
        if (decisions_) decisions_->note_ruled_failure(run, work, outcome, failure);
        framework_log().log(async::is_refusal_of_breaker(failure) ? spdlog::level::debug : spdlog::level::warn,
                            "module {}: {} failed: {}; {}{}", callback.module, callback.callback, callbacks::message_of(failure),
                            done_instead(outcome), for_request(work));
    } catch (...) {  // NOLINT: without memory there is no log line either
    }
}

void CallbackLog::on_breaker_opened(const async::observed_run& run, async::clock::duration open) noexcept {
    TracedWork* const work = DecisionRecorder::work_of(run);
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(open).count();
    try {
        if (decisions_) {
            decisions_->note_breaker(run, work, DecisionOutcome::breaker_opened,
                                     "failed too often: not asked for " + std::to_string(milliseconds) + " ms");
        }
        framework_log().warn("module {}: {} failed too often: its breaker is open for {} ms{}", run.callback.module, run.callback.callback,
                             milliseconds, for_request(work));
    } catch (...) {  // NOLINT: without memory there is no log line either
    }
}

void CallbackLog::on_breaker_closed(const async::observed_run& run) noexcept {
    TracedWork* const work = DecisionRecorder::work_of(run);
    try {
        if (decisions_) decisions_->note_breaker(run, work, DecisionOutcome::breaker_closed, "is well again");
        framework_log().warn("module {}: {} is well again: its breaker is closed{}", run.callback.module, run.callback.callback,
                             for_request(work));
    } catch (...) {  // NOLINT: without memory there is no log line either
    }
}

void CallbackLog::on_shadow_run(const async::observed_run& run, const async::shadow_result& result) noexcept {
    TracedWork* const work = DecisionRecorder::work_of(run);
    const async::callback_identity& callback = run.callback;
    try {
        if (decisions_) decisions_->note_shadow_run(run, work, result);
    } catch (...) {  // NOLINT: without memory there is no log line either
    }
    switch (result.end) {
        case async::shadow_end::differed:
            framework_log().info("module {}: {} (shadow) would have answered {} where {} was done{}", callback.module,
                                 callback.callback, result.answer, result.done, for_request(work));
            break;
        case async::shadow_end::failed:
            framework_log().warn("module {}: {} (shadow) failed: {}{}", callback.module, callback.callback, result.answer,
                                 for_request(work));
            break;
        case async::shadow_end::skipped:
            framework_log().debug("module {}: {} (shadow) was skipped", callback.module, callback.callback);
            break;
        case async::shadow_end::agreed:
        case async::shadow_end::not_compared:
        case async::shadow_end::kept_back:  // which was told when it happened
            break;
    }
}

void CallbackLog::on_kept_back(const async::callback_identity& callback, std::string_view what) noexcept {
    framework_log().info("module {}: {} (shadow) was kept from {}", callback.module, callback.callback, what);
}

void CallbackLog::on_decision(const async::observed_run& run) noexcept {
    TracedWork* const work = DecisionRecorder::work_of(run);
    try {
        if (decisions_) decisions_->note_answer(run, work);
        framework_log().log(level_of_decision(run.callback), "module {} decided {}{}", run.callback.module, run.callback.callback,
                            for_request(work));
        const auto* const verdict = run.answer.as<callbacks::Verdict>();
        if (verdict != nullptr && verdict->fields_were_ignored()) {
            framework_log().warn("module {}: {} answered with fields that its error can't have, which are ignored: errcode and error, "
                                 "or any where it takes none{}",
                                 run.callback.module, run.callback.callback, for_request(work));
        }
    } catch (...) {  // NOLINT: without memory there is no log line either
    }
}

}  // namespace modapi
