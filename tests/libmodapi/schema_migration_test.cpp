#include "log_capture.h"
#include "test_database.h"

#include <modapi/schema_migration.h>

#include <async/sync_wait.h>

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

using modapi::Database;
using modapi::SchemaMigration;
using modapi::Transaction;

constexpr const char* visits = "CREATE TABLE visits (user_id TEXT PRIMARY KEY, seen BIGINT NOT NULL)";

class SchemaMigrationTest : public testing::Test {
protected:
    void migrate(const SchemaMigration& migration, const std::string& module = "a.A") const {
        async::sync_wait(modapi::migrate_schema(*database, module, migration, 1000));
    }
    std::string error_of(const SchemaMigration& migration) const {
        try {
            migrate(migration);
        } catch (const modapi::DatabaseError& error) {
            return error.what();
        }
        return "nothing was thrown";
    }
    std::vector<std::tuple<std::string, std::string, std::int64_t>> applied() const {
        return async::sync_wait(database->read("steps", [](Transaction& transaction) {
            return transaction.query<std::string, std::string, std::int64_t>(
                "SELECT module, step, applied_ts FROM module_schema_steps ORDER BY module, step");
        }));
    }
    std::int64_t count_visits() const {
        return async::sync_wait(database->read("visits", [](Transaction& transaction) {
            return std::get<0>(*transaction.query_one<std::int64_t>("SELECT COUNT(*) FROM visits"));
        }));
    }
    static void add_visitor(Transaction& transaction) {
        transaction.execute("INSERT INTO visits (user_id, seen) SELECT ?, COUNT(*) FROM visits", "@a:hs");
    }

    TestDatabase test_database;
    std::unique_ptr<Database> database = Database::open(test_database.settings());
};

TEST_F(SchemaMigrationTest, AppliesEachStepOnceInOrderAndGoesOnWithNewOnes) {
    SchemaMigration migration;
    migration.step("visits", visits).step("first visitor", &add_visitor);
    migrate(migration);
    migrate(migration);
    migration.step("visits by time", "CREATE INDEX visits_by_time ON visits (seen)");
    migrate(migration);
    EXPECT_EQ(count_visits(), 1);
    EXPECT_EQ(applied(), (std::vector<std::tuple<std::string, std::string, std::int64_t>>{
                             {"a.A", "first visitor", 1000}, {"a.A", "visits", 1000}, {"a.A", "visits by time", 1000}}));
}

TEST_F(SchemaMigrationTest, KeepsTheStepsOfModulesApart) {
    migrate(SchemaMigration().step("table", visits));
    migrate(SchemaMigration().step("table", "CREATE TABLE other (a TEXT)"), "b.B");
    EXPECT_EQ(applied().size(), 2);
}

TEST_F(SchemaMigrationTest, RollsAFailingStepBackWholeNamesItAndGoesOnFromThere) {
    SchemaMigration failing;
    failing.step("visits", visits).step("visitors", [](Transaction& transaction) {
        add_visitor(transaction);
        transaction.execute("INSERT INTO nowhere VALUES (1)");
    });
    const std::string error = error_of(failing);
    EXPECT_TRUE(error.starts_with("schema step visitors: ")) << error;
    EXPECT_NE(error.find("nowhere"), std::string::npos) << error;
    EXPECT_EQ(count_visits(), 0);
    migrate(SchemaMigration().step("visits", visits).step("visitors", &add_visitor));
    EXPECT_EQ(count_visits(), 1);
}

TEST_F(SchemaMigrationTest, WarnsAboutStepsOfAVersionItDoesNotKnow) {
    const LogCapture log;
    migrate(SchemaMigration().step("visits", visits).step("later", &add_visitor));
    migrate(SchemaMigration().step("visits", visits));
    EXPECT_TRUE(
        log.contains("warning: module a.A: the database has schema step later, which this version of the module doesn't know"));
}

TEST_F(SchemaMigrationTest, AppliesEachStepOnceWhenManyWorkersStartAtOnce) {
    SchemaMigration migration;
    migration.step("visits", visits).step("first visitor", &add_visitor);
    for (int more = 0; more < 5; ++more) {
        migration.step("more " + std::to_string(more), [](Transaction& transaction) {
            transaction.execute("INSERT INTO visits (user_id, seen) SELECT 'v' || COUNT(*), 0 FROM visits");
        });
    }
    std::atomic<int> done = 0;
    std::vector<std::thread> workers;
    for (int worker = 0; worker < 4; ++worker) {
        workers.emplace_back([&] {
            migrate(migration);
            done += count_visits() == 6;
        });
    }
    for (std::thread& worker : workers) worker.join();
    EXPECT_EQ(done, 4);
    EXPECT_EQ(applied().size(), 7);
}

TEST(SchemaStepTest, HasANameOfItsOwn) {
    SchemaMigration migration;
    migration.step("visits", visits);
    EXPECT_THROW(migration.step("", visits), std::invalid_argument);
    EXPECT_THROW(migration.step("visits", [](Transaction&) {}), std::invalid_argument);
}

}  // namespace
