#include "log_capture.h"
#include "test_database.h"

#include <modapi/database.h>

#include <async/sync_wait.h>

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <future>
#include <limits>
#include <thread>

namespace {

using modapi::Database;
using modapi::DatabaseError;
using modapi::DatabaseSettings;
using modapi::Transaction;

DatabaseSettings at(const std::filesystem::path& file) {
    DatabaseSettings settings;
    settings.database = file.string();
    return settings;
}

void create(Transaction& transaction) {
    transaction.execute("CREATE TABLE users (name TEXT PRIMARY KEY, age BIGINT, note TEXT)");
}
void add(Transaction& transaction, const std::string& name, std::int64_t age) {
    transaction.execute("INSERT INTO users (name, age) VALUES (?, ?)", name, age);
}
void add_then_throw(Transaction& transaction, const std::string& name) {
    add(transaction, name, 1);
    throw std::runtime_error("changed my mind");
}
std::int64_t count(Transaction& transaction) {
    const auto row = transaction.query_one<std::int64_t>("SELECT COUNT(*) FROM users");
    return std::get<0>(*row);
}

/// What differs between the engines.
std::string on(const char* sqlite, const char* postgresql) { return postgresql_test::is_chosen() ? postgresql : sqlite; }

class DatabaseTest : public testing::Test {
protected:
    DatabaseTest() { wait(database->run("create", &create)); }
    template <class T>
    static T wait(async::task<T> task) {
        return async::sync_wait(std::move(task));
    }

