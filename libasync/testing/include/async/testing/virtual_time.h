#pragma once

#include <async/context.h>
#include <async/task.h>

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

/// For tests: time that only moves when a test moves it, and an executor on which everything happens in one order.
namespace async::testing {

/// A clock that stands still until somebody moves it.
///
/// Timers fire in order of their due time, then of their creation, each by a post to its executor.
/// Thread: `now` and `wall_time` from any thread; the rest on one. Lifetime: outlives its timers.
class virtual_clock final : public clock {
public:
    virtual_clock() noexcept = default;

    [[nodiscard]] time_point now() const noexcept override {
        return time_point(duration(since_start_.load(std::memory_order_relaxed))) + std::chrono::hours(1);
    }
    /// Starts at 2024-01-01 00:00:00 UTC.
    [[nodiscard]] std::chrono::system_clock::time_point wall_time() const noexcept override;
    [[nodiscard]] std::unique_ptr<timer> call_at(time_point when, const boost::asio::any_io_executor& executor,
                                                 void (*fire)(void*), void* argument) override;
    void offload_began() noexcept override { ++offloaded_; }
    void offload_ended() noexcept override { --offloaded_; }

    /// When the next timer is due; none if there is no timer.
    [[nodiscard]] std::optional<time_point> next_due() const noexcept;
    /// Moves to `when` (never back) without firing anything.
    void move_to(time_point when) noexcept;
    /// Posts the first timer that is due now. False: none is.
    bool fire_one_due();
    /// Blocking calls that are away on another thread: time stands still until they are back.
    [[nodiscard]] std::size_t offloaded() const noexcept { return offloaded_; }
    [[nodiscard, deprecated("it is named offloaded")]] std::size_t work_elsewhere() const noexcept { return offloaded(); }

private:
    class virtual_timer;
    using key = std::pair<time_point, std::uint64_t>;

    std::atomic<duration::rep> since_start_{0};
    std::uint64_t created_ = 0;
    std::size_t offloaded_ = 0;
    std::map<key, virtual_timer*> timers_;
};

/// Thrown when a task waits for something that nothing is left to do.
class deadlock : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

namespace detail {

struct simulated_run;

/// The root of a simulated chain: started by a post, and destroyed with its whole chain when the simulation ends before it.
class simulated_root {
public:
    class promise_type : public async::detail::promise_base {
    public:
        template <class T>
        promise_type(std::shared_ptr<simulated_run>& state, T&) noexcept;
        simulated_root get_return_object() noexcept {
            return simulated_root(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); }
    };
    std::coroutine_handle<> frame;

private:
    explicit simulated_root(std::coroutine_handle<> made) noexcept : frame(made) {}
};

struct simulated_run {
    explicit simulated_run(const environment& where) noexcept : root(where, &cancellation) {}
    virtual ~simulated_run() = default;

