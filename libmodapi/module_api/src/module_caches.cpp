#include <modapi/hosting/log.h>
#include <modapi/hosting/module_caches.h>

#include <callbacks/errors.h>

#include <async/cached_function.h>
#include <async/sleep.h>

#include <spdlog/spdlog.h>

#include <chrono>
#include <utility>

namespace modapi {

namespace {

/// What nobody asks for any more is dropped that often.
constexpr std::chrono::seconds time_between_expiries(30);

}  // namespace

ModuleCaches::ModuleCaches(InvalidationBus& bus, boost::asio::any_io_executor executor)
    : bus_(bus), subscription_(bus.subscribe(std::move(executor), [this](const CacheInvalidation& invalidation) {
          invalidated_elsewhere(invalidation);
      })) {}

ModuleCaches::~ModuleCaches() { bus_.unsubscribe(subscription_); }

bool ModuleCaches::add(std::string name, async::cached_function& function) {
    return functions_.emplace(std::move(name), &function).second;
}

bool ModuleCaches::has(const std::string& name, const async::cached_function& function) const {
    const auto found = functions_.find(name);
    return found != functions_.end() && found->second == &function;
}

void ModuleCaches::publish(std::string name, std::vector<std::string> key) {
    CacheInvalidation invalidation;
    invalidation.function = std::move(name);
    invalidation.key = std::move(key);
    bus_.publish(subscription_, invalidation);
}

void ModuleCaches::invalidated_elsewhere(const CacheInvalidation& invalidation) {
    const auto found = functions_.find(invalidation.function);
    if (found == functions_.end()) return;
    try {
        const bool is_known_key = found->second->invalidate_strings(invalidation.key);
        if (!is_known_key) {
            // Another build of the module may be at work there: dropping too much is right, keeping something stale isn't.
            framework_log().warn("the cache of {} was told of a key that isn't one of its own, and drops all entries",
                                 invalidation.function);
            found->second->invalidate_all();
        }
    } catch (...) {
        framework_log().error("the cache of {} can't be invalidated: {}", invalidation.function,
                              callbacks::message_of(std::current_exception()));
    }
}

async::task<void> ModuleCaches::drop_expired_entries(ModuleCaches& self) {
    for (;;) {
        co_await async::sleep_for(time_between_expiries);
        for (const auto& [name, function] : self.functions_) function->drop_expired();
    }
}

}  // namespace modapi
