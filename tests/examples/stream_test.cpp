#include "postgresql/test_database.h"
#include "room_test.h"

#include "events/stream.h"

#include <modapi/database.h>

#include <async/sync_wait.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

/// In which order the stream's positions become visible where transactions run side by side.
namespace {

using namespace homeserver_test;
using modapi::Database;
using modapi::Transaction;
using postgresql_test::administrate;

/// A transaction that takes a position and stays open until the test lets it end.
class OpenTransaction {
public:
    enum class End : unsigned char { commit, failure };

    OpenTransaction(Database& database, bool in_turn, End end) {
        thread_ = std::thread([this, &database, in_turn, end] {
            const auto draw = [this, end](Transaction& transaction) {
                const std::int64_t position = homeserver::next_stream_position(transaction);
                if (!has_drawn_) drawn_.set_value(position);
                has_drawn_ = true;
                if (may_end_.wait_for(std::chrono::seconds(20)) != std::future_status::ready) ADD_FAILURE();
                if (end == End::failure) throw std::runtime_error("the transaction doesn't end well");
                return position;
            };
            try {
                position_ = in_turn ? async::sync_wait(database.run_in_turn("draw", draw))
                                    : async::sync_wait(database.run("draw", draw));
            } catch (const std::runtime_error&) {
                position_ = 0;
            }
        });
    }
    ~OpenTransaction() {
        let_end();
        if (thread_.joinable()) thread_.join();
    }
    OpenTransaction(const OpenTransaction&) = delete;
    OpenTransaction& operator=(const OpenTransaction&) = delete;

    /// The position that it has while it is open.
    [[nodiscard]] std::int64_t drawn() { return drawn_.get_future().get(); }
    void let_end() {
        if (!std::exchange(ends_, true)) end_.set_value();
    }
    /// The position that it has for good; 0: none.
    [[nodiscard]] std::int64_t position() {
        let_end();
        thread_.join();
        return position_;
    }

private:
    std::promise<std::int64_t> drawn_;
    std::promise<void> end_;
    std::shared_future<void> may_end_ = end_.get_future().share();
    bool has_drawn_ = false;
    bool ends_ = false;
    std::int64_t position_ = 0;
    std::thread thread_;
};

/// Two processes over one database whose tables a server has made.
class StreamTest : public RoomTest {
protected:
    [[nodiscard]] std::unique_ptr<Database> open() const {
        modapi::DatabaseSettings settings = database_in(folder.path());
        settings.turn_table = homeserver::stream_turn_table;
        return Database::open(settings);
    }
    /// What a reader that begins now sees.
    [[nodiscard]] std::int64_t seen() const {
        return async::sync_wait(one->read("position", &homeserver::current_stream_position));
    }
    /// Returns when a transaction waits for another one.
    void wait_for_a_waiting_one() const {
        const std::string waiting = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = '" +
                                    folder.path().filename().string() + "'";
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (administrate(waiting) == "0" && std::chrono::steady_clock::now() < until) std::this_thread::yield();
        EXPECT_NE(administrate(waiting), "0");
    }

