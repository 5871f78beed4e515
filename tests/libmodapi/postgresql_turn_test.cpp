#include "log_capture.h"
#include "test_database.h"

#include <async/scope.h>
#include <async/sync_wait.h>

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

/// Interactions in turn on a real server: within a process, and between two Database objects, which are two processes to it.
namespace {

using modapi::Database;
using modapi::DatabaseError;
using modapi::Transaction;

void make_tables(Transaction& transaction) {
    transaction.execute("CREATE TABLE turns (nothing BIGINT)");
    transaction.execute("CREATE TABLE counter (number BIGINT NOT NULL)");
    transaction.execute("INSERT INTO counter (number) VALUES (0)");
}

std::int64_t number(Transaction& transaction) {
    return std::get<0>(transaction.query_one<std::int64_t>("SELECT number FROM counter").value());
}

/// Reads first, as nearly everything does: the snapshot is older than the lock of the row.
void count(Transaction& transaction) { transaction.execute("UPDATE counter SET number = ?", number(transaction) + 1); }

void count_and_fail(Transaction& transaction) {
    count(transaction);
    throw std::runtime_error("not this time");
}

void count_and_lose_the_connection(Transaction& transaction, bool& is_first) {
    count(transaction);
    if (!std::exchange(is_first, false)) return;
    const auto row = transaction.query_one<std::int64_t>("SELECT pg_backend_pid()");
    postgresql_test::administrate("SELECT pg_terminate_backend(" + std::to_string(std::get<0>(row.value())) + ", 10000)");
    count(transaction);
}

class PostgresqlTurnTest : public testing::Test {
protected:
    PostgresqlTurnTest() { async::sync_wait(database->run("make_tables", &make_tables)); }

    [[nodiscard]] std::unique_ptr<Database> open() const {
        modapi::DatabaseSettings settings = test_database.settings();
        settings.turn_table = "turns";
        settings.postgresql_connections = 2;
        return Database::open(settings);
    }
    [[nodiscard]] std::int64_t counted() const { return async::sync_wait(database->read("number", &number)); }

    TestDatabase test_database;
    std::unique_ptr<Database> database = open();
    std::unique_ptr<Database> other_process = open();
};

TEST_F(PostgresqlTurnTest, NoneOfThoseInTurnCollidesWithAnotherInWhicheverProcess) {
    constexpr int each = 40;
    const LogCapture log;
    const auto count_often = [](Database* where) {
        for (int round = 0; round < each; ++round) async::sync_wait(where->run_in_turn("count", &count));
    };
    std::vector<std::thread> threads;
    for (int pair = 0; pair < 3; ++pair) {
        threads.emplace_back(count_often, database.get());
        threads.emplace_back(count_often, other_process.get());
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(counted(), 6 * each);
    EXPECT_FALSE(log.contains("is tried again")) << log.text();
}

TEST_F(PostgresqlTurnTest, WhoWaitsForATurnHoldsNoThreadThatOthersNeed) {
    boost::asio::io_context io{1};
    const async::environment here(io.get_executor(), async::real_clock());
    async::scope waiting(here, [](std::string_view, const std::exception_ptr&) { ADD_FAILURE(); });
    std::promise<void> read;
    const std::shared_future<void> was_read = read.get_future().share();
    const auto count_after_the_read = [](Transaction& transaction, const std::shared_future<void>& done) {
        EXPECT_EQ(done.wait_for(std::chrono::seconds(20)), std::future_status::ready);
        count(transaction);
    };
    // More than there are threads, all before the read.
    for (int index = 0; index < 4; ++index)
        waiting.spawn("counting", database->run_in_turn("count", count_after_the_read, was_read));
    EXPECT_EQ(async::sync_wait(io, database->read("number", &number)), 0);
    read.set_value();
    async::sync_wait(io, waiting.join());
    EXPECT_EQ(counted(), 4);
}

TEST_F(PostgresqlTurnTest, ATurnEndsWithAnExceptionToo) {
    EXPECT_THROW(async::sync_wait(database->run_in_turn("fail", &count_and_fail)), std::runtime_error);
    async::sync_wait(other_process->run_in_turn("count", &count));
    EXPECT_EQ(counted(), 1);
}

TEST_F(PostgresqlTurnTest, ATurnEndsWithTheConnectionAndIsTakenAgain) {
    bool is_first = true;
    const auto work = [&is_first](Transaction& transaction) { count_and_lose_the_connection(transaction, is_first); };
    async::sync_wait(database->run_in_turn("lose", work));
    async::sync_wait(other_process->run_in_turn("count", &count));
    EXPECT_EQ(counted(), 2);
}

TEST_F(PostgresqlTurnTest, ATableThatIsNotThereIsNamedAndTheConnectionServesOn) {
    modapi::DatabaseSettings settings = test_database.settings();
    settings.turn_table = "no_turns";
    settings.postgresql_connections = 1;
    const std::unique_ptr<Database> wrong = Database::open(settings);
    try {
        async::sync_wait(wrong->run_in_turn("count", &count));
        ADD_FAILURE() << "nothing was thrown";
    } catch (const DatabaseError& error) {
        EXPECT_NE(std::string(error.what()).find("no_turns"), std::string::npos) << error.what();
    }
    async::sync_wait(wrong->run("count", &count));
    EXPECT_EQ(counted(), 1);
}

}  // namespace
