#pragma once

#include <modapi/hosting/workers.h>

#include <callbacks/json.h>

#include <async/duration_histogram.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace prometheus {
struct MetricFamily;
}

/// What a host shows to Prometheus: what its modules did and what its process uses, with families of its own beside them.
///
///     modapi::MetricFamilies metrics;
///     metrics.add_modules(co_await std::move(asking));  // WorkerGroup::statistics_by_worker_within
///     metrics.add_process();
///     metrics.gauge("chat_rooms", "Rooms that somebody is in.").add({}, rooms);
///     response.body = metrics.text();
namespace modapi {

/// Names and values, in the order in which they are to stand. A value may be any bytes: it is escaped, and what of it isn't UTF-8
/// becomes U+FFFD.
using MetricLabels = std::vector<std::pair<std::string, std::string>>;

/// One family, and its series. Lifetime: that of the MetricFamilies it is of. No two of its series may have the same labels.
class MetricFamily {
public:
    /// A series of a counter's or a gauge's. Errors: std::invalid_argument for a name that is none, as of the next.
    void add(const MetricLabels& labels, double value);
    /// A series of a histogram's, in seconds.
    void add(const MetricLabels& labels, const async::duration_counts& durations);

private:
    friend class MetricFamilies;
    explicit MetricFamily(prometheus::MetricFamily& made) noexcept : made_(made) {}

    prometheus::MetricFamily& made_;
};

/// Everything that one answer to Prometheus has. Made for it, and gone with it.
///
/// Thread: one. Errors: std::invalid_argument for a name that is none, or that was there before. Names and units are those of
/// Prometheus' conventions: a counter's ends in `_total`, times are in `_seconds`.
class MetricFamilies {
public:
    MetricFamilies();
    ~MetricFamilies();
    MetricFamilies(MetricFamilies&&) noexcept;
    MetricFamilies& operator=(MetricFamilies&&) noexcept;

    /// Numbers that only grow.
    [[nodiscard]] MetricFamily counter(std::string_view name, std::string_view help);
    /// Numbers that go up and down.
    [[nodiscard]] MetricFamily gauge(std::string_view name, std::string_view help);
    /// How often something took how long.
    [[nodiscard]] MetricFamily histogram(std::string_view name, std::string_view help);

    /// What the modules of each worker did, and which workers say nothing: `modapi_...`, whose list is in docs/metrics.md. An entry
    /// of `modules:` whose name an earlier one has is called `NAME#2`, and so on.
    void add_modules(const AnsweredWorkers& answered);
    /// What this process uses: `process_...`, by the names that Prometheus' own client libraries have. What can't be read is left
    /// out. Cost: four files of /proc, and a look at each file descriptor.
    void add_process();
    /// What this process is among those that are one server, and what that costs: `modapi_process_info` and others. Null: nothing, it is
    /// alone.
    void add_process_group(ProcessGroup* processes);

    /// Adds those of a process, each series with one label more, `process`, unless it has that.
    void add(const MetricFamilies& others, std::string_view process);
    /// As processes tell it each other.
    [[nodiscard]] callbacks::JsonDict as_json() const;
    /// Errors: std::exception for what as_json() doesn't write.
    [[nodiscard]] static MetricFamilies read(const callbacks::JsonDict& told);

    /// All of it, in Prometheus' text format; `content_type` says which. A family without series is left out.
    [[nodiscard]] std::string text() const;
    static constexpr const char* content_type = "text/plain; version=0.0.4; charset=utf-8";

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace modapi