    TestDatabase test_database;
    std::unique_ptr<Database> database = Database::open(test_database.settings());
};

TEST_F(DatabaseTest, CommitsOnReturnAndRollsBackOnAnException) {
    const std::string alice = "alice";
    const std::string bob = "bob";
    wait(database->run("add", &add, alice, 30));
    EXPECT_THROW(wait(database->run("add", &add_then_throw, bob)), std::runtime_error);
    EXPECT_EQ(wait(database->read("count", &count)), 1);
    EXPECT_EQ(wait(database->run("count", &count)), 1);
}

TEST_F(DatabaseTest, KeepsAnInjectionAttemptAsData) {
    const std::string name = "x'); DROP TABLE users; --";
    wait(database->run("add", &add, name, 1));
    const auto found = [](Transaction& transaction, const std::string& who) {
        return transaction.query<std::string>("SELECT name FROM users WHERE name = ? AND '?' <> name /* ? */ -- ?", who);
    };
    const auto rows = wait(database->read("find", found, name));
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(std::get<0>(rows[0]), name);
}

TEST_F(DatabaseTest, RunsWhatMayWaitBeforeTheNextStatementAndBeforeTheCommit) {
    const auto add_some = [](Transaction& transaction) {
        transaction.execute_later("INSERT INTO users (name, age) VALUES (?, ?)", std::string("alice"), 30);
        EXPECT_EQ(count(transaction), 1);
        transaction.execute_later("INSERT INTO users (name, age) VALUES (?, ?)", std::string("bob"), 31);
    };
    wait(database->run("add", add_some));
    EXPECT_EQ(wait(database->read("count", &count)), 2);
}

TEST_F(DatabaseTest, TakesTheRowsOfAQueryLaterAsTheyWereWhereItStands) {
    const auto look = [](Transaction& transaction) {
        add(transaction, "alice", 30);
        add(transaction, "bob", 31);
        auto names = transaction.query_later<std::string, std::int64_t>("SELECT name, age FROM users WHERE age > ? ORDER BY name", 1);
        auto nobody = transaction.query_later<std::string>("SELECT name FROM users WHERE name = 'nobody'");
        transaction.execute_later("DELETE FROM users WHERE name = ?", std::string("bob"));
        auto oldest = transaction.query_later<std::int64_t>("SELECT MAX(age) FROM users");
        EXPECT_EQ(count(transaction), 1);
        const auto row = oldest.take_one();
        EXPECT_EQ(std::get<0>(row.value()), 30);
        EXPECT_FALSE(nobody.take_one());
        const auto rows = names.take();
        ASSERT_EQ(rows.size(), 2U);
        EXPECT_EQ(rows[0], std::make_tuple(std::string("alice"), std::int64_t(30)));
        EXPECT_EQ(rows[1], std::make_tuple(std::string("bob"), std::int64_t(31)));
    };
    wait(database->run("look", look));
    EXPECT_EQ(wait(database->read("count", &count)), 1);
}

TEST_F(DatabaseTest, RunsAQueryWhoseRowsAreTakenBeforeTheNextStatement) {
    const auto look = [](Transaction& transaction) {
        auto ages = transaction.query_later<std::int64_t>("SELECT age FROM users ORDER BY age");
        auto names = transaction.query_with_later<std::string>("SELECT name FROM users WHERE age > ?", {std::int64_t(30)});
        EXPECT_EQ(ages.take().size(), 2U);
        const auto row = names.take_one();
        EXPECT_EQ(std::get<0>(row.value()), "bob");
        EXPECT_THROW(static_cast<void>(names.take()), std::logic_error);
    };
    wait(database->run("add", &add, std::string("alice"), 30));
    wait(database->run("add", &add, std::string("bob"), 31));
    wait(database->read("look", look));
    wait(database->run("look", look));
    wait(database->read_apart("look", look));
}

TEST_F(DatabaseTest, RefusesTheColumnsOfAQueryWhoseRowsAreTakenLater) {
    const auto look = [](Transaction& transaction) {
        auto rows = transaction.query_later<std::string>("SELECT name, age FROM users");
        try {
            static_cast<void>(rows.take());
            ADD_FAILURE() << "there are two columns";
        } catch (const DatabaseError& error) {
            EXPECT_STREQ(error.what(), "the result has 2 columns, 1 were asked for: SELECT name, age FROM users");
        }
    };
    wait(database->run("add", &add, std::string("alice"), 30));
    wait(database->read("look", look));
}

TEST_F(DatabaseTest, GivesTheRowsOfAQueryBeforeAStatementThatFailed) {
    const auto look = [](Transaction& transaction) {
        add(transaction, "alice", 30);
        auto ages = transaction.query_later<std::int64_t>("SELECT age FROM users");
        EXPECT_THROW(add(transaction, "alice", 31), modapi::ConstraintViolation);
        EXPECT_EQ(ages.take(), (std::vector<std::tuple<std::int64_t>>{{30}}));
    };
    EXPECT_THROW(wait(database->run("look", look)), DatabaseError);
    EXPECT_EQ(wait(database->read("count", &count)), 0);
}

TEST_F(DatabaseTest, FailsByAQueryWhoseRowsNobodyTakes) {
    const auto look = [](Transaction& transaction) {
        static_cast<void>(transaction.query_later<std::string>("SELECT name FROM nothing"));
    };
    EXPECT_THROW(wait(database->read("look", look)), DatabaseError);
    EXPECT_THROW(wait(database->run("look", look)), DatabaseError);
}

void round_trip(Transaction& transaction) {
    const std::int64_t large = std::numeric_limits<std::int64_t>::min();
    const std::string text = "\xf0\x9f\x90\x88 ü : ' \\ \"";
    const auto row = transaction.query_one<std::int64_t, std::string, double, std::optional<std::string>, bool>(
        "SELECT CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS DOUBLE PRECISION), CAST(? AS TEXT), CAST(? AS BIGINT)", large,
        text, 0.1, std::nullopt, true);
    EXPECT_EQ(std::get<0>(*row), large);
    EXPECT_EQ(std::get<1>(*row), text);
    EXPECT_EQ(std::get<2>(*row), 0.1);
    EXPECT_EQ(std::get<3>(*row), std::nullopt);
    EXPECT_TRUE(std::get<4>(*row));
    EXPECT_EQ(transaction.execute("INSERT INTO users (name, age, note) VALUES (?, ?, ?)", text, large, nullptr), 1);
    const auto stored =
        transaction.query<std::string, std::int64_t, std::optional<std::string>>("SELECT name, age, note FROM users");
    ASSERT_EQ(stored.size(), 1U);
    EXPECT_EQ(std::get<0>(stored[0]), text);
    EXPECT_EQ(std::get<1>(stored[0]), large);
    EXPECT_EQ(std::get<2>(stored[0]), std::nullopt);
    const auto returned = transaction.query_one<std::string, std::int64_t>(
        "INSERT INTO users (name, age) VALUES ('r', 5) RETURNING name, age + 1");
    EXPECT_EQ(std::get<1>(*returned), 6);
    const auto none = transaction.query_one<std::optional<std::int64_t>>("SELECT MAX(age) FROM users WHERE age > 100");
    EXPECT_EQ(std::get<0>(*none), std::nullopt);
    EXPECT_EQ(transaction.execute("UPDATE users SET age = 1"), 2);
    EXPECT_EQ(transaction.execute("UPDATE users SET age = 1 WHERE name = 'nobody'"), 0);
    EXPECT_EQ(transaction.execute("CREATE INDEX ages ON users (age)"), 0);
}

TEST_F(DatabaseTest, CarriesEveryKindOfValueThereAndBackUnchanged) { wait(database->run("round trip", &round_trip)); }

TEST_F(DatabaseTest, ReadsSumsAsWholeNumbersAndComparisonsAsTruthValues) {
    const auto totals = [](Transaction& transaction) {
        add(transaction, "a", 3000000000);
        add(transaction, "b", 4000000000);
        return *transaction.query_one<std::int64_t, bool, bool>("SELECT SUM(age), SUM(age) > 1, SUM(age) < 1 FROM users");
    };
    EXPECT_EQ(wait(database->run("totals", totals)), std::make_tuple(std::int64_t{7000000000}, true, false));
}

constexpr const char* endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n";
std::int64_t count_endlessly(Transaction& transaction) { return std::get<0>(*transaction.query_one<std::int64_t>(endless)); }
void add_and_count_endlessly(Transaction& transaction) {
    add(transaction, "eve", 1);
    static_cast<void>(count_endlessly(transaction));
}

/// As a database of its own, whose reads have little time.
std::unique_ptr<Database> impatient(const TestDatabase& place) {
    DatabaseSettings settings = place.settings();
    settings.read_limit = std::chrono::milliseconds(50);
    return Database::open(settings);
}

TEST_F(DatabaseTest, CutsAReadAfterItsTimeNamesItAndLetsOthersRead) {
    const std::unique_ptr<Database> cut = impatient(test_database);
    const LogCapture log;
    for (int more_than_there_are_connections = 0; more_than_there_are_connections < 7; ++more_than_there_are_connections)
        EXPECT_THROW(wait(cut->read("who counts", &count_endlessly)), modapi::InteractionTimeout);
    EXPECT_TRUE(log.contains("database interaction who counts was cut: the interaction took longer than its 50 ms and was cut "
                             "at: WITH RECURSIVE n"))
        << log.text();
    EXPECT_EQ(wait(cut->read("count", &count)), 0) << "the connections serve as before";
}

TEST_F(DatabaseTest, RefusesTheNextStatementWhereTheFunctionItselfTookTheTime) {
    const std::unique_ptr<Database> cut = impatient(test_database);
    const LogCapture log;
    const auto compute = [](Transaction& transaction) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(60);
        while (std::chrono::steady_clock::now() < until) {
        }
        return count(transaction);
    };
    EXPECT_THROW(wait(cut->read("computes", compute)), modapi::InteractionTimeout);
    EXPECT_TRUE(log.contains("database interaction computes was cut")) << log.text();
}

