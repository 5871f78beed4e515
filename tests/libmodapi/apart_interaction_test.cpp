#include "test_database.h"

#include <modapi/database.h>
#include <modapi/hosting/transient_database_error.h>

#include <async/sync_wait.h>

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

/// Interactions apart from those of others, and results that end where they are too large.
namespace {

using namespace std::chrono_literals;
using modapi::Database;
using modapi::DatabaseError;
using modapi::SqlResult;
using modapi::SqlValue;
using modapi::Transaction;
using Work = std::function<void(Transaction&)>;

std::string on(const char* sqlite, const char* postgresql) { return postgresql_test::is_chosen() ? postgresql : sqlite; }

/// So many rows that they can't all be held.
std::string very_many_rows() {
    return on("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT i, 'text' FROM n",
              "SELECT generate_series(1, 1000000000) AS i, 'text'");
}

class ApartInteractionTest : public testing::Test {
protected:
    ApartInteractionTest() {
        run([](Transaction& transaction) { transaction.execute("CREATE TABLE things (name TEXT PRIMARY KEY, size BIGINT)"); });
    }
    [[nodiscard]] modapi::DatabaseSettings settings() const {
        modapi::DatabaseSettings settings = test_database.settings();
        settings.readers = 1;
        settings.postgresql_connections = 1;
        settings.apart_connections = 2;
        settings.read_limit = 5s;
        return settings;
    }
    void run(const Work& work) { async::sync_wait(database->run("run", work)); }
    void apart(const Work& work, modapi::InteractionLimit limit = std::nullopt) {
        async::sync_wait(database->run_apart(nullptr, limit, "apart", work));
    }
    void apart_reading(const Work& work) { async::sync_wait(database->read_apart("apart", work)); }
    static void add(Transaction& transaction, const std::string& name) {
        transaction.execute("INSERT INTO things (name, size) VALUES (?, 0)", name);
    }
    static std::int64_t number(Transaction& transaction, const std::string& sql) {
        return std::get<0>(transaction.query_one<std::int64_t>(sql).value());
    }
    std::int64_t things() {
        std::int64_t count = 0;
        run([&](Transaction& transaction) { count = number(transaction, "SELECT COUNT(*) FROM things"); });
        return count;
    }

