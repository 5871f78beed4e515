#include "admin/admin_modules.h"

#include "access/authentication.h"
#include "admin/admin_authentication.h"
#include "admin/silent_processes.h"
#include "http/requests.h"

#include <modapi/database.h>
#include <modapi/hosting/all_processes.h>
#include <modapi/hosting/rule_change.h>
#include <modapi/hosting/workers.h>

#include <callbacks/errors.h>

#include <spdlog/spdlog.h>

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace homeserver {

namespace {

using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;
using modapi::ModuleStatistics;
using modapi::Response;

/// Modules may take a minute to start.
constexpr std::chrono::minutes patience_with_reloads(2);

double in_milliseconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; }

/// Of a callback that was in shadow mode since the start.
JsonDict described(const async::shadow_counts& counts) {
    JsonDict row;
    row["runs"] = counts.runs;
    row["skipped"] = counts.skipped;
    row["differed"] = counts.differed;
    row["failed"] = counts.failed;
    row["changes_refused"] = counts.kept_back;
    return row;
}

/// How often what took how long, without what never did: longer than, up to (null: the longest), calls that waited, and of the timed
/// calls those that didn't.
JsonArray durations_of(const modapi::CallbackCounts& counts) {
    JsonArray buckets;
    if (counts.calls == 0) return buckets;
    double from = 0;
    for (std::size_t index = 0; index < counts.waited.buckets.size(); ++index) {
        JsonValue up_to;
        if (index < async::duration_bounds::count) up_to = in_milliseconds(async::duration_bounds::upper[index]);
        if (counts.waited.buckets[index] + counts.at_once.buckets[index] > 0)
            buckets.push_back(JsonArray{from, up_to, counts.waited.buckets[index], counts.at_once.buckets[index]});
        if (up_to.is_double()) from = up_to.get_double();
    }
    return buckets;
}

JsonDict described(const modapi::CallbackCounts& counts) {
    JsonDict row;
    row.reserve(14);
    row["calls"] = counts.calls;
    row["decided"] = counts.decided;
    row["failed"] = counts.failed;
    row["timed_calls"] = counts.timed_calls;
    row["timed_ms"] = in_milliseconds(counts.timed_ns);
    row["longest_ms"] = in_milliseconds(counts.max_ns);
    row["p50_ms"] = counts.percentile_ns(0.5) / 1e6;
    row["p90_ms"] = counts.percentile_ns(0.9) / 1e6;
    row["p99_ms"] = counts.percentile_ns(0.99) / 1e6;
    row["total_ms"] = counts.estimated_total_ns() / 1e6;
    row["durations"] = durations_of(counts);
    row["mode"] = modapi::word_of(counts.mode);
    row["share"] = modapi::percentage(counts.share);
    if (counts.shadow.runs + counts.shadow.skipped > 0) row["shadow"] = described(counts.shadow);
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

JsonDict described(const modapi::SilentWorker& silent) {
    JsonDict row;
    row["worker"] = silent.worker;
    row["module"] = nullptr;
    row["callback"] = nullptr;
    if (!silent.module.empty()) row["module"] = silent.module;
    if (!silent.module.empty()) row["callback"] = silent.callback;
    return row;
}

void describe_waiting(JsonDict& rows, const modapi::CallbackCounts& counts) {
    if (counts.waiting == 0) return;
    JsonDict row;
    row["calls"] = counts.waiting;
    row["longest_ms"] = in_milliseconds(counts.max_waiting_ns);
    rows[counts.callback] = std::move(row);
}

/// What has begun and not ended: callbacks by name, web resources by path.
JsonDict calls_in_flight(const ModuleStatistics& module) {
    JsonDict rows;
    for (const modapi::CallbackCounts& counts : module.callbacks) describe_waiting(rows, counts);
    for (const modapi::CallbackCounts& counts : module.web_resource_calls) describe_waiting(rows, counts);
    return rows;
}

/// Of the entry as a whole; `mixed` if its callbacks differ.
void describe_entry(JsonDict& answer, const ModuleStatistics& module) {
    const std::optional<async::call_mode> mode = module.mode_in_force();
    const std::optional<std::uint32_t> share = module.share_in_force();
    answer["version"] = nullptr;
    if (!module.version.empty()) answer["version"] = module.version;
    answer["state"] = modapi::state_of(module);
    answer["mode"] = mode ? modapi::word_of(*mode) : "mixed";
    answer["share"] = share ? modapi::percentage(*share) : "mixed";
    if (module.config != nullptr) answer["config"] = *module.config;
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
    JsonDict background_processes;
    for (const modapi::CallbackCounts& counts : module.background_processes) {
        JsonDict process;
        process["calls"] = counts.calls;
        process["failed"] = counts.failed;
        background_processes[counts.callback] = std::move(process);
    }
    JsonDict answer;
    answer["name"] = module.module;
    answer["library"] = nullptr;  // compiled in
    if (!module.library.empty()) answer["library"] = module.library;
    describe_entry(answer, module);
    answer["callbacks"] = std::move(callbacks);
    answer["web_resources"] = std::move(web_resources);
    answer["web_resource_calls"] = std::move(web_resource_calls);
    answer["caches"] = std::move(caches);
    answer["background_calls"] = std::move(background_calls);
    answer["background_processes"] = std::move(background_processes);
    answer["calls_in_flight"] = calls_in_flight(module);
    return answer;
}

/// The names of the modules that are asked for each callback, in the order in which they are.
JsonDict callback_order(const std::vector<ModuleStatistics>& modules) {
    std::map<std::string, std::map<std::pair<std::size_t, std::size_t>, const std::string*>> by_callback;
    for (const ModuleStatistics& module : modules) {
        for (const modapi::CallbackCounts& counts : module.callbacks)
            by_callback[counts.callback].emplace(std::pair(counts.place, module.position), &module.module);
    }
    JsonDict order;
    for (const auto& [callback, by_place] : by_callback) {
        JsonArray names;
        for (const auto& [place, name] : by_place) names.emplace_back(*name);
        order[callback] = std::move(names);
    }
    return order;
}

/// What the modules of all processes did, added up. Of an entry whose rules aren't the same in all of them, its row says so.
struct AddedUp {
    std::vector<ModuleStatistics> modules;
    std::set<std::pair<std::size_t, std::string>> of_mixed_mode;  ///< by position and name
    std::set<std::pair<std::size_t, std::string>> of_mixed_share;
};

AddedUp added_up(const modapi::AnsweredProcesses& all) {
    AddedUp together;
    std::map<std::pair<std::size_t, std::string>, std::pair<std::optional<async::call_mode>, std::optional<std::uint32_t>>> rules;
    for (const modapi::AnsweredProcesses::Process& process : all.processes) {
        std::vector<ModuleStatistics> of_process;
        for (const modapi::WorkerStatistics& worker : process.answered.workers) modapi::add_up(of_process, worker.modules);
        for (const ModuleStatistics& module : of_process) {
            const std::pair entry(module.position, module.module);
            const auto [first, is_first] = rules.try_emplace(entry, module.mode_in_force(), module.share_in_force());
            if (first->second.first != module.mode_in_force()) together.of_mixed_mode.insert(entry);
            if (first->second.second != module.share_in_force()) together.of_mixed_share.insert(entry);
        }
        modapi::add_up(together.modules, of_process);
    }
    return together;
}

JsonArray described(const AddedUp& together) {
    JsonArray modules;
    for (const ModuleStatistics& module : together.modules) {
        JsonDict row = described(module);
        row["position"] = module.position;
        const std::pair entry(module.position, module.module);
        if (together.of_mixed_mode.contains(entry)) row["mode"] = "mixed";
        if (together.of_mixed_share.contains(entry)) row["share"] = "mixed";
        modules.emplace_back(std::move(row));
    }
    return modules;
}

JsonDict described(const modapi::AnsweredProcesses::Process& process) {
    JsonArray workers;
    for (const modapi::WorkerStatistics& worker : process.answered.workers) workers.emplace_back(worker.worker);
    for (const modapi::SilentWorker& worker : process.answered.silent) workers.emplace_back(worker.worker);
    JsonDict row;
    row["process"] = process.process;
    row["workers"] = std::move(workers);
    return row;
}

async::task<Response> get_modules(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                  modapi::WorkerGroup& workers) {
    static_cast<void>(co_await authenticate_admin(authentication, database, request));
    const modapi::AllProcesses processes(workers);
    const modapi::AnsweredProcesses all = co_await processes.statistics_within(patience_with_workers);
    const AddedUp together = added_up(all);
    std::size_t count = 0;
    JsonArray silent;
    JsonArray each;
    for (const modapi::AnsweredProcesses::Process& process : all.processes) {
        count += process.answered.workers.size() + process.answered.silent.size();
        for (const modapi::SilentWorker& worker : process.answered.silent) silent.emplace_back(described(worker));
        each.emplace_back(described(process));
    }
    JsonDict answer;
    answer["workers"] = count;
    if (!silent.empty()) answer["workers_without_answer"] = std::move(silent);
    if (each.size() > 1) answer["processes"] = std::move(each);
    name_silent(answer, all.silent);
    answer["modules"] = described(together);
    if (!together.modules.empty()) answer["callback_order"] = callback_order(together.modules);
    co_return ok(std::move(answer));
}

JsonArray named(const std::vector<std::string>& modules) {
    JsonArray names;
    for (const std::string& module : modules) names.emplace_back(module);
    return names;
}

JsonDict described(const modapi::ModuleChanges& changes) {
    JsonDict row;
    row["kept"] = named(changes.kept);
    row["replaced"] = named(changes.replaced);
    row["added"] = named(changes.added);
    row["removed"] = named(changes.removed);
    return row;
}

async::task<Response> reload_all(modapi::WorkerGroup& workers, std::string admin) {
    const modapi::AllProcesses all(workers);
    async::task<modapi::ReloadedProcesses> reloading = all.reload(std::move(admin), patience_with_reloads);
    const modapi::ReloadedProcesses reloaded = co_await std::move(reloading);
    JsonDict processes;
    for (const modapi::ReloadedProcesses::Process& process : reloaded.processes) {
        JsonDict row;
        if (process.changes) {
            row = described(*process.changes);
        } else {
            row["error"] = process.error;
        }
        processes[process.process] = std::move(row);
    }
    std::vector<modapi::SilentProcess> silent;
    for (const std::string& process : reloaded.silent) silent.push_back({process, {}});
    JsonDict answer;
    answer["processes"] = std::move(processes);
    name_silent(answer, silent);
    co_return ok(std::move(answer));
}

/// What its `scope` says.
bool is_for_all_processes(const RoutedRequest& request) {
    const std::optional<std::string> scope = request.http.argument("scope");
    if (scope && *scope != "all") {
        throw callbacks::SynapseError(400, "Query parameter 'scope' must be all, for all processes, or not be there, for this one",
                                      callbacks::Codes::INVALID_PARAM);
    }
    return scope.has_value();
}

async::task<Response> reload_modules(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                     modapi::WorkerGroup& workers) {
    const callbacks::Requester admin = co_await authenticate_admin(authentication, database, request);
    if (is_for_all_processes(request)) {
        async::task<Response> reloading = reload_all(workers, admin.user.to_string());
        co_return co_await std::move(reloading);
    }
    modapi::ModuleChanges changes;
    std::string refusal;
    bool is_refused_for_now = false;
    try {
        changes = co_await workers.reload(admin.user.to_string());
    } catch (const modapi::ReloadRefused& error) {
        refusal = error.what();
        is_refused_for_now = true;
    } catch (const modapi::ConfigurationError& error) {
        refusal = error.what();
    }
    if (!refusal.empty()) throw callbacks::SynapseError(is_refused_for_now ? 503 : 400, refusal, callbacks::Codes::UNKNOWN);
    co_return ok(described(changes));
}

modapi::RuleChange change_in(const JsonDict& body) {
    try {
        return modapi::RuleChange::read(body);
    } catch (const callbacks::ConfigError& error) {
        std::string place;
        for (const std::string& key : error.path()) place += key + ": ";
        throw callbacks::SynapseError(400, place + error.what(), callbacks::Codes::INVALID_PARAM);
    }
}

async::task<Response> put_module(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                 modapi::WorkerGroup& workers) {
    const callbacks::Requester admin = co_await authenticate_admin(authentication, database, request);
    const bool is_for_all = is_for_all_processes(request);
    const modapi::RuleChange change = change_in(required_json_body(request));
    modapi::ChangedRulesOfProcesses changed;
    if (is_for_all) {
        const modapi::AllProcesses all(workers);
        async::task<modapi::ChangedRulesOfProcesses> changing =
            all.change_rules(request.path_parameters.at(0), change, admin.user.to_string(), patience_with_workers);
        changed = co_await std::move(changing);
    } else {
        async::task<modapi::ChangedRules> changing = workers.change_rules(request.path_parameters.at(0), change, patience_with_workers);
        modapi::ChangedRules own = co_await std::move(changing);
        static_cast<modapi::ChangedRules&>(changed) = std::move(own);
    }
    spdlog::info("{} changed modules[{}] (module {}): {}", admin.user.to_string(), changed.position, changed.module, change.text());
    JsonArray later;
    for (const std::string& worker : changed.later) later.emplace_back(worker);
    JsonDict answer;
    answer["position"] = changed.position;
    answer["name"] = changed.module;
    if (!later.empty()) answer["workers_without_answer"] = std::move(later);
    name_silent(answer, changed.silent);
    co_return ok(std::move(answer));
}

}  // namespace

void add_module_endpoints(Router& router) {
    router.add("GET", "/_synapse/admin/v1/modules", &get_modules);
    router.add("POST", "/_synapse/admin/v1/modules/reload", &reload_modules);
    router.add("PUT", "/_synapse/admin/v1/modules/{module}", &put_module);
}

}  // namespace homeserver
