#pragma once

#include "rate_limits/rate_limits.h"
#include "rooms/draft.h"

#include <modapi/database.h>

#include <async/task.h>

#include <memory>
#include <optional>
#include <string>

namespace homeserver {

/// Has the event count once it is stored; null: it isn't limited.
void count_when_stored(Draft& draft, std::shared_ptr<RateClaim> claim);

/// Has the draft's event count as a message of its sender once it is stored. Gives the id of the event that the same request
/// made before, for a sender who is at the limit; none: it is to be sent. `draft` outlives it. Errors: LimitExceeded.
[[nodiscard]] async::task<std::optional<std::string>> limit_draft(RateLimits& rate_limits, modapi::Database& database,
                                                                  Draft& draft);

}  // namespace homeserver
