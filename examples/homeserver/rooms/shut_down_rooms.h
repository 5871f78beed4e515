#pragma once

#include <modapi/database.h>

#include <cstdint>
#include <string>
#include <vector>

/// What is left of rooms that were shut down: who is still to be told that they aren't in it any more. All for use inside a
/// transaction.
namespace homeserver {

void note_shut_down(modapi::Transaction& transaction, const std::string& room_id, const std::vector<std::string>& users);
/// The rooms that were shut down behind `since` with the user in them, in rows that come with the transaction's next statement.
[[nodiscard]] modapi::LaterRows<std::string> rooms_shut_down_since(modapi::Transaction& transaction, const std::string& user_id,
                                                                   std::int64_t since);

}  // namespace homeserver
