#pragma once

#include <modapi/hosting/decision.h>
#include <modapi/hosting/module_host.h>
#include <modapi/hosting/workers.h>

#include <callbacks/json.h>

namespace modapi {

/// What the processes of one server tell each other of themselves, as JSON: every member of it. Errors of the second of each
/// pair: std::exception, for what the first one doesn't write.
[[nodiscard]] callbacks::JsonDict as_json(const AnsweredWorkers& answered);
/// Reads it back.
[[nodiscard]] AnsweredWorkers answered_workers_of(const callbacks::JsonDict& told);

/// What is asked for.
[[nodiscard]] callbacks::JsonDict as_json(const DecisionFilter& filter);
/// Reads it back.
[[nodiscard]] DecisionFilter decision_filter_of(const callbacks::JsonDict& told);

/// A page of decisions.
[[nodiscard]] callbacks::JsonDict as_json(const DecisionPage& page);
/// Reads it back.
[[nodiscard]] DecisionPage decision_page_of(const callbacks::JsonDict& told);

/// What a change of modules did.
[[nodiscard]] callbacks::JsonDict as_json(const ModuleChanges& changes);
/// Reads it back.
[[nodiscard]] ModuleChanges module_changes_of(const callbacks::JsonDict& told);

}  // namespace modapi
