#pragma once

#include "router.h"
#include "server_worker.h"

#include <callbacks/json.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace homeserver {

/// One piece of a user's account data.
struct AccountDataItem {
    std::string room_id;  ///< empty: global
    std::string type;
    callbacks::JsonDict content;
};

/// Keeps one piece of a user's account data; `room_id` is empty for global data. For use inside a transaction.
void store_account_data(modapi::Transaction& transaction, const std::string& user_id, const std::string& room_id,
                        const std::string& type, const callbacks::JsonDict& content);
/// For use inside a transaction.
[[nodiscard]] std::optional<callbacks::JsonDict> find_account_data(modapi::Transaction& transaction, const std::string& user_id,
                                                                   const std::string& room_id, const std::string& type);
/// What follows stored account data: the user's syncs are woken, then on_account_data_updated runs.
[[nodiscard]] async::task<void> announce_account_data(ServerWorker& worker, std::string user_id, std::string room_id,
                                                      std::string type, callbacks::JsonDict content);

/// What of a user's account data changed behind position `since`, global and of rooms; all of it for 0. In the order of change.
[[nodiscard]] std::vector<AccountDataItem> account_data_since(modapi::Transaction& transaction, const std::string& user_id,
                                                              std::int64_t since);

/// GET and PUT /user/{user}/account_data/{type} and /user/{user}/rooms/{room}/account_data/{type}.
void add_account_data_endpoints(Router& router);

}  // namespace homeserver
