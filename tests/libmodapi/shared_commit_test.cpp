#include "log_capture.h"
#include "temporary_folder.h"

#include <modapi/database.h>

// Of the room itself: what the writer does by the clock.
#include <sqlite_writer.h>

#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shared_commit_test {

using modapi::Database;
using modapi::DatabaseError;
using modapi::DatabaseSettings;
using modapi::Transaction;

/// A database whose one writer a test holds up, so that it knows what waits meanwhile.
class SharedCommitTest : public testing::Test {
protected:
    SharedCommitTest() { create(std::chrono::hours(1)); }
    ~SharedCommitTest() override { time.end_all(); }

    void create(std::chrono::milliseconds shared_commit) {
        database.reset();
        DatabaseSettings settings;
        settings.database = folder.file("data.db").string();
        settings.shared_commit = shared_commit;
        database = Database::open(settings);
        time.run(database->run("create", [](Transaction& transaction) {
            transaction.execute("CREATE TABLE IF NOT EXISTS rooms (name TEXT PRIMARY KEY)");
            transaction.execute("CREATE TABLE IF NOT EXISTS doors (name TEXT PRIMARY KEY, room TEXT REFERENCES rooms (name) "
                                "DEFERRABLE INITIALLY DEFERRED)");
        }));
    }
    /// Begins an interaction that waits until `let_go`: what is started now waits behind it.
    [[nodiscard]] async::testing::started<void> hold(std::string desc = "holds") {
        held = std::promise<void>();
        const auto entered = std::make_shared<std::promise<void>>();
        const auto was_here = std::make_shared<std::once_flag>();
        const auto wait = [entered, was_here, gate = held.get_future().share()](Transaction&) {
            std::call_once(*was_here, [&] { entered->set_value(); });  // it may be run again
            gate.wait();
        };
        const auto holding = time.start(database->run(std::move(desc), wait));
        time.run_ready();
        entered->get_future().wait();
        return holding;
    }
    void let_go() {
        time.run_ready();
        held.set_value();
        time.advance(std::chrono::nanoseconds(0));
    }
    [[nodiscard]] async::testing::started<void> add(std::string name) {
        return time.start(database->run("add", &insert, std::move(name)));
    }
    static void insert(Transaction& transaction, const std::string& name) {
        transaction.execute("INSERT INTO rooms (name) VALUES (?)", name);
    }
    [[nodiscard]] std::vector<std::string> names() {
        return time.run(database->read("names", [](Transaction& transaction) {
            std::vector<std::string> all;
            for (auto& [name] : transaction.query<std::string>("SELECT name FROM rooms ORDER BY rowid")) all.push_back(std::move(name));
            return all;
        }));
    }
    /// The frames of the write-ahead log that end a commit: those that say how large the database is then.
    [[nodiscard]] std::size_t commits() const {
        std::ifstream log(folder.file("data.db-wal"), std::ios::binary);
        const std::vector<unsigned char> bytes{std::istreambuf_iterator<char>(log), std::istreambuf_iterator<char>()};
        const auto number = [&bytes](std::size_t at) {
            return (std::uint32_t(bytes[at]) << 24U) | (std::uint32_t(bytes[at + 1]) << 16U) | (std::uint32_t(bytes[at + 2]) << 8U) |
                   std::uint32_t(bytes[at + 3]);
        };
        constexpr std::size_t header = 32;
        constexpr std::size_t frame_header = 24;
        std::size_t found = 0;
        if (bytes.size() < header) return found;
        const std::size_t page = number(8);
        for (std::size_t at = header; at + frame_header + page <= bytes.size(); at += frame_header + page)
            found += number(at + 4) != 0 ? 1 : 0;
        return found;
    }

    using Names = std::vector<std::string>;
    TemporaryFolder folder;
    async::testing::simulation time;
    std::promise<void> held;
    std::unique_ptr<Database> database;
};

/// Where an interaction waits for the test.
class Gate {
public:
    /// Of the interaction, which isn't run twice.
    void pass() {
        reached_.set_value();
        opened_.get_future().wait();
    }
    void wait_until_reached() { reached_.get_future().wait(); }
    void open() { opened_.set_value(); }

private:
    std::promise<void> reached_;
    std::promise<void> opened_;
};

template <class Error = DatabaseError, class T>
std::string error_of(const async::testing::started<T>& ended) {
    try {
        ended.result();
    } catch (const Error& error) {
        return error.what();
    }
    return "nothing was thrown";
}

