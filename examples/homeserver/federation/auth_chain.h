#pragma once

#include <callbacks/event.h>

#include <modapi/database.h>

#include <string>
#include <vector>

namespace homeserver {

/// Every event that these events are authorized by, directly or through others; each once. For use inside a transaction.
[[nodiscard]] std::vector<callbacks::Event> auth_chain_of(modapi::Transaction& transaction, const std::string& room_id,
                                                          const std::vector<callbacks::Event>& events);

}  // namespace homeserver
