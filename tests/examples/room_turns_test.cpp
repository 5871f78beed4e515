#include "rooms/room_turns.h"

#include <callbacks/errors.h>
#include <modapi/database.h>

#include <async/sleep.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace {

using homeserver::RoomTurns;
using homeserver::Turns;
using namespace std::chrono_literals;

/// Two processes on one database.
class RoomTurnsTest : public testing::Test {
protected:
    RoomTurnsTest() {
        database->run_blocking(
            "make_tables",
            [](modapi::Transaction& transaction, void*) {
                transaction.execute(
                    "CREATE TABLE room_turns (room_id TEXT PRIMARY KEY, holder TEXT NOT NULL, ends_ms BIGINT NOT NULL)");
            },
            nullptr);
    }
    static std::unique_ptr<modapi::Database> in_memory() {
        modapi::DatabaseSettings settings;
        settings.database = ":memory:";
        return modapi::Database::open(settings);
    }
    void TearDown() override { time.end_all(); }

    /// Has the turn for a while.
    static async::task<void> take_and_hold(RoomTurns& room_turns, std::string& trace, char who, std::chrono::seconds hold) {
        RoomTurns::Turn turn = co_await room_turns.take("!room");
        trace += who;
        co_await async::sleep_for(hold);
        co_await room_turns.end(std::move(turn));
    }
    static async::task<void> take_and_die(RoomTurns& room_turns) { static_cast<void>(co_await room_turns.take("!room")); }
    static async::task<std::string> refusal(RoomTurns& room_turns) {
        std::string refused = "none";
        try {
            static_cast<void>(co_await room_turns.take("!room"));
        } catch (const callbacks::SynapseError& error) {
            refused = std::to_string(error.status()) + " " + error.errcode();
            for (const auto& [name, value] : error.headers()) refused += " " + name + ": " + value;
        }
        co_return refused;
    }

    async::testing::simulation time;
    std::unique_ptr<modapi::Database> database = in_memory();
    Turns turns;
    Turns turns_elsewhere;
    RoomTurns here{*database, time.clock(), turns};
    RoomTurns elsewhere{*database, time.clock(), turns_elsewhere};
};

TEST_F(RoomTurnsTest, ComeOneAfterTheOtherAcrossProcesses) {
    std::string trace;
    const auto first = time.start(take_and_hold(here, trace, 'a', 2s));
    time.advance(1s);
    const auto second = time.start(take_and_hold(elsewhere, trace, 'b', 1s));
    const auto third = time.start(take_and_hold(here, trace, 'c', 1s));
    EXPECT_EQ(trace, "a");
    time.advance(10s);
    EXPECT_TRUE(trace == "abc" || trace == "acb") << trace;
    EXPECT_TRUE(first.done() && second.done() && third.done());
}

TEST_F(RoomTurnsTest, AreRefusedAfterTenSeconds) {
    std::string trace;
    const auto first = time.start(take_and_hold(here, trace, 'a', 60s));
    time.advance(1s);
    const auto second = time.start(refusal(here));
    time.advance(9s);
    EXPECT_FALSE(second.done());
    time.advance(2s);
    ASSERT_TRUE(second.done());
    EXPECT_EQ(second.result(), "503 M_UNKNOWN Retry-After: 1");
}

TEST_F(RoomTurnsTest, OfAProcessThatIsGoneEndByThemselves) {
    const auto dead = time.start(take_and_die(elsewhere));
    time.advance(6s);
    ASSERT_TRUE(dead.done());
    std::string trace;
    const auto alive = time.start(take_and_hold(here, trace, 'a', 1s));
    time.advance(8s);
    EXPECT_EQ(trace, "");
    time.advance(2s);
    EXPECT_EQ(trace, "a");
}

}  // namespace