TEST_F(SharedCommitTest, WhatWaitsWhileOneWritesIsCommittedWithIt) {
    const std::size_t before = commits();
    const auto holding = hold();
    std::vector<async::testing::started<void>> all;
    for (const char* const name : {"a", "b", "c", "d"}) all.push_back(add(name));
    let_go();
    for (const auto& one : all) EXPECT_TRUE(one.done() && !one.failed());
    EXPECT_EQ(names(), Names({"a", "b", "c", "d"})) << "in the order of the calls";
    EXPECT_EQ(commits() - before, 1U);
}

TEST_F(SharedCommitTest, NobodyIsAnsweredBeforeTheCommit) {
    const auto first = hold("first");
    Gate gate;
    const auto wait = [&gate](Transaction& transaction) {
        insert(transaction, "second");
        gate.pass();
    };
    const auto second = time.start(database->run("second", wait));
    time.run_ready();
    held.set_value();
    gate.wait_until_reached();
    time.run_ready();
    EXPECT_FALSE(first.done());
    EXPECT_EQ(database->running().size(), 2U);
    gate.open();
    time.advance(std::chrono::nanoseconds(0));
    EXPECT_TRUE(first.done() && second.done());
    EXPECT_TRUE(database->running().empty());
}

TEST_F(SharedCommitTest, OneThatFailsIsRolledBackAlone) {
    time.run(database->run("add", &insert, std::string("a")));
    const std::size_t before = commits();
    const auto holding = hold();
    const auto fails = [](Transaction& transaction) {
        insert(transaction, "of the one that fails");
        throw std::runtime_error("changed my mind");
    };
    const auto good = add("b");
    const auto duplicate = add("a");
    const auto failing = time.start(database->run("fails", fails));
    const auto last = add("c");
    let_go();
    EXPECT_NE(error_of<modapi::ConstraintViolation>(duplicate).find("UNIQUE"), std::string::npos);
    EXPECT_EQ(error_of<std::runtime_error>(failing), "changed my mind");
    EXPECT_TRUE(holding.done() && !good.failed() && !last.failed());
    EXPECT_EQ(names(), Names({"a", "b", "c"}));
    EXPECT_EQ(commits() - before, 1U);
}

TEST_F(SharedCommitTest, OneThatFailsIsToldBehindTheCommitOfWhatItFailedFor) {
    const auto holding = hold();
    const auto first = add("a");
    const auto duplicate = add("a");
    Gate gate;
    const auto wait = [&gate](Transaction&) { gate.pass(); };
    const auto last = time.start(database->run("last", wait));
    time.run_ready();
    held.set_value();
    gate.wait_until_reached();
    time.run_ready();
    EXPECT_FALSE(duplicate.done()) << "who reads now doesn't see what it failed for";
    EXPECT_EQ(names(), Names());
    gate.open();
    time.advance(std::chrono::nanoseconds(0));
    EXPECT_NE(error_of<modapi::ConstraintViolation>(duplicate).find("UNIQUE"), std::string::npos);
    EXPECT_FALSE(first.failed());
    EXPECT_EQ(names(), Names({"a"}));
}

TEST_F(SharedCommitTest, OneThatFailedForWhatWasLostIsRunAgain) {
    const auto holding = hold();
    const auto dangling = [](Transaction& transaction) {
        insert(transaction, "a");
        transaction.execute("INSERT INTO doors VALUES ('front', 'nowhere')");
    };
    const auto refused = time.start(database->run("dangling", dangling));
    const auto duplicate = add("a");
    let_go();
    EXPECT_NE(error_of<modapi::ConstraintViolation>(refused).find("FOREIGN KEY"), std::string::npos);
    EXPECT_FALSE(duplicate.failed()) << "there is no other one";
    EXPECT_EQ(names(), Names({"a"}));
}

TEST_F(SharedCommitTest, NobodyRollsBackToASavepointOfAnother) {
    Gate gate;
    const auto leaves_open = [&gate](Transaction& transaction) {
        transaction.execute("SAVEPOINT x");
        insert(transaction, "of the first");
        gate.pass();
    };
    const auto goes_back = [](Transaction& transaction) {
        insert(transaction, "of the second");
        transaction.execute("ROLLBACK TO x");
    };
    const auto first = time.start(database->run("first", leaves_open));
    time.run_ready();
    gate.wait_until_reached();
    const auto second = time.start(database->run("second", goes_back));
    const auto third = add("a");
    time.run_ready();
    gate.open();
    time.advance(std::chrono::nanoseconds(0));
    EXPECT_FALSE(first.failed());
    EXPECT_NE(error_of(second).find("no such savepoint"), std::string::npos) << error_of(second);
    EXPECT_FALSE(third.failed());
    EXPECT_EQ(names(), Names({"of the first", "a"}));
}