TEST_F(DatabaseTest, RollsBackAWriteThatWasCutAndGoesOnWriting) {
    const LogCapture log;
    const std::chrono::milliseconds limit(50);
    EXPECT_THROW(wait(database->run_within(limit, "endless", &add_and_count_endlessly)), modapi::InteractionTimeout);
    EXPECT_TRUE(log.contains("database interaction endless was cut")) << log.text();
    const std::string alice = "alice";
    wait(database->run_within(std::nullopt, "add", &add, alice, 30));
    EXPECT_EQ(wait(database->run("count", &count)), 1);
}

TEST_F(DatabaseTest, TellsWhichInteractionsAreAtWork) {
    std::promise<void> entered;
    std::promise<void> may_go;
    std::future<void> go = may_go.get_future();
    struct State {
        std::promise<void>& entered;
        std::future<void>& go;
    } state{entered, go};
    std::thread blocked([&] {
        database->run_blocking(
            "blocks",
            [](Transaction&, void* given) {
                State& of_test = *static_cast<State*>(given);
                of_test.entered.set_value();
                of_test.go.wait();
            },
            &state);
    });
    entered.get_future().wait();
    const std::vector<Database::Running> running = database->running();
    may_go.set_value();
    blocked.join();
    ASSERT_EQ(running.size(), 1U);
    EXPECT_EQ(running[0].desc, "blocks");
    EXPECT_TRUE(database->running().empty());
}

