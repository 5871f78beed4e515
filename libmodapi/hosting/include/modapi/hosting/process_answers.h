#pragma once

#include <modapi/hosting/decision.h>
#include <modapi/hosting/module_host.h>
#include <modapi/hosting/workers.h>

#include <callbacks/json.h>

namespace modapi {

/// What the processes of one server tell each other of themselves, as JSON: every member of it. Errors of the second of each
/// pair: std::exception, for what the first one doesn't write.
[[nodiscard]] callbacks::JsonDict as_json(const AnsweredWorkers& answered);
[[nodiscard]] AnsweredWorkers answered_workers_of(const callbacks::JsonDict& told);

[[nodiscard]] callbacks::JsonDict as_json(const DecisionFilter& filter);
[[nodiscard]] DecisionFilter decision_filter_of(const callbacks::JsonDict& told);

[[nodiscard]] callbacks::JsonDict as_json(const DecisionPage& page);
[[nodiscard]] DecisionPage decision_page_of(const callbacks::JsonDict& told);

[[nodiscard]] callbacks::JsonDict as_json(const ModuleChanges& changes);
[[nodiscard]] ModuleChanges module_changes_of(const callbacks::JsonDict& told);

}  // namespace modapi
