#include <async/dispatch.h>
#include <async/scope.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>
#include <async/waiting_runs.h>

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

/// What runs that suspend are measured by: few exactly, the others by the coarse clock.
namespace coarse_time_test {

using namespace std::chrono_literals;

using waits = async::dispatch<"waits", bool(const int&), async::first_not<true>, async::skip>;
constexpr async::clock::duration tick = 10ms;

/// Virtual time whose coarse look is as late as it may be.
class TickingClock final : public async::clock {
public:
    explicit TickingClock(async::clock& time) : time_(time) {}
    time_point now() const noexcept override {
        ++exact_looks;
        return time_.now();
    }
    time_point coarse_now() const noexcept override {
        ++coarse_looks;
        return time_.now() - tick;
    }
    duration coarse_resolution() const noexcept override { return tick; }
    std::chrono::system_clock::time_point wall_time() const noexcept override { return time_.wall_time(); }
    std::unique_ptr<async::timer> call_at(time_point when, const boost::asio::any_io_executor& executor, void (*fire)(void*),
                                          void* argument) override {
        return time_.call_at(when, executor, fire, argument);
    }

    mutable int exact_looks = 0;
    mutable int coarse_looks = 0;

private:
    async::clock& time_;
};

class Module {
public:
    async::task<bool> passes_later(const int&) {
        co_await async::reschedule();
        co_return true;
    }
    async::task<bool> waits_long(const int&) {
        co_await async::sleep_for(1h);
        co_return true;
    }
};

struct Ticking {
    async::testing::simulation time;
    TickingClock clock{time.clock()};
    async::environment where{time.io().get_executor(), clock};
    async::dispatch_settings settings;
    Module module;
    waits dispatcher;
};

async::task<void> ask(const waits& dispatcher, int count) {
    for (int turn = 0; turn < count; ++turn) static_cast<void>(co_await dispatcher(turn));
}

TEST(CoarseTime, OfRunsThatSuspendOnlyThoseOfTheSampleLookAtTheExactClock) {
    Ticking test;
    test.dispatcher.add("module", async::bind<&Module::passes_later>(&test.module), &test.settings);
    async::scope running(test.where, [](std::string_view, std::exception_ptr) { FAIL(); });
    running.spawn("asks", ask(test.dispatcher, 64));
    test.time.run(running.join());
    EXPECT_EQ(test.clock.exact_looks, 2);
    EXPECT_EQ(test.clock.coarse_looks, 2 * 63);
    test.dispatcher.each_registration(
        [](const async::callback_identity& identity) { EXPECT_EQ(identity.statistics.waited.counts().count(), 64U); });
}

TEST(CoarseTime, CutsNoRunBeforeItsDeadline) {
    Ticking test;
    test.settings.callback_deadline = 1015ms;
    async::waiting_runs waiting(test.settings);
    test.settings.waiting = &waiting;
    test.dispatcher.add("module", async::bind<&Module::waits_long>(&test.module), &test.settings);
    async::scope running(test.where, [](std::string_view, std::exception_ptr) { FAIL(); });
    running.spawn("makes it look each second", ask(test.dispatcher, 1));
    test.time.advance(990ms);
    running.spawn("asks", ask(test.dispatcher, 1));
    test.time.advance(1010ms);  // the second look: the second run has waited for 1010 ms, and by the coarse clock for 1020
    const auto in_flight = [&] {
        int count = 0;
        waiting.each([&](const async::waiting_run&) { ++count; });
        return count;
    };
    EXPECT_EQ(in_flight(), 1);
    test.time.advance(1s);
    EXPECT_EQ(in_flight(), 0);
    test.time.run(running.join());
    waiting.stop();
}

TEST(CoarseTime, OfTheMachineIsNeverEarlyAndSaysHowLateItMayBe) {
    const async::clock& time = async::real_clock();
    EXPECT_GT(time.coarse_resolution(), 0ns);
    EXPECT_LE(time.coarse_resolution(), 20ms);
    for (int turn = 0; turn < 1000; ++turn) {
        const async::clock::time_point coarse = time.coarse_now();
        EXPECT_LE(coarse, time.now());
    }
}

}  // namespace coarse_time_test
