#include "log_capture.h"
#include "worker_under_test.h"

#include <gtest/gtest.h>

#include <async/sleep.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;
using callbacks::JsonDict;
using modapi::DeferredCallTimeout;
using modapi::ModuleApi;

/// A blocking call that returns when the test says so.
class HeldCall {
public:
    ~HeldCall() { let_go(); }

    static int answer(const std::shared_ptr<HeldCall>& held, int number) {
        ++held->begun_;
        held->begun_.notify_all();
        held->may_end_.wait(false);
        return number;
    }
    void wait_for_begun(int calls) const {
        for (int begun = begun_; begun < calls; begun = begun_) begun_.wait(begun);
    }
    [[nodiscard]] int begun() const { return begun_; }
    void let_go() {
        may_end_ = true;
        may_end_.notify_all();
    }

private:
    std::atomic<int> begun_ = 0;
    std::atomic<bool> may_end_ = false;
};

int return_at_once(int number) { return number; }

/// Hands its ModuleApi to the test.
template <int Number>
struct Deferring {
    Deferring(const JsonDict&, ModuleApi& given) { api = &given; }
    ~Deferring() { api = nullptr; }
    static inline ModuleApi* api = nullptr;
};
using First = Deferring<0>;
using Second = Deferring<1>;

class DeferredCallTest : public testing::Test {
protected:
    explicit DeferredCallTest(std::chrono::milliseconds deadline = 60s) : test(with_deadline(deadline)) {
        test.construct<First, Second>();
    }
    ~DeferredCallTest() override { held->let_go(); }

    static modapi::WorkerSettings with_deadline(std::chrono::milliseconds deadline) {
        modapi::WorkerSettings settings;
        settings.interaction_deadline = deadline;
        return settings;
    }
    /// Time passes while calls are away, which it waits for no longer than that.
    void pass(async::clock::duration length) {
        test.time.patience(1ms);
        test.advance(length);
        test.time.patience(10s);
    }
    [[nodiscard]] auto start_held(int number) {
        return test.time.start(First::api->defer_to_thread(&HeldCall::answer, held, number));
    }

    LogCapture log;
    std::shared_ptr<HeldCall> held = std::make_shared<HeldCall>();
    WorkerUnderTest test;  // with two threads for each module
};