template <class Error = DatabaseError>
std::string error_of(Database& database, void (*function)(Transaction&)) {
    try {
        async::sync_wait(database.run("fails", function));
    } catch (const Error& error) {
        return error.what();
    }
    return "nothing was thrown";
}

TEST_F(DatabaseTest, RefusesAnEmptyQueryWhoseRowsAreTakenLater) {
    const auto look = [](Transaction& transaction) {
        auto rows = transaction.query_later<std::int64_t>("-- nothing");
        static_cast<void>(count(transaction));
        static_cast<void>(rows.take());
    };
    EXPECT_EQ(error_of(*database, look), "there is no statement in: -- nothing");
}

TEST_F(DatabaseTest, NamesStatementAndReasonButNeverTheValues) {
    const auto twice = [](Transaction& transaction) {
        add(transaction, "secret", 1);
        add(transaction, "secret", 1);
    };
    EXPECT_EQ(error_of<modapi::ConstraintViolation>(*database, twice),
              on("UNIQUE constraint failed: users.name", "duplicate key value violates unique constraint \"users_pkey\"") +
                  " in: INSERT INTO users (name, age) VALUES (?, ?)");
    EXPECT_EQ(error_of(*database, [](Transaction& transaction) { transaction.execute("SELECT\n  nonsense FROM users"); }),
              on("no such column: nonsense", "column \"nonsense\" does not exist") + " in: SELECT nonsense FROM users");
}

TEST_F(DatabaseTest, CommitsNothingOnceAStatementHasFailedThoughTheFunctionWentOn) {
    const auto goes_on = [](Transaction& transaction) {
        add(transaction, "twice", 1);
        try {
            add(transaction, "twice", 2);
        } catch (const modapi::ConstraintViolation&) {
        }
    };
    EXPECT_EQ(error_of(*database, goes_on), "the transaction can't be committed: one of its statements has failed");
    EXPECT_EQ(wait(database->read("count", &count)), 0);
}