    std::unique_ptr<Database> one = open();
    std::unique_ptr<Database> other = open();
    const std::int64_t before = seen();
};

using End = OpenTransaction::End;

TEST_F(StreamTest, APositionIsVisibleOnlyWithAllThatAreBelowIt) {
    OpenTransaction first(*one, true, End::commit);
    EXPECT_EQ(first.drawn(), before + 1);
    OpenTransaction second(*other, true, End::commit);
    second.let_end();  // it would be through before the first
    wait_for_a_waiting_one();
    EXPECT_EQ(seen(), before);
    EXPECT_EQ(first.position(), before + 1);
    EXPECT_EQ(second.position(), before + 2);
    EXPECT_EQ(seen(), before + 2);
}

TEST_F(StreamTest, APositionThatIsAskedForBeforeItIsDrawnIsTheNextOneToo) {
    const auto draw = [](Transaction& transaction) {
        homeserver::LaterStreamPosition later(transaction);
        const std::int64_t first = later.draw();
        return std::make_pair(first, homeserver::next_stream_position(transaction));
    };
    EXPECT_EQ(async::sync_wait(one->run_in_turn("draw", draw)), std::make_pair(before + 1, before + 2));
    EXPECT_EQ(seen(), before + 2);
}

TEST_F(StreamTest, APositionThatSomebodyElseHasDrawnMeanwhileIsNotDrawnAgain) {
    int tries = 0;
    const auto draw = [&](Transaction& transaction) {
        homeserver::LaterStreamPosition later(transaction);
        EXPECT_EQ(homeserver::current_stream_position(transaction), before + tries);  // the counter has come with it
        if (++tries == 1) {
            EXPECT_EQ(async::sync_wait(other->run("draw", &homeserver::next_stream_position)), before + 1);
        }
        return later.draw();
    };
    EXPECT_EQ(async::sync_wait(one->run_in_turn("draw", draw)), before + 2);
    EXPECT_EQ(tries, 2);
    EXPECT_EQ(seen(), before + 2);
}

TEST_F(StreamTest, APositionThatIsTakenOutsideOfATurnKeepsTheOrderToo) {
    OpenTransaction first(*one, false, End::commit);
    EXPECT_EQ(first.drawn(), before + 1);
    OpenTransaction second(*other, true, End::commit);
    second.let_end();
    wait_for_a_waiting_one();
    EXPECT_EQ(seen(), before);
    EXPECT_EQ(first.position(), before + 1);
    EXPECT_EQ(second.position(), before + 2);
    EXPECT_EQ(seen(), before + 2);
}

TEST_F(StreamTest, ATransactionThatFailsTakesItsPositionBack) {
    OpenTransaction first(*one, true, End::failure);
    EXPECT_EQ(first.drawn(), before + 1);
    OpenTransaction second(*other, true, End::commit);
    second.let_end();
    wait_for_a_waiting_one();
    EXPECT_EQ(first.position(), 0);
    EXPECT_EQ(second.position(), before + 1);
    EXPECT_EQ(seen(), before + 1);
}

class TwoWorkersTest : public RoomTest {
protected:
    TwoWorkersTest() : RoomTest("", 2) {}
};

TEST_F(TwoWorkersTest, ShowEveryMessageInOneOfTheSyncsThatFollowEachOtherWhileOthersSend) {
    constexpr int senders = 8;
    constexpr int each = 6;
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    std::string since = get("/sync", alice).text("next_batch");
    std::vector<std::thread> threads;
    for (int sender = 0; sender < senders; ++sender) {
        threads.emplace_back([&, sender] {
            for (int message = 0; message < each; ++message) {
                const std::string name = std::to_string(sender) + "-" + std::to_string(message);
                const std::string body = R"({"msgtype":"m.text","body":"m)" + name + R"("})";
                EXPECT_EQ(put("/rooms/" + room + "/send/m.room.message/" + name, body, alice).status, 200);
            }
        });
    }
    std::vector<std::string> shown;
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (shown.size() < senders * each && std::chrono::steady_clock::now() < until) {
        const Answer answer = get(R"(/sync?timeout=5000&filter={"room":{"timeline":{"limit":100}}}&since=)" + since, alice);
        since = answer.text("next_batch");
        const boost::json::object& joined = answer.body.at("rooms").at("join").as_object();
        if (!joined.contains(room)) continue;
        for (std::string& body : bodies(joined.at(room).at("timeline").at("events"))) shown.push_back(std::move(body));
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(shown.size(), static_cast<std::size_t>(senders * each)) << "each once";
    EXPECT_EQ(std::set<std::string>(shown.begin(), shown.end()).size(), static_cast<std::size_t>(senders * each));
    EXPECT_EQ(server.log().find("could not serialize access"), std::string::npos) << server.log();
}

}  // namespace
