#include <async/run_on.h>

#include <async/frame_allocator.h>

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <chrono>
#include <deque>
#include <mutex>
#include <new>
#include <thread>
#include <utility>

namespace async::detail {

namespace {

/// A chain whose work elsewhere is done, on its way home.
struct returning_chain {
    boost::asio::executor_work_guard<boost::asio::any_io_executor> home;
    const context* here;
    std::coroutine_handle<> waiting;

    void go_on() && {
        home.reset();
        resume_observed(waiting, *here);
    }
};

/// Chains that come home to an io_context, one in each of its turns: those that come together, as the members of a shared
/// commit do, let everything else there have its turn in between. Thread: add on any, the rest on the io_context's.
class returning_chains final : public boost::asio::execution_context::service {
public:
    static inline boost::asio::execution_context::id id;  // NOLINT: what Asio finds it by

    explicit returning_chains(boost::asio::execution_context& io)
        : service(io), io_(static_cast<boost::asio::io_context&>(io)) {}

    /// Errors: std::bad_alloc; then `chain` is as it was.
    void add(returning_chain& chain) {
        const std::scoped_lock lock(mutex_);
        if (!has_turn_) take_turn();
        has_turn_ = true;
        chains_.push_back(std::move(chain));
    }

private:
    void shutdown() override { chains_.clear(); }

    void take_turn() {
        boost::asio::post(io_, boost::asio::bind_allocator(recycling_allocator<void>(), [this] { let_first_go_on(); }));
    }
    bool can_take_turn() noexcept {
        try {
            take_turn();
            return true;
        } catch (const std::bad_alloc&) {
            return false;
        }
    }
    void let_first_go_on() {
        for (bool goes_on = true; goes_on;) {
            std::unique_lock<std::mutex> lock(mutex_);
            has_turn_ = false;
            if (chains_.empty()) return;  // there was no memory for the one that this turn was for
            returning_chain first = std::move(chains_.front());
            chains_.pop_front();
            if (!chains_.empty()) has_turn_ = can_take_turn();
            goes_on = !chains_.empty() && !has_turn_;  // without memory for another turn the rest returns in this one
            lock.unlock();
            std::move(first).go_on();
        }
    }

    boost::asio::io_context& io_;
    std::mutex mutex_;
    std::deque<returning_chain, recycling_allocator<returning_chain>> chains_;
    bool has_turn_ = false;  // one is to come
};

}  // namespace

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
    returning_chain chain{*std::move(home_), here_, waiting_};
    boost::asio::io_context* const io = here_->environment->io;
    if (io == nullptr) {
        const boost::asio::any_io_executor executor = here_->executor();
        auto resume = [chain = std::move(chain)]() mutable { std::move(chain).go_on(); };
        return boost::asio::post(executor, boost::asio::bind_allocator(recycling_allocator<void>(), std::move(resume)));
    }
    // The task waits for this, whatever happens: where there is no memory for its return, until somebody has given some back.
    for (;; std::this_thread::sleep_for(std::chrono::milliseconds(1))) {
        try {
            return boost::asio::use_service<returning_chains>(*io).add(chain);
        } catch (const std::bad_alloc&) {  // NOLINT: it is tried again
        }
    }
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
