#include <async/bind.h>
#include <async/combine.h>
#include <async/dispatch.h>
#include <async/error_rule.h>
#include <async/notification.h>
#include <async/scope.h>
#include <async/sleep.h>
#include <async/sync_wait.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

/// The coroutine core alone, by a source that an earlier checkout compiles too: `bench/core` builds it in both.
///
///     core NAME...            a line for each of these scenarios: its name, nanoseconds of the processor and allocations per
///     turn core --count COUNT NAME COUNT turns of one of them and nothing else, for whoever counts instructions

namespace {

std::size_t allocations = 0;

}  // namespace

void* operator new(std::size_t size) {
    ++allocations;
    if (void* const memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
/// What Asio allocates by.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    ++allocations;
    void* memory = nullptr;
    return ::posix_memalign(&memory, alignment, size) == 0 ? memory : nullptr;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

namespace asio = boost::asio;

using Turns = std::function<void(std::size_t)>;

async::task<int> ready(int value) { co_return value; }
async::task<int> nested(int levels) {
    if (levels == 0) co_return 1;
    co_return co_await nested(levels - 1);
}
async::task<void> await_ready_ones(std::size_t count, std::size_t& sum) {
    for (std::size_t turn = 0; turn < count; ++turn) sum += static_cast<std::size_t>(co_await ready(1));
}
async::task<void> await_nested_ones(std::size_t count, std::size_t& sum) {
    for (std::size_t turn = 0; turn < count; ++turn) sum += static_cast<std::size_t>(co_await nested(9));
}

/// Somebody waits for news under as many levels as it is told, and is cancelled.
async::task<void> wait_below(async::notification& news, int levels) {
    if (levels == 0) {
        co_await news.wait();
    } else {
        co_await wait_below(news, levels - 1);
    }
}
async::task<void> fail_below(int levels) {
    if (levels == 0) {
        co_await async::reschedule();
        throw std::runtime_error("no");
    }
    co_await fail_below(levels - 1);
}

struct Waiting {
    asio::io_context io{1};
    async::environment where{io.get_executor()};
    async::notification news;
};

/// Starts tasks that wait, a hundred at once, and has `end(scope, news)` end them.
template <class End>
Turns waits(int levels, End end) {
    return [levels, end](std::size_t count) {
        Waiting state;
        for (std::size_t left = count; left > 0;) {
            const std::size_t batch = std::min<std::size_t>(left, 100);
            async::scope running(state.where, [](std::string_view, std::exception_ptr) { std::abort(); });
            for (std::size_t index = 0; index < batch; ++index) running.spawn("waits", wait_below(state.news, levels));
            state.io.restart();
            state.io.run();
            end(running, state.news);
            state.io.restart();
            state.io.run();
            if (running.running() != 0) std::abort();
            left -= batch;
        }
    };
}
Turns cancels(int levels) {
    return waits(levels, [](async::scope& running, async::notification&) { running.cancel(); });
}
Turns wakes(int levels) {
    return waits(levels, [](async::scope&, async::notification& news) { news.notify_all(); });
}
Turns fails(int levels) {
    return [levels](std::size_t count) {
        Waiting state;
        std::size_t failures = 0;
        async::scope running(state.where, [&](std::string_view, std::exception_ptr) { ++failures; });
        for (std::size_t turn = 0; turn < count; ++turn) {
            running.spawn("fails", fail_below(levels));
            state.io.restart();
            state.io.run();
        }
        if (failures != count) std::abort();
    };
}

async::task<void> nothing() { co_return; }
void spawn_and_end(std::size_t count) {
    Waiting state;
    async::scope running(state.where, [](std::string_view, std::exception_ptr) { std::abort(); });
    for (std::size_t turn = 0; turn < count; ++turn) {
        running.spawn("nothing", nothing());
        state.io.restart();
        state.io.run();
    }
}
void co_spawn_and_end(std::size_t count) {
    Waiting state;
    std::size_t ended = 0;
    for (std::size_t turn = 0; turn < count; ++turn) {
        async::co_spawn(state.where, nothing(), [&](std::exception_ptr) { ++ended; });
        state.io.restart();
        state.io.run();
    }
    if (ended != count) std::abort();
}

using check = async::dispatch<"check", bool(const int&), async::first_not<true>, async::propagate>;

class Module {
public:
    async::task<bool> passes(const int& value) { co_return value >= 0; }
    async::task<bool> passes_later(const int& value) {
        co_await async::reschedule();
        co_return value >= 0;
    }
};

async::task<void> ask_often(const check& dispatcher, std::size_t count) {
    const int value = 1;
    for (std::size_t turn = 0; turn < count; ++turn) static_cast<void>(co_await dispatcher(value));
}
template <bool Suspends>
Turns hooks() {
    return [](std::size_t count) {
        Module module;
        async::dispatch_settings settings;
        check dispatcher;
        for (int index = 0; index < 8; ++index) {
            check::slot_type hook = async::bind<&Module::passes>(&module);
            if (Suspends && index == 3) hook = async::bind<&Module::passes_later>(&module);
            dispatcher.add("module", hook, &settings);
        }
        async::sync_wait(ask_often(dispatcher, count));
    };
}

async::task<int> nested_to(int levels, bool waits) {
    if (levels == 0) {
        if (waits) co_await async::reschedule();
        co_return 1;
    }
    const int below = co_await nested_to(levels - 1, waits);
    co_return below + 1;
}
Turns deep(int levels, bool waits) {
    return [levels, waits](std::size_t count) {
        for (std::size_t turn = 0; turn < count; ++turn) {
            if (async::sync_wait(nested_to(levels, waits)) != levels + 1) std::abort();
        }
    };
}

struct Scenario {
    std::string_view name;
    Turns run;
    std::size_t count;
};

std::vector<Scenario> all_scenarios() {
    std::vector<Scenario> all;
    const auto sums = [](async::task<void> (*await)(std::size_t, std::size_t&)) {
        return [await](std::size_t count) {
            std::size_t sum = 0;
            async::sync_wait(await(count, sum));
            if (sum != count) std::abort();
        };
    };
    all.push_back({"await_ready", sums(&await_ready_ones), 200'000});
    all.push_back({"await_nested/10", sums(&await_nested_ones), 20'000});
    all.push_back({"wake/1", wakes(0), 20'000});
    all.push_back({"cancel/1", cancels(0), 20'000});
    all.push_back({"wake/10", wakes(9), 5'000});
    all.push_back({"cancel/10", cancels(9), 5'000});
    all.push_back({"fail/1", fails(0), 20'000});
    all.push_back({"fail/10", fails(9), 5'000});
    all.push_back({"hooks/ready", hooks<false>(), 50'000});
    all.push_back({"hooks/one_suspends", hooks<true>(), 50'000});
    all.push_back({"spawn_and_end", &spawn_and_end, 50'000});
    all.push_back({"co_spawn_and_end", &co_spawn_and_end, 50'000});
    all.push_back({"deep/1000/ready", deep(1000, false), 50});
    all.push_back({"deep/1000/waits", deep(1000, true), 50});
    all.push_back({"deep/10000/ready", deep(10'000, false), 5});
    all.push_back({"deep/10000/waits", deep(10'000, true), 5});
    all.push_back({"deep/500000/ready", deep(500'000, false), 1});
    all.push_back({"deep/500000/waits", deep(500'000, true), 1});
    all.push_back({"deep/1000000/ready", deep(1'000'000, false), 1});
    all.push_back({"deep/1000000/waits", deep(1'000'000, true), 1});
    return all;
}

/// Of the processor's time: who else uses the machine doesn't count.
double nanoseconds_of(const Scenario& scenario) {
    const std::clock_t began = std::clock();
    scenario.run(scenario.count);
    const auto took = static_cast<double>(std::clock() - began) * 1e9 / CLOCKS_PER_SEC;
    return took / static_cast<double>(scenario.count);
}

}  // namespace

int main(int count, char** arguments) {
    const std::vector<std::string_view> given(arguments + 1, arguments + count);
    const bool only_counts = given.size() == 3 && given[0] == "--count";
    for (const Scenario& scenario : all_scenarios()) {
        if (std::find(given.begin(), given.end(), scenario.name) == given.end()) continue;
        if (only_counts) {
            scenario.run(static_cast<std::size_t>(std::strtoull(arguments[2], nullptr, 10)));
            continue;
        }
        scenario.run(scenario.count);
        const std::size_t before = allocations;
        double best = nanoseconds_of(scenario);
        const double made = static_cast<double>(allocations - before) / static_cast<double>(scenario.count);
        for (int round = 0; round < 2; ++round) best = std::min(best, nanoseconds_of(scenario));
        std::printf("%.*s %.1f %.2f\n", static_cast<int>(scenario.name.size()), scenario.name.data(), best, made);
    }
}
