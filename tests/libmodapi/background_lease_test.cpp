#include "log_capture.h"
#include "test_database.h"

#include <modapi/hosting/background_lease.h>
#include <modapi/hosting/process_registry.h>

#include <async/scope.h>
#include <async/sync_wait.h>
#include <async/testing/virtual_time.h>

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

/// Who does the background work, on a real server. Each process is a Database and a BackgroundLease of its own; what it does in
/// time is done in virtual time, and the database's clock goes on by itself.
namespace {

using namespace std::chrono_literals;
using modapi::BackgroundLease;
using modapi::BackgroundLeaseSettings;
using modapi::Database;
using modapi::LeaseLost;
using modapi::ProcessIdentity;
using modapi::Transaction;
using postgresql_test::administrate;

/// Long for who must not lose it meanwhile.
constexpr std::chrono::milliseconds long_lease = 1min;
constexpr std::chrono::milliseconds short_lease = 200ms;

struct LeaseProcess {
    LeaseProcess(const modapi::DatabaseSettings& settings, async::clock& clock, const std::string& name,
                 BackgroundLeaseSettings lease_settings)
        : database(Database::open(settings)),
          lease(*database, ProcessIdentity::of_this_process(name, "1", ""), std::move(lease_settings), clock) {}

    std::unique_ptr<Database> database;
    BackgroundLease lease;
    std::vector<bool> changes;  ///< as keep() told them
};

class BackgroundLeaseTest : public testing::Test {
protected:
    BackgroundLeaseTest() {
        const std::unique_ptr<Database> database = Database::open(settings());
        async::sync_wait(database->run("create", &make_tables));
    }
    static void make_tables(Transaction& transaction) {
        modapi::ProcessRegistry::create(transaction);
        transaction.execute("CREATE TABLE work (name TEXT NOT NULL)");
    }
    [[nodiscard]] modapi::DatabaseSettings settings() const {
        modapi::DatabaseSettings settings = test_database.settings();
        settings.postgresql_connections = 2;
        return settings;
    }
    [[nodiscard]] std::unique_ptr<LeaseProcess> process(const std::string& name, std::chrono::milliseconds length,
                                                        std::optional<std::string> only_on = std::nullopt) {
        BackgroundLeaseSettings lease_settings;
        lease_settings.length = length;
        lease_settings.only_on = std::move(only_on);
        return std::make_unique<LeaseProcess>(settings(), time.clock(), name, std::move(lease_settings));
    }
    [[nodiscard]] async::testing::started<void> keep(LeaseProcess& owner) {
        return time.start(owner.lease.keep([&owner](bool owns) { owner.changes.push_back(owns); }));
    }
    /// Takes it as soon as the database says that it has ended.
    static void take_over(BackgroundLease& lease) {
        while (!lease.take_at_start()) std::this_thread::yield();
    }
    /// What is ready, and what waits for the database only.
    void run_at_once() { time.advance(0ms); }
    /// Lets tries pass until `is_so`; real time passes by what the database takes.
    void advance_until(const std::function<bool()>& is_so) {
        const auto give_up_at = std::chrono::steady_clock::now() + 20s;
        while (!is_so() && std::chrono::steady_clock::now() < give_up_at) time.advance(100ms);
        ASSERT_TRUE(is_so());
    }
    void end_lease() const {
        administrate("UPDATE \"" + test_database.name() + "\".modapi_lease SET ends_ms = 0, owner_name = 'nobody'");
    }
    [[nodiscard]] std::string work_done() const {
        return administrate("SELECT string_agg(name, ' ' ORDER BY name) FROM \"" + test_database.name() + "\".work");
    }
    void let_log_in(bool may) const {
        administrate("ALTER ROLE \"" + test_database.name() + (may ? "\" LOGIN" : "\" NOLOGIN"));
    }
    /// Work of a background call, which asks for the lease first.
    static void work(LeaseProcess& owner, const std::string& name, const std::function<void()>& meanwhile = nullptr) {
        const auto in_transaction = [&](Transaction& transaction) {
            owner.lease.require(transaction);
            transaction.execute("INSERT INTO work (name) VALUES (?)", name);
            if (meanwhile) meanwhile();
        };
        async::sync_wait(owner.database->run("work", in_transaction));
    }

