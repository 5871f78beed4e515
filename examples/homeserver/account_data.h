#pragma once

#include "router.h"
#include "server_worker.h"

#include <callbacks/json.h>

#include <cstdint>
#include <string>
#include <vector>

namespace homeserver {

/// One piece of a user's account data.
struct AccountDataItem {
    std::string room_id;  ///< empty: global
    std::string type;
    callbacks::JsonDict content;
};

/// What of a user's account data changed behind position `since`, global and of rooms; all of it for 0. In the order of change.
[[nodiscard]] std::vector<AccountDataItem> account_data_since(modapi::Transaction& transaction, const std::string& user_id,
                                                              std::int64_t since);

/// All of a user's account data of one room, by type.
[[nodiscard]] std::vector<AccountDataItem> account_data_of_room(modapi::Transaction& transaction, const std::string& user_id,
                                                                const std::string& room_id);

/// GET and PUT /user/{user}/account_data/{type} and /user/{user}/rooms/{room}/account_data/{type}.
void add_account_data_endpoints(Router& router);

}  // namespace homeserver
