#include <async/suspension.h>

#include <async/post.h>

#include <utility>

namespace async {

environment::environment(boost::asio::any_io_executor runs_on, async::clock& time)
    : executor(std::move(runs_on)), clock(&time) {
    const auto* const of_context = executor.target<boost::asio::io_context::executor_type>();
    if (of_context != nullptr) io = &of_context->context();
}

namespace detail {

void post_resume(const context& here, std::coroutine_handle<> waiting) {
    post(*here.environment, [waiting, &here] { resume_observed(waiting, here); });
}

void suspension::cancel(cancel_reason reason) {
    if (!waiting_) return;
    woken_by_ = reason;
    on_cancelled();
    const std::coroutine_handle<> waiting = finish();
    post(*here_->environment, [this, waiting] { start_observed(*here_, [&] { end_or_resume(waiting); }); });
}

void suspension::end_or_resume(std::coroutine_handle<> waiting) {
    point_.waiting = waiting.address();
    if (!would_end(point_, type_of(woken_by_))) return waiting.resume();
    end_bodies(&point_, failure_of(woken_by_));
}

void suspension::wake() noexcept {
    if (const std::coroutine_handle<> waiting = finish()) post_resume(*here_, waiting);
}

}  // namespace detail
}  // namespace async
