#include "log_capture.h"
#include "test_database.h"

#include <async/sync_wait.h>

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

/// How statements go to a real server: planned once, and several in one message.
namespace {

using modapi::ConstraintViolation;
using modapi::Database;
using modapi::DatabaseError;
using modapi::Transaction;

class PostgresqlStatementsTest : public testing::Test {
protected:
    PostgresqlStatementsTest() {
        run([](Transaction& transaction) {
            transaction.execute("CREATE TABLE words (word TEXT PRIMARY KEY, seen BIGINT NOT NULL)");
            transaction.execute("INSERT INTO words (word, seen) VALUES ('first', 1)");
        });
    }
    [[nodiscard]] std::unique_ptr<Database> open() const {
        modapi::DatabaseSettings settings = test_database.settings();
        settings.postgresql_connections = 1;  // plans are a connection's
        return Database::open(settings);
    }
    void run(const std::function<void(Transaction&)>& work) { async::sync_wait(database->run("test", work)); }
    std::int64_t number(const std::string& sql) {
        std::int64_t found = 0;
        run([&](Transaction& transaction) { found = std::get<0>(transaction.query_one<std::int64_t>(sql).value()); });
        return found;
    }
    std::int64_t rows() { return number("SELECT COUNT(*) FROM words"); }

    /// Whether the sequence `calls` was, which counts at once, whatever becomes of the transaction.
    static bool was_called(Database& other) {
        const auto read = [](Transaction& transaction) {
            return std::get<0>(transaction.query_one<bool>("SELECT is_called FROM calls").value());
        };
        return async::sync_wait(other.read("calls", read));
    }
    static std::int64_t prepared_now(Transaction& transaction) {
        return std::get<0>(
            transaction
                .query_one<std::int64_t>(
                    "SELECT COUNT(*) FROM pg_prepared_statements "
                    "WHERE name LIKE 'modapi%' AND statement NOT LIKE 'BEGIN%' AND statement <> 'COMMIT' "
                    "AND statement NOT LIKE '%prepared%'")
                .value());
    }
    static std::optional<std::int64_t> seen(Transaction& transaction, const std::string& word) {
        const auto row = transaction.query_one<std::int64_t>("SELECT seen FROM words WHERE word = ?", word);
        if (!row) return std::nullopt;
        return std::get<0>(*row);
    }
    static void add(Transaction& transaction, const std::string& word) {
        transaction.execute("INSERT INTO words (word, seen) VALUES (?, 0)", word);
    }
    static void add_later(Transaction& transaction, const std::string& word) {
        transaction.execute_later("INSERT INTO words (word, seen) VALUES (?, 0)", word);
    }

