#include "admin/admin_metrics.h"

#include "access/authentication.h"
#include "admin/admin_authentication.h"
#include "admin/admin_modules.h"
#include "http/request_statistics.h"

#include <modapi/database.h>
#include <modapi/hosting/all_processes.h>
#include <modapi/hosting/metrics.h>
#include <modapi/hosting/workers.h>

#include <spdlog/spdlog.h>

#include <exception>
#include <map>
#include <string>
#include <utility>

namespace homeserver {

namespace {

using modapi::Response;

async::task<modapi::MetricFamilies> metrics_of(const modapi::WorkerGroup& workers, const Traffic& traffic) {
    async::task<modapi::AnsweredWorkers> asking = workers.statistics_by_worker_within(patience_with_workers);
    const modapi::AnsweredWorkers answered = co_await std::move(asking);
    modapi::MetricFamilies metrics;
    metrics.add_modules(answered);
    traffic.add_to(metrics);
    metrics.add_process();
    metrics.add_process_group(workers.processes());
    co_return metrics;
}

Response shown(const modapi::MetricFamilies& metrics) {
    Response response;
    response.headers.emplace_back("Content-Type", modapi::MetricFamilies::content_type);
    response.body = metrics.text();
    return response;
}

async::task<Response> get_metrics(const RoutedRequest&, const modapi::WorkerGroup& workers, const Traffic& traffic) {
    async::task<modapi::MetricFamilies> asking = metrics_of(workers, traffic);
    const modapi::MetricFamilies metrics = co_await std::move(asking);
    co_return shown(metrics);
}

/// Of each process, and which ones said something.
modapi::MetricFamilies united(const std::string& own_name, const modapi::MetricFamilies& own,
                              const modapi::AskedProcesses& asked) {
    modapi::MetricFamilies all;
    all.add(own, own_name);
    std::map<std::string, double> up{{own_name, 1}};
    for (const modapi::SilentProcess& silent : asked.silent) up.emplace(silent.process, 0);
    for (const modapi::AskedProcesses::Answer& answer : asked.answers) {
        bool is_read = false;
        try {
            all.add(modapi::MetricFamilies::read(answer.content), answer.process);
            is_read = true;
        } catch (const std::exception& error) {
            spdlog::warn("the metrics of process {} can't be read: {}", answer.process, error.what());
        }
        up.emplace(answer.process, is_read ? 1 : 0);
    }
    modapi::MetricFamily processes = all.gauge("modapi_process_up", "1: the process has answered.");
    for (const auto& [process, has_answered] : up) processes.add({{"process", process}}, has_answered);
    return all;
}

async::task<Response> get_metrics_as_admin(const RoutedRequest& request, Authentication& authentication,
                                           modapi::Database& database, modapi::WorkerGroup& workers, const Traffic& traffic) {
    static_cast<void>(co_await authenticate_admin(authentication, database, request));
    async::task<modapi::MetricFamilies> asking_own = metrics_of(workers, traffic);
    const modapi::MetricFamilies own = co_await std::move(asking_own);
    const modapi::AllProcesses all(workers);
    if (all.is_alone()) co_return shown(own);
    async::task<modapi::AskedProcesses> asking = all.ask(topic_of_metrics, {}, patience_with_processes);
    const modapi::AskedProcesses asked = co_await std::move(asking);
    co_return shown(united(workers.process(), own, asked));
}

}  // namespace

async::task<callbacks::JsonDict> tell_metrics(const modapi::WorkerGroup& workers, const Traffic& traffic) {
    async::task<modapi::MetricFamilies> asking = metrics_of(workers, traffic);
    const modapi::MetricFamilies metrics = co_await std::move(asking);
    co_return metrics.as_json();
}

void add_admin_metrics_endpoint(Router& router) { router.add("GET", "/_synapse/admin/v1/metrics", &get_metrics_as_admin); }
void add_open_metrics_endpoint(Router& router) { router.add("GET", "/_synapse/metrics", &get_metrics); }

}  // namespace homeserver
