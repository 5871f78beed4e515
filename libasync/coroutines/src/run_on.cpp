#include <async/run_on.h>

#include <async/frame_allocator.h>

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <utility>

namespace async::detail {

void offload::cancel(cancel_reason reason) {
    progress expected = progress::queued;
    if (progress_.compare_exchange_strong(expected, progress::given_up)) given_up_for_ = reason;
}

void offload::run() noexcept {
    progress expected = progress::queued;
    if (!progress_.compare_exchange_strong(expected, progress::began)) return;
    chain_observer* const observer = here_->environment->observer;
    if (observer != nullptr) observer->began_elsewhere(*here_);
    work_(state_);
    if (observer != nullptr) observer->ended_elsewhere();
}

void offload::await_suspend(std::coroutine_handle<> waiting) {
    // The guard keeps the task's own executor running while the work is away. It travels back with the resumption: released on
    // the other thread, it would touch an executor that may end as soon as the task has.
    boost::asio::executor_work_guard<boost::asio::any_io_executor> home(here_->executor());
    auto resume = [home = std::move(home), here = here_, waiting]() mutable {
        home.reset();
        resume_observed(waiting, *here);
    };
    auto work = [self = this, resume = std::move(resume), executor = here_->executor()]() mutable {
        self->run();
        boost::asio::post(executor, boost::asio::bind_allocator(recycling_allocator<void>(), std::move(resume)));
    };
    here_->add(registration_);
    boost::asio::post(executor_, boost::asio::bind_allocator(recycling_allocator<void>(), std::move(work)));
    // The task can't be resumed before this executor is free again.
    away_ = true;
    here_->clock().offload_began();
}

void offload::await_resume() {
    registration_.unregister();
    if (!away_) here_->throw_if_cancelled();
    if (!std::exchange(away_, false)) return;
    here_->clock().offload_ended();
    if (given_up_for_ != cancel_reason::none) throw_cancelled(given_up_for_);
}

}  // namespace async::detail
