#include "log_capture.h"
#include "test_database.h"

#include <modapi/hosting/process_registry.h>

#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

/// Several processes over one PostgreSQL database, each a Database and a ProcessRegistry of its own.
namespace {

using namespace std::chrono_literals;
using modapi::Database;
using modapi::DifferentVersion;
using modapi::LivingProcess;
using modapi::ProcessIdentity;
using modapi::ProcessNameTaken;
using modapi::ProcessRegistry;
using modapi::Transaction;
using postgresql_test::administrate;

class ProcessRegistryTest : public testing::Test {
protected:
    struct Process {
        Process(const modapi::DatabaseSettings& settings, const async::clock& clock, const std::string& name,
                const std::string& version, const std::string& modules)
            : database(Database::open(settings)),
              registry(*database, settings, ProcessIdentity::of_this_process(name, version, modules), clock) {
            const auto create = [](Transaction& transaction, void*) { ProcessRegistry::create(transaction); };
            database->run_blocking("create", create, nullptr);
        }
        std::unique_ptr<Database> database;
        ProcessRegistry registry;
    };

    [[nodiscard]] std::unique_ptr<Process> process(const std::string& name, const std::string& version = "1",
                                                   const std::string& modules = "a") {
        return std::make_unique<Process>(test_database.settings(), time.clock(), name, version, modules);
    }
    [[nodiscard]] std::unique_ptr<Process> entered(const std::string& name, const std::string& modules = "a") {
        std::unique_ptr<Process> made = process(name, "1", modules);
        made->registry.enter();
        return made;
    }
    /// Leaves of all of them what killed processes leave.
    void kill_all() const {
        administrate(
            "SELECT pg_terminate_backend(l.pid, 10000) FROM pg_locks l JOIN pg_stat_activity a "
            "ON a.pid = l.pid WHERE l.locktype = 'advisory' AND a.usename = '" +
            test_database.name() + "'");
    }
    std::vector<std::string> living(Process& seen_by) {
        std::vector<std::string> names;
        for (const LivingProcess& other : time.run(seen_by.registry.living())) names.push_back(other.name);
        return names;
    }
    static std::string error_of_entering(Process& entering) {
        try {
            entering.registry.enter();
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return "nothing was thrown";
    }
    void administrate_table(const std::string& before, const std::string& behind) const {
        administrate(before + " \"" + test_database.name() + "\".modapi_processes " + behind);
    }

    TestDatabase test_database;
    async::testing::simulation time;
};

TEST_F(ProcessRegistryTest, RefusesASecondProcessOfANameAndSaysWhereTheFirstRuns) {
    const auto first = entered("worker1");
    const auto second = process("worker1");
    EXPECT_THROW(second->registry.enter(), ProcessNameTaken);
    const ProcessIdentity own = first->registry.own();
    const std::string error = error_of_entering(*second);
    EXPECT_EQ(error.find("another process named worker1 runs on " + own.host + " as process " + std::to_string(own.pid) +
                         ", since 20"),
              0U)
        << error;
    EXPECT_NE(error.find(" UTC: give this one another worker_name or stop that one"), std::string::npos) << error;
    EXPECT_EQ(error.find('\n'), std::string::npos);
    EXPECT_TRUE(first->registry.check_name());
    EXPECT_FALSE(second->registry.check_name());
}

TEST_F(ProcessRegistryTest, GivesANameToTheNextOneOfItAsSoonAsTheFirstHasLeft) {
    auto first = entered("worker1");
    const std::string instance = first->registry.own().instance;
    EXPECT_EQ(instance.size(), 16U);
    EXPECT_EQ(living(*first), (std::vector<std::string>{"worker1"}));
    time.run(first->registry.leave());
    EXPECT_TRUE(living(*first).empty());
    first.reset();
    const auto second = entered("worker1");
    EXPECT_NE(second->registry.own().instance, instance);
    EXPECT_EQ(living(*second), (std::vector<std::string>{"worker1"}));
}

TEST_F(ProcessRegistryTest, GivesTheNameOfAKilledProcessToTheNextOneThoughItsRowIsThere) {
    const auto first = entered("worker1");
    kill_all();
    const auto second = process("worker1");
    EXPECT_NO_THROW(second->registry.enter());
    EXPECT_FALSE(first->registry.check_name());
    EXPECT_EQ(time.run(second->registry.living()).at(0).instance, second->registry.own().instance);
}

TEST_F(ProcessRegistryTest, RefusesAProcessOfAnotherVersionThanOneThatLives) {
    const auto first = entered("main");
    const auto second = process("worker1", "2");
    EXPECT_THROW(second->registry.enter(), DifferentVersion);
    const ProcessIdentity own = first->registry.own();
    EXPECT_EQ(error_of_entering(*second),
              "process main runs version 1 on " + own.host + " as process " + std::to_string(own.pid) +
                  ", and this one, worker1, is version 2: stop that one first, or start the same version here");
    EXPECT_EQ(living(*first), (std::vector<std::string>{"main"}));
    const auto third = process("worker1");
    EXPECT_NO_THROW(third->registry.enter());
}

TEST_F(ProcessRegistryTest, IsNotHinderedByProcessesOfAnotherVersionThatWereKilledJustNow) {
    const auto first = entered("main");
    kill_all();
    const auto second = process("worker1", "2");
    EXPECT_NO_THROW(second->registry.enter());
}

TEST_F(ProcessRegistryTest, IsNotHinderedByItsOwnFormerVersion) {
    entered("main").reset();
    const auto second = process("main", "2");
    EXPECT_NO_THROW(second->registry.enter());
}

TEST_F(ProcessRegistryTest, LetsOneOfTwoVersionsInWhenBothStartAtOnce) {
    const auto one = process("one", "1");
    const auto other = process("other", "2");
    std::string error_of_one;
    std::string error_of_other;
    std::thread entering([&] { error_of_one = error_of_entering(*one); });
    error_of_other = error_of_entering(*other);
    entering.join();
    // Both may be refused: each is there when the other looks.
    EXPECT_TRUE(error_of_one.starts_with("process other runs version 2") ||
                error_of_other.starts_with("process one runs version 1"))
        << error_of_one << error_of_other;
}

TEST_F(ProcessRegistryTest, MakesItsTablesForSeveralAtOnce) {
    const modapi::DatabaseSettings settings = test_database.settings();
    const auto start = [&] { static_cast<void>(Process(settings, time.clock(), "main", "1", "a")); };
    std::vector<std::thread> threads;
    threads.reserve(6);
    for (int number = 0; number < 6; ++number) threads.emplace_back(start);
    for (std::thread& thread : threads) thread.join();
    EXPECT_NO_THROW(static_cast<void>(entered("main")));
}

TEST_F(ProcessRegistryTest, CountsAmongTheLivingWhoWasSeenWithinTenSecondsByTheDatabasesClock) {
    const auto main = entered("main");
    const auto worker = entered("worker1", "b");
    EXPECT_EQ(living(*main), (std::vector<std::string>{"main", "worker1"}));
    const LivingProcess seen = time.run(main->registry.living()).at(1);
    EXPECT_EQ(seen.instance, worker->registry.own().instance);
    EXPECT_EQ(seen.modules, "b");
    EXPECT_EQ(seen.started_ms, seen.seen_ms);
    administrate_table("UPDATE", "SET seen_ms = seen_ms - 10001 WHERE name = 'worker1'");
    EXPECT_EQ(living(*main), (std::vector<std::string>{"main"}));
    time.run(worker->registry.heartbeat());
    EXPECT_EQ(living(*main), (std::vector<std::string>{"main", "worker1"}));
}

TEST_F(ProcessRegistryTest, LeavesTheRowAloneThatAnotherProcessHasByNow) {
    const LogCapture log;
    const auto main = entered("main");
    administrate_table("UPDATE", "SET instance = 'of another', seen_ms = 0, modules = 'c'");
    time.run(main->registry.heartbeat());
    time.run(main->registry.heartbeat());
    time.run(main->registry.leave());
    EXPECT_EQ(log.count("another process has taken the name main of this one"), 1U) << log.text();
    EXPECT_EQ(administrate("SELECT instance || seen_ms || modules FROM \"" + test_database.name() + "\".modapi_processes"),
              "of another0c");
}

TEST_F(ProcessRegistryTest, WarnsOnceOfEachChangeByWhichTheModulesOfProcessesDiffer) {
    const LogCapture log;
    const auto main = entered("main");
    const auto worker = entered("worker1", "b");
    time.run(main->registry.heartbeat());
    time.run(main->registry.heartbeat());
    EXPECT_EQ(log.count("warning: the modules of process worker1 ("), 1U) << log.text();
    worker->registry.modules_are("c");
    time.run(worker->registry.heartbeat());
    time.run(main->registry.heartbeat());
    EXPECT_EQ(log.count("warning: the modules of process worker1 ("), 2U) << log.text();
    EXPECT_TRUE(main->registry.modules_differ().has_value());
    main->registry.modules_are("c");
    time.run(main->registry.heartbeat());
    EXPECT_TRUE(log.contains("the modules of process worker1 are the same as this one's again")) << log.text();
    EXPECT_FALSE(main->registry.modules_differ().has_value());
}

TEST_F(ProcessRegistryTest, IsUnhealthyAfterTenMinutesWithOtherModulesThanAnotherHas) {
    const auto main = entered("main");
    const auto worker = entered("worker1", "b");
    time.run(main->registry.heartbeat());
    const async::clock::time_point since = time.clock().now();
    time.advance(5min);
    worker->registry.modules_are("c");
    time.run(worker->registry.heartbeat());
    time.run(main->registry.heartbeat());
    EXPECT_EQ(main->registry.modules_differ(), since);
    time.advance(5min);
    EXPECT_EQ(main->registry.unhealthy(), std::nullopt);
    time.advance(1ms);
    EXPECT_EQ(main->registry.unhealthy(), "modules of process worker1 differ from this one's for more than 10 minutes");
    worker->registry.modules_are("a");
    time.run(worker->registry.heartbeat());
    time.run(main->registry.heartbeat());
    EXPECT_EQ(main->registry.unhealthy(), std::nullopt);
}

TEST_F(ProcessRegistryTest, IsUnhealthyAsSoonAsItsOwnerWantsToKnow) {
    const auto worker = entered("worker1", "b");
    const auto main = process("main");
    ProcessRegistry impatient(*main->database, test_database.settings(), ProcessIdentity::of_this_process("main", "1", "a"),
                              time.clock(), 1500ms);
    impatient.enter();
    time.run(impatient.heartbeat());
    time.advance(1500ms);
    EXPECT_EQ(impatient.unhealthy(), std::nullopt);
    time.advance(1ms);
    EXPECT_EQ(impatient.unhealthy(), "modules of process worker1 differ from this one's for more than 1500 ms");
}

TEST_F(ProcessRegistryTest, DoesNotMindTheModulesOfAProcessThatIsGone) {
    const auto main = entered("main");
    const auto worker = entered("worker1", "b");
    time.run(main->registry.heartbeat());
    EXPECT_TRUE(main->registry.modules_differ().has_value());
    time.run(worker->registry.leave());
    time.run(main->registry.heartbeat());
    EXPECT_FALSE(main->registry.modules_differ().has_value());
}

}  // namespace
