#include "test_database.h"

#include <async/sync_wait.h>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

/// Interactions that only read and ask for all at once: their transaction ends in the message that it begins with.
namespace {

using modapi::Database;
using modapi::DatabaseError;
using modapi::Transaction;

class PostgresqlReadsTest : public testing::Test {
protected:
    PostgresqlReadsTest() {
        async::sync_wait(other->run("create", [](Transaction& transaction) {
            transaction.execute("CREATE TABLE words (word TEXT PRIMARY KEY)");
            transaction.execute("INSERT INTO words (word) VALUES ('first')");
        }));
    }
    [[nodiscard]] std::unique_ptr<Database> open(std::chrono::seconds read_limit = std::chrono::seconds(5)) const {
        modapi::DatabaseSettings settings = test_database.settings();
        settings.postgresql_connections = 1;
        settings.read_limit = read_limit;
        return Database::open(settings);
    }
    void read(const std::function<void(Transaction&)>& work) { async::sync_wait(database->read("words", work)); }
    /// So often that the next one is known to ask once.
    void become_known() {
        for (int time = 0; time < 8; ++time) EXPECT_EQ(state_behind_first(), "idle in transaction");
    }
    /// What the server says of the connection behind the first statement of a read, which is the only one.
    std::string state_behind_first() {
        std::string state;
        read([&](Transaction& transaction) {
            const auto process = transaction.query_one<std::int64_t>("SELECT pg_backend_pid()");
            state = state_of(std::get<0>(process.value()));
        });
        return state;
    }
    std::string state_of(std::int64_t process) {
        const auto look = [process](Transaction& transaction) {
            return std::get<0>(
                transaction.query_one<std::string>("SELECT state FROM pg_stat_activity WHERE pid = ?", process).value());
        };
        return async::sync_wait(other->run("look", look));
    }
    void add_word(const std::string& word) {
        async::sync_wait(other->run(
            "add", [&](Transaction& transaction) { transaction.execute("INSERT INTO words (word) VALUES (?)", word); }));
    }
    static std::int64_t count(Transaction& transaction) {
        return std::get<0>(transaction.query_one<std::int64_t>("SELECT COUNT(*) FROM words").value());
    }

