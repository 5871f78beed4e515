#include <modapi/hosting/log.h>
#include <modapi/hosting/schema_lock.h>
#include <modapi/schema_migration.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace modapi {

namespace {

using Step = SchemaMigration::Step;

void create_list_of_steps(Transaction& transaction, const std::string&) {
    lock_schema(transaction);
    transaction.execute(
        "CREATE TABLE IF NOT EXISTS module_schema_steps (module TEXT NOT NULL, step TEXT NOT NULL, applied_ts BIGINT NOT NULL, "
        "PRIMARY KEY (module, step))");
}

/// False: it is applied already.
bool apply(Transaction& transaction, const std::string& module, const Step* step, std::int64_t now_ms) {
    // The note comes first: where transactions run side by side, the second one waits here for the first.
    const std::int64_t noted = transaction.execute(
        "INSERT INTO module_schema_steps (module, step, applied_ts) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", module,
        step->name, now_ms);
    if (noted == 0) return false;
    step->apply(transaction);
    return true;
}

std::vector<std::tuple<std::string>> applied_steps(Transaction& transaction, const std::string& module) {
    return transaction.query<std::string>("SELECT step FROM module_schema_steps WHERE module = ? ORDER BY applied_ts, step",
                                          module);
}

async::task<void> apply_step(Database& database, const std::string& module, const Step& step, std::int64_t now_ms) {
    try {
        async::task<bool> applying = database.run("schema step " + step.name, &apply, module, &step, now_ms);
        const bool was_missing = co_await std::move(applying);
        if (was_missing) framework_log().info("module {}: schema step {} is applied", module, step.name);
    } catch (const DatabaseError& error) {
        throw DatabaseError("schema step " + step.name + ": " + error.what());
    }
}

}  // namespace

void lock_schema(Transaction& transaction) {
    if (transaction.engine() != "postgresql") return;
    constexpr std::int64_t lock = 0x6d6f64617069;  // "modapi"
    transaction.execute("SELECT 1 FROM pg_advisory_xact_lock(?)", lock);
}

SchemaMigration& SchemaMigration::step(std::string name, std::string statement) {
    return step(std::move(name), [statement = std::move(statement)](Transaction& transaction) {
        static_cast<void>(transaction.execute(statement));
    });
}

SchemaMigration& SchemaMigration::step(std::string name, std::function<void(Transaction&)> apply) {
    if (name.empty()) throw std::invalid_argument("a schema step has a name");
    for (const Step& other : steps_) {
        if (other.name == name) throw std::invalid_argument("there are two schema steps with the name " + name);
    }
    Step added;
    added.name = std::move(name);
    added.apply = std::move(apply);
    steps_.push_back(std::move(added));
    return *this;
}

async::task<void> migrate_schema(Database& database, std::string module, SchemaMigration migration, std::int64_t now_ms) {
    async::task<void> creating = database.run("list of schema steps", &create_list_of_steps, module);
    co_await std::move(creating);
    for (const Step& step : migration.steps()) {
        async::task<void> applying = apply_step(database, module, step, now_ms);
        co_await std::move(applying);
    }
    async::task<std::vector<std::tuple<std::string>>> looking = database.read("schema steps", &applied_steps, module);
    const std::vector<std::tuple<std::string>> applied = co_await std::move(looking);
    for (const auto& [name] : applied) {
        const bool is_known = std::any_of(migration.steps().begin(), migration.steps().end(),
                                          [&](const Step& step) { return step.name == name; });
        if (is_known) continue;
        framework_log().warn("module {}: the database has schema step {}, which this version of the module doesn't know",
                             module, name);
    }
}

}  // namespace modapi
