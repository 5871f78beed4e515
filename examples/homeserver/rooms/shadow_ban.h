#pragma once

#include "events/signing_key.h"
#include "rooms/appended_event.h"

#include <modapi/web_resource.h>

#include <string>

namespace homeserver {

/// What a shadow-banned user gets for an event that they wanted to send: an event id like any other. No module is asked and
/// nothing is stored; the user can't tell.
[[nodiscard]] modapi::Response pretended_event();
/// What a shadow-banned user gets for an event in a transaction: when it is sent again, to whichever process of the server, the
/// event id is that of the first time.
[[nodiscard]] modapi::Response pretended_event(const SigningKey& signing_key, const std::string& room_id,
                                               const SentTransaction& transaction);

}  // namespace homeserver
