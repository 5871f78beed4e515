#pragma once

#include <modapi/web_resource.h>

namespace homeserver {

/// What a shadow-banned user gets for an event that they wanted to send: an event id like any other. No module is asked and
/// nothing is stored; the user can't tell.
[[nodiscard]] modapi::Response pretended_event();

}  // namespace homeserver