    TestDatabase test_database;
    std::unique_ptr<Database> database = open();
};

TEST_F(PostgresqlStatementsTest, PlansOnceWhatComesAgainAndNothingElse) {
    run([](Transaction& transaction) {
        EXPECT_EQ(seen(transaction, "first"), 1);
        EXPECT_EQ(prepared_now(transaction), 0);
    });
    for (int round = 0; round < 5; ++round) {
        run([](Transaction& transaction) { EXPECT_EQ(seen(transaction, "first"), 1); });
    }
    EXPECT_EQ(number("SELECT COUNT(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT seen%'"), 1);
    EXPECT_EQ(number("SELECT generic_plans + custom_plans FROM pg_prepared_statements WHERE statement LIKE 'SELECT seen%'"), 5);
}

TEST_F(PostgresqlStatementsTest, ParsesTheBeginningOfATransactionOnce) {
    for (int round = 0; round < 3; ++round) {
        const auto look = [](Transaction& transaction) { return seen(transaction, "first"); };
        EXPECT_EQ(async::sync_wait(database->read("look", look)), 1);
    }
    EXPECT_EQ(number("SELECT COUNT(*) FROM pg_prepared_statements WHERE statement LIKE 'BEGIN%READ ONLY'"), 1);
    EXPECT_EQ(number("SELECT COUNT(*) FROM pg_prepared_statements WHERE statement LIKE 'SET LOCAL statement_timeout%'"), 1);
}

TEST_F(PostgresqlStatementsTest, GoesOnWhenTheTableOfAPlannedStatementGetsOtherColumns) {
    const auto read = [](Transaction& transaction) {
        EXPECT_EQ((transaction.query<std::string, std::int64_t>("SELECT * FROM words").size()), 1U);
    };
    run(read);
    run(read);
    run([](Transaction& transaction) { transaction.execute("ALTER TABLE words ADD COLUMN note TEXT"); });
    const LogCapture log;
    run([](Transaction& transaction) {
        const auto row = transaction.query_one<std::string, std::int64_t, std::optional<std::string>>("SELECT * FROM words");
        EXPECT_EQ(std::get<2>(row.value()), std::nullopt);
    });
    EXPECT_TRUE(log.contains("the server can't use what it prepared for: SELECT * FROM words")) << log.text();
}

TEST_F(PostgresqlStatementsTest, BeginsTransactionsAfterItHasForgottenItsPlans) {
    const auto read = [](Transaction& transaction) {
        EXPECT_EQ((transaction.query<std::string, std::int64_t>("SELECT * FROM words").size()), 1U);
    };
    const auto change = [](Transaction& transaction) {
        EXPECT_EQ((transaction.query<std::string, std::int64_t, std::optional<std::string>>("SELECT * FROM words").size()), 1U);
    };
    for (int round = 0; round < 3; ++round) run(read);
    run([](Transaction& transaction) { transaction.execute("ALTER TABLE words ADD COLUMN note TEXT"); });
    for (int round = 0; round < 4; ++round) run(change);
    EXPECT_EQ(number("SELECT COUNT(*) FROM pg_prepared_statements WHERE statement LIKE 'BEGIN%'"), 1);
}

TEST_F(PostgresqlStatementsTest, GoesOnWithoutPlansWhereTheServerForgetsThem) {
    const auto read = [](Transaction& transaction) { EXPECT_EQ(seen(transaction, "first"), 1); };
    run(read);
    run(read);
    run([](Transaction& transaction) { transaction.execute("DEALLOCATE ALL"); });
    for (int round = 0; round < 3; ++round) run(read);
    run([](Transaction& transaction) { EXPECT_EQ(prepared_now(transaction), 0); });
}

TEST_F(PostgresqlStatementsTest, KeepsABoundedNumberOfPlans) {
    run([](Transaction& transaction) {
        for (int number = 0; number < 1'200; ++number) {
            const std::string sql = "SELECT seen + " + std::to_string(number) + " FROM words";
            for (int round = 0; round < 2; ++round) EXPECT_EQ(transaction.query<std::int64_t>(sql).size(), 1U);
        }
        EXPECT_LE(prepared_now(transaction), 500);
        EXPECT_GE(prepared_now(transaction), 1);
    });
}

TEST_F(PostgresqlStatementsTest, SaysThatAStatementIsWrongAsOftenAsItComes) {
    for (int round = 0; round < 4; ++round) {
        const auto fail = [](Transaction& transaction) { transaction.execute("UPDATE nothing SET seen = 1"); };
        EXPECT_THROW(run(fail), DatabaseError);
    }
    EXPECT_EQ(rows(), 1);
}

TEST_F(PostgresqlStatementsTest, LosesNoPlanOfAStatementThatFailsByItsValues) {
    run([](Transaction& transaction) { add(transaction, "second"); });
    for (int round = 0; round < 3; ++round) {
        EXPECT_THROW(run([](Transaction& transaction) { add(transaction, "first"); }), ConstraintViolation);
    }
    run([](Transaction& transaction) { add(transaction, "third"); });
    EXPECT_EQ(rows(), 3);
}

TEST_F(PostgresqlStatementsTest, RunsWhatMayWaitInOrderBeforeTheNextStatementAndBeforeTheCommit) {
    run([](Transaction& transaction) {
        add_later(transaction, "second");
        transaction.execute_later("UPDATE words SET seen = 7 WHERE word = ?", std::string("second"));
        EXPECT_EQ(seen(transaction, "second"), 7);
        add_later(transaction, "third");
    });
    EXPECT_EQ(rows(), 3);
}

TEST_F(PostgresqlStatementsTest, SendsNothingOfWhatMayWaitBeforeTheNextStatement) {
    run([](Transaction& transaction) { transaction.execute("CREATE SEQUENCE calls"); });
    const std::unique_ptr<Database> other = open();
    run([&](Transaction& transaction) {
        transaction.execute_later("INSERT INTO words (word, seen) VALUES ('second', nextval('calls'))");
        EXPECT_FALSE(was_called(*other));
        EXPECT_EQ(seen(transaction, "second"), 1);
        EXPECT_TRUE(was_called(*other));
    });
}

TEST_F(PostgresqlStatementsTest, SendsAQueryWhoseRowsAreTakenLaterWithTheNextStatement) {
    run([](Transaction& transaction) { transaction.execute("CREATE SEQUENCE calls"); });
    const std::unique_ptr<Database> other = open();
    for (int round = 1; round < 4; ++round) {  // planned from the second one on
        run([&](Transaction& transaction) {
            auto call = transaction.query_later<std::int64_t>("SELECT nextval('calls')");
            if (round == 1) {
                EXPECT_FALSE(was_called(*other));
            }
            EXPECT_EQ(seen(transaction, "first"), 1);
            EXPECT_TRUE(was_called(*other));
            const auto row = call.take_one();
            EXPECT_EQ(std::get<0>(row.value()), round);
        });
    }
}

TEST_F(PostgresqlStatementsTest, GivesNoRowsOfAQueryBehindAStatementThatFailed) {
    const auto fail = [](Transaction& transaction) {
        add_later(transaction, "first");
        auto never_run = transaction.query_later<std::int64_t>("SELECT seen FROM words WHERE word = 'first'");
        EXPECT_THROW(static_cast<void>(seen(transaction, "first")), ConstraintViolation);
        try {
            static_cast<void>(never_run.take());
            ADD_FAILURE() << "it was run";
        } catch (const DatabaseError& error) {
            EXPECT_STREQ(
                error.what(),
                "there are no rows, since the query or a statement before it has failed: SELECT seen FROM words WHERE word = "
                "'first'");
        }
    };
    EXPECT_THROW(run(fail), DatabaseError);
    EXPECT_EQ(rows(), 1);
}

TEST_F(PostgresqlStatementsTest, RefusesACopyThatTravelsWithAnotherStatement) {
    int tries = 0;
    const auto copy = [&](Transaction& transaction) {
        ++tries;
        auto rows = transaction.query_later<std::string>("COPY words TO STDOUT");
        static_cast<void>(seen(transaction, "first"));
        ADD_FAILURE() << "it was copied";
    };
    try {
        run(copy);
        ADD_FAILURE() << "it was committed";
    } catch (const DatabaseError& error) {
        EXPECT_STREQ(error.what(), "COPY isn't possible here: COPY words TO STDOUT");
    }
    EXPECT_EQ(tries, 1);
    EXPECT_EQ(rows(), 1);
}

TEST_F(PostgresqlStatementsTest, ReadsAgainWhenTheConnectionIsLostBeforeAQueryThatNobodyTakes) {
    const std::unique_ptr<Database> other = open();
    int tries = 0;
    const auto read = [&](Transaction& transaction) {
        const auto own = transaction.query_one<std::int64_t>("SELECT pg_backend_pid()");
        if (++tries == 1) {
            const auto end = [process = std::get<0>(own.value())](Transaction& ending) {
                EXPECT_TRUE(std::get<0>(ending.query_one<bool>("SELECT pg_terminate_backend(?, 10000)", process).value()));
            };
            async::sync_wait(other->run("end", end));
        }
        static_cast<void>(transaction.query_later<std::int64_t>("SELECT seen FROM words"));
    };
    async::sync_wait(database->read("read", read));
    EXPECT_EQ(tries, 2);
}

TEST_F(PostgresqlStatementsTest, GivesTheErrorOfAQueryToTheStatementThatItTravelsWith) {
    const auto fail = [](Transaction& transaction) {
        auto wrong = transaction.query_later<std::int64_t>("SELECT nothing FROM words");
        try {
            static_cast<void>(seen(transaction, "first"));
            ADD_FAILURE() << "there is no such column";
        } catch (const DatabaseError& error) {
            EXPECT_NE(std::string(error.what()).find("in: SELECT nothing FROM words"), std::string::npos) << error.what();
        }
    };
    EXPECT_THROW(run(fail), DatabaseError);
    EXPECT_EQ(rows(), 1);
}

TEST_F(PostgresqlStatementsTest, GivesTheErrorOfWhatWaitedToTheNextStatementAndKeepsNothing) {
    const auto fail = [](Transaction& transaction) {
        add_later(transaction, "second");
        add_later(transaction, "first");
        add_later(transaction, "third");
        static_cast<void>(seen(transaction, "second"));
        ADD_FAILURE() << "the row was there before";
    };
    for (int round = 0; round < 3; ++round) {
        try {
            run(fail);
            ADD_FAILURE() << "it was committed";
        } catch (const ConstraintViolation& error) {
            EXPECT_NE(std::string(error.what()).find("in: INSERT INTO words"), std::string::npos) << error.what();
        }
        EXPECT_EQ(rows(), 1);
    }
}

TEST_F(PostgresqlStatementsTest, GivesTheErrorOfWhatWaitedForTheCommitToTheWholeInteraction) {
    EXPECT_THROW(run([](Transaction& transaction) { add_later(transaction, "first"); }), ConstraintViolation);
    run([](Transaction& transaction) { add_later(transaction, "second"); });
    EXPECT_EQ(rows(), 2);
}

TEST_F(PostgresqlStatementsTest, RunsNothingThatWaitedWhenTheInteractionFails) {
    const auto fail = [](Transaction& transaction) {
        add_later(transaction, "second");
        throw std::runtime_error("changed my mind");
    };
    EXPECT_THROW(run(fail), std::runtime_error);
    EXPECT_EQ(rows(), 1);
}

TEST_F(PostgresqlStatementsTest, RefusesAWrongNumberOfValuesWhereTheStatementStands) {
    const auto fail = [](Transaction& transaction) {
        EXPECT_THROW(transaction.execute_later("DELETE FROM words WHERE word = ?"), DatabaseError);
        EXPECT_EQ(seen(transaction, "first"), 1);
    };
    run(fail);
}

TEST_F(PostgresqlStatementsTest, RefusesANulCharacterAndKeepsItsConnection) {
    const std::string own = "SELECT pg_backend_pid()";
    const std::int64_t before = number(own);
    const std::string with_nul("a\0b", 3);
    EXPECT_THROW(run([&](Transaction& transaction) { add(transaction, with_nul); }), DatabaseError);
    EXPECT_THROW(run([&](Transaction& transaction) { add_later(transaction, with_nul); }), DatabaseError);
    EXPECT_EQ(number(own), before);
    EXPECT_EQ(rows(), 1);
}

TEST_F(PostgresqlStatementsTest, PlansOnceWhatComesAgainWithBytes) {
    run([](Transaction& transaction) { transaction.execute("CREATE TABLE files (number BIGINT, content BYTEA)"); });
    run([](Transaction& transaction) {
        for (int number = 0; number < 5; ++number)
            transaction.execute("INSERT INTO files (number, content) VALUES (?, ?)", number, modapi::SqlBytes("x"));
        EXPECT_EQ(prepared_now(transaction), 1);
        transaction.execute("INSERT INTO files (number, content) VALUES (?, ?)", 5, "\\x00");  // bytes, as a text
        transaction.execute("INSERT INTO files (number, content) VALUES (?, ?)", 6, std::nullopt);
    });
    EXPECT_EQ(number("SELECT LENGTH(content) FROM files WHERE number = 5"), 1);
    EXPECT_EQ(number("SELECT COUNT(*) FROM files WHERE content = 'x'"), 5);
}

TEST_F(PostgresqlStatementsTest, TakesBytesForWhatTheyAreThoughTheStatementWasPlannedForATextThere) {
    const std::string find = "SELECT seen FROM words WHERE word = ?";
    const std::string set = "UPDATE words SET word = ?";
    run([&](Transaction& transaction) {
        for (int often_enough_to_be_planned = 0; often_enough_to_be_planned < 3; ++often_enough_to_be_planned) {
            transaction.execute(find, "text");
            transaction.execute(set, "text");
        }
        EXPECT_EQ(prepared_now(transaction), 2);
    });
    const auto find_bytes = [&](Transaction& transaction) { transaction.execute(find, modapi::SqlBytes("text")); };
    for (int as_often_as_it_comes = 0; as_often_as_it_comes < 3; ++as_often_as_it_comes) {
        std::string reason;
        try {
            run(find_bytes);
        } catch (const DatabaseError& error) {
            reason = error.what();
        }
        EXPECT_EQ(reason, "operator does not exist: text = bytea in: " + find);
    }
    run([&](Transaction& transaction) {
        transaction.execute(set, modapi::SqlBytes(std::string("\0t", 2)));
        const auto row = transaction.query_one<std::string>("SELECT word FROM words");
        EXPECT_EQ(std::get<0>(*row), "\\x0074") << "the server's text for them";
        EXPECT_EQ(transaction.execute(set, "another text"), 1);
    });
}

TEST_F(PostgresqlStatementsTest, RefusesMoreValuesThanTheServerTakesAndGoesOn) {
    std::string sql = "SELECT 1 WHERE 1 IN (?";
    std::vector<modapi::SqlValue> values(65'536, modapi::SqlValue(std::int64_t{1}));
    for (std::size_t index = 1; index < values.size(); ++index) sql += ", ?";
    const auto fail = [&](Transaction& transaction) { transaction.execute_with(sql + ")", values); };
    EXPECT_THROW(run(fail), DatabaseError);
    EXPECT_EQ(rows(), 1);
}

}  // namespace
