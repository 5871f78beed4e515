#include "peak_memory.h"
#include "postgresql/test_database.h"
#include "python_modules_test.h"
#include "temporary_folder.h"

#include <python_connection.h>
#include <python_questions.h>

#include <async/sync_wait.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

/// What threads of a process ask on host.sock: by a socket of the test's own, and by modules in a real process.
namespace {

using namespace std::chrono_literals;
using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;
using modapi::PythonQuestions;
using testing::HasSubstr;

/// A thread of Python's.
class Asker {
public:
    explicit Asker(const std::filesystem::path& directory) : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string path = (directory / "host.sock").string();
        std::memcpy(address.sun_path, path.data(), path.size());
        if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
            0)  // NOLINT: as connect wants it
            throw std::runtime_error("nobody listens");
        connection_.emplace(socket_);
    }
    ~Asker() { close(); }
    Asker(const Asker&) = delete;
    Asker& operator=(const Asker&) = delete;
    void close() {
        if (socket_ >= 0) ::close(std::exchange(socket_, -1));
    }
    /// The answer as JSON; "closed" where there is none.
    std::string ask(const JsonDict& question) {
        if (!connection_->send(question)) return "closed";
        const std::optional<JsonDict> answer = next();
        return answer ? boost::json::serialize(*answer) : "closed";
    }
    std::string ask(const std::string& question) { return ask(boost::json::parse(question).as_object()); }
    std::string begin() { return ask(std::string(R"({"do": "begin", "entry": "one", "call": null, "description": "test"})")); }
    std::string execute(const std::string& sql, JsonArray parameters = {}) {
        JsonDict question;
        question["do"] = "execute";
        question["sql"] = sql;
        question["parameters"] = std::move(parameters);
        return ask(question);
    }
    std::string commit() { return ask(std::string(R"({"do": "commit"})")); }
    std::string rollback() { return ask(std::string(R"({"do": "rollback"})")); }
    void send_raw(const std::string& bytes) {
        ASSERT_EQ(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL), ssize_t(bytes.size()));
    }
    std::optional<JsonDict> next() {
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (true) {
            if (std::optional<JsonDict> answer = connection_->next()) return answer;
            if (!connection_->wait_until(end, -1) || !connection_->flush() || !connection_->receive()) return std::nullopt;
        }
    }

private:
    int socket_;
    std::optional<modapi::PythonConnection> connection_;
};

/// A module that only has a ModuleApi.
class Holding {
public:
    Holding(const JsonDict&, modapi::ModuleApi& api) { held = &api; }
    static inline modapi::ModuleApi* held = nullptr;
};

class PythonQuestionsTest : public testing::Test {
protected:
    PythonQuestionsTest() : database(modapi::Database::open(test_database.settings())) {
        where.observer = &mark;
        worker.emplace(server, where, *database, bus, threads, modapi::WorkerSettings());
        resolver.add<Holding>("test.Holding");
        const auto file = modapi::ConfigurationFile::parse("modules:\n  - module: test.Holding\n", "hs.yaml");
        worker->construct_modules(modapi::configure_modules(file, resolver, [](const std::string&) {}));
        run(worker->start_modules());
    }
    ~PythonQuestionsTest() override {
        close();
        run(worker->stop());
    }
    PythonQuestionsTest(const PythonQuestionsTest&) = delete;
    PythonQuestionsTest& operator=(const PythonQuestionsTest&) = delete;

