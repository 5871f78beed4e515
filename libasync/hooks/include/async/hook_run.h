#pragma once

#include <async/callback_frame.h>
#include <async/cancellation.h>
#include <async/context.h>
#include <async/error_rule.h>
#include <async/observation.h>
#include <async/observed_run.h>
#include <async/waiting_runs.h>

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>

namespace async::detail {

/// The hook that a dispatcher runs right now: its context, its deadline, its statistics, its failure.
///
/// A dispatcher calls `begin`, then the hook, then `end`, `fail` or, for a hook that suspends, `suspended` before one of the
/// two; `leave` after the last hook. The hot part is inline; nothing in it allocates. Lifetime: `outer` and `settings` outlive
/// it; it stays where it is, since the hooks' tasks run with its context.
class hook_run : public callback_place, private waiting_run {
public:
    /// `sampled_every`: of this many runs the duration of one is taken; a power of two.
    hook_run(const context& outer, const dispatch_settings* settings, std::uint32_t sampled_every) noexcept
        : callback_place(outer),
          settings_(settings),
          requested_(outer.cancellation != nullptr ? outer.cancellation->requested() : never_requested),
          sampled_mask_(sampled_every - 1) {
        inner_.shielded = true;
        if (settings != nullptr && settings->callback_deadline.count() > 0)
            inner_.end_with(limited_.emplace());  // hears of nothing before a hook suspends, and never of `caller_gone`
    }
    ~hook_run() {
        if (is_listed_) [[unlikely]]
            settings_->waiting->remove(*this);
    }
    hook_run(const hook_run&) = delete;
    hook_run& operator=(const hook_run&) = delete;

    /// Throws if the operation is cancelled: no hook is called then. Once before the first hook; `end` does it for the others.
    void throw_if_operation_cancelled() {
        if (requested_ != cancel_reason::none) [[unlikely]]
            throw_if_it_ends_the_walk();
    }
    void begin(callback_identity& identity) {
        std::atomic<std::uint64_t>& runs = identity.statistics.runs;
        const std::uint64_t run_number = runs.load(std::memory_order_relaxed);
        runs.store(run_number + 1, std::memory_order_relaxed);
        if ((run_number & sampled_mask_) == 0) [[unlikely]]
            begin_timed(identity);
        enter(identity);
    }
    /// The hook has suspended: from here on it can be cut, by its deadline too.
    void suspended();
    /// The hook gave an answer. Throws if the operation was cancelled meanwhile.
    void end() {
        if (timing_ != timing::none) [[unlikely]]
            end_timed();
        throw_if_operation_cancelled();
    }
    /// What there is to say of a hook that failed, beside how.
    struct failed_hook {
        error_level level;
        bool fails_the_call;  ///< by its error rule
        std::span<const typed_value> arguments;
    };
    /// What is left of a failure when it was counted and reported.
    struct settled_failure {
        std::exception_ptr failure;    ///< as it is to everybody outside, for the error rule; null: it was ruled on
        std::shared_ptr<void> answer;  ///< what counts as the hook's answer then; null: it has none
    };
    /// The hook ended with `failure`: counts and reports it. Throws if the operation ends for it: because it is cancelled, or by what
    /// was ruled.
    [[nodiscard]] settled_failure fail(std::exception_ptr failure, const failed_hook& hook);
    /// The answer ended the walk.
    void decided(std::span<const typed_value> arguments, const typed_value& answer) const;

private:
    /// `begin` was given it as one that is counted in.
    [[nodiscard]] callback_statistics& statistics() const noexcept {
        return const_cast<callback_statistics&>(running().statistics);
    }
    [[gnu::cold]] void throw_if_it_ends_the_walk();
    [[gnu::cold]] void begin_timed(const callback_identity& identity);
    void suspended_with_deadline();
    void stop_waiting() noexcept {
        waits_ = false;
        pause();
        if (limited_) stop_waiting_with_deadline();
    }
    void stop_waiting_with_deadline() noexcept;
    void end_timed();
    /// Counts the duration of what is timed, which is over, and gives it.
    clock::duration measure() noexcept;
    /// How long the hook took that has just ended; none: it wasn't timed.
    [[nodiscard]] std::optional<clock::duration> took() const noexcept;

    /// Why the duration of the hook that runs is taken, or that of the hook was that ended last.
    enum class timing : unsigned char {
        none,
        sampled,
        suspended,            ///< of the sample: its times are exact
        suspended_unsampled,  ///< its times are the coarse clock's
        ended
    };
    static constexpr cancel_reason never_requested = cancel_reason::none;

    const dispatch_settings* settings_;
    const cancel_reason& requested_;  // of the operation, at hand
    std::uint32_t sampled_mask_;
    timing timing_ = timing::none;
    bool waits_ = false;      // the hook has suspended, and is looked after
    bool is_listed_ = false;  // from the first of a walk's hooks that suspends on
    bool is_linked_ = false;  // `limited_` ends with the operation: likewise, until it was asked to end
    clock::time_point began_{};
    clock::time_point ended_{};  // of a timed hook
    std::optional<cancellation_source> limited_;  // with a deadline: what ends `inner_`
    std::unique_ptr<timer> expiry_;               // of a hook that waits, where nobody looks after those
};

}  // namespace async::detail
