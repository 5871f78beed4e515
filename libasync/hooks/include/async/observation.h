#pragma once

#include <async/clock.h>
#include <async/duration_histogram.h>
#include <async/error_rule.h>
#include <async/observed_run.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace async {

class scope;
class waiting_runs;

/// What one registered callback did so far. Written by its worker's thread only; a reader on another thread may see values
/// that are a little old, never torn ones.
struct callback_statistics {
    std::atomic<std::uint64_t> runs{0};
    std::atomic<std::uint64_t> errors{0};      ///< runs that ended with an exception
    std::atomic<std::uint64_t> cut{0};         ///< of those: their time was over
    std::atomic<std::uint64_t> kept_out{0};    ///< likewise: an open breaker let them not through
    std::atomic<std::uint64_t> decisions{0};   ///< answers that ended the walk: a denial, a replacement, a value
    std::atomic<std::uint64_t> longest_ns{0};  ///< of the runs whose duration was taken: every 64th, and each one that suspended
    /// Of every run that suspended, however it ended. Those of the sample are exact; the others are taken by the coarse clock,
    /// so that each may be off by its resolution (4 ms on most machines), either way: sums and averages are right, a bucket
    /// below that isn't.
    duration_histogram waited;
    duration_histogram at_once;                ///< of the others whose duration was taken: a sample

    /// The duration of a run was taken, one that suspended or one of the sample.
    void measure(std::uint64_t nanoseconds, bool has_suspended) noexcept {
        if (nanoseconds > longest_ns.load(std::memory_order_relaxed)) longest_ns.store(nanoseconds, std::memory_order_relaxed);
        duration_histogram& histogram = has_suspended ? waited : at_once;
        histogram.add(nanoseconds);
    }
    /// Adds to a counter that one thread writes and any may read. Cost: no locked instruction.
    static void add(std::atomic<std::uint64_t>& counter, std::uint64_t amount = 1) noexcept {
        counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
    }
};

/// How a registration stands among those of its callback.
struct registration {
    int order = 0;                  ///< before those with a greater one, after those with the same
    bool has_own_deadline = false;  ///< it sees to its deadline itself: `dispatch_settings::callback_deadline` isn't for it
    /// Whether its runs are in shadow mode at the moment (async/limiter.h); null: they never are.
    std::shared_ptr<const bool> is_shadowed = nullptr;
    std::uint64_t registrant = 0;  ///< which instance of a plug-in it is of, by a number of the host's

    [[nodiscard]] bool is_in_shadow() const noexcept { return is_shadowed != nullptr && *is_shadowed; }
};

/// One registration: which module put which callback there, and what it did. On the heap it has cache lines of its own: what
/// one worker counts would slow another one down that counts beside it.
struct callback_identity {
    static void* operator new(std::size_t size) {
        const std::size_t whole_lines = (size + counted_alone - 1) / counted_alone * counted_alone;
        return ::operator new(whole_lines, std::align_val_t(counted_alone));
    }
    static void operator delete(void* memory) noexcept { ::operator delete(memory, std::align_val_t(counted_alone)); }

    std::string module;
    std::string_view callback;
    callback_statistics statistics;
    registration how;

    callback_identity(std::string registered_by, std::string_view name, const registration& stands = {})
        : module(std::move(registered_by)), callback(name), how(stands) {}

private:
    static constexpr std::size_t counted_alone = 128;  // two lines: processors fetch them in pairs
};

/// How a call ended that a registration in shadow mode was to be asked in.
enum class shadow_end : unsigned char {
    agreed,        ///< what was done would be the same with its answer
    differed,      ///< it wouldn't
    not_compared,  ///< it has answered, and nothing was done: the call was cancelled
    failed,        ///< an exception, an expired deadline
    kept_back,     ///< it wanted to change something, which it may not, and ended with an exception then
    skipped,       ///< it wasn't asked: no place was free, its breaker is open, or what it was to be asked can't be copied
};

