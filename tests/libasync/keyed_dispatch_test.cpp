#include <async/dispatch.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// Dispatchers with one list of hooks per key, and what dispatchers measure.
namespace keyed_dispatch_test {

using namespace std::chrono_literals;

using checkers = async::dispatch<"checkers", int(const std::string&), async::first_not<0>, async::propagate, std::string>;

class Module {
public:
    explicit Module(int answer) : answer_(answer) {}
    int check(const std::string&) { return answer_; }
    async::task<int> check_later(const std::string&) {
        co_await async::sleep_for(2s);
        co_return answer_;
    }

private:
    int answer_;
};

async::task<int> ask(const checkers& dispatcher, std::string key) { co_return co_await dispatcher(key, "argument"); }

TEST(KeyedDispatch, AsksTheHooksOfItsKeyInTheirOrder) {
    async::testing::simulation time;
    Module pass(0);
    Module one(1);
    Module two(2);
    checkers dispatcher;
    EXPECT_TRUE(dispatcher.empty());
    checkers::slot_type first = {{"x", async::bind<&Module::check>(&pass)}, {"y", async::bind<&Module::check>(&one)}};
    checkers::slot_type second = {{"y", async::bind<&Module::check>(&two)}, {"x", async::bind<&Module::check_later>(&two)}};
    dispatcher.add("first", first, nullptr);
    dispatcher.add("second", second, nullptr);
    EXPECT_FALSE(dispatcher.empty());
    EXPECT_EQ(time.run(ask(dispatcher, "x")), 2);
    EXPECT_EQ(time.run(ask(dispatcher, "y")), 1);
}

TEST(KeyedDispatch, HasTheNeutralAnswerForAnUnknownKey) {
    async::testing::simulation time;
    const checkers dispatcher;
    EXPECT_EQ(time.run(ask(dispatcher, "unknown")), 0);
}

TEST(KeyedDispatch, ListsItsKeysInTheOrderOfTheirFirstRegistration) {
    Module module(1);
    checkers dispatcher;
    checkers::slot_type first = {{"b", async::bind<&Module::check>(&module)}};
    checkers::slot_type second = {{"a", async::bind<&Module::check>(&module)}, {"b", async::bind<&Module::check>(&module)}};
    dispatcher.add("first", first, nullptr);
    dispatcher.add("second", second, nullptr);
    dispatcher.add("empty", checkers::slot_type(), nullptr);
    std::vector<std::string> keys;
    dispatcher.each_key([&](const std::string& key, const checkers::one&) { keys.push_back(key); });
    EXPECT_EQ(keys, (std::vector<std::string>{"b", "a"}));
    std::vector<std::string> modules;
    dispatcher.each_registration([&](const async::callback_identity& identity) { modules.push_back(identity.module); });
    EXPECT_EQ(modules, (std::vector<std::string>{"first", "second", "second"}));
    EXPECT_NE(dispatcher.find_if([](const std::string& key) { return key == "a"; }), nullptr);
    EXPECT_EQ(dispatcher.find_if([](const std::string& key) { return key == "c"; }), nullptr);
}

using single = async::dispatch<"single", int(const std::string&), async::first_not<0>, async::propagate>;

async::task<int> ask_single(const single& dispatcher) { co_return co_await dispatcher("argument"); }

TEST(DispatchStatistics, MeasureEvery64thRunAndEachThatSuspends) {
    async::testing::simulation time;
    Module module(1);
    single quick;
    quick.add("quick", async::bind<&Module::check>(&module), nullptr);
    for (int turn = 0; turn < 65; ++turn) EXPECT_EQ(time.run(ask_single(quick)), 1);
    single slow;
    slow.add("slow", async::bind<&Module::check_later>(&module), nullptr);
    for (int turn = 0; turn < 3; ++turn) EXPECT_EQ(time.run(ask_single(slow)), 1);
    quick.each_registration([](const async::callback_identity& identity) {
        EXPECT_EQ(identity.statistics.runs, 65U);
        EXPECT_EQ(identity.statistics.waited.counts().count() + identity.statistics.at_once.counts().count(), 2U);
        EXPECT_EQ(identity.statistics.longest_ns, 0U);
    });
    slow.each_registration([](const async::callback_identity& identity) {
        EXPECT_EQ(identity.statistics.waited.counts().count() + identity.statistics.at_once.counts().count(), 3U);
        EXPECT_EQ(identity.statistics.waited.counts().total_ns, 6'000'000'000U);
        EXPECT_EQ(identity.statistics.longest_ns, 2'000'000'000U);
    });
}

TEST(Dispatch, AnEmptySlotRegistersNothing) {
    single dispatcher;
    dispatcher.add("empty", single::slot_type(), nullptr);
    EXPECT_TRUE(dispatcher.empty());
}

using mover = async::dispatch<"mover", void(std::vector<int>&, int), async::run_all, async::propagate>;

class Appender {
public:
    async::task<void> append(std::vector<int>& list, int value) {
        co_await async::reschedule();
        list.push_back(value);
    }
};
async::task<void> append(const mover& dispatcher, std::vector<int>& list) { co_await dispatcher(list, 7); }

TEST(Dispatch, GivesEveryHookTheSameArguments) {
    async::testing::simulation time;
    Appender appender;
    mover dispatcher;
    dispatcher.add("first", async::bind<&Appender::append>(&appender), nullptr);
    dispatcher.add("second", async::bind<&Appender::append>(&appender), nullptr);
    std::vector<int> list;
    time.run(append(dispatcher, list));
    EXPECT_EQ(list, (std::vector<int>{7, 7}));
}

}  // namespace keyed_dispatch_test
