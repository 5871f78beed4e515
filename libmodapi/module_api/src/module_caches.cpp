#include <modapi/hosting/log.h>
#include <modapi/database.h>
#include <modapi/hosting/module_caches.h>

#include <callbacks/errors.h>

#include <async/cached_function.h>
#include <async/sleep.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <new>
#include <utility>

namespace modapi {

namespace {

/// What nobody asks for any more is dropped that often.
constexpr std::chrono::seconds time_between_expiries(30);

}  // namespace

ModuleCaches::ModuleCaches(InvalidationBus& bus, Database& database, const boost::asio::any_io_executor& executor)
    : bus_(bus),
      database_(database),
      subscription_(
          bus.subscribe(executor, [this](const CacheInvalidation& invalidation) { invalidate(invalidation, nullptr); })),
      subscription_of_transactions_(of_transactions_.subscribe(executor, [this](const CacheInvalidations& invalidations) {
          for (const CacheInvalidation& invalidation : invalidations) invalidate(invalidation, nullptr);
      })) {
    database_.add_observer(*this);
}

ModuleCaches::~ModuleCaches() {
    database_.remove_observer(*this);
    of_transactions_.unsubscribe(subscription_of_transactions_);
    bus_.unsubscribe(subscription_);
}

void ModuleCaches::committed(const CacheInvalidations& invalidations) noexcept {
    try {
        of_transactions_.publish(InvalidationBus::nobody, invalidations);
    } catch (const std::bad_alloc&) {
        // What is stale must not stay, and can't be told without memory.
        std::terminate();
    }
}

void ModuleCaches::add(std::string name, async::cached_function& function) {
    function.share_as(name);
    functions_.emplace(std::move(name), &function);
}

void ModuleCaches::remove(const async::cached_function& function) noexcept {
    std::erase_if(functions_, [&](const auto& entry) { return entry.second == &function; });
}

bool ModuleCaches::has(const std::string& name, const async::cached_function& function) const {
    const auto [first, end] = functions_.equal_range(name);
    return std::any_of(first, end, [&](const auto& entry) { return entry.second == &function; });
}

void ModuleCaches::publish(std::string name, std::vector<std::string> key, const async::cached_function& by) {
    CacheInvalidation invalidation;
    invalidation.function = std::move(name);
    invalidation.key = std::move(key);
    invalidate(invalidation, &by);
    bus_.publish(subscription_, invalidation);
}

void ModuleCaches::invalidate(const CacheInvalidation& invalidation, const async::cached_function* by) {
    if (invalidation.function.empty()) {
        drop_everything();
        return;
    }
    const auto [first, end] = functions_.equal_range(invalidation.function);
    for (auto entry = first; entry != end; ++entry) {
        async::cached_function& function = *entry->second;
        if (&function == by) continue;
        try {
            if (function.invalidate_strings(invalidation.key)) continue;
            // Another build of the module may be at work there: dropping too much is right, keeping something stale isn't.
            framework_log().warn("the cache of {} was told of a key that isn't one of its own, and drops all entries",
                                 invalidation.function);
            function.invalidate_all();
        } catch (...) {
            framework_log().error("the cache of {} can't be invalidated: {}", invalidation.function,
                                  callbacks::message_of(std::current_exception()));
        }
    }
}

void ModuleCaches::drop_everything() noexcept {
    for (const auto& [name, function] : functions_) function->invalidate_all();
}

async::task<void> ModuleCaches::drop_expired_entries(ModuleCaches& self) {
    for (;;) {
        co_await async::sleep_for(time_between_expiries);
        for (const auto& [name, function] : self.functions_) function->drop_expired();
    }
}

}  // namespace modapi
