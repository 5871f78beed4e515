#include "rooms/room_turns.h"

#include "accounts/turn_rows.h"

#include <callbacks/errors.h>
#include <modapi/database.h>

#include <async/scope.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace {

using homeserver::RoomTurns;
using homeserver::SharedTurns;
using homeserver::Turns;
using namespace std::chrono_literals;

/// Two processes on one database.
class RoomTurnsTest : public testing::Test {
protected:
    RoomTurnsTest() {
        database->run_blocking(
            "make_tables",
            [](modapi::Transaction& transaction, void*) {
                for (const std::string& statement : homeserver::schema_of_turns()) transaction.execute(statement);
            },
            nullptr);
    }
    static std::unique_ptr<modapi::Database> in_memory() {
        modapi::DatabaseSettings settings;
        settings.database = ":memory:";
        return modapi::Database::open(settings);
    }
    void TearDown() override {
        time.end_all();
        time.run(background.join());
    }

    /// Has the turn for a while.
    static async::task<void> take_and_hold(RoomTurns& room_turns, std::string& trace, char who, std::chrono::seconds hold) {
        RoomTurns::Turn turn = co_await room_turns.take("!room");
        trace += who;
        co_await async::sleep_for(hold);
        co_await room_turns.end(std::move(turn));
    }
    /// As a process leaves it that takes the turn now, and is gone.
    void leave_turn() {
        std::int64_t ends_ms = time.clock().wall_time_ms() + homeserver::turn_lasts_ms;
        database->run_blocking(
            "leave_turn",
            [](modapi::Transaction& transaction, void* ends) {
                transaction.execute("INSERT INTO turns (what, holder, ends_ms) VALUES (?, 'gone', ?)",
                                    homeserver::turn_at_events_of("!room"), *static_cast<std::int64_t*>(ends));
            },
            &ends_ms);
    }
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
    async::scope background{time.environment(), [](std::string_view, const std::exception_ptr&) { ADD_FAILURE(); }};
    SharedTurns shared{*database, time.clock(), turns, background};
    SharedTurns shared_elsewhere{*database, time.clock(), turns_elsewhere, background};
    RoomTurns here{shared};
    RoomTurns elsewhere{shared_elsewhere};
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

TEST_F(RoomTurnsTest, LastAsLongAsTheyAreKept) {
    std::string trace;
    const auto first = time.start(take_and_hold(here, trace, 'a', 30s));
    time.advance(25s);
    const auto second = time.start(take_and_hold(elsewhere, trace, 'b', 1s));
    time.advance(4s);
    EXPECT_EQ(trace, "a");
    time.advance(5s);
    EXPECT_EQ(trace, "ab");
}

TEST_F(RoomTurnsTest, OfAProcessThatIsGoneEndByThemselvesInEightSeconds) {
    leave_turn();
    std::string trace;
    const auto alive = time.start(take_and_hold(here, trace, 'a', 1s));
    time.advance(7s);
    EXPECT_EQ(trace, "");
    time.advance(2s);
    EXPECT_EQ(trace, "a");
}

}  // namespace
