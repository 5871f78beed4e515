#pragma once

#include <async/await_point.h>
#include <async/context.h>

#include <coroutine>
#include <utility>

namespace async::detail {

/// Posts the resumption of `waiting` to the executor of `here`, which stays valid until then. The handler's memory comes from
/// the frame pool.
void post_resume(const context& here, std::coroutine_handle<> waiting);

/// Base of the leaf awaitables that Asio doesn't provide: knows its context, hears of cancellations, is resumed by post.
///
/// A derived class arranges in `await_suspend` that somebody calls `wake`; the first wake-up counts. Whoever is cancelled may
/// never come to `await_resume`: what that does beside throwing then, `on_cancelled` or the destructor does, too.
class suspension {
public:
    suspension() noexcept : registration_(*this) { point_.site = nullptr; }
    suspension(const suspension&) = delete;
    suspension& operator=(const suspension&) = delete;

    void bind_context(const context& here) noexcept { here_ = &here; }
    /// Where it is awaited: a cancellation may end that body there (promise.h).
    void waits_at(const void* site) noexcept { point_.site = site; }

protected:
    [[nodiscard]] const context& here() const noexcept { return *here_; }
    /// True: an await would throw at once, without suspending.
    [[nodiscard]] bool is_cancelled() const noexcept { return here_->cancel_requested() != cancel_reason::none; }
    void suspend(std::coroutine_handle<> waiting) noexcept {
        waiting_ = waiting;
        here_->add(registration_);
    }
    /// Resumes through the executor.
    void wake() noexcept;
    /// Resumes here and now; the caller is a handler of the chain's own executor.
    void wake_inline() {
        if (const std::coroutine_handle<> waiting = finish()) resume_observed(waiting, *here_);
    }
    /// From await_resume: throws when it was the cancellation that woke this up. That is all that await_resume does then.
    void throw_if_woken_by_cancellation() const {
        if (woken_by_ != cancel_reason::none) [[unlikely]]
            throw_in_body(point_, failure_of(woken_by_));
        if (!was_suspended_) here_->throw_if_cancelled();
    }
    /// Called once when a cancellation ends the wait, before the resumption is posted.
    virtual void on_cancelled() noexcept {}
    ~suspension() = default;

private:
    void cancel(cancel_reason reason);
    void end_or_resume(std::coroutine_handle<> waiting);
    std::coroutine_handle<> finish() noexcept {
        registration_.unregister();
        was_suspended_ = true;
        return std::exchange(waiting_, nullptr);
    }

    const context* here_ = nullptr;
    std::coroutine_handle<> waiting_;
    await_point point_;  // of a wait that was cancelled, or may be
    cancel_reason woken_by_ = cancel_reason::none;
    bool was_suspended_ = false;
    cancellation_callback<suspension, &suspension::cancel> registration_;
};

}  // namespace async::detail