TEST_F(DatabaseTest, RefusesWhatWouldSilentlyDoSomethingElse) {
    EXPECT_EQ(error_of(*database, [](Transaction& t) { t.execute("DELETE FROM users; DROP TABLE users"); }),
              on("more than one statement", "cannot insert multiple commands into a prepared statement") +
                  " in: DELETE FROM users; DROP TABLE users");
    EXPECT_EQ(error_of(*database, [](Transaction& t) { t.execute("DELETE FROM users; -- done"); }), "nothing was thrown");
    EXPECT_EQ(error_of(*database, [](Transaction& t) { t.execute("DELETE FROM users WHERE name = ?"); }),
              "there are 1 placeholders and 0 values for: DELETE FROM users WHERE name = ?");
    EXPECT_EQ(error_of(*database, [](Transaction& t) { t.execute(" "); }), "there is no statement in: ");
    EXPECT_EQ(error_of(*database, [](Transaction& t) { t.execute("-- later ?"); }), "there is no statement in: -- later ?");
    EXPECT_EQ(error_of(*database, [](Transaction& t) { static_cast<void>(t.query<int>("SELECT 1, 2")); }),
              "the result has 2 columns, 1 were asked for: SELECT 1, 2");
    EXPECT_EQ(error_of(*database, [](Transaction& t) { static_cast<void>(t.query<int>("SELECT 'x'")); }),
              "column 1 of the result is not an integer but a text");
    EXPECT_EQ(error_of(*database, [](Transaction& t) { static_cast<void>(t.query<int>("SELECT 3000000000")); }),
              "column 1 of the result is too large or too small for its type");
    EXPECT_EQ(error_of(*database, [](Transaction& t) { static_cast<void>(t.query<int>("SELECT 1.5")); }),
              "column 1 of the result is not an integer but a number");
    EXPECT_NE(error_of(*database,
                       [](Transaction& t) {
                           t.execute("COMMIT");
                           t.execute("DELETE FROM users");
                       })
                  .find(on("a transaction ends with its function, not by a statement: COMMIT", "the transaction has ended before: DELETE")),
              std::string::npos);
}

TEST_F(DatabaseTest, RefusesToWriteInAReadInteraction) {
    const std::string name = "x";
    EXPECT_THROW(wait(database->read("add", &add, name, 1)), modapi::WriteRefused);
    EXPECT_EQ(wait(database->read("count", &count)), 0);
}

void create_doors(Transaction& transaction) {
    transaction.execute(
        "CREATE TABLE doors (name TEXT PRIMARY KEY, is_open BOOLEAN NOT NULL DEFAULT FALSE, is_locked BOOLEAN)");
}
void set_open(Transaction& transaction, const std::string& name, bool is_open) {
    transaction.execute(
        "INSERT INTO doors (name, is_open) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET is_open = excluded.is_open", name,
        is_open);
}
std::vector<std::string> doors_that_are(Transaction& transaction, bool is_open) {
    std::vector<std::string> names;
    for (auto& [name] : transaction.query<std::string>("SELECT name FROM doors WHERE is_open = ? ORDER BY name", is_open))
        names.push_back(std::move(name));
    return names;
}

TEST_F(DatabaseTest, HasBooleanColumns) {
    using Names = std::vector<std::string>;
    const auto lock = [](Transaction& transaction) {
        transaction.execute("INSERT INTO doors (name) VALUES ('cellar')");
        return transaction.execute("UPDATE doors SET is_locked = TRUE WHERE NOT is_open AND is_locked IS NULL");
    };
    const auto all = [](Transaction& transaction) {
        return transaction.query<std::string, bool, std::optional<bool>>(
            "SELECT name, is_open, is_locked FROM doors ORDER BY name");
    };
    wait(database->run("create", &create_doors));
    wait(database->run("open", &set_open, std::string("front"), true));
    wait(database->run("close", &set_open, std::string("back"), true));
    wait(database->run("close", &set_open, std::string("back"), false));
    EXPECT_EQ(wait(database->run("lock", lock)), 2);
    EXPECT_EQ(wait(database->read("open", &doors_that_are, true)), Names{"front"});
    EXPECT_EQ(wait(database->read("closed", &doors_that_are, false)), (Names{"back", "cellar"}));
    EXPECT_EQ(wait(database->read("all", all)),
              (std::vector<std::tuple<std::string, bool, std::optional<bool>>>{
                  {"back", false, true}, {"cellar", false, true}, {"front", true, std::nullopt}}));
}

async::task<bool> resumes_where_it_was(Database& database) {
    const std::thread::id before = std::this_thread::get_id();
    async::task<std::int64_t> counting = database.run("count", &count);
    co_await std::move(counting);
    co_return before == std::this_thread::get_id();
}
TEST_F(DatabaseTest, RunsElsewhereAndResumesOnTheTasksOwnThread) {
    EXPECT_TRUE(wait(resumes_where_it_was(*database)));
    const auto thread = [](Transaction&) { return std::this_thread::get_id(); };
    EXPECT_NE(wait(database->run("thread", thread)), std::this_thread::get_id());
}

