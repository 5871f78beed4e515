#pragma once

#include "http/router.h"

#include <chrono>

namespace homeserver {

/// How long workers are waited for that are asked what their modules do: the whole answer comes within a second, whatever blocks one.
inline constexpr std::chrono::milliseconds patience_with_workers(700);

/// How long other processes are waited for that are asked what they know: they have waited for their workers themselves.
inline constexpr std::chrono::milliseconds patience_with_processes = patience_with_workers + std::chrono::milliseconds(200);

/// What the modules of all workers, in all processes, registered, did and cost, `/_synapse/admin/v1/modules`, and what an admin changes of how far they
/// are trusted.
void add_module_endpoints(Router& router);

}  // namespace homeserver