TEST_F(DeferredCallTest, IsGivenUpAtTheDeadlineAndItsThreadGoesOn) {
    const auto caller = start_held(7);
    test.run_ready();
    held->wait_for_begun(1);
    pass(59'999ms);
    EXPECT_FALSE(caller.done());
    pass(1ms);
    ASSERT_TRUE(caller.done());
    EXPECT_THROW(caller.result(), DeferredCallTimeout);
    EXPECT_TRUE(
        log.contains("warning: module test.Module0: defer_to_thread: the call took longer than its 60000 ms and was given "
                     "up; its thread goes on"))
        << log.text();
    EXPECT_GT(held.use_count(), 1) << "the call has its arguments, though its caller is gone";
    held->let_go();
    test.stop();
    EXPECT_TRUE(log.contains("module test.Module0: defer_to_thread: a call that was given up ended after about 60000 ms"))
        << log.text();
    EXPECT_EQ(held.use_count(), 1);
}

TEST_F(DeferredCallTest, IsNotGivenUpWhenItReturnsInTime) {
    const auto caller = start_held(7);
    test.run_ready();
    pass(59'999ms);
    held->let_go();
    test.advance(1h);
    EXPECT_EQ(caller.result(), 7);
    EXPECT_FALSE(log.contains("defer_to_thread"));
}

TEST_F(DeferredCallTest, TakesTheThreadsOfItsOwnModuleOnly) {
    const auto one = start_held(1);
    test.run_ready();
    held->wait_for_begun(1);
    EXPECT_EQ(test.wait(First::api->defer_to_thread(&return_at_once, 5)), 5) << "there is another thread";
    const auto two = start_held(2);
    test.run_ready();
    held->wait_for_begun(2);
    const auto queued = start_held(3);
    EXPECT_EQ(test.wait(Second::api->defer_to_thread(&return_at_once, 6)), 6) << "another module has threads of its own";
    pass(60s);
    ASSERT_TRUE(one.done() && two.done() && queued.done());
    EXPECT_THROW(queued.result(), DeferredCallTimeout);
    EXPECT_TRUE(
        log.contains("module test.Module0: defer_to_thread: the call found no thread of its module's free for 60000 ms and "
                     "was given up"))
        << log.text();
    held->let_go();
    EXPECT_EQ(test.wait(First::api->defer_to_thread(&return_at_once, 8)), 8) << "threads whose calls returned are free again";
    EXPECT_EQ(held->begun(), 2) << "what was given up before it began isn't made";
}

TEST_F(DeferredCallTest, IsNotMadeWhenItsCallerIsCancelledWhileItQueues) {
    const auto one = start_held(1);
    const auto two = start_held(2);
    test.run_ready();
    held->wait_for_begun(2);
    const auto queued = test.time.start(async::with_deadline(5s, First::api->defer_to_thread(&HeldCall::answer, held, 3)));
    pass(5s);
    ASSERT_TRUE(queued.done());
    EXPECT_THROW(queued.result(), async::deadline_exceeded);
    one.cancel(async::cancel_reason::stopping);
    test.run_ready();
    EXPECT_FALSE(one.done()) << "what has begun is waited for";
    held->let_go();
    test.advance(1s);
    EXPECT_EQ(one.result(), 1);
    EXPECT_EQ(two.result(), 2);
    EXPECT_EQ(held->begun(), 2);
}

TEST_F(DeferredCallTest, IsWaitedForBeforeItsModuleIsDestroyed) {
    const auto caller = start_held(7);
    test.run_ready();
    held->wait_for_begun(1);
    pass(60s);
    ASSERT_TRUE(caller.done());
    const auto stopping = test.time.start(test.worker.stop());
    test.time.patience(1ms);
    test.run_ready();
    EXPECT_FALSE(stopping.done());
    EXPECT_NE(First::api, nullptr);
    test.time.patience(10s);
    held->let_go();
    test.advance(1s);
    EXPECT_TRUE(stopping.done());
    EXPECT_EQ(First::api, nullptr);
}

void throw_from_a_thread() { throw std::out_of_range("far away"); }

TEST_F(DeferredCallTest, ThrowsWhatTheFunctionThrows) {
    EXPECT_THROW(test.wait(First::api->defer_to_thread(&throw_from_a_thread)), std::out_of_range);
}

TEST_F(DeferredCallTest, GivesAndTakesWhatCanOnlyBeMoved) {
    const auto add_one = [](std::unique_ptr<int>& number) { return std::make_unique<int>(*number + 1); };
    EXPECT_EQ(*test.wait(First::api->defer_to_thread(add_one, std::make_unique<int>(1))), 2);
}

TEST_F(DeferredCallTest, TakesThreadsOfAPoolOfTheModulesOwn) {
    const modapi::ThreadPool narrow("narrow", 1);
    const modapi::ThreadPool other("other", 1);
    const auto one = test.time.start(First::api->defer_to_threadpool(narrow, &HeldCall::answer, held, 1));
    test.run_ready();
    held->wait_for_begun(1);
    const auto queued = test.time.start(First::api->defer_to_threadpool(narrow, &HeldCall::answer, held, 2));
    EXPECT_EQ(test.wait(First::api->defer_to_thread(&return_at_once, 5)), 5) << "the module has other threads too";
    EXPECT_EQ(test.wait(First::api->defer_to_threadpool(other, &return_at_once, 6)), 6) << "and other pools";
    EXPECT_EQ(test.wait(Second::api->defer_to_threadpool(narrow, &return_at_once, 7)), 7)
        << "another module's pool of that name";
    pass(60s);
    ASSERT_TRUE(one.done() && queued.done());
    EXPECT_THROW(one.result(), DeferredCallTimeout);
    EXPECT_THROW(queued.result(), DeferredCallTimeout);
    EXPECT_TRUE(log.contains("module test.Module0: defer_to_threadpool: the call took longer than its 60000 ms")) << log.text();
    EXPECT_TRUE(
        log.contains("module test.Module0: defer_to_threadpool: the call found no thread of the pool narrow free for 60000 ms"))
        << log.text();
    held->let_go();
    EXPECT_EQ(test.wait(First::api->defer_to_threadpool(narrow, &return_at_once, 8)), 8);
    EXPECT_EQ(held->begun(), 1) << "what was given up before it began isn't made";
}

TEST_F(DeferredCallTest, MakesAsManyCallsOfAPoolAtATimeAsWasSaidLast) {
    const modapi::ThreadPool wide("images", 2);
    const auto one = test.time.start(First::api->defer_to_threadpool(wide, &HeldCall::answer, held, 1));
    const auto two = test.time.start(First::api->defer_to_threadpool(wide, &HeldCall::answer, held, 2));
    test.run_ready();
    held->wait_for_begun(2);
    held->let_go();
    test.advance(1s);
    ASSERT_TRUE(one.done() && two.done());
    const auto second = std::make_shared<HeldCall>();
    const modapi::ThreadPool narrow("images", 1);
    const auto three = test.time.start(First::api->defer_to_threadpool(narrow, &HeldCall::answer, second, 3));
    test.run_ready();
    second->wait_for_begun(1);
    const auto four = test.time.start(First::api->defer_to_threadpool(narrow, &HeldCall::answer, second, 4));
    pass(1s);
    EXPECT_EQ(second->begun(), 1) << "one of the two threads has nothing to do any more";
    second->let_go();
    test.advance(1s);
    EXPECT_EQ(three.result() + four.result(), 7);
}

TEST_F(DeferredCallTest, OutlivesThePoolThatItWasMadeOn) {
    const auto caller = [&] {
        const modapi::ThreadPool gone("gone", 1);
        return test.time.start(First::api->defer_to_threadpool(gone, &HeldCall::answer, held, 9));
    }();
    test.run_ready();
    held->let_go();
    test.advance(1s);
    EXPECT_EQ(caller.result(), 9);
}

TEST_F(DeferredCallTest, HasNoMorePoolsThanAModuleMayHave) {
    for (std::size_t number = 0; number < modapi::ThreadPool::most_of_a_module; ++number) {
        const modapi::ThreadPool pool("pool" + std::to_string(number), 1);
        EXPECT_EQ(test.wait(First::api->defer_to_threadpool(pool, &return_at_once, 1)), 1);
    }
    const modapi::ThreadPool one_too_many("another", 1);
    EXPECT_THROW(test.wait(First::api->defer_to_threadpool(one_too_many, &return_at_once, 1)), std::logic_error);
    EXPECT_EQ(test.wait(First::api->defer_to_thread(&return_at_once, 1)), 1);
}

TEST(ThreadPoolTest, HasANameAndAtLeastOneThread) {
    EXPECT_THROW(modapi::ThreadPool("", 1), std::invalid_argument);
    EXPECT_THROW(modapi::ThreadPool("none", 0), std::invalid_argument);
    EXPECT_THROW(modapi::ThreadPool("absurd", modapi::ThreadPool::most_threads + 1), std::invalid_argument);
    EXPECT_EQ(modapi::ThreadPool("images", 2).threads(), 2U);
}

class UnlimitedDeferredCallTest : public DeferredCallTest {
protected:
    UnlimitedDeferredCallTest() : DeferredCallTest(0ms) {}
};

TEST_F(UnlimitedDeferredCallTest, IsWaitedForForEver) {
    const auto caller = start_held(7);
    test.run_ready();
    pass(24h);
    EXPECT_FALSE(caller.done());
    held->let_go();
    test.advance(1s);
    EXPECT_EQ(caller.result(), 7);
}

/// Defers in its start().
struct DefersInStart {
    DefersInStart(const JsonDict&, ModuleApi& given) : api(given) {}
    async::task<void> start() { answer = co_await api.defer_to_thread(&HeldCall::answer, held, 7); }
    static inline std::shared_ptr<HeldCall> held;
    static inline int answer = 0;
    ModuleApi& api;
};

TEST(DeferredCallInStartTest, HasNoDeadline) {
    DefersInStart::held = std::make_shared<HeldCall>();
    modapi::WorkerSettings settings;
    settings.interaction_deadline = 1s;
    WorkerUnderTest test(settings);
    modapi::ModuleResolver resolver({});
    resolver.add<DefersInStart>("test.DefersInStart");
    const auto file = modapi::ConfigurationFile::parse("modules:\n  - module: test.DefersInStart\n", "hs.yaml");
    test.worker.construct_modules(modapi::configure_modules(file, resolver, [](const std::string&) {}));
    const auto starting = test.time.start(test.worker.start_modules());
    test.run_ready();
    test.time.patience(1ms);
    test.advance(50s);
    test.time.patience(10s);
    EXPECT_FALSE(starting.done());
    DefersInStart::held->let_go();
    test.advance(1s);
    EXPECT_TRUE(starting.done());
    EXPECT_EQ(DefersInStart::answer, 7);
    test.stop();
    DefersInStart::held = nullptr;
}

}  // namespace
