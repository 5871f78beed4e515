#include <async/testing/virtual_time.h>

#include <boost/asio/post.hpp>

#include <algorithm>

namespace async::testing {

namespace {

/// What a posted firing shares with its timer, which may be destroyed before the post arrives.
struct firing {
    void (*fire)(void*);
    void* argument;
    bool armed = true;
};

}  // namespace

class virtual_clock::virtual_timer final : public timer {
public:
    virtual_timer(virtual_clock& owner, key which, const boost::asio::any_io_executor& executor, void (*fired)(void*),
                  void* argument)
        : owner_(owner), which_(which), executor_(executor), what_(std::make_shared<firing>(firing{fired, argument})) {
        owner_.timers_.emplace(which_, this);
    }
    ~virtual_timer() override {
        what_->armed = false;
        owner_.timers_.erase(which_);
    }
    void fire() {
        owner_.timers_.erase(which_);
        boost::asio::post(executor_, [what = what_] {
            if (std::exchange(what->armed, false)) what->fire(what->argument);
        });
    }

private:
    virtual_clock& owner_;
    key which_;
    boost::asio::any_io_executor executor_;
    std::shared_ptr<firing> what_;
};

std::chrono::system_clock::time_point virtual_clock::wall_time() const noexcept {
    constexpr std::chrono::sys_days start = std::chrono::year(2024) / 1 / 1;
    return start + duration(since_start_.load(std::memory_order_relaxed));
}

std::unique_ptr<timer> virtual_clock::call_at(time_point when, const boost::asio::any_io_executor& executor,
                                              void (*fire)(void*), void* argument) {
    return std::make_unique<virtual_timer>(*this, key(when, created_++), executor, fire, argument);
}

std::optional<clock::time_point> virtual_clock::next_due() const noexcept {
    if (timers_.empty()) return std::nullopt;
    return timers_.begin()->first.first;
}

void virtual_clock::move_to(time_point when) noexcept {
    if (when > now()) since_start_.fetch_add((when - now()).count(), std::memory_order_relaxed);
}

bool virtual_clock::fire_one_due() {
    if (timers_.empty() || timers_.begin()->first.first > now()) return false;
    timers_.begin()->second->fire();
    return true;
}

simulation::simulation() : environment_(io_.get_executor(), clock_) {}

simulation::simulation(chain_observer& observer) : simulation() { environment_.observer = &observer; }

simulation::~simulation() { end_all(); }

void simulation::end_all() noexcept {
    for (const std::weak_ptr<detail::simulated_run>& known : runs_) {
        if (const std::shared_ptr<detail::simulated_run> run = known.lock(); run && !run->done) abandon(*run);
    }
    runs_.clear();
}

void simulation::run_ready() {
    do {
        io_.restart();
        while (io_.poll() > 0) {
        }
        // A timer that is due already counts as ready.
    } while (clock_.fire_one_due());
}

void simulation::settle() {
    run_ready();
    while (clock_.offloaded() > 0 && wait_for_outside_work()) run_ready();
}

void simulation::advance(async::clock::duration length) {
    const async::clock::time_point end_of_it = clock_.now() + length;
    settle();
    while (clock_.next_due() && *clock_.next_due() <= end_of_it) {
        clock_.move_to(*clock_.next_due());
        settle();
    }
    clock_.move_to(end_of_it);
    settle();
}

void simulation::launch(const std::shared_ptr<detail::simulated_run>& state) {
    std::erase_if(runs_, [](const std::weak_ptr<detail::simulated_run>& known) { return known.expired(); });
    runs_.push_back(state);
    boost::asio::post(io_, [state] {
        if (state->frame) async::detail::resume_observed(state->frame, state->root);
    });
}

void simulation::finish(detail::simulated_run& run) {
    while (!run.done && step()) {
    }
    if (run.done) return;
    abandon(run);
    throw deadlock("async::testing: the task waits for something that will not happen: nothing is ready and no timer is set");
}

bool simulation::step() {
    io_.restart();
    if (io_.poll_one() > 0) return true;
    if (clock_.fire_one_due()) return true;
    if (clock_.offloaded() > 0) return wait_for_outside_work();
    if (const std::optional<async::clock::time_point> due = clock_.next_due()) {
        clock_.move_to(*due);
        return true;
    }
    return wait_for_outside_work();
}

bool simulation::wait_for_outside_work() {
    io_.restart();
    return io_.run_one_for(patience_) > 0;  // returns at once when nothing is outstanding
}

void simulation::abandon(detail::simulated_run& run) noexcept {
    try {
        run.cancellation.request(cancel_reason::stopping);
        // Clean-up may take its time; what takes a thousand steps more doesn't end by itself.
        for (int steps = 0; !run.done && steps < 1000 && step(); ++steps) {
        }
    } catch (...) {
        // A foreign handler threw; the chain is destroyed below.
    }
    if (run.done) return;
    const async::detail::running_tasks_may_be_dropped permission;
    std::exchange(run.frame, nullptr).destroy();
    run.done = true;
    run.failure = std::make_exception_ptr(operation_cancelled(cancel_reason::stopping));
}

}  // namespace async::testing