    void listen(modapi::PythonTransaction::Limits limits = modapi::PythonTransaction::Limits()) {
        modapi::QuestionSources sources;
        sources.api_of = [](const std::string& entry) { return entry == "one" ? Holding::held : nullptr; };
        sources.state_of = [this](std::int64_t handle) { return handle == 7 ? state : nullptr; };
        questions.emplace(where, folder.path(), std::move(sources), limits);
    }
    void close() {
        if (!questions) return;
        run(questions->close());
        questions.reset();
    }
    void run(async::task<void> task) {
        bool done = false;
        std::exception_ptr failure;
        async::co_spawn(where, std::move(task), [&](std::exception_ptr thrown) {
            failure = std::move(thrown);
            done = true;
        });
        until([&] { return done; });
        if (failure) std::rethrow_exception(failure);
    }
    void until(const std::function<bool()>& is_so) {
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (!is_so()) {
            ASSERT_LT(std::chrono::steady_clock::now(), end) << "it doesn't end";
            io.restart();
            io.run_one_for(5ms);
        }
    }
    /// What a thread does while the worker works.
    void meanwhile(const std::function<void()>& asking) {
        std::atomic<bool> done = false;
        std::exception_ptr failure;
        std::thread thread([&] {
            try {
                asking();
            } catch (...) {
                failure = std::current_exception();
            }
            done = true;
        });
        until([&] { return done.load(); });
        thread.join();
        if (failure) std::rethrow_exception(failure);
    }
    void make_table() {
        async::sync_wait(database->run("make", [](modapi::Transaction& transaction) {
            transaction.execute("CREATE TABLE things (name TEXT PRIMARY KEY, number BIGINT, kept BOOLEAN, data BYTEA)");
        }));
    }
    static std::int64_t count_of(modapi::Transaction& transaction) {
        return std::get<0>(*transaction.query_one<std::int64_t>("SELECT COUNT(*) FROM things"));
    }
    std::int64_t rows() { return async::sync_wait(database->run("count", &count_of)); }

    boost::asio::io_context io{1};
    async::environment where{io.get_executor()};
    async::running_callback_mark mark;
    modapi::BlockingThreads threads{2};
    SmallHomeserver server;
    TestDatabase test_database;
    modapi::InProcessInvalidationBus bus;
    modapi::ModuleResolver resolver{std::vector<std::filesystem::path>()};
    std::unique_ptr<modapi::Database> database;
    std::optional<modapi::ModuleHost> worker;
    std::shared_ptr<const callbacks::StateMap> state;
    TemporaryFolder folder;
    std::optional<PythonQuestions> questions;
    LogCapture log;
};

TEST_F(PythonQuestionsTest, CommitWhatAThreadDidInATransaction) {
    make_table();
    listen();
    meanwhile([&] {
        Asker asker(folder.path());
        EXPECT_EQ(asker.begin(),
                  postgresql_test::is_chosen() ? R"({"result":{"engine":"postgresql"}})" : R"({"result":{"engine":"sqlite"}})");
        JsonArray values{"o?ne", 5, true, JsonDict{{"$bytes", "AP8="}}};
        EXPECT_EQ(asker.execute("INSERT INTO things VALUES (?, ?, ?, ?)", values),
                  R"({"result":{"columns":[],"rows":[],"rowcount":1}})");
        EXPECT_EQ(asker.ask(std::string(R"x({"do": "execute_many", "sql": "INSERT INTO things (name, number) VALUES (?, ?)",
                                "parameters": [["two", null], ["three", 3]]})x")),
                  R"({"result":{"columns":[],"rows":[],"rowcount":2}})");
        const std::string row = postgresql_test::is_chosen() ? R"(["o?ne",5,true,{"$bytes":"AP8="}]],"rowcount":1)"
                                                             : R"(["o?ne",5,1,{"$bytes":"AP8="}]],"rowcount":-1)";
        EXPECT_EQ(asker.execute("SELECT name, number, kept, data FROM things WHERE name = ?", JsonArray{"o?ne"}),
                  R"({"result":{"columns":["name","number","kept","data"],"rows":[)" + row + "}}");
        EXPECT_EQ(asker.execute("UPDATE things SET number = 1 WHERE name = 'nobody'"),
                  R"({"result":{"columns":[],"rows":[],"rowcount":0}})");
        EXPECT_THAT(asker.execute("/* nobody */ UPDATE things SET number = 1 WHERE name = 'nobody'"),
                    HasSubstr("\"rowcount\":0"));
        EXPECT_THAT(asker.execute("-- a table\nCREATE TABLE others (name TEXT)"), HasSubstr("\"rowcount\":-1"));
        EXPECT_EQ(asker.commit(), R"({"result":{}})");
        EXPECT_EQ(asker.begin().substr(0, 10), R"({"result":)") << "the connection is good for another one";
        EXPECT_EQ(asker.rollback(), R"({"result":{}})");
    });
    EXPECT_EQ(rows(), 3);
}

