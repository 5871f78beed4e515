#pragma once

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

/// The cached functions of a worker's modules, by what workers call them among themselves, and what other workers say of them.
///
/// Thread: the executor's. Lifetime: the bus outlives it.
class ModuleCaches {
public:
    ModuleCaches(InvalidationBus& bus, boost::asio::any_io_executor executor);
    ~ModuleCaches();
    ModuleCaches(const ModuleCaches&) = delete;
    ModuleCaches& operator=(const ModuleCaches&) = delete;

    /// Of functions of the same name, as two instances of a module have them while one takes the other's place, each hears of what
    /// concerns the others.
    void add(std::string name, async::cached_function& function);
    void remove(const async::cached_function& function) noexcept;
    [[nodiscard]] bool has(const std::string& name, const async::cached_function& function) const;
    [[nodiscard]] bool empty() const noexcept { return functions_.empty(); }
    void clear() noexcept { functions_.clear(); }

    /// Tells the other workers, and functions of the same name here.
    void publish(std::string name, std::vector<std::string> key, const async::cached_function& by);
    /// Goes on until it is cancelled. For functions that nobody calls: a call drops what is too old by itself.
    [[nodiscard]] static async::task<void> drop_expired_entries(ModuleCaches& self);

private:
    /// `by`: the function that has dropped it already; null: none here.
    void invalidate(const CacheInvalidation& invalidation, const async::cached_function* by);

    InvalidationBus& bus_;
    std::multimap<std::string, async::cached_function*> functions_;
    std::size_t subscription_;
};

}  // namespace modapi
