#include <modapi/hosting/cause.h>
#include <modapi/hosting/new_event.h>
#include <modapi/testing/host.h>

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// A module that causes itself by what it does is stopped, whatever way it hears of it.
namespace {

using namespace std::chrono_literals;
using callbacks::Event;
using callbacks::JsonDict;
using callbacks::StateMap;
using modapi::Cause;
using modapi::EventBudget;
using modapi::ModuleApi;
using modapi::WorkerPlace;
using modapi::testing::Host;

const char* const echo_room = "!hall:example.org";

/// Answers each message with another one; each account data with another one; each presence likewise.
class Echo {
public:
    Echo(const JsonDict& config, ModuleApi& api) : api_(api) {
        if (const callbacks::JsonValue* const replies = config.if_contains("replies")) replies_ = replies->to_number<int>();
        callbacks::ThirdPartyRules rules;
        rules.on_new_event = async::bind<&Echo::on_new_event>(this);
        api.register_third_party_rules_callbacks(std::move(rules));
        callbacks::AccountData account_data;
        account_data.on_account_data_updated = async::bind<&Echo::on_account_data_updated>(this);
        api.register_account_data_callbacks(std::move(account_data));
    }

    async::task<void> say() {
        JsonDict message;
        message["type"] = "m.room.message";
        message["room_id"] = echo_room;
        message["sender"] = "@alice:example.org";
        message["content"] = JsonDict();
        async::task<Event> sending = api_.create_and_send_event_into_room(std::move(message));
        const Event said = co_await std::move(sending);
        ++sent;
    }
    async::task<void> put() {
        async::task<void> putting =
            api_.account_data_manager().put_global("@alice:example.org", "org.example.echo", JsonDict());
        co_await std::move(putting);
    }

    int sent = 0;
    int put_times = 0;

private:
    async::task<void> on_new_event(const Event& event, const StateMap&) {
        if (event.type() != "m.room.message") co_return;
        for (int reply = 0; reply < replies_; ++reply) co_await say();
    }
    async::task<void> on_account_data_updated(const std::string&, const std::optional<std::string>&, const std::string&,
                                              const JsonDict&) {
        ++put_times;
        for (int reply = 0; reply < replies_; ++reply) co_await put();
    }

    ModuleApi& api_;
    int replies_ = 1;
};

class CauseTest : public testing::Test {
protected:
    CauseTest() {
        host.server.add_user("@alice:example.org");
        host.server.add_room(echo_room, "@alice:example.org");
        host.run_callbacks_for_module_calls();
    }
    Host host;
};

TEST_F(CauseTest, AnEventThatCausesItselfEndsAtTheFiftiethCall) {
    Echo& echo = host.load<Echo>();
    host.run(echo.say());
    host.run_ready();
    EXPECT_EQ(echo.sent, 50);
    EXPECT_NE(host.log().find("50 calls lie within each other"), std::string::npos) << host.log();
    host.run(echo.say());
    host.run_ready();
    EXPECT_EQ(echo.sent, 100) << "the next one is a cause of its own";
}

TEST_F(CauseTest, ThoseThatCauseTwoEachEndWithTheBudget) {
    Echo& echo = host.load<Echo>("{replies: 2}");
    host.run(echo.say());
    host.run_ready();
    EXPECT_EQ(echo.sent, 1001) << "the first one isn't caused";
    EXPECT_NE(host.log().find("modules may send 1000 events because of one request"), std::string::npos);
}

TEST_F(CauseTest, CallsWithinCallsThatSendNothingEndToo) {
    Echo& echo = host.load<Echo>("{replies: 2}");
    host.run(echo.put());
    EXPECT_LE(echo.put_times, 1001);
    EXPECT_GT(echo.put_times, 50);
}

TEST(EventBudgetTest, IsSharedOutAmongTheWorkers) {
    EventBudget budget;
    EXPECT_TRUE(budget.take(200, WorkerPlace{0, 2}));
    EXPECT_FALSE(budget.take(801, WorkerPlace{0, 2}));
    budget.share_out();
    for (std::size_t worker = 0; worker < 2; ++worker) {
        EXPECT_TRUE(budget.take(399, WorkerPlace{worker, 2}));
        EXPECT_TRUE(budget.take(1, WorkerPlace{worker, 2}));
        EXPECT_FALSE(budget.take(1, WorkerPlace{worker, 2}));
    }
}

TEST(NewEventTest, IsToldToOneWorkerAfterTheOther) {
    callbacks::EventFields fields;
    fields.type = "m.room.message";
    modapi::NewEvent event(Event(std::move(fields)), nullptr, Cause());
    boost::asio::io_context second_worker;
    int called = 0;
    EXPECT_TRUE(event.begin(second_worker.get_executor(), [] { ADD_FAILURE() << "it began at once"; }));
    EXPECT_FALSE(event.begin(second_worker.get_executor(), [&] { ++called; }));
    second_worker.run();
    EXPECT_EQ(called, 0);
    event.end();
    second_worker.restart();
    second_worker.run();
    EXPECT_EQ(called, 1);
    EXPECT_TRUE(event.begin(second_worker.get_executor(), [] {}));
    event.end();
}

/// Waits for ever.
class Sleeper {
public:
    Sleeper(const JsonDict&, ModuleApi& api) : api_(api) {
        callbacks::SpamChecker spam_checker;
        spam_checker.check_event_for_spam = async::bind<&Sleeper::check>(this);
        api.register_spam_checker_callbacks(std::move(spam_checker));
    }

private:
    async::task<callbacks::Verdict> check(const Event&) {
        co_await api_.sleep(24 * 3600);
        co_return callbacks::NOT_SPAM;
    }

    ModuleApi& api_;
};

TEST(CallbackDeadlineTest, CutsACallbackThatNeverEndsWithinASecondAndShowsItUntilThen) {
    modapi::WorkerSettings settings;
    settings.callback_deadline = 60s;
    Host host(settings);
    host.load<Sleeper>();
    const Event event = modapi::testing::message("@alice:example.org", echo_room, "hello");
    auto asked = host.start(host.hooks().spam_checker.check_event_for_spam(event));
    host.advance(10s);
    const std::vector<modapi::ModuleStatistics> modules = host.worker().module_statistics();
    EXPECT_EQ(modules.at(0).callbacks.at(0).waiting, 1U);
    EXPECT_EQ(modules.at(0).callbacks.at(0).max_waiting_ns, 10'000'000'000U);
    EXPECT_NE(host.log().find("module test.Module: check_event_for_spam has been waiting for 9000 ms now"), std::string::npos)
        << host.log();
    EXPECT_FALSE(asked.done());
    host.advance(51s);
    ASSERT_TRUE(asked.done());
    EXPECT_THROW(asked.result(), async::deadline_exceeded);
    EXPECT_EQ(host.worker().module_statistics().at(0).callbacks.at(0).waiting, 0U);
}

}  // namespace