TEST_F(PythonQuestionsTest, KeepNothingOfWhatIsRolledBackOrLeft) {
    make_table();
    listen();
    meanwhile([&] {
        Asker rolls_back(folder.path());
        rolls_back.begin();
        EXPECT_THAT(rolls_back.execute("INSERT INTO things (name) VALUES ('a')"), HasSubstr("\"rowcount\":1"));
        EXPECT_EQ(rolls_back.rollback(), R"({"result":{}})");
        Asker dies(folder.path());
        dies.begin();
        EXPECT_THAT(dies.execute("INSERT INTO things (name) VALUES ('b')"), HasSubstr("\"rowcount\":1"));
        dies.close();
        Asker next(folder.path());
        next.begin();
        EXPECT_THAT(next.execute("SELECT name FROM things"), HasSubstr("\"rows\":[]"));
        EXPECT_EQ(next.commit(), R"({"result":{}})");
    });
    EXPECT_EQ(rows(), 0);
}

TEST_F(PythonQuestionsTest, RollBackWhatWaitsTooLongForItsNextStatement) {
    make_table();
    modapi::PythonTransaction::Limits limits;
    limits.patience = 100ms;
    listen(limits);
    meanwhile([&] {
        Asker slow(folder.path());
        slow.begin();
        EXPECT_THAT(slow.execute("INSERT INTO things (name) VALUES ('a')"), HasSubstr("\"rowcount\":1"));
        EXPECT_EQ(slow.next(), std::nullopt) << "it is closed";
    });
    EXPECT_EQ(rows(), 0);
    EXPECT_TRUE(log.contains("the transaction one: test was rolled back: its next statement didn't come in time"))
        << log.text();
}

TEST_F(PythonQuestionsTest, RunStatementsWhileTheWorkerIsBusy) {
    make_table();
    listen();
    std::optional<Asker> asker;
    meanwhile([&] { asker.emplace(folder.path()).begin(); });
    // Nobody runs the worker's loop here.
    EXPECT_THAT(asker->execute("INSERT INTO things (name) VALUES ('a')"), HasSubstr("\"rowcount\":1"));
    EXPECT_THAT(asker->execute("SELECT name FROM things"), HasSubstr(R"("rows":[["a"]])"));
    meanwhile([&] { EXPECT_EQ(asker->commit(), R"({"result":{}})"); });
    EXPECT_EQ(rows(), 1);
}

TEST_F(PythonQuestionsTest, NameErrorsAsPythonsDatabasesDo) {
    make_table();
    listen();
    meanwhile([&] {
        Asker asker(folder.path());
        EXPECT_EQ(asker.rollback(), R"({"result":{}})");
        for (const char* const question : {R"({"do": "commit"})", R"({"do": "execute", "sql": "SELECT 1"})"})
            EXPECT_EQ(asker.ask(std::string(question)),
                      R"({"error":{"kind":"sql","class":"ProgrammingError","text":"no transaction is open","retry":false}})");
        asker.begin();
        EXPECT_THAT(asker.begin(), HasSubstr("a transaction is open already"));
        asker.execute("INSERT INTO things (name) VALUES ('a')");
        EXPECT_THAT(asker.execute("INSERT INTO things (name) VALUES ('a')"), HasSubstr(R"("class":"IntegrityError")"));
        asker.rollback();
        asker.begin();
        EXPECT_THAT(asker.execute("SELECT 1 FROM nowhere"), HasSubstr(R"("class":"OperationalError")"));
        asker.rollback();
        asker.begin();
        EXPECT_THAT(asker.execute("SELECT ?", JsonArray{JsonArray{1}}),
                    HasSubstr("a statement's value is a list, which no column takes"));
        EXPECT_THAT(asker.ask(std::string(R"({"do": "execute"})")), HasSubstr("there is no statement"));
        EXPECT_THAT(asker.ask(std::string(R"({"do": "dance"})")), HasSubstr("there is no such question"));
        EXPECT_EQ(asker.rollback(), R"({"result":{}})");
        EXPECT_THAT(asker.ask(std::string(R"({"do": "begin", "entry": "nobody", "call": null, "description": "x"})")),
                    HasSubstr("there is no module of this name any more"));
    });
}

