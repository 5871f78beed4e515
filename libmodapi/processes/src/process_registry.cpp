#include <modapi/hosting/process_registry.h>

#include <modapi/hosting/background_lease.h>
#include <modapi/hosting/log.h>
#include <modapi/hosting/schema_lock.h>

#include "database_clock.h"

#include <spdlog/fmt/chrono.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <ctime>
#include <exception>
#include <thread>
#include <tuple>
#include <utility>

namespace modapi {

namespace {

/// The server takes a moment to notice that a killed process is gone.
constexpr int tries_for_name = 10;
constexpr auto between_tries_for_name = std::chrono::milliseconds(100);

std::string in_words(std::chrono::milliseconds time) {
    if (time % std::chrono::minutes(1) == std::chrono::milliseconds(0)) return fmt::format("{} minutes", time / std::chrono::minutes(1));
    return fmt::format("{} ms", time.count());
}

std::string lock_of(const std::string& name) { return "process " + name; }

std::vector<LivingProcess> read_living(Transaction& transaction) {
    auto rows =
        transaction
            .query<std::string, std::string, std::string, std::string, std::string, std::int64_t, std::int64_t, std::int64_t>(
                "SELECT name, instance, version, modules, host, pid, started_ms, seen_ms FROM modapi_processes "
                "WHERE seen_ms > " MODAPI_DATABASE_TIME_MS " - 10000 ORDER BY name");
    std::vector<LivingProcess> living;
    living.reserve(rows.size());
    for (auto& row : rows) {
        LivingProcess& process = living.emplace_back();
        std::tie(process.name, process.instance, process.version, process.modules, process.host, process.pid,
                 process.started_ms, process.seen_ms) = std::move(row);
    }
    return living;
}

/// Writes the row of a process that starts, if no other version runs.
void enter_with(Transaction& transaction, const ProcessIdentity& own) {
    for (const LivingProcess& other : read_living(transaction)) {
        if (other.version == own.version || other.name == own.name) continue;
        // It may have been killed just now.
        if (!SessionLock::is_taken(transaction, lock_of(other.name))) continue;
        throw DifferentVersion(
            fmt::format("process {} runs version {} on {} as process {}, and this one, {}, is version {}: stop that one "
                        "first, or start the same version here",
                        other.name, other.version, other.host, other.pid, own.name, own.version));
    }
    // Names that aren't used any more are of no use to anybody.
    transaction.execute("DELETE FROM modapi_processes WHERE seen_ms < " MODAPI_DATABASE_TIME_MS " - 86400000");
    transaction.execute(
        "INSERT INTO modapi_processes (name, instance, version, modules, host, pid, started_ms, seen_ms) "
        "VALUES (?, ?, ?, ?, ?, ?, " MODAPI_DATABASE_TIME_MS ", " MODAPI_DATABASE_TIME_MS
        ") "
        "ON CONFLICT (name) DO UPDATE SET instance = excluded.instance, version = excluded.version, modules = "
        "excluded.modules, "
        "host = excluded.host, pid = excluded.pid, started_ms = excluded.started_ms, seen_ms = excluded.seen_ms",
        own.name, own.instance, own.version, own.modules, own.host, own.pid);
}

/// False: another instance has the row.
bool write_seen(Transaction& transaction, const ProcessIdentity& own) {
    return transaction.execute(
               "INSERT INTO modapi_processes (name, instance, version, modules, host, pid, started_ms, seen_ms) "
               "VALUES (?, ?, ?, ?, ?, ?, " MODAPI_DATABASE_TIME_MS ", " MODAPI_DATABASE_TIME_MS
               ") "
               "ON CONFLICT (name) DO UPDATE SET modules = excluded.modules, seen_ms = excluded.seen_ms "
               "WHERE modapi_processes.instance = excluded.instance",
               own.name, own.instance, own.version, own.modules, own.host, own.pid) > 0;
}

void remove_row(Transaction& transaction, const ProcessIdentity& own) {
    transaction.execute("DELETE FROM modapi_processes WHERE name = ? AND instance = ?", own.name, own.instance);
}

/// Runs `function(transaction, identity)`, blocking.
template <void (*function)(Transaction&, const ProcessIdentity&)>
void run_blocking(Database& database, std::string_view desc, ProcessIdentity identity) {
    database.run_blocking(
        desc, [](Transaction& transaction, void* state) { function(transaction, *static_cast<const ProcessIdentity*>(state)); },
        &identity);
}

std::string description_of_taken(Database& database, const std::string& name) {
    struct Search {
        const std::string& name;
        std::string found = "somewhere that isn't known yet";
    };
    Search search{name};
    const auto look = [](Transaction& transaction, void* state) {
        Search& wanted = *static_cast<Search*>(state);
        const auto row = transaction.query_one<std::string, std::int64_t, std::int64_t>(
            "SELECT host, pid, started_ms FROM modapi_processes WHERE name = ?", wanted.name);
        if (!row) return;
        const auto& [host, pid, started_ms] = *row;
        const std::time_t started = static_cast<std::time_t>(started_ms / 1000);
        wanted.found = fmt::format("on {} as process {}, since {:%Y-%m-%d %H:%M:%S} UTC", host, pid, fmt::gmtime(started));
    };
    database.run_blocking("find_process", look, &search);
    return search.found;
}

}  // namespace

ProcessRegistry::ProcessRegistry(Database& database, DatabaseSettings settings, ProcessIdentity own, const async::clock& clock,
                                 std::chrono::milliseconds modules_may_differ)
    : database_(database),
      settings_(std::move(settings)),
      clock_(clock),
      modules_may_differ_(modules_may_differ),
      own_(std::move(own)) {}

void ProcessRegistry::create(Transaction& transaction) {
    lock_schema(transaction);
    transaction.execute(
        "CREATE TABLE IF NOT EXISTS modapi_processes (name TEXT PRIMARY KEY, instance TEXT NOT NULL, version TEXT NOT NULL, "
        "modules TEXT NOT NULL, host TEXT NOT NULL, pid BIGINT NOT NULL, started_ms BIGINT NOT NULL, seen_ms BIGINT NOT NULL)");
    BackgroundLease::create(transaction);
}

void ProcessRegistry::enter() {
    const ProcessIdentity identity = own();
    for (int attempt = 1; name_ == nullptr; ++attempt) {
        name_ = SessionLock::try_lock(settings_, lock_of(identity.name));
        if (name_ != nullptr) break;
        if (attempt == tries_for_name) {
            throw ProcessNameTaken(
                fmt::format("another process named {} runs {}: give this one another worker_name or stop that one",
                            identity.name, description_of_taken(database_, identity.name)));
        }
        std::this_thread::sleep_for(between_tries_for_name);
    }
    try {
        run_blocking<enter_with>(database_, "enter_process", identity);
    } catch (...) {
        name_.reset();
        throw;
    }
}

bool ProcessRegistry::check_name() { return name_ != nullptr && name_->check(); }

async::task<std::vector<LivingProcess>> ProcessRegistry::living() { return database_.read("living_processes", &read_living); }

async::task<void> ProcessRegistry::heartbeat() {
    ProcessIdentity identity = own();
    async::task<bool> writing = database_.run("process_seen", &write_seen, std::move(identity));
    const bool is_own = co_await std::move(writing);
    if (!is_own && !std::exchange(is_replaced_, true)) {
        framework_log().error("another process has taken the name {} of this one: its row is that one's now", own().name);
    }
    async::task<std::vector<LivingProcess>> reading = living();
    const std::vector<LivingProcess> processes = co_await std::move(reading);
    compare_modules(processes);
}

async::task<void> ProcessRegistry::leave() {
    ProcessIdentity identity = own();
    std::string failure;
    try {
        async::task<void> removing = database_.run("leave_process", &remove_row, std::move(identity));
        co_await std::move(removing);
    } catch (const std::exception& error) {
        failure = error.what();
    }
    if (!failure.empty())
        framework_log().warn("the row of this process can't be removed, others take it for alive for 10 s: {}", failure);
}

void ProcessRegistry::modules_are(std::string digest) {
    const std::scoped_lock lock(mutex_);
    own_.modules = std::move(digest);
}

ProcessIdentity ProcessRegistry::own() const {
    const std::scoped_lock lock(mutex_);
    return own_;
}

void ProcessRegistry::compare_modules(const std::vector<LivingProcess>& processes) {
    const async::clock::time_point now = clock_.now();
    const std::scoped_lock lock(mutex_);
    std::map<std::string, Difference> before = std::exchange(differences_, {});
    for (const LivingProcess& other : processes) {
        const auto known = before.find(other.name);
        if (other.name == own_.name) continue;
        if (other.modules == own_.modules) {
            if (known != before.end())
                framework_log().info("the modules of process {} are the same as this one's again", other.name);
            continue;
        }
        Difference difference{other.modules, own_.modules, now};
        const bool is_new = known == before.end();
        if (!is_new) difference.since = known->second.since;
        if (is_new || known->second.modules != difference.modules || known->second.own_modules != difference.own_modules) {
            framework_log().warn(
                "the modules of process {} ({}, process {}) differ from those of this one, {}: give both the same list of "
                "modules with the same configuration, and reload or restart the one that has the older",
                other.name, other.host, other.pid, own_.name);
        }
        differences_.emplace(other.name, std::move(difference));
    }
}

std::optional<async::clock::time_point> ProcessRegistry::modules_differ() const {
    const std::scoped_lock lock(mutex_);
    std::optional<async::clock::time_point> first;
    for (const auto& [name, difference] : differences_) first = first ? std::min(*first, difference.since) : difference.since;
    return first;
}

std::optional<std::string> ProcessRegistry::unhealthy() const {
    const async::clock::time_point now = clock_.now();
    const std::scoped_lock lock(mutex_);
    for (const auto& [name, difference] : differences_) {
        if (now - difference.since <= modules_may_differ_) continue;
        return fmt::format("modules of process {} differ from this one's for more than {}", name, in_words(modules_may_differ_));
    }
    return std::nullopt;
}

}  // namespace modapi