    cancellation_source cancellation;
    context root;
    std::coroutine_handle<> frame;  // null once it is done
    std::exception_ptr failure;
    bool done = false;
};

template <class T>
struct simulated_run_of final : simulated_run {
    using simulated_run::simulated_run;
    std::optional<async::detail::ready_value<T>> value;
};

template <class T>
simulated_root::promise_type::promise_type(std::shared_ptr<simulated_run>& state, T&) noexcept {
    here = &state->root;
}

template <class T>
simulated_root simulate(std::shared_ptr<simulated_run> state, task<T> body) {
    auto& own = static_cast<simulated_run_of<T>&>(*state);
    try {
        task<T> running = std::move(body);
        if constexpr (std::is_void_v<T>) {
            co_await std::move(running);
            own.value.emplace();
        } else {
            own.value.emplace(co_await std::move(running));
        }
    } catch (...) {
        own.failure = std::current_exception();
    }
    own.done = true;
    own.frame = nullptr;
}

}  // namespace detail

/// A task that a test started and now watches. Copies watch the same task.
template <class T>
class started {
public:
    [[nodiscard]] bool done() const noexcept { return state_->done; }
    /// Whether it ended with an exception.
    [[nodiscard]] bool failed() const noexcept { return state_->failure != nullptr; }
    /// The result of a task that is done; throws what it threw. Once for a value that can't be copied.
    T result() const {
        if (!state_->done) throw std::logic_error("async::testing: the task isn't done yet");
        if (state_->failure) std::rethrow_exception(state_->failure);
        if constexpr (!std::is_void_v<T>) {
            if constexpr (std::is_copy_constructible_v<T>) {
                return *state_->value;
            } else {
                return std::move(*state_->value);
            }
        }
    }
    /// Asks it to end, as its host would.
    void cancel(cancel_reason reason) const { state_->cancellation.request(reason); }

private:
    friend class simulation;
    explicit started(std::shared_ptr<detail::simulated_run_of<T>> state) noexcept : state_(std::move(state)) {}
    std::shared_ptr<detail::simulated_run_of<T>> state_;
};

/// Runs tasks on one thread in virtual time, always in the same order.
///
///     async::testing::simulation time;
///     const auto greeting = time.start(slow_greeting());
///     time.advance(5s);
///     EXPECT_EQ(greeting.result(), "hello");
///
/// Blocking calls made with `run_on` are waited for in real time before virtual time moves. So is other outside work (sockets),
/// for at most `patience`, when nothing else is left to do.
/// Lifetime: outlives scopes, modules and other holders of its environment. Tasks still running at its end are asked to stop,
/// and those that don't are destroyed where they wait.
class simulation {
public:
    simulation();
    /// One whose environment is observed. Lifetime: `observer` outlives it.
    explicit simulation(chain_observer& observer);
    ~simulation();
    simulation(const simulation&) = delete;
    simulation& operator=(const simulation&) = delete;

    [[nodiscard]] const async::environment& environment() const noexcept { return environment_; }
    [[nodiscard]] virtual_clock& clock() noexcept { return clock_; }
    [[nodiscard]] boost::asio::io_context& io() noexcept { return io_; }
    /// How long outside work may take in real time until the task that waits for it counts as hanging. Default: 10 s.
    void patience(std::chrono::milliseconds real_time) noexcept { patience_ = real_time; }

    /// Runs everything that is ready, also what becomes so meanwhile, until only time or outside work is waited for.
    void run_ready();
    /// Lets `length` pass, timer by timer, and runs what each of them wakes. While blocking calls are away, time stands still.
    void advance(async::clock::duration length);

    /// Starts a task by a post; it begins with the next `run_ready`, `advance` or `run`.
    template <class T>
    [[nodiscard]] started<T> start(task<T> body) {
        auto state = std::make_shared<detail::simulated_run_of<T>>(environment_);
        std::shared_ptr<detail::simulated_run> erased = state;
        state->frame = detail::simulate<T>(std::move(erased), std::move(body)).frame;
        launch(state);
        return started<T>(std::move(state));
    }
    /// Runs a task to its end, jumping to the next timer whenever nothing is ready; gives its result or throws its exception.
    /// Errors: deadlock, when nothing is left that could wake it. The task is then cancelled and cleaned up.
    template <class T>
    T run(task<T> body) {
        const started<T> running = start(std::move(body));
        finish(*running.state_);
        return running.result();
    }

    /// Asks every started task that isn't done to stop, and destroys where it waits what doesn't. The destructor does it too; a
    /// test that destroys what its tasks use does it before.
    void end_all() noexcept;

private:
    void launch(const std::shared_ptr<detail::simulated_run>& state);
    /// Runs whatever is ready, and what blocking calls that are away make ready.
    void settle();
    void finish(detail::simulated_run& run);
    /// Makes one step for a task that isn't done; false: there is none to make.
    bool step();
    bool wait_for_outside_work();
    void abandon(detail::simulated_run& run) noexcept;

    virtual_clock clock_;
    boost::asio::io_context io_{1};
    async::environment environment_;
    std::chrono::milliseconds patience_ = std::chrono::seconds(10);
    std::vector<std::weak_ptr<detail::simulated_run>> runs_;
};

}  // namespace async::testing