/// What came of a call in shadow mode. The texts are for people, and name no passwords or tokens.
struct shadow_result {
    shadow_end end;
    std::string answer;  ///< what it would have answered; of `failed` and `kept_back` what went wrong; else empty
    std::string done;    ///< what was done, of `agreed` and `differed`; else empty
};

/// Hears what callbacks do that somebody should know. Called on the worker's thread; must not throw.
class dispatch_observer {
public:
    virtual ~dispatch_observer() = default;
    /// An exception was swallowed (`warning`, `error`) or is about to leave the dispatcher (`quiet`).
    virtual void on_error(const observed_run& run, error_level level, const std::exception_ptr& failure) noexcept = 0;
    /// A run took longer than `dispatch_settings::slow`.
    virtual void on_slow(const callback_identity& callback, clock::duration took) noexcept = 0;
    /// Runs of this callback wait for longer than `dispatch_settings::slow` now, the longest one for `so_far`; told each such
    /// period again, where `dispatch_settings::waiting` looks after them.
    virtual void on_waiting(const callback_identity& /*callback*/, clock::duration /*so_far*/, std::size_t /*runs*/) noexcept {}
    /// A failure became what somebody ruled for this registration; never `contract`. `leaves` is what leaves the dispatcher in
    /// its place; null: nothing does. Of `reject` a decision may follow, with the denial that takes its place.
    virtual void on_ruled_failure(const observed_run& /*run*/, failure_outcome /*outcome*/, const std::exception_ptr& /*failure*/,
                                  const std::exception_ptr& /*leaves*/) noexcept {}
    /// After a failure of this run the breaker of its callback lets no run through for `open`.
    virtual void on_breaker_opened(const observed_run& /*run*/, clock::duration /*open*/) noexcept {}
    /// This run was well: the breaker of its callback lets all through again.
    virtual void on_breaker_closed(const observed_run& /*run*/) noexcept {}
    /// A call ended that this callback was asked in, or should have been, in shadow mode. What `run.callback` counts is of those
    /// alone.
    virtual void on_shadow_run(const observed_run& /*run*/, const shadow_result& /*result*/) noexcept {}
    /// This callback wanted to change something in shadow mode, and was kept from it: `what` is what it asked for.
    virtual void on_kept_back(const callback_identity& /*callback*/, std::string_view /*what*/) noexcept {}
    /// This run's answer ended the walk: its module denied or changed the operation.
    virtual void on_decision(const observed_run& run) noexcept = 0;
};

/// Decides what an exception that ended a callback is to everybody outside of the plug-in that registered it. Asked on the
/// worker's thread, and only where there is one. A cancellation that ends the operation passes unasked.
class failure_border {
public:
    virtual ~failure_border() = default;
    /// What the observer hears of, the error rule gets and, where that lets it pass, leaves the dispatcher: `failure` itself or
    /// another one in its place.
    [[nodiscard]] virtual std::exception_ptr outside(const callback_identity& callback,
                                                     std::exception_ptr failure) noexcept = 0;
};

/// Shared by all dispatchers of a worker; set before the first registration, outlives them.
struct dispatch_settings {
    dispatch_observer* observer = nullptr;
    clock::duration slow = std::chrono::seconds(1);          ///< longer runs are reported
    clock::duration callback_deadline = clock::duration(0);  ///< longer runs are cut, 0: never
    failure_border* border = nullptr;                        ///< null: failures leave as they are
    /// Looks after runs that have suspended: names the late ones, and cuts those over the deadline within a second. Null: nobody
    /// names them, and a run with a deadline has a timer of its own.
    waiting_runs* waiting = nullptr;
    /// Where runs in shadow mode go on, which nobody waits for. Null: none begin, all are skipped.
    scope* shadow_runs = nullptr;
    /// Where walks end that several calls wait for, and that no call's end cuts (callbacks/remembered_fields.h). Null: nobody
    /// waits for what of them is left.
    scope* shared_walks = nullptr;
};

}  // namespace async