TEST_F(DatabaseTest, ReadsASnapshotWhileAnotherTransactionWrites) {
    std::promise<void> inserted;
    std::promise<void> may_commit;
    const auto slow_write = [&](Transaction& transaction) {
        add(transaction, "slow", 1);
        inserted.set_value();
        may_commit.get_future().wait();
    };
    std::thread writer([&] { async::sync_wait(database->run("slow", slow_write)); });
    inserted.get_future().wait();
    EXPECT_EQ(wait(database->read("count", &count)), 0);
    EXPECT_EQ(wait(database->read("count", &count)), 0);
    may_commit.set_value();
    writer.join();
    EXPECT_EQ(wait(database->read("count", &count)), 1);
}

async::task<int> cancelled_while_it_runs(Database& database, async::cancellation_source& source, std::promise<void>& began,
                                         std::future<void>& go_on) {
    const auto work = [&began, &go_on](Transaction& transaction) {
        add(transaction, "kept", 1);
        began.set_value();
        go_on.wait();
        return 7;
    };
    async::context context = co_await async::this_context;
    context.cancellation = &source;
    async::task<int> running = database.run("work", work);
    co_return co_await std::move(running).in(context);
}
TEST_F(DatabaseTest, WaitsForAnInteractionThatBeganBeforeTheCancellation) {
    boost::asio::io_context io(1);
    async::cancellation_source source;
    std::promise<void> began;
    std::promise<void> release;
    std::future<void> go_on = release.get_future();
    std::thread canceller([&] {
        began.get_future().wait();
        boost::asio::post(io, [&] {
            source.request(async::cancel_reason::stopping);
            release.set_value();
        });
    });
    EXPECT_EQ(async::sync_wait(io, cancelled_while_it_runs(*database, source, began, go_on)), 7);
    canceller.join();
    EXPECT_EQ(wait(database->read("count", &count)), 1);
}

TEST(DatabaseFileTest, CarriesANulCharacterThereAndBack) {
    const std::unique_ptr<Database> database = Database::open(at(":memory:"));
    const auto round_trip = [](Transaction& transaction, const std::string& text) {
        return std::get<0>(*transaction.query_one<std::string>("SELECT ?", text));
    };
    const std::string text("N\0UL", 4);
    EXPECT_EQ(async::sync_wait(database->run("round trip", round_trip, text)), text);
}

TEST(DatabaseFileTest, KeepsOneDatabaseInMemoryForReadersAndWriters) {
    const std::unique_ptr<Database> database = Database::open(at(":memory:"));
    async::sync_wait(database->run("create", &create));
    const std::string name = "x";
    async::sync_wait(database->run("add", &add, name, 1));
    EXPECT_EQ(async::sync_wait(database->read("count", &count)), 1);
    EXPECT_THROW(async::sync_wait(database->read("add", &add, name, 1)), DatabaseError);
}

TEST(DatabaseFileTest, KeepsWhatWasCommittedWhenTheProcessIsKilled) {
    const TemporaryFolder folder;
    int committed[2];
    ASSERT_EQ(pipe(committed), 0);
    const pid_t child = fork();
    if (child == 0) {
        const std::unique_ptr<Database> database = Database::open(at(folder.file("data.db")));
        database->run_blocking(
            "create", [](Transaction& t, void*) { create(t); }, nullptr);
        database->run_blocking(
            "add", [](Transaction& t, void*) { add(t, "kept", 1); }, nullptr);
        database->run_blocking(
            "never ends",
            [](Transaction& t, void* pipe_end) {
                add(t, "lost", 1);
                if (write(*static_cast<int*>(pipe_end), "x", 1) != 1) _exit(1);
                while (true) pause();
            },
            &committed[1]);
    }
    char byte = 0;
    ASSERT_EQ(read(committed[0], &byte, 1), 1);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    const std::unique_ptr<Database> database = Database::open(at(folder.file("data.db")));
    EXPECT_EQ(async::sync_wait(database->read("count", &count)), 1);
}

