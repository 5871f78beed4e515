#pragma once

#include <callbacks/storable_json.h>

namespace homeserver {

using callbacks::require_storable;

}  // namespace homeserver