TEST_F(SharedCommitTest, TheFirstOneMayFailToo) {
    const auto holding = hold();
    const auto fails = [](Transaction& transaction) {
        insert(transaction, "lost");
        throw std::runtime_error("changed my mind");
    };
    let_go();
    const auto failing = time.start(database->run("fails", fails));
    const auto good = add("a");
    time.advance(std::chrono::nanoseconds(0));
    EXPECT_EQ(error_of<std::runtime_error>(failing), "changed my mind");
    EXPECT_FALSE(good.failed());
    EXPECT_EQ(names(), Names({"a"}));
}

TEST_F(SharedCommitTest, WhatIsLostWithTheTransactionIsRunAgainButForTheOneThatLostIt) {
    time.run(database->run("add", &insert, std::string("a")));
    const auto holding = hold();
    const auto rolls_back = [](Transaction& transaction) { transaction.execute("INSERT OR ROLLBACK INTO rooms (name) VALUES ('a')"); };
    const auto before = add("b");
    const auto losing = time.start(database->run("loses", rolls_back));
    const auto after = add("c");
    let_go();
    EXPECT_NE(error_of<modapi::ConstraintViolation>(losing).find("UNIQUE"), std::string::npos);
    EXPECT_TRUE(holding.done() && !holding.failed());
    EXPECT_TRUE(before.done() && !before.failed());
    EXPECT_TRUE(after.done() && !after.failed());
    EXPECT_EQ(names(), Names({"a", "b", "c"}));
}

TEST_F(SharedCommitTest, OneThatTheCommitRefusesFailsAlone) {
    const auto holding = hold();
    const auto dangling = [](Transaction& transaction) { transaction.execute("INSERT INTO doors VALUES ('front', 'nowhere')"); };
    const auto before = add("a");
    const auto refused = time.start(database->run("dangling", dangling));
    const auto after = add("b");
    let_go();
    EXPECT_NE(error_of<modapi::ConstraintViolation>(refused).find("FOREIGN KEY"), std::string::npos);
    EXPECT_FALSE(before.failed());
    EXPECT_FALSE(after.failed());
    EXPECT_EQ(names(), Names({"a", "b"}));
    const auto alone = time.start(database->run("dangling", dangling));
    time.advance(std::chrono::nanoseconds(0));
    EXPECT_NE(error_of<modapi::ConstraintViolation>(alone).find("FOREIGN KEY"), std::string::npos);
}

TEST_F(SharedCommitTest, OneThatIsCutLeavesTheOthersWhatTheyDid) {
    const LogCapture log;
    const auto holding = hold();
    const auto endless = [](Transaction& transaction) {
        transaction.execute("INSERT INTO rooms (name) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n");
    };
    const auto before = add("a");
    const auto cut = time.start(database->run_within(std::chrono::milliseconds(50), "endless", endless));
    const auto after = add("b");
    let_go();
    EXPECT_NE(error_of<modapi::InteractionTimeout>(cut).find("took longer than its 50 ms"), std::string::npos);
    EXPECT_TRUE(log.contains("database interaction endless was cut")) << log.text();
    EXPECT_EQ(names(), Names({"a", "b"}));
}

TEST_F(SharedCommitTest, WhatIsCancelledBeforeItsTurnIsNotRun) {
    const auto holding = hold();
    const auto given_up = add("a");
    const auto kept = add("b");
    time.run_ready();
    given_up.cancel(async::cancel_reason::stopping);
    let_go();
    EXPECT_THROW(given_up.result(), async::operation_cancelled);
    EXPECT_EQ(names(), Names({"b"}));
}

