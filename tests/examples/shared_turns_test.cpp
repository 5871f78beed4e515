#include "accounts/shared_turns.h"
#include "accounts/turn_rows.h"
#include "postgresql/test_database.h"
#include "server_process.h"

#include <async/scope.h>
#include <async/sleep.h>
#include <async/sync_wait.h>

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace {

using namespace homeserver_test;
using homeserver::SharedTurns;
using homeserver::Turns;
using postgresql_test::administrate;

/// Two processes over one PostgreSQL database.
class SharedTurnsTest : public testing::Test {
protected:
    struct Process {
        Process(boost::asio::io_context& io, const modapi::DatabaseSettings& settings)
            : database(modapi::Database::open(settings)),
              where(io.get_executor()),
              scope(where, [](std::string_view name, const std::exception_ptr&) { ADD_FAILURE() << name; }),
              shared(*database, *where.clock, turns, scope) {}
        std::unique_ptr<modapi::Database> database;
        async::environment where;
        Turns turns;
        async::scope scope;
        SharedTurns shared;
    };

    SharedTurnsTest() {
        here.database->run_blocking(
            "make_tables",
            [](modapi::Transaction& transaction, void*) {
                for (const std::string& statement : homeserver::schema_of_turns()) transaction.execute(statement);
            },
            nullptr);
    }
    ~SharedTurnsTest() override {
        run(here.scope.join());
        run(elsewhere.scope.join());
    }
    template <class T>
    T run(async::task<T> body) {
        return async::sync_wait(io, here.where, std::move(body));
    }
    [[nodiscard]] std::string rows() const { return administrate("SELECT COUNT(*) FROM " + table); }

    static async::task<void> take_and_trace(Process& process, std::string& trace, char who) {
        const SharedTurns::Turn turn = co_await process.shared.take("name alice");
        trace += who;
        co_await async::sleep_for(std::chrono::milliseconds(120));
        trace += who;
    }
    static async::task<void> join_both(Process& one, Process& other) {
        co_await one.scope.join();
        co_await other.scope.join();
    }

    TemporaryFolder folder;
    const std::string table = "\"" + folder.path().filename().string() + "\".turns";
    boost::asio::io_context io{1};
    Process here{io, database_in(folder.path())};
    Process elsewhere{io, database_in(folder.path())};
};

TEST_F(SharedTurnsTest, ComeOneAfterTheOtherAcrossProcesses) {
    std::string trace;
    here.scope.spawn("first", take_and_trace(here, trace, 'a'));
    here.scope.spawn("second", take_and_trace(here, trace, 'b'));
    elsewhere.scope.spawn("third", take_and_trace(elsewhere, trace, 'c'));
    run(join_both(here, elsewhere));
    ASSERT_EQ(trace.size(), 6U) << trace;
    for (std::size_t at = 0; at < 6; at += 2) EXPECT_EQ(trace[at], trace[at + 1]) << trace;
    EXPECT_EQ(rows(), "0");
}

TEST_F(SharedTurnsTest, AreNotBegunWhileAnotherProcessHasThem) {
    SharedTurns::Turn turn = run(here.shared.begin("deletion"));
    ASSERT_TRUE(turn);
    EXPECT_FALSE(run(elsewhere.shared.begin("deletion")));
    EXPECT_TRUE(run(elsewhere.shared.begin("another deletion")));
    run(here.shared.end(std::move(turn)));
    EXPECT_TRUE(run(elsewhere.shared.begin("deletion")));
}

TEST_F(SharedTurnsTest, OfAProcessThatStandsStillEndByTheDatabasesClock) {
    const SharedTurns::Turn turn = run(here.shared.begin("deletion"));
    ASSERT_TRUE(turn);
    administrate("UPDATE " + table + " SET ends_ms = ends_ms - " + std::to_string(homeserver::turn_lasts_ms));
    EXPECT_TRUE(run(elsewhere.shared.begin("deletion")));
}

}  // namespace
