#include <async/run_on.h>

#include <async/frame_allocator.h>

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/post.hpp>

#include <utility>

namespace async::detail {

void handed_over::cancel(cancel_reason reason) {
    progress expected = progress::queued;
    if (progress_.compare_exchange_strong(expected, progress::given_up)) given_up_for_ = reason;
}

bool handed_over::begin() noexcept {
    progress expected = progress::queued;
    return progress_.compare_exchange_strong(expected, progress::began);
}

handed_over::at_work::at_work(const handed_over& wait) noexcept : observer_(wait.here_->environment->observer) {
    if (observer_ != nullptr) observer_->began_elsewhere(*wait.here_);
}

handed_over::at_work::~at_work() {
    if (observer_ != nullptr) observer_->ended_elsewhere();
}

void handed_over::finish() noexcept {
    auto resume = [home = *std::move(home_), here = here_, waiting = waiting_]() mutable {
        home.reset();
        resume_observed(waiting, *here);
    };
    const boost::asio::any_io_executor executor = here_->executor();
    boost::asio::post(executor, boost::asio::bind_allocator(recycling_allocator<void>(), std::move(resume)));
}

void handed_over::leave(std::coroutine_handle<> waiting) {
    waiting_ = waiting;
    home_.emplace(here_->executor());
    here_->add(registration_);
    away_ = true;
    here_->clock().offload_began();
}

void handed_over::await_resume() {
    registration_.unregister();
    if (!away_) here_->throw_if_cancelled();
    if (!std::exchange(away_, false)) return;
    here_->clock().offload_ended();
    if (given_up_for_ != cancel_reason::none) throw_cancelled(given_up_for_);
}

void offload::await_suspend(std::coroutine_handle<> waiting) {
    leave(waiting);
    auto work = [self = this] {
        if (self->begin()) {
            const at_work working(*self);
            self->work_(self->state_);
        }
        self->finish();
    };
    boost::asio::post(executor_, boost::asio::bind_allocator(recycling_allocator<void>(), std::move(work)));
}

}  // namespace async::detail