TEST_F(PythonQuestionsTest, RefuseToCommitWhatHasFailed) {
    make_table();
    listen();
    meanwhile([&] {
        Asker asker(folder.path());
        asker.begin();
        asker.execute("INSERT INTO things (name) VALUES ('a')");
        asker.execute("SELECT 1 FROM nowhere");
        EXPECT_THAT(asker.commit(), HasSubstr(R"("class":"OperationalError")"));
    });
    EXPECT_EQ(rows(), 0);
}

TEST_F(PythonQuestionsTest, HaveTheLoserOfACollisionRunAgain) {
    make_table();
    listen();
    meanwhile([&] {
        Asker one(folder.path());
        Asker other(folder.path());
        one.begin();
        other.begin();
        for (Asker* const each : {&one, &other}) EXPECT_THAT(each->execute("SELECT COUNT(*) FROM things"), HasSubstr("[[0]]"));
        one.execute("INSERT INTO things (name) VALUES ('one')");
        EXPECT_EQ(one.commit(), R"({"result":{}})");
        other.execute("INSERT INTO things (name) VALUES ('other')");
        // Also if its function has swallowed what the statement said.
        EXPECT_THAT(other.commit(), HasSubstr(R"("retry":true)"));
        EXPECT_EQ(other.rollback(), R"({"result":{}})");
        other.begin();
        EXPECT_THAT(other.execute("SELECT name FROM things"), HasSubstr(R"([["one"]])"));
        other.execute("INSERT INTO things (name) VALUES ('other')");
        EXPECT_EQ(other.commit(), R"({"result":{}})");
    });
    EXPECT_EQ(rows(), 2);
}

TEST_F(PythonQuestionsTest, LetOthersReadAndWriteWhileATransactionIsHeldOpen) {
    make_table();
    listen();
    meanwhile([&] {
        std::vector<std::unique_ptr<Asker>> held;
        for (std::size_t count = 0; count < PythonQuestions::most_transactions; ++count) {
            held.push_back(std::make_unique<Asker>(folder.path()));
            held.back()->begin();
            EXPECT_THAT(held.back()->execute("SELECT COUNT(*) FROM things"), HasSubstr("[[0]]"));
        }
        async::sync_wait(database->run(
            "write", [](modapi::Transaction& transaction) { transaction.execute("INSERT INTO things (name) VALUES ('a')"); }));
        EXPECT_EQ(async::sync_wait(database->read("read", &count_of)), 1);
        for (const auto& each : held)
            EXPECT_THAT(each->execute("SELECT COUNT(*) FROM things"), HasSubstr("[[0]]")) << "as it was";
    });
    EXPECT_EQ(rows(), 1);
}

