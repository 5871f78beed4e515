#include "http/request_statistics.h"

#include <algorithm>
#include <map>
#include <utility>

namespace homeserver {

namespace {

/// What a request may name that no endpoint answers; a client can send any word.
constexpr std::array<std::string_view, 8> methods = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "other"};

std::size_t index_of(std::string_view method) noexcept {
    return static_cast<std::size_t>(std::find(methods.begin(), methods.end() - 1, method) - methods.begin());
}

}  // namespace

RequestStatistics::RequestStatistics(const Router& router)
    : router_(router), rows_(router.endpoints().size() + 2 * methods.size() + 1) {}

void RequestStatistics::count(Row& row, int status) noexcept {
    const std::size_t digit = status < 0 ? 0 : static_cast<std::size_t>(status) / 100;
    std::atomic<std::uint64_t>& counter = row.by_status[digit < status_classes ? digit : 0];
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void RequestStatistics::answered(const AnsweredBy& by, std::string_view method, int status,
                                 std::chrono::steady_clock::duration took) noexcept {
    const std::size_t endpoints = router_.endpoints().size();
    const std::size_t by_method = endpoints + (by.is_module ? 0 : methods.size()) + index_of(method);
    Row& row = rows_[by.endpoint != nullptr ? static_cast<std::size_t>(by.endpoint - router_.endpoints().data()) : by_method];
    count(row, status);
    row.durations.add(static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(took).count()));
}

void RequestStatistics::refused(int status) noexcept { count(rows_.back(), status); }

std::string RequestStatistics::endpoint_of(std::size_t row) const {
    const std::size_t endpoints = router_.endpoints().size();
    if (row < endpoints) return router_.endpoints()[row].pattern;
    if (row < endpoints + methods.size()) return "what modules serve";
    return row + 1 < rows_.size() ? "unrecognized" : "unreadable";
}

std::string RequestStatistics::method_of(std::size_t row) const {
    const std::size_t endpoints = router_.endpoints().size();
    if (row < endpoints) return router_.endpoints()[row].method;
    return std::string(row + 1 < rows_.size() ? methods[(row - endpoints) % methods.size()] : methods.back());
}

RequestStatistics& Traffic::of(std::string thread, const Router& router) {
    return threads_.emplace_back(std::move(thread), router).statistics;
}

void Traffic::add_to(modapi::MetricFamilies& metrics) const {
    struct Sums {
        std::array<std::uint64_t, RequestStatistics::status_classes> by_status{};
        async::duration_counts durations;
    };
    std::map<std::pair<std::string, std::string>, Sums> sums;
    modapi::MetricFamily connections = metrics.gauge("modapi_http_server_connections", "Clients' connections that are open.");
    for (const Counted& counted : threads_) {
        const RequestStatistics& statistics = counted.statistics;
        connections.add({{"worker", counted.thread}},
                        static_cast<double>(statistics.connections_.load(std::memory_order_relaxed)));
        for (std::size_t row = 0; row < statistics.rows_.size(); ++row) {
            const RequestStatistics::Row& counts = statistics.rows_[row];
            std::array<std::uint64_t, RequestStatistics::status_classes> by_status{};
            for (std::size_t digit = 0; digit < by_status.size(); ++digit)
                by_status[digit] = counts.by_status[digit].load(std::memory_order_relaxed);
            if (std::all_of(by_status.begin(), by_status.end(), [](std::uint64_t number) { return number == 0; })) continue;
            Sums& sum = sums[{statistics.endpoint_of(row), statistics.method_of(row)}];
            for (std::size_t digit = 0; digit < by_status.size(); ++digit) sum.by_status[digit] += by_status[digit];
            sum.durations.add(counts.durations.counts());
        }
    }
    modapi::MetricFamily requests = metrics.counter(
        "modapi_http_server_requests_total",
        "Requests that clients and other servers made, by endpoint, method and the first digit of the answer's status.");
    modapi::MetricFamily durations = metrics.histogram(
        "modapi_http_server_request_duration_seconds", "How long requests took from their last byte to their answer's first.");
    for (const auto& [of, sum] : sums) {
        const modapi::MetricLabels labels = {{"endpoint", of.first}, {"method", of.second}};
        for (std::size_t digit = 0; digit < sum.by_status.size(); ++digit) {
            if (sum.by_status[digit] == 0) continue;
            modapi::MetricLabels with_status = labels;
            with_status.emplace_back("status", std::to_string(digit) + "xx");
            requests.add(with_status, static_cast<double>(sum.by_status[digit]));
        }
        if (sum.durations.count() > 0) durations.add(labels, sum.durations);
    }
}

}  // namespace homeserver
