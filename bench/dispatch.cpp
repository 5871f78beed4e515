#include "scenario.h"

#include <async/bind.h>
#include <async/combine.h>
#include <async/dispatch.h>
#include <async/error_rule.h>
#include <async/limited_call.h>
#include <async/sync_wait.h>
#include <async/writer_dispatch.h>

#include <benchmark/benchmark.h>

#include <chrono>
#include <tuple>

/// Dispatch alone: hooks that do next to nothing.
namespace bench {

namespace {

using check = async::dispatch<"check", bool(const int&), async::first_not<true>, async::propagate>;

/// A writer that takes no work: what is left is the way to the hook and back.
struct Sum {
    using combine_rule = async::last_wins_per_key;
    long total = 0;
    void write(int number) { total += number; }
    [[nodiscard]] int memory() const noexcept { return 0; }
    int take() { return static_cast<int>(total); }
};
struct Everything {
    [[nodiscard]] static int subject_of(const int& value) { return value; }
    [[nodiscard]] bool matches_all() const noexcept { return true; }
    [[nodiscard]] bool matches(int) const noexcept { return true; }
};
struct Summed {
    using dispatched = int;
    using writer = Sum;
    using interest = Everything;
};
using summed = async::dispatch<"sum", Summed(const int&), async::last_wins_per_key, async::propagate>;

class Module {
public:
    [[gnu::noinline]] bool plain(const int& value) { return value >= 0; }
    async::task<bool> ready(const int& value) { co_return value >= 0; }
    [[gnu::noinline]] void sum_plain(const int& value, Sum& out) { out.total += value; }
    async::task<void> sum_ready(const int& value, Sum& out) {
        out.total += value;
        co_return;
    }
};

/// As many items as are asked for, all alike.
class Items {
public:
    explicit Items(std::size_t count) noexcept : left_(count) {}
    bool next() noexcept { return left_-- > 0; }
    [[nodiscard]] Sum& open_writer() noexcept { return sum_; }
    [[nodiscard]] std::tuple<const int&> arguments() const noexcept { return {value_}; }
    [[nodiscard]] const int& subject() const noexcept { return value_; }
    void close() noexcept { benchmark::DoNotOptimize(sum_.total); }
    [[nodiscard]] int set_aside() noexcept { return 0; }
    void close(int) noexcept {}

private:
    std::size_t left_;
    Sum sum_;
    int value_ = 1;
};

/// Hooks as one would call them by hand: an object and a function.
struct Callee {
    void (*add)(void*, const int&, Sum&);
    void* object;
};
[[gnu::noinline]] void add_one(void*, const int& value, Sum& out) { out.total += value; }

std::function<void(std::size_t)> indirect_calls(std::size_t modules) {
    return [callees = std::vector<Callee>(modules, Callee{&add_one, nullptr})](std::size_t count) mutable {
        Sum sum;
        int value = 1;
        benchmark::DoNotOptimize(callees.data());
        for (std::size_t turn = 0; turn < count; ++turn) {
            for (const Callee& callee : callees) callee.add(callee.object, value, sum);
            benchmark::DoNotOptimize(sum.total);
        }
    };
}

async::task<void> write_all(const summed& dispatcher, std::size_t count) {
    Items items(count);
    co_await dispatcher.write_each(items);
}
template <auto Method>
std::function<void(std::size_t)> batch(std::size_t modules) {
    struct State {
        Module module;
        async::dispatch_settings settings;
        summed dispatcher;
        boost::asio::io_context io{1};
    };
    const auto state = std::make_shared<State>();
    for (std::size_t index = 0; index < modules; ++index) {
        state->dispatcher.add("module", async::bind<Method>(&state->module), &state->settings);
    }
    return [state](std::size_t count) { async::sync_wait(state->io, write_all(state->dispatcher, count)); };
}

/// What the declaration of `check` would say of failures and shares.
struct what_may_be_ruled {
    static std::uint32_t point_of(const int&) noexcept { return 0; }
    static bool is_answer(const std::exception_ptr&) noexcept { return false; }
    static bool denial() noexcept { return false; }
    static std::exception_ptr later(async::clock::duration) noexcept { return nullptr; }
};
/// Everything that can be limited but a share.
async::call_limits every_limit() {
    using namespace std::chrono_literals;
    async::call_limits limits;
    limits.deadline = 300ms;
    limits.on_failure = async::failure_outcome::accept;
    limits.breaker = std::make_shared<async::circuit_breaker>(async::breaker_limits{5, 60s, 30s});
    limits.places = std::make_shared<async::call_places>(200);
    return limits;
}

async::task<void> call_all(const check& dispatcher, std::size_t count) {
    const int value = 1;
    for (std::size_t turn = 0; turn < count; ++turn) {
        bool passed = co_await dispatcher(value);
        benchmark::DoNotOptimize(passed);
    }
}
template <auto Method, bool AreLimited = false>
std::function<void(std::size_t)> calls(std::size_t modules) {
    struct State {
        Module module;
        async::dispatch_settings settings;
        check dispatcher;
        boost::asio::io_context io{1};
    };
    const auto state = std::make_shared<State>();
    for (std::size_t index = 0; index < modules; ++index) {
        check::slot_type hook = async::bind<Method>(&state->module);
        if constexpr (AreLimited) {
            const auto limits = std::make_shared<async::limiter>(every_limit(), async::real_clock(), &state->settings);
            hook = async::limited_call<check::slot_type, what_may_be_ruled>::around(hook, limits);
        }
        state->dispatcher.add("module", hook, &state->settings);
    }
    return [state](std::size_t count) { async::sync_wait(state->io, call_all(state->dispatcher, count)); };
}

/// What the accounting of a hook that ends at once costs by itself: a count, and every 1024th time two looks at the clock.
std::function<void(std::size_t)> accounting() {
    return [identity = std::make_shared<async::callback_identity>("module", "sum")](std::size_t count) {
        async::clock& time = async::real_clock();
        async::callback_statistics& statistics = identity->statistics;
        for (std::size_t turn = 0; turn < count; ++turn) {
            const std::uint64_t run = statistics.runs.load(std::memory_order_relaxed);
            statistics.runs.store(run + 1, std::memory_order_relaxed);
            if ((run & 1023) != 0) continue;
            const async::clock::time_point began = time.now();
            statistics.measure(static_cast<std::uint64_t>((time.now() - began).count()), false);
        }
    };
}

void add(std::vector<Scenario>& into, const std::string& group, std::function<void(std::size_t)> (*make)(std::size_t)) {
    for (const std::size_t modules : module_counts) {
        into.push_back({named(group, modules), [make, modules] { return make(modules); }});
    }
}

}  // namespace

void add_dispatch_scenarios(std::vector<Scenario>& into) {
    add(into, "indirect_call", &indirect_calls);
    add(into, "dispatch_batch/function", &batch<&Module::sum_plain>);
    add(into, "dispatch_batch/coroutine", &batch<&Module::sum_ready>);
    add(into, "dispatch_call/function", &calls<&Module::plain>);
    add(into, "dispatch_call/coroutine", &calls<&Module::ready>);
    add(into, "dispatch_limited/function", &calls<&Module::plain, true>);
    add(into, "dispatch_limited/coroutine", &calls<&Module::ready, true>);
    into.push_back({"accounting", &accounting});
}

}  // namespace bench
