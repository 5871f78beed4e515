// Changes a value in one process and reads it in another until the change is there, and prints as JSON how long the old value was read.
//
// usage: stale_load CONNECTION REDIS_SOCKET CHANGES PAUSE_MS
// REDIS_SOCKET `-`: the bus is PostgreSQL's. Each process is one of a host's, with its own connections, bus, workers and module
// instances; they share this program, and nothing else but the database. Whoever measures may end the bus's connections meanwhile.

#include <modapi/hosting/postgresql_bus.h>
#include <modapi/hosting/process_group.h>
#include <modapi/hosting/redis_bus.h>
#include <modapi/hosting/workers.h>
#include <modapi/module_api.h>

#include <async/cached.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using callbacks::JsonDict;
using modapi::ModuleApi;
using modapi::Transaction;
using Clock = std::chrono::steady_clock;

/// Caches a number of a table, and changes it.
class Numbers {
public:
    Numbers(const JsonDict&, ModuleApi& api) : api_(api) {
        api.register_cached_function(number_);
        api.register_password_auth_provider_callbacks(
            {.get_displayname_for_registration = async::bind<&Numbers::read>(this)});
        api.register_account_validity_callbacks({.on_user_registration = async::bind<&Numbers::change>(this)});
    }

private:
    async::task<std::optional<std::string>> read(const JsonDict&, const JsonDict&) {
        const std::string key = "key";
        const std::string value = co_await number_(key);
        co_return value;
    }
    async::task<std::string> fetch(const std::string& key) { return api_.run_db_read("fetch", &Numbers::find, key); }
    static std::string find(Transaction& transaction, const std::string& key) {
        return std::get<0>(transaction.query_one<std::string>("SELECT value FROM stale_values WHERE name = ?", key).value());
    }
    async::task<void> change(const std::string& value) {
        co_await api_.run_db_interaction("change", &Numbers::store, this, value);
    }
    static void store(Transaction& transaction, Numbers* self, const std::string& value) {
        transaction.execute("UPDATE stale_values SET value = ? WHERE name = 'key'", value);
        transaction.invalidate_cache(self->number_, "key");
    }

    ModuleApi& api_;
    async::cached<std::string(const std::string&)> number_{"number", async::bind<&Numbers::fetch>(this)};
};

class Worker final : public modapi::HostWorker {
public:
    explicit Worker(const modapi::WorkerContext& place) : HostWorker(place) {}
    const std::string& server_name() const noexcept override { return name_; }
    const std::string& public_baseurl() const noexcept override { return name_; }
    async::task<std::int64_t> number() {
        const JsonDict nothing;
        const std::optional<std::string> found =
            co_await hooks().password_auth_provider.get_displayname_for_registration(nothing, nothing);
        co_return std::stoll(found.value());
    }
    async::task<void> change(std::int64_t number) {
        const std::string text = std::to_string(number);
        co_await hooks().account_validity.on_user_registration(text);
    }

private:
    std::string name_ = "bench.test";
};

struct Process {
    Process(const modapi::DatabaseSettings& settings, const std::string& redis, const std::string& name)
        : database(modapi::Database::open(settings)) {
        std::unique_ptr<modapi::Bus> bus;
        if (redis == "-") {
            bus = std::make_unique<modapi::PostgresqlBus>(settings.postgresql_connection);
        } else {
            modapi::RedisSettings at;
            at.host = redis;
            bus = std::make_unique<modapi::RedisBus>(at, "bench.test");
        }
        modapi::ProcessGroupSettings of_group;
        of_group.name = name;
        of_group.version = "1";
        group.emplace(*database, settings, std::move(bus), of_group);
        resolver.add<Numbers>("bench.Numbers");
        modapi::WorkerGroupSettings of_workers;
        of_workers.worker_name = name;
        of_workers.processes = &*group;
        of_workers.signals = {};
        const auto file = modapi::ConfigurationFile::parse("modules: [{module: bench.Numbers}]\n", "bench.yaml");
        workers.emplace(std::move(of_workers), *database, modapi::configure_modules(file, resolver, [](const std::string&) {}));
    }

    modapi::ModuleResolver resolver{std::vector<std::filesystem::path>()};
    std::unique_ptr<modapi::Database> database;
    std::optional<modapi::ProcessGroup> group;
    std::optional<modapi::Workers<Worker>> workers;
};

void make_table(Transaction& transaction, void*) {
    transaction.execute("CREATE TABLE IF NOT EXISTS stale_values (name TEXT PRIMARY KEY, value TEXT NOT NULL)");
    transaction.execute("DELETE FROM stale_values");
    transaction.execute("INSERT INTO stale_values (name, value) VALUES ('key', '0')");
}

void measure(const std::string& connection, const std::string& redis, std::int64_t changes, std::chrono::milliseconds pause) {
    modapi::DatabaseSettings settings;
    settings.name = "psycopg2";
    settings.postgresql_connection = connection;
    modapi::Database::open(settings)->run_blocking("make a table", &make_table, nullptr);
    Process from(settings, redis, "from");
    Process to(settings, redis, "to");
    std::vector<double> stale_ms;
    std::uint64_t went_back = 0;
    for (std::int64_t number = 1; number <= changes; ++number) {
        from.workers->call(0, &Worker::change, number);
        const Clock::time_point committed = Clock::now();
        while (to.workers->call(0, &Worker::number) != number) {
            if (Clock::now() - committed > std::chrono::seconds(30)) throw std::runtime_error("the old value stays");
        }
        stale_ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - committed).count());
        for (int again = 0; again < 20; ++again) went_back += to.workers->call(0, &Worker::number) != number ? 1 : 0;
        std::this_thread::sleep_for(pause);
    }
    std::sort(stale_ms.begin(), stale_ms.end());
    const auto at = [&](double part) { return stale_ms[static_cast<std::size_t>(part * static_cast<double>(stale_ms.size() - 1))]; };
    const modapi::SharedMessages::Counts counts = to.group->messages().counts();
    std::cout << "{\"changes\": " << changes << ", \"p50_ms\": " << at(0.5) << ", \"p99_ms\": " << at(0.99)
              << ", \"max_ms\": " << at(1) << ", \"stale_afterwards\": " << went_back << ", \"readings\": " << counts.readings
              << ", \"in_vain\": " << counts.in_vain << "}\n";
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 5) {
        std::cerr << "usage: stale_load CONNECTION REDIS_SOCKET CHANGES PAUSE_MS\n";
        return 2;
    }
    spdlog::set_level(spdlog::level::err);  // each callback's decision would be a line
    try {
        measure(arguments[1], arguments[2], std::stoll(arguments[3]), std::chrono::milliseconds(std::stoll(arguments[4])));
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
    return 0;
}
