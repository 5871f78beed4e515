#pragma once

#include "http/router.h"

#include <modapi/hosting/metrics.h>

#include <async/duration_histogram.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace homeserver {

/// Who answered a request: an endpoint, a module's web resource, or nobody knows the path.
struct AnsweredBy {
    const Router::Added* endpoint = nullptr;  ///< null: none did
    bool is_module = false;
};

/// What came of the requests on one thread's connections. Thread: that one writes, any reads. Cost: some stores a request.
class RequestStatistics {
public:
    /// `router` has its endpoints, and outlives it.
    explicit RequestStatistics(const Router& router);

    void connected() noexcept { change(connections_, 1); }
    void disconnected() noexcept { change(connections_, -1); }
    void answered(const AnsweredBy& by, std::string_view method, int status, std::chrono::steady_clock::duration took) noexcept;
    /// A request that couldn't be read.
    void refused(int status) noexcept;

private:
    friend class Traffic;

    static constexpr std::size_t status_classes = 6;  // by the first digit; [0] is none
    /// Of one endpoint, or of one method in what no endpoint answers.
    struct Row {
        std::array<std::atomic<std::uint64_t>, status_classes> by_status{};
        async::duration_histogram durations;
    };

    static void change(std::atomic<std::int64_t>& number, std::int64_t by) noexcept {
        number.store(number.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
    }
    static void count(Row& row, int status) noexcept;
    [[nodiscard]] std::string endpoint_of(std::size_t row) const;
    [[nodiscard]] std::string method_of(std::size_t row) const;

    const Router& router_;
    std::vector<Row> rows_;  // by the endpoint's index; then by method, what modules answer and what nobody does; then what can't be read
    std::atomic<std::int64_t> connections_{0};
};

/// All requests of the process.
class Traffic {
public:
    /// What is counted on a thread. Before somebody asks for all of it. `router`: see RequestStatistics. Lifetime: this one's.
    [[nodiscard]] RequestStatistics& of(std::string thread, const Router& router);
    /// What came of all requests so far: by endpoint, method and status. Thread: any.
    void add_to(modapi::MetricFamilies& metrics) const;

private:
    struct Counted {
        Counted(std::string name, const Router& router) : thread(std::move(name)), statistics(router) {}

        std::string thread;
        RequestStatistics statistics;
    };
    std::deque<Counted> threads_;
};

}  // namespace homeserver
