#include "test_database.h"

#include <async/sync_wait.h>

#include <gtest/gtest.h>

#include <functional>
#include <thread>
#include <vector>

/// What only PostgreSQL does, on a real server.
namespace {

using modapi::Database;
using modapi::DatabaseError;
using modapi::DatabaseSettings;
using modapi::Transaction;
using postgresql_test::administrate;

class PostgresqlTest : public testing::Test {
protected:
    PostgresqlTest() {
        run([](Transaction& transaction) {
            transaction.execute("CREATE TABLE numbers (number BIGINT NOT NULL, flag BOOLEAN)");
        });
    }
    void run(const std::function<void(Transaction&)>& work) { async::sync_wait(database->run("test", work)); }
    std::string error_of(const std::function<void(Transaction&)>& work) {
        try {
            run(work);
        } catch (const DatabaseError& error) {
            return error.what();
        }
        return "nothing was thrown";
    }
    std::int64_t number(const std::string& sql) {
        const auto first = [](Transaction& transaction, const std::string& query) {
            return std::get<0>(*transaction.query_one<std::int64_t>(query));
        };
        return async::sync_wait(database->read("test", first, sql));
    }
    static void at_once(int count, const std::function<void()>& work) {
        std::vector<std::thread> threads;
        for (int index = 0; index < count; ++index) threads.emplace_back(work);
        for (std::thread& thread : threads) thread.join();
    }
    static void end_own_connection(Transaction& transaction) {
        const auto row = transaction.query_one<std::int64_t>("SELECT pg_backend_pid()");
        administrate("SELECT pg_terminate_backend(" + std::to_string(std::get<0>(*row)) + ", 10000)");
    }
    static void add_one(Transaction& transaction) { transaction.execute("INSERT INTO numbers (number) VALUES (1)"); }

