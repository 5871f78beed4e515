#pragma once

#include <async/child_context.h>
#include <async/suspension.h>
#include <async/task.h>

#include <memory>

namespace async {

/// Awaitable: resumes after `duration` on the context's clock.
///
///     co_await async::sleep_for(std::chrono::seconds(1));
///
/// Cancel: throws at once when the chain is cancelled. Cost: one timer.
class sleep_for final : public detail::suspension {
public:
    explicit sleep_for(clock::duration duration) noexcept : duration_(duration) {}

    [[nodiscard]] bool await_ready() const noexcept { return is_cancelled(); }
    void await_suspend(std::coroutine_handle<> waiting) {
        suspend(waiting);
        timer_ = here().clock().call_at(
            here().clock().after(duration_), here().executor(),
            [](void* self) { static_cast<sleep_for*>(self)->wake_inline(); }, this);
    }
    void await_resume() const { throw_if_woken_by_cancellation(); }

private:
    void on_cancelled() noexcept override { timer_.reset(); }

    clock::duration duration_;
    std::unique_ptr<timer> timer_;
};

/// Awaitable: gives other work of this executor a turn. Resumes by a post.
/// Cancel: throws, before or after its turn, when the chain is cancelled.
class reschedule final {
public:
    void bind_context(const context& here) noexcept { here_ = &here; }
    [[nodiscard]] bool await_ready() const noexcept { return here_->cancel_requested() != cancel_reason::none; }
    void await_suspend(std::coroutine_handle<> waiting) const { detail::post_resume(*here_, waiting); }
    void await_resume() const { here_->throw_if_cancelled(); }

private:
    const context* here_ = nullptr;
};

/// Runs `body` with at most `limit` of time. When it is over, the awaits inside throw deadline_exceeded; a computation that
/// never awaits can't be cut. An earlier deadline around it counts as well.
/// Result and errors: those of `body`; if it ends with a result after all, that is the result. Cost: one timer, one frame.
template <class T>
task<T> with_deadline(clock::duration limit, task<T> body) {
    const context& outer = co_await this_context;
    child_context inner(outer);
    const std::unique_ptr<timer> expiry = outer.clock().call_at(
        outer.clock().after(limit), outer.executor(),
        [](void* expired) { static_cast<cancellation_source*>(expired)->request(cancel_reason::deadline); }, &inner.source());
    co_return co_await std::move(body).in(inner.here());
}

}  // namespace async
