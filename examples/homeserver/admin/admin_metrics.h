#pragma once

#include "http/router.h"

#include <modapi/hosting/workers.h>

#include <callbacks/json.h>

#include <async/task.h>

namespace homeserver {

class Traffic;

/// What Prometheus asks for, to admins: `/_synapse/admin/v1/metrics`. Of all processes that are one server, each series with its `process`.
void add_admin_metrics_endpoint(Router& router);

/// The same of this process alone to whoever asks: `/_synapse/metrics`, of a listener that only the operator's network reaches.
void add_open_metrics_endpoint(Router& router);

/// What another process is told that asks for the topic `metrics`.
inline constexpr const char* topic_of_metrics = "metrics";
[[nodiscard]] async::task<callbacks::JsonDict> tell_metrics(const modapi::WorkerGroup& workers, const Traffic& traffic);

}  // namespace homeserver
