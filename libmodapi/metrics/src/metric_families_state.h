#pragma once

#include <modapi/hosting/metrics.h>

#include <prometheus/metric_family.h>

#include <deque>
#include <string_view>

namespace modapi {

struct MetricFamilies::State {
    std::deque<prometheus::MetricFamily> families;  // those that are there stay where they are

    /// Errors: std::invalid_argument for a name that is none, or that was there before.
    MetricFamily add(std::string_view name, std::string_view help, prometheus::MetricType type);
};

}  // namespace modapi
