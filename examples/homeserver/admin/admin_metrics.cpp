#include "admin/admin_metrics.h"

#include "access/authentication.h"
#include "admin/admin_authentication.h"
#include "admin/admin_modules.h"
#include "http/request_statistics.h"

#include <modapi/database.h>
#include <modapi/hosting/metrics.h>
#include <modapi/hosting/workers.h>

#include <utility>

namespace homeserver {

namespace {

using modapi::Response;

async::task<Response> get_metrics(const RoutedRequest&, const modapi::WorkerGroup& workers, const Traffic& traffic) {
    async::task<modapi::AnsweredWorkers> asking = workers.statistics_by_worker_within(patience_with_workers);
    const modapi::AnsweredWorkers answered = co_await std::move(asking);
    modapi::MetricFamilies metrics;
    metrics.add_modules(answered);
    traffic.add_to(metrics);
    metrics.add_process();
    Response response;
    response.headers.emplace_back("Content-Type", modapi::MetricFamilies::content_type);
    response.body = metrics.text();
    co_return response;
}

async::task<Response> get_metrics_as_admin(const RoutedRequest& request, Authentication& authentication,
                                           modapi::Database& database, const modapi::WorkerGroup& workers,
                                           const Traffic& traffic) {
    static_cast<void>(co_await authenticate_admin(authentication, database, request));
    async::task<Response> answering = get_metrics(request, workers, traffic);
    co_return co_await std::move(answering);
}

}  // namespace

void add_admin_metrics_endpoint(Router& router) { router.add("GET", "/_synapse/admin/v1/metrics", &get_metrics_as_admin); }
void add_open_metrics_endpoint(Router& router) { router.add("GET", "/_synapse/metrics", &get_metrics); }

}  // namespace homeserver
