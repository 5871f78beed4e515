#include "metric_families_state.h"

#include <modapi/hosting/process_group.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>

/// Metrics of several processes that are one server.
namespace modapi {

namespace {

using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;

JsonDict told_histogram(const prometheus::ClientMetric::Histogram& histogram) {
    JsonArray buckets;
    for (const prometheus::ClientMetric::Bucket& bucket : histogram.bucket)
        buckets.push_back(JsonArray{bucket.cumulative_count, bucket.upper_bound});
    JsonDict told;
    told["count"] = histogram.sample_count;
    told["sum"] = histogram.sample_sum;
    told["buckets"] = std::move(buckets);
    return told;
}

prometheus::ClientMetric::Histogram histogram_in(const JsonDict& told) {
    prometheus::ClientMetric::Histogram histogram;
    histogram.sample_count = told.at("count").to_number<std::uint64_t>();
    histogram.sample_sum = told.at("sum").to_number<double>();
    for (const JsonValue& bucket : told.at("buckets").as_array())
        histogram.bucket.push_back({bucket.at(0).to_number<std::uint64_t>(), bucket.at(1).to_number<double>()});
    return histogram;
}

JsonDict told_series(const prometheus::ClientMetric& series, prometheus::MetricType type) {
    JsonDict labels;
    for (const prometheus::ClientMetric::Label& label : series.label) labels[label.name] = label.value;
    JsonDict told;
    told["labels"] = std::move(labels);
    if (type == prometheus::MetricType::Histogram) {
        told["histogram"] = told_histogram(series.histogram);
    } else {
        told["value"] = type == prometheus::MetricType::Counter ? series.counter.value : series.gauge.value;
    }
    return told;
}

prometheus::ClientMetric series_in(const JsonDict& told, prometheus::MetricType type) {
    prometheus::ClientMetric series;
    for (const auto& label : told.at("labels").as_object())
        series.label.push_back({std::string(label.key()), std::string(label.value().as_string())});
    if (type == prometheus::MetricType::Histogram) {
        series.histogram = histogram_in(told.at("histogram").as_object());
    } else if (type == prometheus::MetricType::Counter) {
        series.counter.value = told.at("value").to_number<double>();
    } else {
        series.gauge.value = told.at("value").to_number<double>();
    }
    return series;
}

}  // namespace

void MetricFamilies::add_process_group(ProcessGroup* processes) {
    if (processes == nullptr) return;
    const SharedMessages::Counts messages = processes->messages().counts();
    gauge("modapi_process_info", "Always 1; process: the name of this one among those that are one server.")
        .add({{"process", processes->name()}}, 1);
    gauge("modapi_background_lease_owned", "1: this process does the background work of all.")
        .add({}, processes->lease().owns() ? 1 : 0);
    gauge("modapi_background_lease_fence",
          "The fencing number of the last lease of background work that this process had; 0: it had none.")
        .add({}, static_cast<double>(processes->lease().fence()));
    counter("modapi_message_readings_total", "How often this process looked for what others wrote it.")
        .add({}, static_cast<double>(messages.readings));
    counter("modapi_message_readings_in_vain_total", "Of these, how often there was nothing.")
        .add({}, static_cast<double>(messages.in_vain));
}

void MetricFamilies::add(const MetricFamilies& others, std::string_view process) {
    for (const prometheus::MetricFamily& family : others.state_->families) {
        const auto is_same = [&](const prometheus::MetricFamily& known) { return known.name == family.name; };
        auto into = std::find_if(state_->families.begin(), state_->families.end(), is_same);
        if (into == state_->families.end()) {
            static_cast<void>(state_->add(family.name, family.help, family.type));
            into = std::prev(state_->families.end());
        }
        if (into->type != family.type) continue;
        for (prometheus::ClientMetric series : family.metric) {
            const bool is_named =
                std::any_of(series.label.begin(), series.label.end(),
                            [](const prometheus::ClientMetric::Label& label) { return label.name == "process"; });
            if (!is_named) series.label.push_back({"process", std::string(process)});
            into->metric.push_back(std::move(series));
        }
    }
}

JsonDict MetricFamilies::as_json() const {
    JsonArray families;
    for (const prometheus::MetricFamily& family : state_->families) {
        JsonArray all_series;
        for (const prometheus::ClientMetric& series : family.metric) all_series.push_back(told_series(series, family.type));
        JsonDict told;
        told["name"] = family.name;
        told["help"] = family.help;
        told["type"] = static_cast<int>(family.type);
        told["series"] = std::move(all_series);
        families.push_back(std::move(told));
    }
    JsonDict all;
    all["families"] = std::move(families);
    return all;
}

MetricFamilies MetricFamilies::read(const JsonDict& told) {
    MetricFamilies all;
    for (const JsonValue& family : told.at("families").as_array()) {
        const auto type = static_cast<prometheus::MetricType>(family.at("type").to_number<int>());
        static_cast<void>(all.state_->add(family.at("name").as_string(), family.at("help").as_string(), type));
        for (const JsonValue& series : family.at("series").as_array())
            all.state_->families.back().metric.push_back(series_in(series.as_object(), type));
    }
    return all;
}

}  // namespace modapi
