#include "admin/admin_background_updates.h"

#include "access/authentication.h"
#include "admin/admin_authentication.h"
#include "admin/admin_modules.h"
#include "background/background_work.h"
#include "background/updates_of_processes.h"
#include "http/requests.h"

#include <modapi/database.h>

#include <callbacks/errors.h>

#include <string>
#include <utility>

namespace homeserver {

namespace {

using callbacks::JsonDict;
using callbacks::SynapseError;
using modapi::Response;

JsonDict described(const CurrentUpdate& update) {
    JsonDict answer;
    answer["name"] = update.name;
    answer["total_item_count"] = update.total_item_count;
    answer["total_duration_ms"] = update.total_duration_ms;
    answer["average_items_per_ms"] = nullptr;
    if (update.average_items_per_ms) answer["average_items_per_ms"] = *update.average_items_per_ms;
    return answer;
}

async::task<Response> get_status(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                 BackgroundUpdates& background_updates, modapi::WorkerGroup& workers) {
    static_cast<void>(co_await authenticate_admin(authentication, database, request));
    const UpdatesOfProcesses of_all(background_updates, workers, patience_with_processes);
    const BackgroundStatus status = co_await of_all.status();
    JsonDict updates;
    if (status.current) updates[status.database_name] = described(*status.current);
    JsonDict answer;
    answer["enabled"] = status.enabled;
    answer["current_updates"] = std::move(updates);
    co_return ok(std::move(answer));
}

Response enabled_answer(bool enabled) {
    JsonDict answer;
    answer["enabled"] = enabled;
    return ok(std::move(answer));
}

async::task<Response> get_enabled(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                  BackgroundUpdates& background_updates, modapi::WorkerGroup& workers) {
    static_cast<void>(co_await authenticate_admin(authentication, database, request));
    const UpdatesOfProcesses of_all(background_updates, workers, patience_with_processes);
    const BackgroundStatus status = co_await of_all.status();
    co_return enabled_answer(status.enabled);
}

async::task<Response> post_enabled(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                   BackgroundUpdates& background_updates, modapi::WorkerGroup& workers) {
    static_cast<void>(co_await authenticate_admin(authentication, database, request));
    const JsonDict body = required_json_body(request);
    const callbacks::JsonValue* const given = body.if_contains("enabled");
    if (given != nullptr && !given->is_bool()) throw SynapseError(400, "'enabled' parameter must be a boolean");
    const bool enabled = given == nullptr || given->get_bool();
    const UpdatesOfProcesses of_all(background_updates, workers, patience_with_processes);
    co_await of_all.set_enabled(enabled);
    co_return enabled_answer(enabled);
}

async::task<Response> start_job(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                BackgroundUpdates& background_updates, modapi::WorkerGroup& workers) {
    static_cast<void>(co_await authenticate_admin(authentication, database, request));
    const std::string job_name = required_string_member(required_json_body(request), "job_name");
    co_await database.run("queue_job", &queue_job, job_name);
    const UpdatesOfProcesses of_all(background_updates, workers, patience_with_processes);
    co_await to_the_end(of_all.look_again());
    co_return ok();
}

}  // namespace

void add_background_update_endpoints(Router& router) {
    const std::string base = "/_synapse/admin/v1/background_updates/";
    router.add("GET", base + "status", &get_status);
    router.add("GET", base + "enabled", &get_enabled);
    router.add("POST", base + "enabled", &post_enabled);
    router.add("POST", base + "start_job", &start_job);
}

}  // namespace homeserver