    TestDatabase test_database;
    std::unique_ptr<Database> other = open();
    std::unique_ptr<Database> database = open();
};

TEST_F(PostgresqlReadsTest, EndInTheirFirstMessageOnceTheyAreKnownToAskOnce) {
    become_known();
    EXPECT_EQ(state_behind_first(), "idle");
    EXPECT_EQ(state_behind_first(), "idle");
    read([](Transaction& transaction) {
        auto both = transaction.query_later<std::int64_t>("SELECT COUNT(*) FROM words");
        const auto word = transaction.query_one<std::string>("SELECT word FROM words");
        EXPECT_EQ(std::get<0>(word.value()), "first");
        EXPECT_EQ(std::get<0>(both.take_one().value()), 1);
    });
    EXPECT_EQ(state_behind_first(), "idle");
}

TEST_F(PostgresqlReadsTest, AreRunAgainInOneSnapshotWhenTheyAskForMoreAllTheSame) {
    become_known();
    int tries = 0;
    read([&](Transaction& transaction) {
        ++tries;
        const std::int64_t before = count(transaction);
        add_word("of try " + std::to_string(tries));
        EXPECT_EQ(count(transaction), before);
    });
    EXPECT_EQ(tries, 2);
    EXPECT_EQ(state_behind_first(), "idle in transaction") << "it is known no more";
}

TEST_F(PostgresqlReadsTest, AreRunAgainWhateverTheirFunctionMakesOfTheEndedTransaction) {
    become_known();
    std::int64_t counted = 0;
    read([&](Transaction& transaction) {
        counted = count(transaction);
        try {
            counted += count(transaction);
        } catch (const DatabaseError&) {
            counted = -1;
        }
    });
    EXPECT_EQ(counted, 2);
}

TEST_F(PostgresqlReadsTest, AskAlsoForWhatIsToComeLaterWhenTheyHaveEnded) {
    become_known();
    int tries = 0;
    read([&](Transaction& transaction) {
        ++tries;
        static_cast<void>(count(transaction));
        auto later = transaction.query_later<std::string>("SELECT word FROM words");
        EXPECT_EQ(std::get<0>(later.take_one().value()), "first");
    });
    EXPECT_EQ(tries, 2);
}

TEST_F(PostgresqlReadsTest, AreNotKnownWhereTheirEndTakesSomethingWithIt) {
    for (int time = 0; time < 20; ++time) {
        int tries = 0;
        read([&](Transaction& transaction) {
            ++tries;
            static_cast<void>(count(transaction));
            static_cast<void>(transaction.query_later<std::string>("SELECT word FROM words"));
        });
        EXPECT_EQ(tries, 1);
    }
}

TEST_F(PostgresqlReadsTest, AreNotRunTwiceEachTimeWhereTheFirstTryLeavesSomethingInMemory) {
    become_known();
    int tries = 0;
    bool has_first = false;
    for (int time = 0; time < 10; ++time) {
        has_first = false;
        read([&](Transaction& transaction) {
            ++tries;
            if (!std::exchange(has_first, true)) static_cast<void>(count(transaction));
            EXPECT_EQ(count(transaction), 1);
        });
    }
    EXPECT_EQ(tries, 11);
}

TEST_F(PostgresqlReadsTest, GoOnBehindAnAnswerThatCantBeRead) {
    become_known();
    int tries = 0;
    read([&](Transaction& transaction) {
        ++tries;
        EXPECT_THROW(static_cast<void>(transaction.query<std::string>("SELECT CAST('2026-01-01' AS date)")), DatabaseError);
        EXPECT_EQ(count(transaction), 1);
    });
    EXPECT_EQ(tries, 2);
}

TEST_F(PostgresqlReadsTest, FailWhereTheirOnlyAnswerCantBeReadWhateverTheirFunctionMakesOfIt) {
    become_known();
    const auto swallow = [](Transaction& transaction) {
        EXPECT_THROW(static_cast<void>(transaction.query<std::string>("SELECT CAST('2026-01-01' AS date)")), DatabaseError);
    };
    EXPECT_THROW(read(swallow), DatabaseError);
    EXPECT_EQ(state_behind_first(), "idle");
}

TEST_F(PostgresqlReadsTest, FailWithTheServersWordsAndLeaveTheConnectionAsItWas) {
    become_known();
    const auto fail = [](Transaction& transaction) {
        auto later = transaction.query_later<std::string>("SELECT nothing FROM words");
        static_cast<void>(count(transaction));
    };
    try {
        read(fail);
        ADD_FAILURE() << "there is no such column";
    } catch (const DatabaseError& error) {
        EXPECT_NE(std::string(error.what()).find("in: SELECT nothing FROM words"), std::string::npos) << error.what();
    }
    EXPECT_EQ(state_behind_first(), "idle");
}

TEST_F(PostgresqlReadsTest, GoOnBehindAStatementThatWasNeverSent) {
    become_known();
    read([](Transaction& transaction) {
        EXPECT_THROW(static_cast<void>(transaction.query<std::string>("SELECT word FROM words WHERE word = ?")), DatabaseError);
        EXPECT_EQ(count(transaction), 1);
    });
    read([](Transaction& transaction) {
        EXPECT_THROW(static_cast<void>(transaction.query<std::string>("SELECT word FROM words WHERE word = ?")), DatabaseError);
        try {
            static_cast<void>(count(transaction));
            EXPECT_EQ(count(transaction), 1);
        } catch (const DatabaseError&) {  // NOLINT: it is run again
        }
    });
    EXPECT_EQ(state_behind_first(), "idle in transaction");
}

TEST_F(PostgresqlReadsTest, HaveTheirTimeLimitInTheMessageToo) {
    database = open(std::chrono::seconds(3));
    become_known();
    const auto sleep = [](Transaction& transaction) {
        auto asleep = transaction.query_later<std::optional<std::string>>("SELECT CAST(pg_sleep(60) AS TEXT)");
        static_cast<void>(count(transaction));
    };
    try {
        read(sleep);
        ADD_FAILURE() << "it slept";
    } catch (const modapi::InteractionTimeout& error) {
        EXPECT_STREQ(error.what(),
                     "the interaction took longer than its 3000 ms and was cut at: SELECT CAST(pg_sleep(60) AS TEXT)");
    }
    EXPECT_EQ(state_behind_first(), "idle");
}

TEST_F(PostgresqlReadsTest, MayAskForRowsOneByOne) {
    become_known();
    read([](Transaction& transaction) {
        EXPECT_THROW(static_cast<void>(transaction.query<std::string>("SELECT word FROM words WHERE word = ?")), DatabaseError);
        const modapi::SqlResult all = transaction.query_any("SELECT word FROM words");
        EXPECT_EQ(all.rows.size(), 1U);
        EXPECT_EQ(count(transaction), 1);
    });
    EXPECT_EQ(state_behind_first(), "idle");
}

TEST_F(PostgresqlReadsTest, AreRunAgainWhenTheConnectionIsGone) {
    become_known();
    std::int64_t process = 0;
    read([&](Transaction& transaction) {
        process = std::get<0>(transaction.query_one<std::int64_t>("SELECT pg_backend_pid()").value());
    });
    async::sync_wait(other->run("end", [process](Transaction& transaction) {
        EXPECT_TRUE(std::get<0>(transaction.query_one<bool>("SELECT pg_terminate_backend(?, 10000)", process).value()));
    }));
    int tries = 0;
    read([&](Transaction& transaction) {
        ++tries;
        EXPECT_EQ(count(transaction), 1);
    });
    EXPECT_EQ(tries, 2);
    EXPECT_EQ(state_behind_first(), "idle");
}

}  // namespace
