#include "push/http_pushers.h"

#include "process/schema.h"
#include "push/push_gateway.h"
#include "server_process.h"

#include <callbacks/dispatchers.h>
#include <modapi/database.h>

#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace homeserver_test;
using namespace std::chrono_literals;
using modapi::Transaction;

void add_unread_with_pusher(Transaction& transaction) {
    transaction.execute(
        "INSERT INTO pushers (user_id, app_id, pushkey, app_display_name, device_display_name, lang, data, pushkey_ts, "
        "last_position) VALUES ('@bob:hs.test', 'app', 'key', 'App', 'Phone', 'en', '{}', 1, 0)");
    transaction.execute(
        "INSERT INTO unread_notifications (user_id, room_id, stream_position, event_id, thread_id, highlight, tweaks, notifies) "
        "VALUES ('@bob:hs.test', '!r:hs.test', 1, '$one', 'main', 0, '{}', 1)");
}

/// Each look finds something to tell Bob, and asks whether his account has expired.
class HttpPushersTest : public testing::Test {
protected:
    HttpPushersTest() {
        homeserver::create_schema(*database);
        time.run(database->run("add_unread_with_pusher", &add_unread_with_pusher));
        callbacks::AccountValidity validity;
        validity.is_user_expired = [this](const std::string&) {
            ++looks;
            if (throws) throw std::runtime_error("the module is broken");
            return true;
        };
        EXPECT_TRUE(callbacks::register_callbacks(hooks, "counting", validity, nullptr, {}));
        pushers = std::make_unique<homeserver::HttpPushers>(time.environment(), *database, hooks.account_validity, gateway, nullptr);
    }
    ~HttpPushersTest() override { time.run(pushers->stop()); }

    async::testing::simulation time;
    TemporaryFolder folder;
    std::unique_ptr<modapi::Database> database = modapi::Database::open(database_in(folder.path()));
    callbacks::Dispatchers hooks;
    homeserver::PushGateway gateway{*database, modapi::HttpClientSettings()};
    int looks = 0;
    bool throws = false;
    std::unique_ptr<homeserver::HttpPushers> pushers;
};

const std::vector<std::string> bob = {"@bob:hs.test"};

TEST_F(HttpPushersTest, LookAtOnceForTheFirstEventAndTogetherForThoseThatFollow) {
    pushers->look(bob, nullptr);
    time.advance(0ms);
    EXPECT_EQ(looks, 1);
    for (int event = 0; event < 40; ++event) {
        pushers->look(bob, nullptr);
        time.advance(1ms);
    }
    EXPECT_EQ(looks, 1);
    time.advance(20ms);
    EXPECT_EQ(looks, 2);
    time.advance(1s);
    EXPECT_EQ(looks, 2) << "nothing came";
    pushers->look(bob, nullptr);
    time.advance(0ms);
    EXPECT_EQ(looks, 3);
}

TEST_F(HttpPushersTest, LookOnWhenAModuleHasThrown) {
    throws = true;
    pushers->look(bob, nullptr);
    time.advance(0ms);
    pushers->look(bob, nullptr);
    time.advance(40ms);
    EXPECT_EQ(looks, 1);
    throws = false;
    time.advance(20ms);
    EXPECT_EQ(looks, 2);
}

TEST_F(HttpPushersTest, StopWhileTheyJoinEvents) {
    pushers->look(bob, nullptr);
    time.advance(0ms);
    pushers->look(bob, nullptr);
    time.run(pushers->stop());
    time.advance(1s);
    EXPECT_EQ(looks, 1);
}

}  // namespace
