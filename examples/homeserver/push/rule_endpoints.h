#pragma once

#include "events/notifier.h"
#include "http/router.h"

#include <modapi/database.h>

#include <callbacks/json.h>

#include <async/task.h>

#include <string>

namespace homeserver {

/// Sets the actions of one of a user's rules, an own or a default one, and tells the user's syncs. Errors:
/// callbacks::RuleNotFoundException.
[[nodiscard]] async::task<void> set_rule_actions(modapi::Database& database, Notifier& notifier, std::string user_id,
                                                 std::string kind, std::string rule_id, callbacks::JsonArray actions);

/// Everything under /pushrules.
void add_push_rule_endpoints(Router& router);

}  // namespace homeserver
