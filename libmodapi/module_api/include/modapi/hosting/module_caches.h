#pragma once

#include <modapi/cache_invalidation.h>
#include <modapi/hosting/invalidation_bus.h>

#include <async/task.h>

#include <boost/asio/any_io_executor.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace async {
class cached_function;
}

namespace modapi {

class Database;

/// The cached functions of a worker's modules, by what workers call them among themselves, and what other workers and transactions say
/// of them.
///
/// Thread: the executor's, but for `committed`. Lifetime: bus and database outlive it.
class ModuleCaches final : public InvalidationObserver {
public:
    ModuleCaches(InvalidationBus& bus, Database& database, const boost::asio::any_io_executor& executor);
    ~ModuleCaches() override;

    /// Of functions of the same name, as two instances of a module have them while one takes the other's place, each hears of what
    /// concerns the others.
    void add(std::string name, async::cached_function& function);
    /// Forgets a function; nothing for one that isn't there.
    void remove(const async::cached_function& function) noexcept;
    /// Whether this function is there under this name.
    [[nodiscard]] bool has(const std::string& name, const async::cached_function& function) const;
    [[nodiscard]] bool empty() const noexcept { return functions_.empty(); }
    void clear() noexcept { functions_.clear(); }

    /// What a transaction invalidated: drops it, before anything that is posted to the executor after this.
    void committed(const CacheInvalidations& invalidations) noexcept override;
    /// Tells the other workers, and functions of the same name here.
    void publish(std::string name, std::vector<std::string> key, const async::cached_function& by);
    /// Goes on until it is cancelled. For functions that nobody calls: a call drops what is too old by itself.
    [[nodiscard]] static async::task<void> drop_expired_entries(ModuleCaches& self);

private:
    /// `by`: the function that has dropped it already; null: none here.
    void invalidate(const CacheInvalidation& invalidation, const async::cached_function* by);

    void drop_everything() noexcept;

    InvalidationBus& bus_;
    Database& database_;
    InProcessWorkerBus<CacheInvalidations> of_transactions_;  ///< to the executor, from any thread
    std::multimap<std::string, async::cached_function*> functions_;
    std::size_t subscription_;
    std::size_t subscription_of_transactions_;
};

}  // namespace modapi