    TestDatabase test_database;
    async::testing::simulation time;
};

TEST_F(BackgroundLeaseTest, IsTakenByTheFirstProcessThatStarts) {
    const auto first = process("main", long_lease);
    const auto second = process("worker1", long_lease);
    EXPECT_TRUE(first->lease.take_at_start());
    EXPECT_FALSE(second->lease.take_at_start());
    EXPECT_TRUE(first->lease.owns());
    EXPECT_FALSE(second->lease.owns());
    EXPECT_EQ(first->lease.fence(), 1);
    EXPECT_EQ(second->lease.fence(), 0);
}

TEST_F(BackgroundLeaseTest, IsTakenAtOnceByTheProcessThatHasTheNameOfItsLastOwner) {
    const auto killed = process("main", long_lease);
    ASSERT_TRUE(killed->lease.take_at_start());
    const auto again = process("main", long_lease);
    EXPECT_TRUE(again->lease.take_at_start());
    EXPECT_EQ(again->lease.fence(), 2);
    EXPECT_THROW(work(*killed, "of the killed one"), LeaseLost);
}

TEST_F(BackgroundLeaseTest, IsKeptAsLongAsItIsRenewed) {
    const auto owner = process("main", 10s);
    const auto other = process("worker1", 10s);
    ASSERT_TRUE(owner->lease.take_at_start());
    const auto keeping = keep(*owner);
    const auto trying = keep(*other);
    time.advance(60s);
    EXPECT_TRUE(owner->lease.owns());
    EXPECT_FALSE(other->lease.owns());
    EXPECT_TRUE(owner->changes.empty());
    EXPECT_TRUE(other->changes.empty());
    EXPECT_EQ(owner->lease.fence(), 1);
    time.end_all();
}

TEST_F(BackgroundLeaseTest, IsNotOwnedAnyMoreWhenItsTimeIsOverByTheOwnClock) {
    const auto owner = process("main", 10s);
    ASSERT_TRUE(owner->lease.take_at_start());
    time.advance(10s - 1ms);
    EXPECT_TRUE(owner->lease.owns());
    time.advance(1ms);
    EXPECT_FALSE(owner->lease.owns());
}

TEST_F(BackgroundLeaseTest, OfAKilledProcessIsTakenByAnotherWhenItHasEnded) {
    const auto killed = process("main", short_lease);
    ASSERT_TRUE(killed->lease.take_at_start());
    const auto other = process("worker1", long_lease);
    const auto trying = keep(*other);
    advance_until([&] { return other->lease.owns(); });
    EXPECT_EQ(other->changes, std::vector<bool>{true});
    EXPECT_EQ(other->lease.fence(), 2);
    time.end_all();
}

TEST_F(BackgroundLeaseTest, IsTriedEveryTwoSecondsAndRenewedEveryThree) {
    const auto owner = process("main", 10s);
    ASSERT_TRUE(owner->lease.take_at_start());
    const auto other = process("worker1", 10s);
    const auto trying = keep(*other);
    run_at_once();
    end_lease();
    time.advance(2s - 1ms);
    EXPECT_FALSE(other->lease.owns());
    time.advance(1ms);
    EXPECT_TRUE(other->lease.owns());
    const auto finding_out = keep(*owner);
    run_at_once();
    EXPECT_EQ(owner->changes, std::vector<bool>{false});
    end_lease();
    time.advance(1s);
    EXPECT_EQ(other->changes, std::vector<bool>{true});
    time.end_all();
}

TEST_F(BackgroundLeaseTest, LetsAPausedProcessWriteNothingOnceAnotherHasTakenOver) {
    const auto paused = process("main", short_lease);
    ASSERT_TRUE(paused->lease.take_at_start());
    work(*paused, "before");
    const auto other = process("worker1", long_lease);
    take_over(other->lease);
    work(*other, "by the other");
    // By its own clock, which stood still, it has the lease yet.
    EXPECT_TRUE(paused->lease.owns());
    try {
        work(*paused, "after");
        ADD_FAILURE() << "nothing was thrown";
    } catch (const LeaseLost& error) {
        EXPECT_STREQ(
            error.what(),
            "the background tasks have been taken over since this work began (their number is 2, this work's is 1): it "
            "isn't written, and is begun again by the process that has them");
    }
    EXPECT_EQ(work_done(), "before by the other");
    const auto finding_out = keep(*paused);
    run_at_once();
    EXPECT_EQ(paused->changes, std::vector<bool>{false});
    EXPECT_FALSE(paused->lease.owns());
    time.end_all();
}

TEST_F(BackgroundLeaseTest, IsNotTakenBeforeTheTransactionsThatAskedForItHaveEnded) {
    const LogCapture log;
    const auto paused = process("main", short_lease);
    ASSERT_TRUE(paused->lease.take_at_start());
    const auto other = process("worker1", long_lease);
    const std::unique_ptr<Database> onlooker = Database::open(settings());
    const auto has_ended = [](Transaction& transaction) {
        return transaction.query_one<bool>("SELECT ends_ms < extract(epoch FROM clock_timestamp()) * 1000 FROM modapi_lease");
    };
    work(*paused, "of the first", [&] {
        while (!std::get<0>(async::sync_wait(onlooker->read("has_ended", has_ended)).value())) std::this_thread::yield();
        for (int round = 0; round < 3; ++round) EXPECT_FALSE(other->lease.take_at_start());
    });
    EXPECT_TRUE(other->lease.take_at_start());
    work(*other, "of the second");
    EXPECT_EQ(work_done(), "of the first of the second");
    EXPECT_EQ(log.count("has ended, but not a transaction of process main that asked for it: this process, worker1, waits"), 1U)
        << log.text();
}

TEST_F(BackgroundLeaseTest, IsLostToATransactionThatBeganBeforeTheTakeOverAndAskedAfterIt) {
    const auto paused = process("main", short_lease);
    ASSERT_TRUE(paused->lease.take_at_start());
    const auto other = process("worker1", long_lease);
    int runs = 0;
    const auto work_that_asks_late = [&](Transaction& transaction) {
        // From here on it sees the world as it is now.
        transaction.execute("INSERT INTO work (name) SELECT 'late' FROM modapi_lease_fence WHERE fence = 1");
        if (++runs == 1) take_over(other->lease);
        paused->lease.require(transaction);
    };
    EXPECT_THROW(async::sync_wait(paused->database->run("work", work_that_asks_late)), LeaseLost);
    EXPECT_EQ(runs, 2);
    EXPECT_EQ(work_done(), "");
}

TEST_F(BackgroundLeaseTest, IsLostToATransactionThatAsksDuringTheTakeOver) {
    const auto paused = process("main", long_lease);
    ASSERT_TRUE(paused->lease.take_at_start());
    const std::unique_ptr<Database> other = Database::open(settings());
    std::future<void> asking;
    const auto take_over_slowly = [&](Transaction& transaction) {
        transaction.execute("UPDATE modapi_lease_fence SET fence = fence + 1");
        asking = std::async(std::launch::async, [&] { work(*paused, "late"); });
        const std::string waits =
            "SELECT COUNT(*) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE NOT l.granted AND a.usename = '";
        while (administrate(waits + test_database.name() + "'") == "0") std::this_thread::yield();
    };
    async::sync_wait(other->run("take_over_slowly", take_over_slowly));
    EXPECT_THROW(asking.get(), LeaseLost);
    EXPECT_EQ(work_done(), "");
}

TEST_F(BackgroundLeaseTest, DoesNotGoOnWithWorkThatBeganBeforeItWasLostAndWonBack) {
    const auto owner = process("main", short_lease);
    ASSERT_TRUE(owner->lease.take_at_start());
    const std::int64_t began_with = owner->lease.fence();
    const auto other = process("worker1", short_lease);
    take_over(other->lease);
    take_over(owner->lease);
    EXPECT_EQ(owner->lease.fence(), 3);
    const auto late_work = [&](Transaction& transaction) { BackgroundLease::require(transaction, began_with); };
    EXPECT_THROW(async::sync_wait(owner->database->run("work", late_work)), LeaseLost);
    EXPECT_NO_THROW(work(*owner, "of now"));
}

TEST_F(BackgroundLeaseTest, IsRefusedToWorkOfAProcessThatNeverHadIt) {
    const auto other = process("worker1", long_lease);
    EXPECT_THROW(work(*other, "of nobody"), LeaseLost);
    const auto owner = process("main", long_lease);
    ASSERT_TRUE(owner->lease.take_at_start());
    EXPECT_THROW(work(*other, "of nobody"), LeaseLost);
}

TEST_F(BackgroundLeaseTest, BelongsToTheNamedProcessWhoeverHasIt) {
    const auto owner = process("main", long_lease);
    ASSERT_TRUE(owner->lease.take_at_start());
    const auto named = process("worker1", long_lease, "worker1");
    EXPECT_TRUE(named->lease.take_at_start());
    EXPECT_EQ(named->lease.fence(), 2);
    const auto finding_out = keep(*owner);
    run_at_once();
    EXPECT_EQ(owner->changes, std::vector<bool>{false});
    time.end_all();
}

TEST_F(BackgroundLeaseTest, IsNeverTriedByOthersThanTheNamedProcess) {
    const auto other = process("main", long_lease, "worker1");
    EXPECT_FALSE(other->lease.take_at_start());
    const auto keeping = keep(*other);
    run_at_once();
    EXPECT_TRUE(keeping.done());
    EXPECT_FALSE(other->lease.owns());
    EXPECT_TRUE(other->changes.empty());
}

TEST_F(BackgroundLeaseTest, IsTakenBackByTheNamedProcess) {
    const auto named = process("worker1", long_lease, "worker1");
    ASSERT_TRUE(named->lease.take_at_start());
    const auto keeping = keep(*named);
    run_at_once();
    administrate("UPDATE \"" + test_database.name() + "\".modapi_lease SET owner_instance = 'of another', owner_name = 'main'");
    time.advance(3s);
    time.advance(2s);
    EXPECT_EQ(named->changes, (std::vector<bool>{false, true}));
    EXPECT_EQ(named->lease.fence(), 2);
    time.end_all();
}

TEST_F(BackgroundLeaseTest, CountsAsLostWhenTheDatabaseIsGoneForItsLengthAndIsWonBackWithTheNextNumber) {
    const LogCapture log;
    const auto owner = process("main", 4s);
    ASSERT_TRUE(owner->lease.take_at_start());
    const auto keeping = keep(*owner);
    run_at_once();
    let_log_in(false);
    postgresql_test::cut_off(test_database.name());
    time.advance(4s - 1ms);
    EXPECT_TRUE(owner->changes.empty());
    EXPECT_TRUE(owner->lease.owns());
    time.advance(1ms);
    EXPECT_EQ(owner->changes, std::vector<bool>{false});
    EXPECT_FALSE(owner->lease.owns());
    EXPECT_EQ(log.count("the lease of the background tasks can't be renewed, which is tried again: "), 1U) << log.text();
    EXPECT_TRUE(log.contains("may have ended: this process, main, doesn't run them until it has it again")) << log.text();
    let_log_in(true);
    time.advance(2s);
    EXPECT_EQ(owner->changes, (std::vector<bool>{false, true}));
    EXPECT_EQ(owner->lease.fence(), 2);
    time.end_all();
}

TEST_F(BackgroundLeaseTest, OutlivesAShortLossOfTheDatabase) {
    const auto owner = process("main", 10s);
    ASSERT_TRUE(owner->lease.take_at_start());
    const auto keeping = keep(*owner);
    run_at_once();
    for (int round = 0; round < 5; ++round) {
        postgresql_test::cut_off(test_database.name());
        time.advance(3s);
    }
    EXPECT_TRUE(owner->changes.empty());
    EXPECT_TRUE(owner->lease.owns());
    time.end_all();
}

TEST_F(BackgroundLeaseTest, CountsAsLostInTimeThoughTheRenewalIsStillWaitedFor) {
    boost::asio::io_context io{1};
    const async::environment here(io.get_executor(), async::real_clock());
    BackgroundLeaseSettings lease_settings;
    lease_settings.length = 500ms;
    lease_settings.renew_every = 20ms;
    lease_settings.try_every = 20ms;
    LeaseProcess owner(settings(), async::real_clock(), "main", lease_settings);
    ASSERT_TRUE(owner.lease.take_at_start());
    async::scope keeping(here, [](std::string_view, const std::exception_ptr&) { ADD_FAILURE(); });
    keeping.spawn("keep", owner.lease.keep([&](bool owns) { owner.changes.push_back(owns); }));
    const auto run_until = [&](const std::function<bool()>& is_so) {
        const auto give_up_at = std::chrono::steady_clock::now() + 20s;
        while (!is_so() && std::chrono::steady_clock::now() < give_up_at) io.run_one_for(10ms);
        EXPECT_TRUE(is_so());
    };
    const std::unique_ptr<Database> other = Database::open(settings());
    const auto hold_it_up = [&](Transaction& transaction) {
        transaction.execute("SELECT 1 FROM modapi_lease FOR UPDATE");
        run_until([&] { return !owner.changes.empty(); });
    };
    async::sync_wait(other->run("hold_it_up", hold_it_up));
    EXPECT_EQ(owner.changes, std::vector<bool>{false});
    // The answer comes at last, too late; the lease is taken anew.
    run_until([&] { return owner.changes.size() == 2; });
    EXPECT_TRUE(owner.lease.owns());
    EXPECT_EQ(owner.lease.fence(), 2);
    keeping.cancel();
    async::sync_wait(io, keeping.join());
}

TEST_F(BackgroundLeaseTest, GivenUpIsTakenByAnotherWithinItsNextTry) {
    const auto owner = process("main", long_lease);
    ASSERT_TRUE(owner->lease.take_at_start());
    const auto other = process("worker1", long_lease);
    const auto trying = keep(*other);
    run_at_once();
    time.run(owner->lease.give_up());
    EXPECT_FALSE(owner->lease.owns());
    time.advance(2s);
    EXPECT_EQ(other->changes, std::vector<bool>{true});
    // Once more, by one who hasn't got it: nothing happens.
    time.run(owner->lease.give_up());
    time.advance(3s);
    EXPECT_TRUE(other->lease.owns());
    time.end_all();
}

TEST_F(BackgroundLeaseTest, IsWonByOneOfThoseWhoTryAtOnceAndItsNumberOnlyGrows) {
    std::vector<std::unique_ptr<LeaseProcess>> processes;
    for (const char* const name : {"a", "b", "c", "d"}) processes.push_back(process(name, long_lease));
    for (std::int64_t round = 1; round <= 20; ++round) {
        std::vector<std::future<bool>> tries;
        for (const auto& trying : processes)
            tries.push_back(std::async(std::launch::async, [&trying] { return trying->lease.take_at_start(); }));
        std::optional<std::size_t> winner;
        for (std::size_t index = 0; index < tries.size(); ++index) {
            if (!tries[index].get()) continue;
            EXPECT_FALSE(winner.has_value());
            winner = index;
        }
        ASSERT_TRUE(winner.has_value()) << "in round " << round;
        EXPECT_EQ(processes[*winner]->lease.fence(), round);
        EXPECT_NO_THROW(work(*processes[*winner], "w"));
        administrate("UPDATE \"" + test_database.name() +
                     "\".modapi_lease SET ends_ms = 0, owner_name = '', owner_instance = ''");
    }
}

TEST_F(BackgroundLeaseTest, IsRenewedBesideWorkThatAsksForItWithoutACollision) {
    const LogCapture log;
    const auto owner = process("main", 10s);
    ASSERT_TRUE(owner->lease.take_at_start());
    const auto work_often = [&] {
        for (int round = 0; round < 50; ++round) {
            const auto ask = [&](Transaction& transaction) { owner->lease.require(transaction); };
            async::sync_wait(owner->database->run("work", ask));
        }
    };
    std::thread working(work_often);
    const auto keeping = keep(*owner);
    time.advance(150s);
    working.join();
    EXPECT_TRUE(owner->lease.owns());
    EXPECT_FALSE(log.contains("is tried again")) << log.text();
    time.end_all();
}

}  // namespace
