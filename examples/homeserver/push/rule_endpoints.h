#pragma once

#include "http/router.h"
#include "process/server_worker.h"

#include <callbacks/json.h>

#include <async/task.h>

#include <string>

namespace homeserver {

/// Sets the actions of one of a user's rules, an own or a default one, and tells the user's syncs. Errors:
/// callbacks::RuleNotFoundException.
[[nodiscard]] async::task<void> set_rule_actions(ServerWorker& worker, std::string user_id, std::string kind,
                                                 std::string rule_id, callbacks::JsonArray actions);

/// Everything under /pushrules.
void add_push_rule_endpoints(Router& router);

}  // namespace homeserver
