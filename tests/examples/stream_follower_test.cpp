#include "events/stream_follower.h"

#include "events/stream.h"
#include "process/schema.h"
#include "server_process.h"

#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace homeserver_test;
using namespace std::chrono_literals;
using homeserver::News;
using homeserver::Notifier;
using homeserver::StreamFollower;
using homeserver::StreamQuestion;
using modapi::Database;
using modapi::Transaction;

/// The bus between two processes that run in one, for those who read by it.
class SharedBus final : public modapi::Bus {
public:
    [[nodiscard]] std::size_t subscribe(boost::asio::any_io_executor executor, Handlers handlers) override {
        subscribers_[++last_] = {std::move(executor), std::make_shared<Handlers>(std::move(handlers))};
        return last_;
    }
    void unsubscribe(std::size_t subscriber) override { subscribers_.erase(subscriber); }
    void publish(std::size_t from, modapi::BusMessage message) override {
        for (auto& [number, subscriber] : subscribers_) {
            if (number == from) continue;
            boost::asio::post(subscriber.first, [handlers = subscriber.second, message] { handlers->message(message); });
        }
    }
    void lose_messages() {
        for (auto& [number, subscriber] : subscribers_)
            boost::asio::post(subscriber.first, [handlers = subscriber.second] { handlers->gap(); });
    }

private:
    std::size_t last_ = 0;
    std::map<std::size_t, std::pair<boost::asio::any_io_executor, std::shared_ptr<Handlers>>> subscribers_;
};

/// Two processes over one database: `here` stores, `there` follows.
class StreamFollowerTest : public testing::Test {
protected:
    StreamFollowerTest() {
        homeserver::create_schema(*here);
        attached = there_news.attach(time.environment().executor, [this](const News& news) { heard.push_back(news); });
    }
    ~StreamFollowerTest() override {
        if (follower) time.run(follower->stop());
        there_news.detach(attached);
    }
    [[nodiscard]] std::unique_ptr<Database> open(const std::string& process) const {
        modapi::DatabaseSettings settings = database_in(folder.path());
        settings.postgresql_options = homeserver::options_of_process(process);
        settings.turn_table = homeserver::stream_turn_table;
        return Database::open(settings);
    }
    void follow(std::int64_t width = 500, std::int64_t too_far = 10'000) {
        StreamQuestion question;
        question.after = homeserver::newest_position(*there);
        question.process = "there";
        question.width = width;
        question.too_far = too_far;
        const auto watchers = [](const std::string& user_id) {
            return user_id == "@star:hs.test" ? std::vector<std::string>{"@fan:hs.test"} : std::vector<std::string>();
        };
        follower.emplace(time.environment(), *there, there_news, watchers, std::move(question));
        follower->start(&bus);
        here_number = bus.subscribe(time.environment().executor, {[](const modapi::BusMessage&) {}, [] {}});
        here_news.connect(&bus, here_number);
        time.run_ready();
    }
    void store(Database& database, const std::function<void(Transaction&)>& work) {
        time.run(database.run_in_turn("store", work));
    }
    static void store_data(Transaction& transaction) {
        const std::int64_t position = homeserver::next_stream_position(transaction);
        transaction.execute(
            "INSERT INTO account_data (user_id, room_id, data_type, content, stream_position) VALUES ('@alice:hs.test', '', ?, "
            "'{}', ?)",
            "org.example." + std::to_string(position), position);
    }
    static void store_event(Transaction& transaction) {
        const std::int64_t position = homeserver::next_stream_position(transaction);
        const std::string id = "$" + std::to_string(position);
        transaction.execute(
            "INSERT INTO events (event_id, room_id, stream_position, type, sender, pdu, unsigned_fields) VALUES (?, "
            "'!r:hs.test', "
            "?, 'm.room.message', '@alice:hs.test', ?, '{}')",
            id, position,
            R"({"type":"m.room.message","room_id":"!r:hs.test","sender":"@alice:hs.test","content":{},"origin_server_ts":1,)"
            R"("depth":1,"prev_events":[],"auth_events":[]})");
    }
    /// Users of all news, in their order.
    [[nodiscard]] std::vector<std::string> woken() const {
        std::vector<std::string> users;
        for (const News& news : heard) users.insert(users.end(), news.users.begin(), news.users.end());
        return users;
    }
    [[nodiscard]] std::vector<std::string> events() const {
        std::vector<std::string> ids;
        for (const News& news : heard) {
            if (news.event) ids.push_back(news.event->event().event_id().value());
        }
        return ids;
    }

    async::testing::simulation time;
    TemporaryFolder folder;
    std::unique_ptr<Database> here = open("here");
    std::unique_ptr<Database> there = open("there");
    SharedBus bus;
    Notifier here_news;
    Notifier there_news;
    std::size_t here_number = 0;
    std::size_t attached = 0;
    std::vector<News> heard;
    std::optional<StreamFollower> follower;
};

