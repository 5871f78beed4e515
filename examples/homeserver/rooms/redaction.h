#pragma once

#include "events/signing_key.h"
#include "http/router.h"
#include "rate_limits/rate_limits.h"
#include "rooms/appended_event.h"
#include "rooms/event_sender.h"

#include <modapi/database.h>
#include <modapi/web_resource.h>

#include <async/task.h>
#include <callbacks/users.h>

#include <optional>
#include <string>

namespace homeserver {

/// A redaction that a client asks for.
struct WantedRedaction {
    std::string room_id;
    std::string redacts;
    std::optional<std::string> reason;
    SentTransaction transaction;
};

/// Sends it, and answers with its id. What the requester has sent themselves they may take back while they are suspended.
/// Errors: LimitExceeded, those of EventSender::send_for.
[[nodiscard]] async::task<modapi::Response> redact_for(callbacks::Requester requester, WantedRedaction wanted,
                                                       modapi::Database& database, const SigningKey& signing_key,
                                                       RateLimits& rate_limits, EventSender& event_sender);

/// PUT /rooms/{room}/redact/{event}/{transaction}.
void add_redaction_endpoint(Router& router);

}  // namespace homeserver