std::string open_error(const DatabaseSettings& settings) {
    try {
        static_cast<void>(Database::open(settings));
    } catch (const DatabaseError& error) {
        return error.what();
    }
    return "nothing was thrown";
}

TEST(DatabaseFileTest, IsOneProcesssAloneWhereThatIsAskedForUntilItIsClosed) {
    const TemporaryFolder folder;
    DatabaseSettings alone = at(folder.file("data.db"));
    alone.is_alone = true;
    std::unique_ptr<Database> first = Database::open(alone);
    EXPECT_EQ(open_error(alone), "can't open the database " + alone.database + ": the process " + std::to_string(getpid()) +
                                     " has it open");
    std::filesystem::create_symlink("data.db", folder.file("another name.db"));
    DatabaseSettings by_another_name = alone;
    by_another_name.database = folder.file("another name.db").string();
    EXPECT_NE(open_error(by_another_name).find(" has it open"), std::string::npos);
    first.reset();
    EXPECT_NO_THROW(static_cast<void>(Database::open(by_another_name)));
}

TEST(DatabaseFileTest, IsReadableByItsOwnerOnly) {
    const TemporaryFolder folder;
    const mode_t before = umask(0);
    DatabaseSettings settings = at(folder.file("data.db"));
    settings.is_alone = true;
    const std::unique_ptr<Database> database = Database::open(settings);
    async::sync_wait(database->run("create", &create));
    umask(before);
    int files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
        ++files;
        EXPECT_EQ(entry.status().permissions(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write)
            << entry.path();
    }
    EXPECT_EQ(files, 4) << "the database, its log, the log's index, the lock";
}

TEST(DatabaseFileTest, AcknowledgesNoWriteToAFileThatIsGone) {
    for (const char* const gone : {"data.db", "data.db-wal"}) {
        const TemporaryFolder folder;
        const std::unique_ptr<Database> database = Database::open(at(folder.file("data.db")));
        async::sync_wait(database->run("create", &create));
        std::filesystem::remove(folder.file(gone));
        const std::string name = "x";
        try {
            async::sync_wait(database->run("add", &add, name, 1));
            ADD_FAILURE() << gone;
        } catch (const DatabaseError& error) {
            EXPECT_NE(std::string(error.what()).find("was deleted or replaced while it is open"), std::string::npos)
                << error.what();
        }
    }
}

TEST(DatabaseFileTest, NamesAFileThatCanNotBeADatabase) {
    const TemporaryFolder folder;
    const std::string missing = folder.file("no/such/data.db").string();
    EXPECT_EQ(open_error(at(missing)),
              "can't open the database " + missing + ": unable to open database file (No such file or directory)");
    EXPECT_NE(open_error(at(folder.path())).find("can't open the database " + folder.path().string()), std::string::npos);
    const std::filesystem::path text = folder.write("text.db", std::string(5000, 'x'));
    EXPECT_EQ(open_error(at(text)), "can't open the database " + text.string() + ": file is not a database");
}

TEST(DatabaseFileTest, NamesAnUnknownEngineAndNeverAPassword) {
    DatabaseSettings settings;
    settings.name = "oracle";
    EXPECT_EQ(open_error(settings), "the database engine oracle isn't known; there are sqlite3 and psycopg2");
    settings.name = "psycopg2";
    settings.postgresql_connection = "host=127.0.0.1 port=1 user=u password=hunter2 dbname=d connect_timeout=2";
    const std::string error = open_error(settings);
    EXPECT_NE(error.find("can't open the PostgreSQL database: "), std::string::npos) << error;
    EXPECT_NE(error.find("127.0.0.1"), std::string::npos) << error;
    EXPECT_EQ(error.find("hunter2"), std::string::npos) << error;
    settings.postgresql_connection = "host=127.0.0.1 password=hunter 2";
    EXPECT_EQ(open_error(settings).find("hunter"), std::string::npos);
}

}  // namespace
