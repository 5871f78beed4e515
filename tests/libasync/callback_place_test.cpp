#include <async/callback_frame.h>
#include <async/co_spawn.h>
#include <async/dispatch.h>
#include <async/operation.h>
#include <async/scope.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>

#include <boost/asio/detached.hpp>

#include <gtest/gtest.h>

#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

/// What is found by the thread alone of the callback that runs on it.
namespace callback_place_test {

using namespace std::chrono_literals;
using Mark = async::running_callback_mark;

class Work : public async::operation {
public:
    Work(const async::context& outer, std::string name) : operation(outer), name_(std::move(name)) {}
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

private:
    std::string name_;
};

/// As a log line would say it: the callback's module and the work around it.
std::string seen() {
    const async::callback_place* const place = Mark::on_this_thread();
    if (place == nullptr) return "nobody";
    const Work* const around = async::innermost<Work>(place->here());
    return place->identity()->module + " for " + (around != nullptr ? around->name() : "nothing");
}

struct Observed {
    async::running_callback_mark mark;
    async::testing::simulation time{mark};
};

async::task<void> sleep_a_second() { co_await async::sleep_for(1s); }

using look_dispatch = async::dispatch<"look", void(const int&), async::run_all, async::propagate>;

class Sleeper {
public:
    async::task<void> look(const int&) {
        notes.push_back(seen());
        co_await async::sleep_for(1s);
        notes.push_back(seen());
    }
    std::vector<std::string> notes;
};

/// Its callback calls its host back, which asks another module for it.
class Caller {
public:
    Caller(const look_dispatch& asked, bool fails) : asked_(asked), fails_(fails) {}

    async::task<void> look(const int&) {
        notes.push_back(seen());
        try {
            co_await call_host();
        } catch (const std::runtime_error&) {
            notes.push_back("caught by " + seen());
        }
        notes.push_back(seen());
        co_await async::sleep_for(1s);
        notes.push_back(seen());
    }
    std::vector<std::string> notes;

private:
    async::task<void> call_host() {
        const async::context& here = co_await async::this_context;
        const auto inner = std::make_unique<const Work>(here, "inner");  // which memory checkers know to have ended
        co_await asked_(1).in(inner->here());
        co_await sleep_a_second().in(inner->here());
        if (fails_) throw std::runtime_error("no");
    }

    const look_dispatch& asked_;
    bool fails_;
};

async::task<void> ask_for(const look_dispatch& dispatcher, std::string work) {
    const async::context& here = co_await async::this_context;
    const Work outer(here, std::move(work));
    co_await dispatcher(1).in(outer.here());
}

TEST(CallbackPlace, IsTheCallersAgainWhenWhatItAskedForHasEnded) {
    Observed test;
    look_dispatch nested;
    Sleeper asked;
    nested.add("asked", async::bind<&Sleeper::look>(&asked), nullptr);
    look_dispatch dispatcher;
    Caller caller(nested, false);
    dispatcher.add("caller", async::bind<&Caller::look>(&caller), nullptr);
    test.time.run(ask_for(dispatcher, "request"));
    const std::string own = "caller for request";
    EXPECT_EQ(caller.notes, (std::vector<std::string>{own, own, own}));
    EXPECT_EQ(asked.notes, (std::vector<std::string>{"asked for inner", "asked for inner"}));
    EXPECT_EQ(seen(), "nobody");
}

TEST(CallbackPlace, IsTheCallersAgainWhenWhatItAskedForHasFailed) {
    Observed test;
    const look_dispatch nobody;
    look_dispatch dispatcher;
    Caller caller(nobody, true);
    dispatcher.add("caller", async::bind<&Caller::look>(&caller), nullptr);
    test.time.run(ask_for(dispatcher, "request"));
    const std::string own = "caller for request";
    EXPECT_EQ(caller.notes, (std::vector<std::string>{own, "caught by " + own, own, own}));
}

TEST(CallbackPlace, IsEachOnesOwnWhereTwoWaitAtOnce) {
    Observed test;
    look_dispatch dispatcher;
    Sleeper module;
    dispatcher.add("module", async::bind<&Sleeper::look>(&module), nullptr);
    const auto first = test.time.start(ask_for(dispatcher, "first"));
    test.time.advance(500ms);
    const auto second = test.time.start(ask_for(dispatcher, "second"));
    test.time.run_ready();
    EXPECT_EQ(seen(), "nobody");
    test.time.advance(1s);
    EXPECT_EQ(module.notes,
              (std::vector<std::string>{"module for first", "module for second", "module for first", "module for second"}));
}

async::task<void> sleep_in_frame(const async::callback_identity& identity) {
    const async::context& here = co_await async::this_context;
    async::callback_frame frame(here);
    frame.enter(identity);
    co_await sleep_a_second().in(frame.here());
    frame.leave();
}

TEST(CallbackPlace, IsForgottenWhenAChainWaitsForTheFirstTimeHoweverItWasStarted) {
    Observed test;
    const async::callback_identity identity("module", "look");
    async::scope background(test.time.environment(), [](std::string_view, const std::exception_ptr&) {});
    background.spawn("sleep", sleep_in_frame(identity));
    test.time.run_ready();
    EXPECT_EQ(seen(), "nobody");
    EXPECT_EQ(test.mark.identity().load(), nullptr);
    async::co_spawn(test.time.environment(), sleep_in_frame(identity), boost::asio::detached);
    test.time.run_ready();
    EXPECT_EQ(seen(), "nobody");
    EXPECT_EQ(test.mark.identity().load(), nullptr);
    test.time.advance(1s);
    test.time.run(background.join());
}

TEST(CallbackPlace, IsForgottenWithItsFrameEvenIfNobodyLeftThat) {
    Observed test;
    const async::callback_identity identity("module", "look");
    const async::context root(test.time.environment());
    std::optional<async::callback_frame> frame(std::in_place, root);
    frame->enter(identity);
    EXPECT_EQ(seen(), "module for nothing");
    frame.reset();
    EXPECT_EQ(seen(), "nobody");
}

TEST(CallbackPlace, IsNotThatOfAnotherThread) {
    Observed test;
    const async::callback_identity identity("module", "look");
    const async::context root(test.time.environment());
    async::callback_frame frame(root);
    frame.enter(identity);
    std::string elsewhere;
    std::thread([&] { elsewhere = seen(); }).join();
    EXPECT_EQ(elsewhere, "nobody");
    EXPECT_EQ(test.mark.identity().load(), &identity);
    frame.leave();
}

}  // namespace callback_place_test
