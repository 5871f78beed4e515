#include <modapi/module.h>
#include <modapi/module_api.h>

#include <async/bind.h>
#include <async/sleep.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace ticking {

/// A test's module: background work that reads, waits and writes what follows from what it read, with the name of the worker that did it.
/// Who has lost the lease in between must not write.
class Ticking {
public:
    Ticking(const callbacks::JsonDict&, modapi::ModuleApi& api) : api_(api), writer_(api.worker_name().value_or("main")) {
        api.looping_background_call(async::bind<&Ticking::tick>(this), modapi::Every(std::chrono::milliseconds(200)));
    }
    async::task<void> start() {
        modapi::SchemaMigration tables;
        tables.step("ticking", "CREATE TABLE ticking (tick BIGINT PRIMARY KEY, writer TEXT NOT NULL)");
        co_await api_.migrate_schema(std::move(tables));
    }

private:
    async::task<void> tick() {
        const std::int64_t last = co_await api_.run_db_read("last_tick", &Ticking::last_tick);
        co_await async::sleep_for(std::chrono::milliseconds(100));
        co_await api_.run_db_interaction("tick", &Ticking::write, last + 1, writer_);
    }
    static std::int64_t last_tick(modapi::Transaction& transaction) {
        const auto newest = transaction.query_one<std::optional<std::int64_t>>("SELECT MAX(tick) FROM ticking");
        return std::get<0>(newest.value()).value_or(0);
    }
    static void write(modapi::Transaction& transaction, std::int64_t tick, const std::string& writer) {
        transaction.execute("INSERT INTO ticking (tick, writer) VALUES (?, ?)", tick, writer);
    }

    modapi::ModuleApi& api_;
    std::string writer_;
};

}  // namespace ticking

using ticking::Ticking;
MODAPI_MODULE(Ticking)
