#pragma once

#include "http/router.h"

namespace homeserver {

/// What Prometheus asks for, to admins: `/_synapse/admin/v1/metrics`.
void add_admin_metrics_endpoint(Router& router);

/// The same to whoever asks: `/_synapse/metrics`, of a listener that only the operator's network reaches.
void add_open_metrics_endpoint(Router& router);

}  // namespace homeserver