using Texts = std::vector<std::string>;
/// The database is waited for; three seconds aren't over.
constexpr auto no_time = 20ms;

TEST_F(StreamFollowerTest, ReadsOnWithoutLettingTimePassWhenTheOtherSaysThatThereIsSomething) {
    there_news.audience().add_sync();
    follow();
    store(*here, &StreamFollowerTest::store_data);
    here_news.wake({});
    time.advance(no_time);
    ASSERT_EQ(woken(), Texts{"@alice:hs.test"});
    EXPECT_EQ(heard.back().position, homeserver::newest_position(*there));
}

TEST_F(StreamFollowerTest, ReadsOnWhenHintsMayHaveBeenLost) {
    there_news.audience().add_sync();
    follow();
    store(*here, &StreamFollowerTest::store_data);
    bus.lose_messages();
    time.advance(no_time);
    EXPECT_EQ(woken(), Texts{"@alice:hs.test"});
}

TEST_F(StreamFollowerTest, ReadsOnUnaskedWithinThreeSeconds) {
    there_news.audience().add_sync();
    follow();
    store(*here, &StreamFollowerTest::store_data);
    EXPECT_EQ(woken(), Texts{});
    time.advance(3s);
    EXPECT_EQ(woken(), Texts{"@alice:hs.test"});
}

TEST_F(StreamFollowerTest, HasNothingToTellOfWhatWasStoredWhileNobodyWaited) {
    follow();
    store(*here, &StreamFollowerTest::store_data);
    time.advance(3s);
    there_news.audience().add_sync();
    time.advance(3s);
    EXPECT_TRUE(heard.empty());
    store(*here, &StreamFollowerTest::store_data);
    time.advance(3s);
    EXPECT_EQ(woken(), Texts{"@alice:hs.test"});
}

TEST_F(StreamFollowerTest, TellsOfTheEventsOfTheOtherInTheirOrderAndOfNoneOfItsOwn) {
    there_news.audience().add_event_readers();
    follow(3);
    Texts expected;
    for (int count = 0; count < 8; ++count) {
        store(count % 3 == 1 ? *there : *here, &StreamFollowerTest::store_event);
        if (count % 3 != 1) expected.push_back("$" + std::to_string(homeserver::newest_position(*there)));
    }
    time.advance(3s);
    EXPECT_EQ(events(), expected);
    time.advance(10s);
    EXPECT_EQ(events(), expected);
}

TEST_F(StreamFollowerTest, WakesEverybodyWhenItIsFarBehindAndLeavesOutNoEvent) {
    there_news.audience().add_event_readers();
    there_news.audience().add_sync();
    follow(4, 10);
    for (int count = 0; count < 15; ++count) store(*here, &StreamFollowerTest::store_event);
    time.advance(3s);
    EXPECT_EQ(events().size(), 15U);
    EXPECT_TRUE(std::any_of(heard.begin(), heard.end(), [](const News& news) { return news.is_for_everybody; }));
}

TEST_F(StreamFollowerTest, WakesThoseWhoWatchAPresenceHere) {
    there_news.audience().add_sync();
    follow();
    store(*here, [](Transaction& transaction) {
        const std::int64_t position = homeserver::next_stream_position(transaction);
        transaction.execute(
            "INSERT INTO presence (user_id, state, last_active_ts, last_user_sync_ts, currently_active, stream_position) "
            "VALUES "
            "('@star:hs.test', 'online', 0, 0, 1, ?)",
            position);
    });
    time.advance(3s);
    EXPECT_EQ(woken(), (Texts{"@star:hs.test", "@fan:hs.test"}));
}

TEST_F(StreamFollowerTest, KnowsItsOwnEventsInTablesOfAnEarlierVersionToo) {
    store(*here, [](Transaction& transaction) {
        for (const char* const table : {"events", "outside_invites"})
            transaction.execute(std::string("ALTER TABLE ") + table + " DROP COLUMN stored_by");
        transaction.execute("DROP TABLE made_schema");
    });
    homeserver::create_schema(*there);
    there_news.audience().add_event_readers();
    follow();
    store(*there, &StreamFollowerTest::store_event);
    store(*here, &StreamFollowerTest::store_event);
    time.advance(3s);
    EXPECT_EQ(events(), Texts{"$" + std::to_string(homeserver::newest_position(*there))});
}

TEST_F(StreamFollowerTest, EndsTheSyncsOfAUserWhoseSessionsEndedElsewhere) {
    follow();
    here_news.wake_everywhere("@alice:hs.test");
    time.advance(no_time);
    ASSERT_EQ(woken(), Texts{"@alice:hs.test"});
    EXPECT_EQ(heard.back().position, 0) << "whoever looked before knows nothing of it";
}

}  // namespace