    TestDatabase test_database;
    std::unique_ptr<Database> database = Database::open(settings());
};

TEST_F(ApartInteractionTest, CommitsOnReturnAndRollsBackOnAnException) {
    apart([](Transaction& transaction) { add(transaction, "kept"); });
    const auto fail = [](Transaction& transaction) {
        add(transaction, "never");
        throw std::runtime_error("changed its mind");
    };
    EXPECT_THROW(apart(fail), std::runtime_error);
    EXPECT_EQ(things(), 1);
}

TEST_F(ApartInteractionTest, HoldsNobodyUpWhileItReadsAndSeesOneState) {
    apart([&](Transaction& transaction) {
        EXPECT_EQ(number(transaction, "SELECT COUNT(*) FROM things"), 0);
        // Each on the only connection of its kind.
        run([](Transaction& other) { add(other, "meanwhile"); });
        async::sync_wait(
            database->read("read", [](Transaction& other) { EXPECT_EQ(number(other, "SELECT COUNT(*) FROM things"), 1); }));
        EXPECT_FALSE(transaction.keeps_others_from_writing());
        EXPECT_EQ(number(transaction, "SELECT COUNT(*) FROM things"), 0) << "as when it began";
    });
}

TEST_F(ApartInteractionTest, CollidesIfSomebodyElseHasWrittenWhatItRead) {
    int attempts = 0;
    const auto count_and_add = [&](Transaction& transaction) {
        ++attempts;
        const std::int64_t count = number(transaction, "SELECT COUNT(*) FROM things");
        const auto add_meanwhile = [](Transaction& other) {
            EXPECT_EQ(number(other, "SELECT COUNT(*) FROM things"), 0);
            add(other, "meanwhile");
        };
        if (attempts == 1) run(add_meanwhile);
        transaction.execute("INSERT INTO things (name, size) VALUES ('counted', ?)", count);
    };
    apart(count_and_add);
    EXPECT_EQ(attempts, 2);
    run([](Transaction& transaction) { EXPECT_EQ(number(transaction, "SELECT size FROM things WHERE name = 'counted'"), 1); });
}

TEST_F(ApartInteractionTest, WritesInItsTurnAndDoesntCollideWhereItKeepsOthersFromWriting) {
    if (postgresql_test::is_chosen()) GTEST_SKIP() << "writers don't wait for each other there";
    std::future<void> other;
    apart([&](Transaction& transaction) {
        transaction.keep_others_from_writing();
        EXPECT_TRUE(transaction.keeps_others_from_writing());
        EXPECT_EQ(number(transaction, "SELECT COUNT(*) FROM things"), 0);
        other = std::async(std::launch::async, [&] { run([](Transaction& waiting) { add(waiting, "behind it"); }); });
        EXPECT_EQ(other.wait_for(50ms), std::future_status::timeout);
        add(transaction, "first");
    });
    other.get();
    EXPECT_EQ(things(), 2);
}

TEST_F(ApartInteractionTest, GivesUpWaitingForItsTurnWhenItsTimeIsOver) {
    if (postgresql_test::is_chosen()) GTEST_SKIP() << "writers don't wait for each other there";
    run([&](Transaction& writer) {
        add(writer, "writer");
        EXPECT_THROW(apart([](Transaction& transaction) { add(transaction, "late"); }, 50ms), modapi::InteractionTimeout);
    });
    apart([](Transaction& transaction) { add(transaction, "later"); });
    EXPECT_EQ(things(), 2);
}

TEST_F(ApartInteractionTest, LeavesNothingToWhoeverComesNext) {
    const auto leave = [](Transaction& transaction) {
        transaction.execute("CREATE TEMPORARY TABLE things (name TEXT)");
        transaction.execute("INSERT INTO things VALUES ('not the real one')");
        if (!postgresql_test::is_chosen()) return;
        transaction.query_any("SELECT set_config('search_path', 'nowhere', false), pg_try_advisory_lock(4711)");
    };
    apart(leave);
    for (int connection = 0; connection < 3; ++connection) {
        apart([](Transaction& transaction) {
            EXPECT_EQ(number(transaction, "SELECT COUNT(*) FROM things"), 0);
            add(transaction, "the real one");
            transaction.execute("DELETE FROM things");
        });
    }
    if (!postgresql_test::is_chosen()) return;
    EXPECT_EQ(postgresql_test::administrate("SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711"), "0");
}

TEST_F(ApartInteractionTest, ThatOnlyReadsRefusesWhatWrites) {
    for (const char* const sql :
         {"INSERT INTO things (name) VALUES ('a')", "CREATE TABLE others (name TEXT)", "DROP TABLE things"})
        EXPECT_THROW(apart_reading([&](Transaction& transaction) { transaction.execute(sql); }), modapi::WriteRefused) << sql;
    EXPECT_EQ(things(), 0);
}

TEST_F(ApartInteractionTest, ThatOnlyReadsLeavesNothingOfWhatItsFunctionsDid) {
    if (!postgresql_test::is_chosen()) GTEST_SKIP() << "SQLite's functions do nothing";
    run([](Transaction& transaction) { transaction.execute("CREATE SEQUENCE numbers"); });
    const std::string large_objects = "SELECT COUNT(*) FROM pg_largeobject_metadata";
    const std::string before = postgresql_test::administrate(large_objects);
    for (const char* const sql : {"SELECT nextval('numbers')", "SELECT setval('numbers', 100)"}) {
        const auto ask = [&](Transaction& transaction) { transaction.query_any(sql); };
        EXPECT_THROW(apart_reading(ask), modapi::WriteRefused) << sql;
    }
    for (const char* const sql :
         {"SELECT lo_create(0)", "SELECT lo_from_bytea(0, 'abc')", "SELECT pg_try_advisory_lock(4712)",
          "SELECT pg_notify('channel', 'text')", "SELECT set_config('search_path', 'nowhere', false)"}) {
        try {
            apart_reading([&](Transaction& transaction) { transaction.query_any(sql); });
        } catch (const DatabaseError&) {  // NOLINT: refused is as good as undone
        }
    }
    const auto turn_to_writing = [](Transaction& transaction) {
        transaction.query_any("SELECT set_config('transaction_read_only', 'off', true)");
        transaction.query_any("SELECT nextval('numbers')");
    };
    EXPECT_THROW(apart_reading(turn_to_writing), DatabaseError);
    EXPECT_EQ(postgresql_test::administrate(large_objects), before);
    EXPECT_EQ(postgresql_test::administrate("SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4712"), "0");
    run([](Transaction& transaction) { EXPECT_EQ(number(transaction, "SELECT nextval('numbers')"), 1); });
}

TEST_F(ApartInteractionTest, IsCutAfterItsTimeThoughItsStatementsSayOtherwise) {
    if (!postgresql_test::is_chosen()) GTEST_SKIP() << "a statement can't say so to SQLite";
    const auto begin = std::chrono::steady_clock::now();
    const auto sleep = [](Transaction& transaction) {
        transaction.query_any("SELECT set_config('statement_timeout', '0', true)");
        transaction.query_any("SELECT pg_sleep(60)");
    };
    EXPECT_THROW(apart(sleep, 300ms), modapi::InteractionTimeout);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

TEST_F(ApartInteractionTest, IsOneWithAllOthersOnADatabaseInMemory) {
    if (postgresql_test::is_chosen()) GTEST_SKIP() << "there is none";
    modapi::DatabaseSettings memory;
    memory.database = ":memory:";
    const std::unique_ptr<Database> other = Database::open(memory);
    const auto define = [](Transaction& transaction) {
        EXPECT_TRUE(transaction.keeps_others_from_writing());
        transaction.execute("CREATE TABLE words (word TEXT)");
        transaction.execute("CREATE TEMPORARY TABLE \"a \"\"b\" (word TEXT)");
        transaction.execute("CREATE TEMPORARY VIEW seen AS SELECT word FROM words");
    };
    async::sync_wait(other->run_apart(nullptr, std::nullopt, "define", define));
    async::sync_wait(other->run("count", [](Transaction& transaction) {
        EXPECT_EQ(number(transaction, "SELECT COUNT(*) FROM words"), 0);
        EXPECT_EQ(number(transaction, "SELECT COUNT(*) FROM sqlite_temp_master"), 0);
    }));
}

// --- results that end

TEST_F(ApartInteractionTest, HoldsNoMoreOfAResultThanItMay) {
    const auto begin = std::chrono::steady_clock::now();
    const auto ask = [](Transaction& transaction) {
        EXPECT_EQ(transaction.query_any_with("SELECT 1", {}, 1000).rows.size(), 1U);
        transaction.query_any_with(very_many_rows(), {}, 1'000'000);
    };
    try {
        run(ask);
        FAIL() << "it was held";
    } catch (const modapi::ResultTooLarge& error) {
        EXPECT_NE(std::string(error.what()).find("more than 1000000 bytes: select fewer rows (LIMIT)"), std::string::npos)
            << error.what();
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s);
    EXPECT_EQ(things(), 0) << "the connection is good for the next one";
}

TEST_F(ApartInteractionTest, CommitsNothingOfATransactionWhoseResultWasTooLarge) {
    const auto go_on = [](Transaction& transaction) {
        add(transaction, "never");
        EXPECT_THROW(transaction.query_any_with(very_many_rows(), {}, 1000), modapi::ResultTooLarge);
    };
    EXPECT_THROW(run(go_on), DatabaseError);
    EXPECT_EQ(things(), 0);
}

TEST_F(ApartInteractionTest, HoldsNoRowThatIsTooLarge) {
    const std::string large = on("SELECT hex(zeroblob(100000000))", "SELECT repeat('x', 200000000)");
    const auto ask = [&](Transaction& transaction) { transaction.query_any_with(large, {}, 1'000'000); };
    EXPECT_THROW(run(ask), modapi::ResultTooLarge);
    EXPECT_EQ(things(), 0);
}

/// Says no after some rows.
class Choosy final : public modapi::RowVisitor {
public:
    Choosy() : RowVisitor(1000) {}
    void row(const std::vector<std::string>& columns, std::vector<SqlValue> values) override {
        EXPECT_EQ(columns, (std::vector<std::string>{"i", "text"}));
        EXPECT_EQ(std::get<std::int64_t>(values.at(0)), ++seen);
        if (seen == 1000) throw std::invalid_argument("enough");
    }
    std::int64_t seen = 0;
};

TEST_F(ApartInteractionTest, GivesRowsOneByOneUntilTheirVisitorHasEnough) {
    Choosy visitor;
    const std::string sql = on("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, 'x' AS text FROM n",
                               "SELECT generate_series(1, 1000000000) AS i, 'x' AS text");
    EXPECT_THROW(run([&](Transaction& transaction) { transaction.visit_with(sql, {}, visitor); }), std::invalid_argument);
    EXPECT_EQ(visitor.seen, 1000);
    EXPECT_EQ(things(), 0);
}

}  // namespace
