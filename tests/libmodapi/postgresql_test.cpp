#include "log_capture.h"
#include "test_database.h"

#include <modapi/hosting/decision_keeper.h>
#include <modapi/hosting/decision_store.h>
#include <modapi/hosting/decisions.h>

#include <async/sync_wait.h>

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmath>
#include <functional>
#include <limits>
#include <thread>
#include <vector>

/// What only PostgreSQL does, on a real server.
namespace {

using namespace std::string_view_literals;
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

TEST_F(PostgresqlTest, RunsTheWholeInteractionAgainWhenTheServerEndsItsConnectionInTheMiddleOfAStatement) {
    const LogCapture log;
    int runs = 0;
    run([&](Transaction& transaction) {
        add_one(transaction);
        if (++runs == 1) transaction.execute("SELECT pg_terminate_backend(pg_backend_pid())");
    });
    EXPECT_EQ(runs, 2);
    EXPECT_TRUE(
        log.contains("database interaction test is tried again (1 of 5): terminating connection due to administrator "
                     "command in: SELECT pg_terminate_backend(pg_backend_pid())"))
        << log.text();
    EXPECT_EQ(number("SELECT COUNT(*) FROM numbers"), 1);
}

TEST_F(PostgresqlTest, WhatOnlyReadHoldsNothingAfterwards) {
    run(&add_one);
    for (int round = 0; round < 20; ++round) {
        EXPECT_EQ(number("SELECT COUNT(*) FROM numbers"), 1);
        run([](Transaction& transaction) {
            transaction.execute("SET LOCAL lock_timeout = '10s'");
            transaction.execute("LOCK TABLE numbers IN ACCESS EXCLUSIVE MODE");  // waits for everybody who has read it
        });
    }
}

TEST_F(PostgresqlTest, ReadsOnANewConnectionWhenTheServerEndedTheOneOfTheReadBefore) {
    for (int round = 0; round < 3; ++round) {
        const std::int64_t process = number("SELECT pg_backend_pid()");
        administrate("SELECT pg_terminate_backend(" + std::to_string(process) + ", 10000)");
        for (int read = 0; read < 10; ++read) EXPECT_EQ(number("SELECT COUNT(*) FROM numbers"), 0);
    }
}

/// Whoever stands still in the middle of a transaction, which takes the tests a fraction of a second instead of the usual five.
class StandstillTest : public PostgresqlTest {
protected:
    StandstillTest() {
        modapi::DatabaseSettings settings = test_database.settings();
        settings.turn_table = "numbers";
        settings.postgresql_connection += " options='-c idle_in_transaction_session_timeout=200'";
        impatient = Database::open(settings);
    }
    /// Until the server has ended the transaction.
    static void stand_still(Transaction& transaction) {
        const auto row = transaction.query_one<std::int64_t>("SELECT pg_backend_pid()");
        const std::string of_process = "SELECT 1 FROM pg_stat_activity WHERE pid = " + std::to_string(std::get<0>(*row));
        while (!administrate(of_process).empty()) continue;
    }
    void stand(const std::function<void(Transaction&)>& work) { async::sync_wait(impatient->run("standing", work)); }
    void stand_in_turn(const std::function<void(Transaction&)>& work) {
        async::sync_wait(impatient->run_in_turn("standing", work));
    }
    std::unique_ptr<Database> impatient;
};

TEST_F(StandstillTest, LosesItsTransactionAndRunsItAgain) {
    const LogCapture log;
    int runs = 0;
    stand([&](Transaction& transaction) {
        add_one(transaction);
        if (++runs == 1) stand_still(transaction);
        add_one(transaction);
    });
    EXPECT_EQ(runs, 2);
    EXPECT_EQ(number("SELECT COUNT(*) FROM numbers"), 2);
    EXPECT_TRUE(log.contains("idle-in-transaction timeout")) << log.text();
}

TEST_F(StandstillTest, BeforeTheCommitDidNotCommitAndRunsAgain) {
    int runs = 0;
    stand([&](Transaction& transaction) {
        add_one(transaction);
        if (++runs == 1) stand_still(transaction);
    });
    EXPECT_EQ(runs, 2);
    EXPECT_EQ(number("SELECT COUNT(*) FROM numbers"), 1);
}

TEST_F(StandstillTest, FailsWithWhatHappenedIfItAlwaysDoes) {
    std::string error;
    try {
        stand([&](Transaction& transaction) {
            add_one(transaction);
            stand_still(transaction);
        });
    } catch (const DatabaseError& failure) {
        error = failure.what();
    }
    EXPECT_NE(error.find("idle-in-transaction timeout"), std::string::npos) << error;
}

TEST_F(StandstillTest, InItsTurnHoldsTheOthersUpNoLonger) {
    int runs = 0;
    std::thread standing([&] {
        stand_in_turn([&](Transaction& transaction) {
            add_one(transaction);
            if (++runs == 1) stand_still(transaction);
        });
    });
    while (number("SELECT COUNT(*) FROM pg_locks WHERE relation = 'numbers'::regclass AND mode = 'ShareRowExclusiveLock'") == 0)
        continue;
    run(&add_one);
    standing.join();
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

TEST_F(PostgresqlTest, KeepsDecisionsInMemoryWhileTheServerIsGoneAndWritesThemWhenItIsBack) {
    const LogCapture log;
    boost::asio::io_context io(1);
    const async::environment where(io.get_executor());
    modapi::Decisions decisions(10, "p");
    const auto rows = std::make_shared<modapi::DecisionRows>(*database);
    rows->open();
    modapi::DecisionKeeper keeper(decisions, rows, 1000, where);
    const std::string role = "\"" + test_database.name() + "\"";
    administrate("ALTER ROLE " + role + " NOLOGIN");
    postgresql_test::cut_off(test_database.name());
    modapi::NewDecision denial;
    denial.module = "a.Module";
    denial.callback = "check_event_for_spam";
    denial.worker = "main";
    decisions.note(denial);
    async::sync_wait(io, where, keeper.stop());  // which writes what is left
    EXPECT_TRUE(log.contains("decisions of modules can't be written"));
    administrate("ALTER ROLE " + role + " LOGIN");
    async::sync_wait(io, where, keeper.stop());
    EXPECT_TRUE(log.contains("decisions of modules are written again"));
    EXPECT_EQ(number("SELECT COUNT(*) FROM module_decisions"), 1);
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

template <class Value>
void expect_back(Transaction& transaction, const std::string& type, const std::vector<Value>& values) {
    for (const Value& value : values) {
        const auto row = transaction.query_one<Value>("SELECT CAST(? AS " + type + ")", value);
        EXPECT_EQ(std::get<0>(*row), value) << type;
    }
}

TEST_F(PostgresqlTest, CarriesEveryNumberThereAndBackToItsLastDigit) {
    run([](Transaction& transaction) {
        using whole = std::numeric_limits<std::int64_t>;
        using fraction = std::numeric_limits<double>;
        expect_back<std::int64_t>(transaction, "BIGINT",
                                  {whole::min(), whole::min() + 1, -1, 0, 1, whole::max() - 1, whole::max()});
        expect_back<std::int64_t>(transaction, "NUMERIC", {whole::min(), -1, 0, 9007199254740993, whole::max()});
        expect_back<std::int64_t>(transaction, "INTEGER", {std::numeric_limits<std::int32_t>::min(), 2147483647});
        expect_back<std::int64_t>(transaction, "SMALLINT", {-32768, 32767});
        expect_back<std::int64_t>(transaction, "OID", {4294967295});
        const std::vector<double> fractions = {0.1,
                                               1.0 / 3,
                                               -2.5e-300,
                                               1e23,
                                               123456789012345678.0,
                                               fraction::max(),
                                               fraction::lowest(),
                                               fraction::min(),
                                               fraction::denorm_min(),
                                               fraction::epsilon(),
                                               fraction::infinity(),
                                               -fraction::infinity()};
        expect_back<double>(transaction, "DOUBLE PRECISION", fractions);
        expect_back<double>(transaction, "NUMERIC", fractions);
        expect_back<float>(transaction, "REAL", {0.1F, 16777217.0F, std::numeric_limits<float>::max()});
        const auto odd = transaction.query_one<double, double>(
            "SELECT CAST(? AS DOUBLE PRECISION), CAST(? AS DOUBLE PRECISION)", -0.0, fraction::quiet_NaN());
        EXPECT_TRUE(std::signbit(std::get<0>(*odd)));
        EXPECT_TRUE(std::isnan(std::get<1>(*odd)));
    });
}

TEST_F(PostgresqlTest, SumsIntegersExactlyBeyondWhatADoubleHolds) {
    run([](Transaction& transaction) {
        transaction.execute("INSERT INTO numbers (number) VALUES (9007199254740992), (1)");
        const auto row = transaction.query_one<std::int64_t>("SELECT SUM(number) FROM numbers");
        EXPECT_EQ(std::get<0>(*row), 9007199254740993);
    });
}

TEST_F(PostgresqlTest, TakesAWholeDoubleForAColumnOfIntegers) {
    run([](Transaction& transaction) { transaction.execute("INSERT INTO numbers (number) VALUES (?), (?)", 1e5, -1e18); });
    EXPECT_EQ(number("SELECT SUM(number) FROM numbers"), 100000 - 1000000000000000000);
}

TEST_F(PostgresqlTest, RefusesANumberThatNoDoubleHolds) {
    EXPECT_EQ(error_of([](Transaction& transaction) { static_cast<void>(transaction.query<double>("SELECT 1, 1e400")); }),
              "column 2 of the result is too large or too small for its type");
}

TEST_F(PostgresqlTest, CarriesTextsThereAndBackAsTheyAre) {
    run([](Transaction& transaction) {
        expect_back<std::string>(transaction, "TEXT",
                                 {"", " ", "'", "\"", "\\", "'; DROP TABLE numbers; --", "\\x00", "$1 ? :p1", "\r\n\t\x01\x7f",
                                  "gr\u00fc\u00df \u4f60 \U0001f408 \u0301", std::string(8U << 20U, 'x') + "\u00fc"});
        const auto row = transaction.query_one<std::string, std::string, std::string>(
            "SELECT '?\"' || \"it's ?\" /* ? ' */, CAST(? AS VARCHAR), -- ?\n CAST('{\"a\": [1]}' AS JSONB) "
            "FROM (SELECT '$1' AS \"it's ?\") AS one",
            "given");
        EXPECT_EQ(*row, std::make_tuple("?\"$1", "given", "{\"a\": [1]}"));
    });
}

TEST_F(PostgresqlTest, ReadsBytesAndTypesThatItDoesNotKnowAsTheirText) {
    run([](Transaction& transaction) { transaction.execute("CREATE TYPE mood AS ENUM ('sad', 'glad')"); });
    run([](Transaction& transaction) {
        const auto row = transaction.query_one<std::string, std::string, std::string>(
            "SELECT CAST(? AS mood), CAST(? AS BYTEA), ARRAY[1, 2]", "glad", "\\x00ff");
        EXPECT_EQ(*row, std::make_tuple("glad", "\\x00ff", "{1,2}"));
    });
}

TEST_F(PostgresqlTest, RefusesCopyAndAStatementWithANulCharacterAndGoesOn) {
    EXPECT_EQ(error_of([](Transaction& transaction) { transaction.execute("COPY numbers FROM STDIN"); }),
              "COPY isn't possible here: COPY numbers FROM STDIN");
    EXPECT_EQ(error_of([](Transaction& transaction) { transaction.execute("COPY numbers TO STDOUT"); }),
              "COPY isn't possible here: COPY numbers TO STDOUT");
    EXPECT_EQ(error_of([](Transaction& transaction) {
                  transaction.execute("DELETE FROM numbers\0 WHERE FALSE"sv);
              }),
              "PostgreSQL has no texts with a NUL character");
    run(&add_one);
    EXPECT_EQ(number("SELECT COUNT(*) FROM numbers"), 1);
}

TEST_F(PostgresqlTest, LogsANotificationThatNobodyTakesWithoutWhatItSays) {
    const LogCapture log;
    run([](Transaction& transaction) { transaction.execute("LISTEN news"); });
    run([](Transaction& transaction) { transaction.execute("NOTIFY news, 'secret'"); });
    EXPECT_EQ(log.text(),
              "warning: a notification of the PostgreSQL server on the channel news is dropped: nobody here listens\n");
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

/// Takes connections on 127.0.0.1 and never says anything.
class SilentServer {
public:
    SilentServer() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address = {};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(socket_, 16) != 0 ||
            getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
            ADD_FAILURE() << "can't listen";
        }
        port_ = std::to_string(ntohs(address.sin_port));
    }
    ~SilentServer() { close(socket_); }
    SilentServer(const SilentServer&) = delete;
    SilentServer& operator=(const SilentServer&) = delete;
    [[nodiscard]] const std::string& port() const { return port_; }

private:
    int socket_;
    std::string port_;
};

TEST(PostgresqlOpeningTest, GivesUpAServerThatTakesTheConnectionAndNeverAnswers) {
    const SilentServer server;
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(open_error("host=127.0.0.1 port=" + server.port() + " user=u password=hunter2 connect_timeout=1"),
              "can't open the PostgreSQL database: no answer from 127.0.0.1, port " + server.port() + ", within 1 s");
    const auto took = std::chrono::steady_clock::now() - begin;
    EXPECT_GE(took, std::chrono::seconds(1));
    EXPECT_LT(took, std::chrono::seconds(10));
}

TEST(PostgresqlOpeningTest, GoesOnToTheNextHostOfAListWhenOneIsSilentOrRefuses) {
    const SilentServer server;
    const std::string common = " user=modapi dbname=postgres connect_timeout=";
    DatabaseSettings settings;
    settings.name = "psycopg2";
    settings.postgresql_connections = 1;
    const std::string host = postgresql_test::host();
    settings.postgresql_connection = "host=127.0.0.1,127.0.0.1," + host + " port=1," + server.port() + ",5432" + common + "3";
    const std::unique_ptr<Database> database = Database::open(settings);
    async::sync_wait(database->read("works", [](Transaction& transaction) { transaction.execute("SELECT 1"); }));
    const std::string silence = "no answer from 127.0.0.1, port " + server.port() + ", within 1 s";
    const std::string error = open_error("host=127.0.0.1,/nowhere port=" + server.port() + common + "1");
    EXPECT_TRUE(
        error.starts_with("can't open the PostgreSQL database: " + silence + "; connection to server on socket \"/nowhere/"))
        << error;
    EXPECT_EQ(open_error("hostaddr=127.0.0.1,127.0.0.1 port=" + server.port() + common + "1"),
              "can't open the PostgreSQL database: " + silence + "; " + silence);
}

TEST(PostgresqlOpeningTest, RefusesATimeLimitThatIsNoNumber) {
    for (const char* const limit : {"soon", "1s", "''"}) {
        EXPECT_EQ(open_error(std::string("host=127.0.0.1 port=1 connect_timeout=") + limit),
                  "can't open the PostgreSQL database: connect_timeout is not a number of seconds");
    }
}

TEST(PostgresqlOpeningTest, LetsTheParametersOptionsOverrideItsOwn) {
    DatabaseSettings settings;
    settings.name = "psycopg2";
    settings.postgresql_connections = 1;
    settings.postgresql_connection = "host=" + postgresql_test::host() +
                                     " user=modapi dbname=postgres options='-c client_min_messages=error -c work_mem=1234kB'";
    const std::unique_ptr<Database> database = Database::open(settings);
    const auto settings_of = [](Transaction& transaction) {
        return *transaction.query_one<std::string, std::string, std::string>(
            "SELECT current_setting('client_min_messages'), current_setting('work_mem'), "
            "current_setting('extra_float_digits')");
    };
    EXPECT_EQ(async::sync_wait(database->read("settings", settings_of)), std::make_tuple("error", "1234kB", "3"));
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