TEST_F(PythonQuestionsTest, KeepOthersFromWritingForNoLongerThanTheyMay) {
    if (postgresql_test::is_chosen()) GTEST_SKIP() << "writers don't wait for each other there";
    make_table();
    modapi::PythonTransaction::Limits limits;
    limits.patience_of_others = 100ms;
    listen(limits);
    meanwhile([&] {
        Asker reads(folder.path());
        reads.begin();
        reads.execute("SELECT 1");
        Asker silent(folder.path());
        silent.begin();
        silent.execute("INSERT INTO things (name) VALUES ('never')");
        EXPECT_EQ(silent.next(), std::nullopt) << "it is closed";
        EXPECT_THAT(reads.execute("SELECT COUNT(*) FROM things"), HasSubstr("[[0]]")) << "nobody waits for it";
    });
    EXPECT_TRUE(log.contains("its next statement didn't come in time, and nobody else could write meanwhile")) << log.text();
    close();
    std::filesystem::remove(folder.path() / "host.sock");
    limits.whole_patience_of_others = 20ms;
    listen(limits);
    meanwhile([&] {
        Asker busy(folder.path());
        busy.begin();
        std::string last;
        for (int statement = 0; statement < 100'000 && last != "closed"; ++statement)
            last = busy.execute("UPDATE things SET number = 1");
        EXPECT_EQ(last, "closed") << "each came in time, and all together didn't";
    });
    EXPECT_EQ(rows(), 0);
}

TEST_F(PythonQuestionsTest, HoldNoMoreOfAResultThanAnAnswerMayHave) {
    listen();
    const PeakMemory peak;
    meanwhile([&] {
        Asker asker(folder.path());
        asker.begin();
        const std::string endless =
            postgresql_test::is_chosen()
                ? "SELECT generate_series(1, 1000000000) AS i, 'text'"
                : "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, 'text' FROM n";
        EXPECT_THAT(asker.execute(endless),
                    testing::AllOf(HasSubstr(R"("class":"DataError")"), HasSubstr("module test.Holding"),
                                   HasSubstr("more than 33554432 bytes"), HasSubstr("LIMIT")));
        EXPECT_EQ(asker.rollback(), R"({"result":{}})");
        asker.begin();
        EXPECT_THAT(asker.execute("SELECT 1 AS one"), HasSubstr("[[1]]"));
        EXPECT_EQ(asker.commit(), R"({"result":{}})");
    });
    peak.expect_below(200);
}

TEST_F(PythonQuestionsTest, LeaveNothingOfATransactionOnItsConnection) {
    make_table();
    listen();
    meanwhile([&] {
        Asker asker(folder.path());
        asker.begin();
        EXPECT_THAT(asker.execute("CREATE TEMPORARY TABLE things (name TEXT)"), HasSubstr("result"));
        if (postgresql_test::is_chosen())
            asker.execute("SELECT set_config('search_path', 'nowhere', false), pg_try_advisory_lock(4713)");
        EXPECT_EQ(asker.commit(), R"({"result":{}})");
        asker.begin();
        EXPECT_THAT(asker.execute("SELECT name, number FROM things"), HasSubstr("\"rows\":[]")) << "those of the database";
        EXPECT_EQ(asker.commit(), R"({"result":{}})");
    });
    EXPECT_EQ(rows(), 0);
    if (!postgresql_test::is_chosen()) return;
    EXPECT_EQ(postgresql_test::administrate("SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4713"), "0");
}

TEST_F(PythonQuestionsTest, LookIntoAStateThatIsKept) {
    callbacks::StateMap room;
    for (const char* const key : {"@a:b", "@c:d"}) {
        callbacks::EventFields fields;
        fields.type = "m.room.member";
        fields.state_key = key;
        fields.content = JsonDict{{"membership", "join"}};
        room.set(callbacks::Event(std::move(fields)));
    }
    state = std::make_shared<const callbacks::StateMap>(std::move(room));
    make_table();
    listen();
    meanwhile([&] {
        Asker asker(folder.path());
        const std::string known = R"({"do": "state", "of": 7, "key": ["m.room.member", "@a:b"]})";
        EXPECT_THAT(asker.ask(known), HasSubstr(R"("state_key":"@a:b")"));
        EXPECT_EQ(asker.ask(std::string(R"({"do": "state", "of": 7, "key": ["m.room.member", "@x:y"]})")),
                  R"({"result":null})");
        EXPECT_THAT(asker.ask(std::string(R"({"do": "state_all", "of": 7})")),
                    testing::AllOf(HasSubstr("@a:b"), HasSubstr("@c:d")));
        EXPECT_THAT(asker.ask(std::string(R"({"do": "state_all", "of": 8})")),
                    HasSubstr("only be looked into while its call ran"));
        EXPECT_THAT(asker.ask(std::string(R"({"do": "state", "of": 7, "key": [1]})")), HasSubstr("the key of a state"));
        asker.begin();
        EXPECT_THAT(asker.ask(known), HasSubstr(R"("state_key":"@a:b")")) << "in the middle of a transaction";
        EXPECT_EQ(asker.commit(), R"({"result":{}})");
    });
}

TEST_F(PythonQuestionsTest, CloseTheConnectionThatSaysWhatIsNoQuestion) {
    make_table();
    listen();
    meanwhile([&] {
        for (const std::string& bytes : {std::string("\xff\xff\xff\xff"), std::string("\0\0\0\2{x", 6),
                                         std::string("\0\0\0\2{}", 6), std::string("\0\0\0\2[]", 6)}) {
            Asker outside(folder.path());
            outside.send_raw(bytes);
            EXPECT_EQ(outside.next(), std::nullopt);
            Asker inside(folder.path());
            inside.begin();
            inside.execute("INSERT INTO things (name) VALUES ('a')");
            inside.send_raw(bytes);
            EXPECT_EQ(inside.next(), std::nullopt);
        }
    });
    EXPECT_EQ(rows(), 0);
}

TEST_F(PythonQuestionsTest, SayThatAResultIsTooLarge) {
    listen();
    meanwhile([&] {
        Asker asker(folder.path());
        asker.begin();
        const std::string large =
            postgresql_test::is_chosen() ? "SELECT repeat('x', 40000000)" : "SELECT hex(zeroblob(20000000))";
        EXPECT_THAT(asker.execute(large), HasSubstr(R"("class":"DataError")"));
        EXPECT_THAT(asker.commit(), HasSubstr(R"("class":"OperationalError")")) << "it can only be rolled back";
    });
}

TEST_F(PythonQuestionsTest, TurnAwayMoreThreadsThanAProcessNeeds) {
    listen();
    meanwhile([&] {
        std::vector<std::unique_ptr<Asker>> askers;
        for (std::size_t count = 0; count < PythonQuestions::most_connections; ++count) {
            askers.push_back(std::make_unique<Asker>(folder.path()));
            EXPECT_EQ(askers.back()->rollback(), R"({"result":{}})");
        }
        Asker one_more(folder.path());
        EXPECT_EQ(one_more.rollback(), "closed");
    });
}

TEST_F(PythonQuestionsTest, RollBackWhenTheyAreClosed) {
    make_table();
    listen();
    std::optional<Asker> open;
    meanwhile([&] {
        open.emplace(folder.path()).begin();
        open->execute("INSERT INTO things (name) VALUES ('a')");
    });
    close();
    EXPECT_EQ(open->next(), std::nullopt);
    EXPECT_EQ(rows(), 0);
    EXPECT_THROW(Asker(folder.path()), std::runtime_error);
}

TEST_F(PythonQuestionsTest, CanBeDroppedBeforeTheWorkerHasRun) {
    listen();
    questions.reset();
    EXPECT_THROW(Asker(folder.path()), std::runtime_error);
}

TEST_F(PythonQuestionsTest, BelongToTheOwnerOfTheDirectory) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
    ASSERT_EQ(::chown(folder.path().c_str(), 65534, 65534), 0);
    listen();
    struct stat found {};
    ASSERT_EQ(::stat((folder.path() / "host.sock").c_str(), &found), 0);
    EXPECT_EQ(found.st_uid, 65534U);
}

