#pragma once

#include <modapi/hosting/all_processes.h>

#include <callbacks/json.h>

#include <vector>

namespace homeserver {

/// Adds to an answer which processes it says nothing of: `processes_without_answer`, if there are any.
void name_silent(callbacks::JsonDict& answer, const std::vector<modapi::SilentProcess>& silent);

}  // namespace homeserver