    TestDatabase test_database;
    std::unique_ptr<Database> database = Database::open(test_database.settings());
};

TEST_F(PostgresqlTest, GivesUpOnNoneOfTheTransactionsThatCollide) {
    constexpr std::int64_t threads = 12;
    constexpr std::int64_t each = 15;
    run(&add_one);
    at_once(threads, [&] {
        for (int round = 0; round < each; ++round) {
            run([](Transaction& transaction) {
                const auto before = transaction.query_one<std::int64_t>("SELECT number FROM numbers");
                transaction.execute("UPDATE numbers SET number = ?", std::get<0>(*before) + 1);
            });
        }
    });
    EXPECT_EQ(number("SELECT number FROM numbers"), 1 + threads * each);
}

TEST_F(PostgresqlTest, LetsNoTransactionActOnWhatAnotherMakesUntrue) {
    at_once(8, [&] {
        run([](Transaction& transaction) {
            const auto found = transaction.query_one<std::int64_t>("SELECT COUNT(*) FROM numbers");
            if (std::get<0>(*found) == 0) add_one(transaction);
        });
    });
    EXPECT_EQ(number("SELECT COUNT(*) FROM numbers"), 1);
}

TEST_F(PostgresqlTest, RunsTheWholeInteractionAgainOnANewConnectionWhenItsOwnIsLost) {
    int runs = 0;
    run([&](Transaction& transaction) {
        add_one(transaction);
        if (++runs == 1) end_own_connection(transaction);
        add_one(transaction);
    });
    EXPECT_EQ(runs, 2);
    EXPECT_EQ(number("SELECT COUNT(*) FROM numbers"), 2);
}

TEST_F(PostgresqlTest, RepeatsNothingWhoseConnectionWasLostDuringTheCommit) {
    run([](Transaction& transaction) {
        transaction.execute(
            "CREATE FUNCTION end_connection() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$");
    });
    run([](Transaction& transaction) {
        transaction.execute(
            "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON numbers DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
            "EXECUTE FUNCTION end_connection()");
    });
    int runs = 0;
    const std::string error = error_of([&](Transaction& transaction) {
        ++runs;
        add_one(transaction);
    });
    EXPECT_TRUE(error.starts_with("whether the transaction was committed is unknown: ")) << error;
    EXPECT_EQ(runs, 1);
}

TEST_F(PostgresqlTest, FailsWhileTheServerTakesNoConnectionsAndGoesOnWhenItDoes) {
    const std::string role = "\"" + test_database.name() + "\"";
    administrate("ALTER ROLE " + role + " NOLOGIN");
    postgresql_test::cut_off(test_database.name());
    const std::string error = error_of(&add_one);
    EXPECT_TRUE(error.starts_with("the connection to the PostgreSQL server is lost: ")) << error;
    EXPECT_NE(error.find("is not permitted to log in"), std::string::npos) << error;
    administrate("ALTER ROLE " + role + " LOGIN");
    run(&add_one);
    EXPECT_EQ(number("SELECT COUNT(*) FROM numbers"), 1);
}

TEST_F(PostgresqlTest, RefusesANulCharacterAndAValueOfAnotherTypeWithoutQuotingIt) {
    EXPECT_EQ(
        error_of([](Transaction& transaction) { transaction.execute("SELECT CAST(? AS TEXT)", std::string("sec\0ret", 7)); }),
        "PostgreSQL has no texts with a NUL character");
    EXPECT_EQ(
        error_of([](Transaction& transaction) { transaction.execute("INSERT INTO numbers (number) VALUES (?)", "secret"); }),
        "the server can't use one of the values (SQLSTATE 22P02) in: INSERT INTO numbers (number) VALUES (?)");
    EXPECT_EQ(
        error_of([](Transaction& transaction) { transaction.execute("INSERT INTO numbers (number) VALUES (?)", "\xff"); }),
        "the server can't use one of the values (SQLSTATE 22021) in: INSERT INTO numbers (number) VALUES (?)");
}

TEST_F(PostgresqlTest, TakesTruthValuesForColumnsOfThatType) {
    run([](Transaction& transaction) {
        transaction.execute("INSERT INTO numbers (number, flag) VALUES (1, ?), (2, ?), (3, ?)", true, false, std::nullopt);
        const auto rows = transaction.query<std::optional<bool>>("SELECT flag FROM numbers ORDER BY number");
        EXPECT_EQ(rows, (std::vector<std::tuple<std::optional<bool>>>{{true}, {false}, {std::nullopt}}));
    });
}

TEST_F(PostgresqlTest, NamesTheColumnWhoseTypeItCanNotRead) {
    EXPECT_EQ(error_of([](Transaction& transaction) {
                  static_cast<void>(transaction.query<std::int64_t, std::string>("SELECT 1, now()"));
              }),
              "column 2 of the result has a type that can't be read; cast it to text");
}

std::string open_error(const std::string& parameters) {
    DatabaseSettings settings;
    settings.name = "psycopg2";
    settings.postgresql_connection = parameters;
    try {
        const std::unique_ptr<Database> database = Database::open(settings);
        async::sync_wait(database->read(
            "works", [](Transaction& transaction) { return std::get<0>(*transaction.query_one<std::int64_t>("SELECT 1")); }));
    } catch (const DatabaseError& error) {
        return error.what();
    }
    return "nothing was thrown";
}

TEST(PostgresqlOpeningTest, TakesAnyPasswordAndNeverShowsIt) {
    administrate("DROP ROLE IF EXISTS locked");
    administrate(R"(CREATE ROLE locked LOGIN PASSWORD E'two  spaces\'=%&\\ü')");
    const std::string common = "host=" + postgresql_test::host() + " user=locked dbname=postgres password=";
    EXPECT_EQ(open_error(common + R"('two  spaces\'=%&\\ü')"), "nothing was thrown");
    const std::string error = open_error(common + "'two spaces'");
    EXPECT_TRUE(error.starts_with("can't open the PostgreSQL database: ")) << error;
    EXPECT_NE(error.find("password authentication failed for user \"locked\""), std::string::npos) << error;
    EXPECT_EQ(error.find("spaces"), std::string::npos) << error;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
    EXPECT_EQ(open_error("password=two spaces"), "can't open the PostgreSQL database: the connection's parameters don't parse");
}

}  // namespace
