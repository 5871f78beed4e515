#include "admin/admin_modules.h"

#include "access/authentication.h"
#include "admin/admin_authentication.h"
#include "http/requests.h"

#include <modapi/database.h>
#include <modapi/hosting/workers.h>

#include <utility>

namespace homeserver {

namespace {

using callbacks::JsonArray;
using callbacks::JsonDict;
using modapi::ModuleStatistics;
using modapi::Response;

double in_milliseconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; }

JsonDict described(const modapi::CallbackCounts& counts) {
    JsonDict row;
    row["calls"] = counts.calls;
    row["decided"] = counts.decided;
    row["failed"] = counts.failed;
    row["timed_calls"] = counts.timed_calls;
    row["timed_ms"] = in_milliseconds(counts.timed_ns);
    row["longest_ms"] = in_milliseconds(counts.max_ns);
    return row;
}

JsonDict described(const async::cache_counters& counted) {
    JsonDict row;
    row["size"] = counted.size;
    row["max_size"] = counted.max_size;
    row["hits"] = counted.hits;
    row["misses"] = counted.misses;
    row["evicted_by_size"] = counted.evicted_by_size;
    row["evicted_by_time"] = counted.evicted_by_time;
    row["evicted_by_invalidation"] = counted.evicted_by_invalidation;
    return row;
}

JsonDict described(const ModuleStatistics& module) {
    JsonDict callbacks;
    for (const modapi::CallbackCounts& counts : module.callbacks) callbacks[counts.callback] = described(counts);
    JsonDict caches;
    for (const modapi::CacheCounts& counts : module.caches) caches[counts.function] = described(counts.counters);
    JsonArray web_resources;
    for (const std::string& path : module.web_resources) web_resources.emplace_back(path);
    JsonDict web_resource_calls;
    for (const modapi::CallbackCounts& counts : module.web_resource_calls)
        web_resource_calls[counts.callback] = described(counts);
    JsonDict background_calls;
    background_calls["calls"] = module.background_calls;
    background_calls["failed"] = module.failed_background_calls;
    JsonDict answer;
    answer["name"] = module.module;
    answer["library"] = nullptr;  // compiled in
    if (!module.library.empty()) answer["library"] = module.library;
    answer["callbacks"] = std::move(callbacks);
    answer["web_resources"] = std::move(web_resources);
    answer["web_resource_calls"] = std::move(web_resource_calls);
    answer["caches"] = std::move(caches);
    answer["background_calls"] = std::move(background_calls);
    return answer;
}

async::task<Response> get_modules(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                  const modapi::WorkerGroup& workers) {
    static_cast<void>(co_await authenticate_admin(authentication, database, request));
    const std::vector<ModuleStatistics> together = co_await workers.module_statistics();
    JsonArray modules;
    for (const ModuleStatistics& module : together) modules.emplace_back(described(module));
    JsonDict answer;
    answer["workers"] = workers.size();
    answer["modules"] = std::move(modules);
    co_return ok(std::move(answer));
}

}  // namespace

void add_module_endpoints(Router& router) { router.add("GET", "/_synapse/admin/v1/modules", &get_modules); }

}  // namespace homeserver
