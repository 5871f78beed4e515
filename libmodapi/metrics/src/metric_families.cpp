#include "metric_families_state.h"

#include <callbacks/text.h>

#include <prometheus/check_names.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace modapi {

namespace {

constexpr double nanoseconds_in_a_second = 1e9;

/// Bounds of buckets that are shown, in nanoseconds: 1 and 3 in each power of ten. All of them are duration_bounds.
constexpr std::array<std::uint64_t, 16> shown_bounds{1'000,         3'000,         10'000,         30'000,
                                                     100'000,       300'000,       1'000'000,      3'000'000,
                                                     10'000'000,    30'000'000,    100'000'000,    300'000'000,
                                                     1'000'000'000, 3'000'000'000, 10'000'000'000, 30'000'000'000};

prometheus::ClientMetric series_with(const MetricLabels& labels) {
    prometheus::ClientMetric series;
    for (const auto& [name, value] : labels) {
        if (!prometheus::CheckLabelName(name)) throw std::invalid_argument("this is no name of a metric's label: " + name);
        series.label.push_back({name, callbacks::repaired_utf8(value)});
    }
    return series;
}

prometheus::ClientMetric::Histogram shown(const async::duration_counts& durations) {
    prometheus::ClientMetric::Histogram histogram;
    auto bucket = durations.buckets.begin();
    std::uint64_t so_far = 0;
    for (const std::uint64_t bound : shown_bounds) {
        const auto end = durations.buckets.begin() + static_cast<std::ptrdiff_t>(async::duration_bounds::bucket_of(bound)) + 1;
        for (; bucket != end; ++bucket) so_far += *bucket;
        histogram.bucket.push_back({so_far, static_cast<double>(bound) / nanoseconds_in_a_second});
    }
    histogram.sample_count = durations.count();
    histogram.sample_sum = static_cast<double>(durations.total_ns) / nanoseconds_in_a_second;
    return histogram;
}

}  // namespace

void MetricFamily::add(const MetricLabels& labels, double value) {
    prometheus::ClientMetric series = series_with(labels);
    if (made_.type == prometheus::MetricType::Counter) {
        series.counter.value = value;
    } else {
        series.gauge.value = value;
    }
    made_.metric.push_back(std::move(series));
}

void MetricFamily::add(const MetricLabels& labels, const async::duration_counts& durations) {
    prometheus::ClientMetric series = series_with(labels);
    series.histogram = shown(durations);
    made_.metric.push_back(std::move(series));
}

MetricFamily MetricFamilies::State::add(std::string_view name, std::string_view help, prometheus::MetricType type) {
    const auto has_name = [&](const prometheus::MetricFamily& other) { return other.name == name; };
    if (!prometheus::CheckMetricName(std::string(name)) || std::any_of(families.begin(), families.end(), has_name))
        throw std::invalid_argument("this is no name of a metric, or of two: " + std::string(name));
    prometheus::MetricFamily& added = families.emplace_back();
    added.name = name;
    added.help = help;
    added.type = type;
    return MetricFamily(added);
}

MetricFamilies::MetricFamilies() : state_(std::make_unique<State>()) {}
MetricFamilies::~MetricFamilies() = default;
MetricFamilies::MetricFamilies(MetricFamilies&&) noexcept = default;
MetricFamilies& MetricFamilies::operator=(MetricFamilies&&) noexcept = default;

MetricFamily MetricFamilies::counter(std::string_view name, std::string_view help) {
    return state_->add(name, help, prometheus::MetricType::Counter);
}
MetricFamily MetricFamilies::gauge(std::string_view name, std::string_view help) {
    return state_->add(name, help, prometheus::MetricType::Gauge);
}
MetricFamily MetricFamilies::histogram(std::string_view name, std::string_view help) {
    return state_->add(name, help, prometheus::MetricType::Histogram);
}

std::string MetricFamilies::text() const {
    std::vector<prometheus::MetricFamily> with_series;
    std::copy_if(state_->families.begin(), state_->families.end(), std::back_inserter(with_series),
                 [](const prometheus::MetricFamily& family) { return !family.metric.empty(); });
    return prometheus::TextSerializer().prometheus::Serializer::Serialize(with_series);
}

}  // namespace modapi
