#pragma once

#include <callbacks/event.h>

#include <modapi/database.h>

#include <string>

/// Events of other servers that modules rejected: kept, so that later ones may refer to them, and shown to nobody.
namespace homeserver {

void store_soft_failed(modapi::Transaction& transaction, const callbacks::Event& event);
[[nodiscard]] bool is_soft_failed(modapi::Transaction& transaction, const std::string& room_id, const std::string& event_id);

}  // namespace homeserver