// --- in a real process

const std::string transacting = "  - module: transacting.Transacting\n";

using PythonTransactionsTest = PythonModulesTest;

TEST_F(PythonTransactionsTest, AreThoseOfTheHostsDatabase) {
    PythonWorker modules;
    modules.construct(transacting);
    for (const char* const what :
         {"create", "read", "fails", "never_there", "duplicates", "no_table", "never_there", "together"})
        EXPECT_EQ(modules.asked_about(what), "yes") << what;
}

TEST_F(PythonTransactionsTest, AreRolledBackWhenTheProcessDiesInThem) {
    PythonWorker modules;
    modules.construct(transacting);
    ASSERT_EQ(modules.asked_about("create"), "yes");
    EXPECT_THAT(modules.asked_about("die"), HasSubstr("ended"));
    EXPECT_TRUE(modules.until([&] { return modules.asked_about("never_there") == "yes"; }));
}

TEST_F(PythonTransactionsTest, ChangeNothingInShadowMode) {
    PythonWorker modules;
    modules.construct(transacting);
    ASSERT_EQ(modules.asked_about("create"), "yes");
    modules.change_to(transacting + "    callbacks: {mode: shadow}\n");
    EXPECT_EQ(modules.asked_about("write_once"), "yes");
    EXPECT_TRUE(modules.until([&] { return log.contains("(shadow) was kept from run_db_interaction"); })) << log.text();
    const auto written = [](modapi::Transaction& transaction) {
        return std::get<0>(*transaction.query_one<std::int64_t>("SELECT COUNT(*) FROM things WHERE name = 'written'"));
    };
    EXPECT_EQ(async::sync_wait(modules.database->read("count", written)), 0);
}

TEST_F(PythonTransactionsTest, CallNothingInShadowModeThatNoRollbackUndoes) {
    PythonWorker modules;
    modules.construct(transacting + "    callbacks: {mode: shadow}\n");
    EXPECT_EQ(modules.asked_about("reaches_out"), "yes");
    EXPECT_TRUE(modules.until([&] { return log.contains("(shadow) was kept from run_db_interaction"); })) << log.text();
}

}  // namespace
