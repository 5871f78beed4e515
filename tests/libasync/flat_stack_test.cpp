#include <async/cached.h>
#include <async/combine.h>
#include <async/context_manager.h>
#include <async/dispatch.h>
#include <async/error_rule.h>
#include <async/sleep.h>
#include <async/sync_wait.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>

/// A loop of awaits that are ready at once keeps the stack flat, in every preset.
namespace flat_stack_test {

constexpr int many = 1'000'000;
constexpr std::uintptr_t largest_spread = 16 * 1024;

/// How far apart the stack was when the child ran.
struct StackSpread {
    std::uintptr_t lowest = UINTPTR_MAX;
    std::uintptr_t highest = 0;

    void note() {
        const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
        lowest = std::min(lowest, here);
        highest = std::max(highest, here);
    }
    [[nodiscard]] std::uintptr_t bytes() const { return highest - lowest; }
};

async::task<int> ready(StackSpread& spread) {
    spread.note();
    co_return 1;
}
async::task<int> through_a_parent(StackSpread& spread) { co_return co_await ready(spread); }
async::task<int> failing(StackSpread& spread) {
    spread.note();
    throw 1;
    co_return 0;
}

async::task<int> await_ready_ones(StackSpread& spread) {
    int sum = 0;
    for (int turn = 0; turn < many; ++turn) sum += co_await ready(spread);
    co_return sum;
}
async::task<int> await_nested_ones(StackSpread& spread) {
    int sum = 0;
    for (int turn = 0; turn < many; ++turn) sum += co_await through_a_parent(spread);
    co_return sum;
}
async::task<int> await_failing_ones(StackSpread& spread) {
    int failures = 0;
    for (int turn = 0; turn < 100'000; ++turn) {
        try {
            static_cast<void>(co_await failing(spread));
        } catch (int) {
            ++failures;
        }
    }
    co_return failures;
}
async::task<int> await_ones_that_suspend(StackSpread& spread) {
    int sum = 0;
    for (int turn = 0; turn < 100'000; ++turn) {
        co_await async::reschedule();
        sum += co_await ready(spread);
    }
    co_return sum;
}

TEST(FlatStack, AMillionReadyAwaitsStayOnOneFrame) {
    StackSpread spread;
    EXPECT_EQ(async::sync_wait(await_ready_ones(spread)), many);
    EXPECT_LT(spread.bytes(), largest_spread);
}

TEST(FlatStack, AMillionNestedAwaitsStayOnTwo) {
    StackSpread spread;
    EXPECT_EQ(async::sync_wait(await_nested_ones(spread)), many);
    EXPECT_LT(spread.bytes(), largest_spread);
}

TEST(FlatStack, AwaitsThatThrowLeaveNothingBehind) {
    StackSpread spread;
    EXPECT_EQ(async::sync_wait(await_failing_ones(spread)), 100'000);
    EXPECT_LT(spread.bytes(), largest_spread);
}

TEST(FlatStack, AwaitsThatSuspendDoToo) {
    StackSpread spread;
    EXPECT_EQ(async::sync_wait(await_ones_that_suspend(spread)), 100'000);
    EXPECT_LT(spread.bytes(), largest_spread);
}

class Module {
public:
    StackSpread spread;
    async::task<bool> check(const int&) {
        spread.note();
        co_return true;
    }
};

using check_dispatch = async::dispatch<"check", bool(const int&), async::first_not<true>, async::propagate>;

async::task<int> ask_often(const check_dispatch& check) {
    int passed = 0;
    for (int turn = 0; turn < many; ++turn) {
        if (co_await check(turn)) ++passed;
    }
    co_return passed;
}

TEST(FlatStack, AMillionDispatchesToThreeModulesKeepIt) {
    Module modules[3];
    check_dispatch check;
    for (Module& module : modules) check.add("module", async::bind<&Module::check>(&module), nullptr);
    EXPECT_EQ(async::sync_wait(ask_often(check)), many);
    for (const Module& module : modules) EXPECT_LT(module.spread.bytes(), largest_spread);
}

async::task<int> look_up_often(async::cached<int(int)>& cache) {
    int sum = 0;
    for (int turn = 0; turn < many; ++turn) sum += co_await cache(1);
    co_return sum;
}

TEST(FlatStack, AMillionCacheHitsKeepIt) {
    async::cached<int(int)> cache("one", [](int value) { return value; });
    EXPECT_EQ(async::sync_wait(look_up_often(cache)), many);
}

async::task<int> nested(int levels, bool waits) {
    if (levels == 0) {
        if (waits) co_await async::reschedule();
        co_return 0;
    }
    const int below = co_await nested(levels - 1, waits);
    co_return below + 1;
}
async::task<int> fails_deep_below(int levels, bool waits) {
    if (levels > 0) co_return co_await fails_deep_below(levels - 1, waits);
    if (waits) co_await async::reschedule();
    throw std::runtime_error("at the bottom");
}

TEST(FlatStack, AMillionNestedAwaitsNeedNoMoreOfItThanAFewThousand) {
    EXPECT_EQ(async::sync_wait(nested(many, false)), many);
    EXPECT_EQ(async::sync_wait(nested(many, true)), many);
}

TEST(FlatStack, AFailureBelowManyDoesntEither) {
    for (int round = 0; round < 3; ++round) {
        EXPECT_THROW(static_cast<void>(async::sync_wait(fails_deep_below(100'000, false))), std::runtime_error);
        EXPECT_THROW(static_cast<void>(async::sync_wait(fails_deep_below(100'000, true))), std::runtime_error);
    }
}

/// Its hooks ask it again, so that dispatchers' walks are nested.
class Recursive {
public:
    explicit Recursive() { check.add("module", async::bind<&Recursive::ask_below>(this), nullptr); }
    async::task<bool> ask_below(const int& levels) {
        ++asked;
        if (levels == 0) co_return true;
        const int below = levels - 1;
        co_return co_await check(below);
    }
    check_dispatch check;
    int asked = 0;
};

TEST(FlatStack, NestedDispatchersDontEither) {
    constexpr int levels = 50'000;
    Recursive recursive;
    EXPECT_TRUE(async::sync_wait(recursive.check(levels)));
    EXPECT_EQ(recursive.asked, levels + 1);
}

/// Its entrance and its exit are ready, and so is the body's task but for the next one that it nests.
struct ReadyManager {
    async::task<int> enter() { return async::make_ready_task(1); }
    async::task<bool> exit(std::exception_ptr) { return async::make_ready_task(false); }
};
struct NestedManagers {
    async::task<int> levels_below(int& value, int levels) {
        if (levels == 0) return async::make_ready_task(0);
        return async::with(ReadyManager(), async::bind<&NestedManagers::one_more>(this), levels - value);
    }
    async::task<int> one_more(int& value, int& levels) { return levels_below(value, levels); }
};

TEST(FlatStack, NestedContextManagersDontEither) {
    NestedManagers managers;
    int one = 1;
    EXPECT_EQ(async::sync_wait(managers.levels_below(one, 100'000)), 0);
}

/// Knows whose code its thread runs.
class Attribution final : public async::chain_observer {
public:
    void resumed(const async::context& here) noexcept override { running = &here; }
    void suspended() noexcept override { running = nullptr; }
    const async::context* running = nullptr;
};
/// One of two chains that one handler begins.
struct Chain {
    explicit Chain(const async::environment& where) : own(where) {}
    async::context own;
    const async::context* of_the_other = nullptr;
    int misattributed = 0;
    bool ended = false;
};
async::task<int> look_whose_turn_it_is(Chain& chain, const Attribution& observer, int levels) {
    if (levels == 0) co_return 0;
    const int below = co_await look_whose_turn_it_is(chain, observer, levels - 1);
    if (observer.running == chain.of_the_other) ++chain.misattributed;
    co_return below + 1;
}
async::detail::root_coroutine begin(const async::context&, Chain& chain, const Attribution& observer) {
    async::task<int> deep = look_whose_turn_it_is(chain, observer, 100'000);
    co_await std::move(deep);
    chain.ended = true;
}

TEST(FlatStack, ChainsThatWaitForRoomOnItAreResumedAsThemselves) {
    Attribution observer;
    async::testing::simulation time(observer);
    Chain first(time.environment());
    Chain second(time.environment());
    first.of_the_other = &second.own;
    second.of_the_other = &first.own;
    const async::context both(time.environment());
    async::detail::start_observed(both, [&] {
        begin(first.own, first, observer);
        begin(second.own, second, observer);
    });
    EXPECT_TRUE(first.ended && second.ended);
    EXPECT_EQ(first.misattributed, 0);
    EXPECT_EQ(second.misattributed, 0);
}

}  // namespace flat_stack_test
