#pragma once

#include "http/router.h"

#include <modapi/module_statistics.h>

#include <vector>

namespace homeserver {

/// Adds a worker's modules to those of others: every worker has built the same modules in the same order.
void add_up(std::vector<modapi::ModuleStatistics>& together, const std::vector<modapi::ModuleStatistics>& of_worker);

/// What the modules of all workers registered, did and cost: `/_synapse/admin/v1/modules`.
void add_module_endpoints(Router& router);

}  // namespace homeserver