TEST_F(SharedCommitTest, AStatementDoesNotEndWhatOthersShare) {
    for (const char* const statement : {"COMMIT", "commit; -- now", "END", "ROLLBACK", "BEGIN", "RELEASE modapi_interaction",
                                        "ROLLBACK TO \"Modapi_Interaction\"", "SAVEPOINT modapi_interaction"}) {
        const auto holding = hold();
        const auto before = add(statement);
        const auto run = [](Transaction& transaction, const std::string& text) { transaction.execute(text); };
        const auto ending = time.start(database->run("ends", run, std::string(statement)));
        let_go();
        EXPECT_EQ(error_of(ending), std::string("a transaction ends with its function, not by a statement: ") + statement);
        EXPECT_FALSE(before.failed());
    }
    EXPECT_EQ(names().size(), 8U);
    const auto has_its_own = [](Transaction& transaction) {
        transaction.execute("SAVEPOINT own");
        insert(transaction, "lost");
        transaction.execute("ROLLBACK TO own");
        insert(transaction, "kept");
    };
    const auto holding = hold();
    const auto own = time.start(database->run("own", has_its_own));
    let_go();
    EXPECT_FALSE(own.failed());
    EXPECT_EQ(names().back(), "kept");
    EXPECT_EQ(names().size(), 9U);
}

TEST_F(SharedCommitTest, AtMostSixtyFourShareOne) {
    const std::size_t before = commits();
    const auto holding = hold();
    std::vector<async::testing::started<void>> all;
    all.reserve(130);
    for (int number = 0; number < 130; ++number) all.push_back(add(std::to_string(number)));
    let_go();
    for (const auto& one : all) EXPECT_FALSE(one.failed());
    EXPECT_EQ(names().size(), 130U);
    EXPECT_EQ(commits() - before, 3U);
}

TEST_F(SharedCommitTest, EachHasItsOwnWhereThatIsAskedFor) {
    create(std::chrono::milliseconds(0));
    const std::size_t before = commits();
    const auto holding = hold();
    const auto first = add("a");
    const auto second = add("b");
    let_go();
    EXPECT_EQ(names(), Names({"a", "b"}));
    EXPECT_EQ(commits() - before, 2U) << "the one that only held the others up wrote nothing";
}

/// Says who is done, and how many commits there were until then.
class NotedWrite final : public modapi::SqliteWrite {
public:
    NotedWrite(std::string desc, async::testing::virtual_clock& clock, std::chrono::milliseconds takes, std::promise<void>* gate = nullptr)
        : desc_(std::move(desc)), clock_(clock), takes_(takes) {
        if (gate != nullptr) gate_ = gate->get_future();
    }

    [[nodiscard]] std::string_view desc() const noexcept override { return desc_; }
    [[nodiscard]] const modapi::InteractionLimit& limit() const noexcept override { return limit_; }
    [[nodiscard]] bool begin() override { return true; }
    void run(Transaction&) override {
        entered.set_value();
        if (gate_.valid()) gate_.wait();
        clock_.move_to(clock_.now() + takes_);
    }
    void was_committed(const Transaction&) noexcept override { committed_at = clock_.now(); }
    void finish(std::exception_ptr) noexcept override { done.set_value(); }

    std::promise<void> entered;
    std::promise<void> done;
    async::clock::time_point committed_at;

private:
    std::string desc_;
    async::testing::virtual_clock& clock_;
    std::chrono::milliseconds takes_;
    modapi::InteractionLimit limit_;
    std::future<void> gate_;
};

class SqliteWriterTest : public testing::Test {
protected:
    /// How long behind its own end the first of two is answered, the second being one that takes so long.
    [[nodiscard]] std::chrono::nanoseconds wait_for(const std::string& second, std::chrono::milliseconds takes) {
        std::promise<void> gate;
        NotedWrite first("quick", clock, std::chrono::milliseconds(0), &gate);
        NotedWrite other(second, clock, takes);
        writer.submit(first);
        first.entered.get_future().wait();
        writer.submit(other);
        const async::clock::time_point ended = clock.now();
        gate.set_value();
        first.done.get_future().wait();
        other.done.get_future().wait();
        return first.committed_at - ended;
    }

    async::testing::virtual_clock clock;
    std::optional<modapi::SqliteFileIdentity> file;
    modapi::SqliteWriter writer{":memory:", file, std::chrono::milliseconds(5), clock};
};

TEST_F(SqliteWriterTest, NobodyWaitsTwiceForOneThatTakesLong) {
    using std::chrono::milliseconds;
    EXPECT_EQ(wait_for("slow", milliseconds(7)), milliseconds(7)) << "nobody knew";
    EXPECT_EQ(wait_for("slow", milliseconds(7)), milliseconds(0));
    EXPECT_EQ(wait_for("other", milliseconds(4)), milliseconds(4));
    EXPECT_EQ(wait_for("slow", milliseconds(1)), milliseconds(0));
    EXPECT_EQ(wait_for("slow", milliseconds(1)), milliseconds(1)) << "it doesn't take long any more";
}

}  // namespace shared_commit_test
