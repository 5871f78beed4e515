#include <async/callback_frame.h>
#include <async/dispatch.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

/// What a task inherits from whoever awaits it.
namespace context_test {

using namespace std::chrono_literals;

async::task<const async::context*> own_context() {
    const async::context& here = co_await async::this_context;
    co_return &here;
}
async::task<const async::context*> context_of_grandchild() { co_return co_await own_context(); }
async::task<bool> grandchild_shares_our_context() {
    const async::context& own = co_await async::this_context;
    co_await async::sleep_for(1s);
    const async::context* const seen = co_await context_of_grandchild();
    co_return seen == &own;
}

TEST(Context, IsInheritedByEveryTaskOfTheChain) {
    async::testing::simulation time;
    EXPECT_TRUE(time.run(grandchild_shares_our_context()));
}

async::task<bool> set_context_passes_down() {
    const async::context& own = co_await async::this_context;
    async::context inner = own;
    async::task<const async::context*> child = context_of_grandchild();
    const async::context* const below = co_await std::move(child).in(inner);
    const async::context* const beside = co_await own_context();
    co_return below == &inner&& beside == &own;
}

TEST(Context, GivenToATaskHoldsBelowItAndNotBesideIt) {
    async::testing::simulation time;
    EXPECT_TRUE(time.run(set_context_passes_down()));
}

async::task<bool> moved_task_uses_the_context_of_its_awaiter(async::task<const async::context*> child) {
    const async::context& own = co_await async::this_context;
    const async::context* const seen = co_await std::move(child);
    co_return seen == &own;
}

TEST(Context, IsThatOfTheAwaiterNotOfTheMaker) {
    async::testing::simulation time;
    EXPECT_TRUE(time.run(moved_task_uses_the_context_of_its_awaiter(own_context())));
}

async::task<bool> knows_its_surroundings(const async::environment& expected, async::clock& expected_clock) {
    const async::context& here = co_await async::this_context;
    co_return here.environment == &expected&& here.executor() == expected.executor&&& here.clock() ==
            &expected_clock&& async::running_callback(here) == nullptr &&
        !here.shielded;
}

TEST(Context, KnowsItsExecutorAndItsClock) {
    async::testing::simulation time;
    EXPECT_TRUE(time.run(knows_its_surroundings(time.environment(), time.clock())));
}

TEST(Context, ShieldedOrNotAnswersWhetherItsChainMustEnd) {
    async::testing::simulation time;
    async::cancellation_source source;
    const async::context open(time.environment(), &source);
    async::context shielded = open;
    shielded.shielded = true;
    const async::context uncancellable(time.environment());

    EXPECT_EQ(open.cancel_requested(), async::cancel_reason::none);
    EXPECT_NO_THROW(open.throw_if_cancelled());
    source.request(async::cancel_reason::caller_gone);
    EXPECT_EQ(open.cancel_requested(), async::cancel_reason::caller_gone);
    EXPECT_EQ(shielded.cancel_requested(), async::cancel_reason::none);
    EXPECT_THROW(open.throw_if_cancelled(), async::operation_cancelled);
    EXPECT_NO_THROW(shielded.throw_if_cancelled());
    source.request(async::cancel_reason::deadline);
    EXPECT_THROW(open.throw_if_cancelled(), async::deadline_exceeded);
    EXPECT_THROW(shielded.throw_if_cancelled(), async::deadline_exceeded);
    EXPECT_EQ(uncancellable.cancel_requested(), async::cancel_reason::none);
}

/// Notes whose code is said to be running.
class Module {
public:
    explicit Module(const std::atomic<const async::callback_identity*>& noted) : noted_(noted) {}

    async::task<void> look(const int&) {
        const async::context& here = co_await async::this_context;
        look_at(here);
        co_await async::sleep_for(1s);
        look_at(here);
    }
    std::vector<std::string> in_context;
    std::vector<std::string> on_stack;

private:
    void look_at(const async::context& here) {
        in_context.push_back(name_of(async::running_callback(here)));
        on_stack.push_back(name_of(noted_));
    }
    static std::string name_of(const async::callback_identity* identity) {
        return identity == nullptr ? "nobody" : identity->module;
    }

    const std::atomic<const async::callback_identity*>& noted_;
};

using look_dispatch = async::dispatch<"look", void(const int&), async::run_all, async::propagate>;

struct Spawned {
    async::testing::simulation time;
    async::environment surroundings{time.environment()};
    async::running_callback_mark mark;
    async::context root{surroundings};
    Spawned() { surroundings.observer = &mark; }
    [[nodiscard]] const std::atomic<const async::callback_identity*>& on_stack() const { return mark.identity(); }
};

async::task<bool> ask_in(const async::context& root, const look_dispatch& dispatcher, Spawned& test) {
    async::task<void> asking = dispatcher(1);
    co_await std::move(asking).in(root);
    co_return test.on_stack().load() == nullptr;
}

TEST(Context, NamesTheModuleWhoseCallbackRunsAlsoAfterASuspension) {
    Spawned test;
    Module first(test.on_stack());
    Module second(test.on_stack());
    look_dispatch dispatcher;
    dispatcher.add("first", async::bind<&Module::look>(&first), nullptr);
    dispatcher.add("second", async::bind<&Module::look>(&second), nullptr);
    EXPECT_TRUE(test.time.run(ask_in(test.root, dispatcher, test)));
    EXPECT_EQ(first.in_context, (std::vector<std::string>{"first", "first"}));
    EXPECT_EQ(first.on_stack, (std::vector<std::string>{"first", "first"}));
    EXPECT_EQ(second.in_context, (std::vector<std::string>{"second", "second"}));
    EXPECT_EQ(second.on_stack, (std::vector<std::string>{"second", "second"}));
}

TEST(Context, NamesNobodyWhileTheCallbackIsSuspended) {
    Spawned test;
    Module module(test.on_stack());
    look_dispatch dispatcher;
    dispatcher.add("module", async::bind<&Module::look>(&module), nullptr);
    const auto asking = test.time.start(ask_in(test.root, dispatcher, test));
    test.time.run_ready();
    EXPECT_EQ(module.in_context.size(), 1U);
    EXPECT_EQ(test.on_stack().load(), nullptr);
    test.time.advance(1s);
    EXPECT_TRUE(asking.done());
}

}  // namespace context_test
