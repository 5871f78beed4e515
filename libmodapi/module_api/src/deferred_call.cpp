#include <modapi/deferred_call.h>
#include <modapi/hosting/deferred_calls.h>
#include <modapi/hosting/log.h>
#include <modapi/hosting/request_trace.h>

#include <async/suspension.h>

#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>

#include <chrono>
#include <utility>

namespace modapi {

namespace {

/// Time that a test holds in its hands stands still while it lives.
class AwayFromTheClock {
public:
    explicit AwayFromTheClock(async::clock& clock) noexcept : clock_(clock) { clock_.offload_began(); }
    ~AwayFromTheClock() { clock_.offload_ended(); }
    AwayFromTheClock(const AwayFromTheClock&) = delete;
    AwayFromTheClock& operator=(const AwayFromTheClock&) = delete;

private:
    async::clock& clock_;
};

}  // namespace

namespace detail {

void DeferredCall::make(std::shared_ptr<DeferredCall> call) noexcept {
    try {
        call->invoke();
    } catch (...) {
        call->failure_ = std::current_exception();
    }
    // It travels with the handler, so that what a module passed ends where the module lives.
    const boost::asio::any_io_executor home = call->home_->get_executor();
    boost::asio::post(home, [returned = std::move(call)]() mutable {
        DeferredCall& back = *returned;
        back.home_.reset();
        back.calls_->returned();
        if (DeferredCallWait* const waiting = back.waiting_) {
            returned.reset();  // the caller has it too, and decides when it ends
            waiting->end(DeferredCallWait::Outcome::back);
            async::detail::resume_observed(waiting->waiting_, *waiting->here_);
            return;
        }
        const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(back.clock_->now() - back.since_);
        framework_log().warn("module {}: {}: a call that was given up ended after about {} ms{}", *back.module_, back.member_,
                             took.count(), request_in_log(back.request_.get()));
    });
}

DeferredCallWait::~DeferredCallWait() {
    if (outcome_ != Outcome::away) return;
    // A task that is dropped where it waits.
    take_back();
    call_->waiting_ = nullptr;
    end(Outcome::cancelled);
}

void DeferredCallWait::await_suspend(std::coroutine_handle<> waiting) {
    waiting_ = waiting;
    async::clock& clock = here_->clock();
    call_->request_ = trace_of(*here_);
    call_->home_.emplace(here_->executor());
    call_->waiting_ = this;
    call_->calls_ = &how_.calls;
    call_->module_ = &how_.module;
    call_->member_ = how_.member();
    call_->clock_ = &clock;
    call_->since_ = clock.now();
    if (how_.limit) {
        timer_ = clock.call_at(
            clock.after(*how_.limit), here_->executor(), [](void* self) { static_cast<DeferredCallWait*>(self)->expire(); },
            this);
    }
    how_.calls.threads_.add(how_.module, how_.pool_or_null(), call_);
    // It can't be back before this executor is free again.
    outcome_ = Outcome::away;
    ++how_.calls.away_;
    here_->add(registration_);
    clock.offload_began();
}

void DeferredCallWait::await_resume() {
    if (outcome_ == Outcome::not_begun) here_->throw_if_cancelled();
    if (outcome_ == Outcome::cancelled) async::throw_cancelled(cancelled_for_);
    if (outcome_ == Outcome::back) return;
    const std::string limit = std::to_string(how_.limit->count()) + " ms";
    const std::string threads = how_.pool ? "thread of the pool " + how_.pool->name() : "thread of its module's";
    const std::string why = outcome_ == Outcome::not_in_time
                                ? "the call took longer than its " + limit + " and was given up; its thread goes on"
                                : "the call found no " + threads + " free for " + limit + " and was given up";
    const std::string what = how_.member() + (": " + why);
    framework_log().warn("module {}: {}{}", how_.module, what, request_in_log(call_->request_.get()));
    throw DeferredCallTimeout(what);
}

void DeferredCallWait::cancel(async::cancel_reason reason) {
    if (outcome_ != Outcome::away || !take_back()) return;
    cancelled_for_ = reason;
    end(Outcome::cancelled);
    async::detail::post_resume(*here_, waiting_);
}

void DeferredCallWait::expire() {
    const bool was_taken_back = take_back();
    call_->waiting_ = nullptr;
    end(was_taken_back ? Outcome::no_thread_in_time : Outcome::not_in_time);
    async::detail::resume_observed(waiting_, *here_);
}

bool DeferredCallWait::take_back() noexcept {
    if (!how_.calls.threads_.take_back(how_.module, how_.pool_or_null(), *call_)) return false;
    call_->home_.reset();
    how_.calls.returned();
    return true;
}

void DeferredCallWait::end(Outcome outcome) noexcept {
    outcome_ = outcome;
    timer_.reset();
    registration_.unregister();
    here_->clock().offload_ended();
}

}  // namespace detail

async::task<void> DeferredCalls::all_returned() {
    if (away_ == 0) co_return;
    const AwayFromTheClock away(*where_.clock);
    while (away_ > 0) co_await none_is_away_.wait();
}

}  // namespace modapi
