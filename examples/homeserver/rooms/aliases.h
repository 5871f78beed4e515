#pragma once

#include "http/router.h"

#include <callbacks/spam_checker.h>

#include <modapi/database.h>

#include <async/task.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace homeserver {

/// The room an alias stands for. For use inside a transaction.
[[nodiscard]] std::optional<std::string> room_of_alias(modapi::Transaction& transaction, const std::string& alias);
[[nodiscard]] std::vector<std::string> aliases_of_room(modapi::Transaction& transaction, const std::string& room_id);
/// False: the alias is taken.
[[nodiscard]] bool insert_alias(modapi::Transaction& transaction, const std::string& alias, const std::string& room_id,
                                const std::string& creator);

/// Asks user_may_create_room_alias. Errors: SynapseError 403 "This user is not permitted to create this alias".
[[nodiscard]] async::task<void> require_alias_allowed(callbacks::SpamCheckerDispatch& spam_checker, std::string user_id,
                                                      std::string alias);

/// Errors: SynapseError 400 `M_INVALID_PARAM` for more bytes than an alias may have.
void require_alias_length(const std::string& alias);

/// For the content of the m.room.canonical_alias of a room that is being made, which has no other alias than `own` yet. Errors:
/// as require_leading_aliases.
void require_own_alias(const callbacks::JsonDict& content, const std::optional<std::string>& own);

/// For the content of an m.room.canonical_alias that a user is to send. Errors: SynapseError 400 `M_INVALID_PARAM` for what is
/// no alias, 400 `M_BAD_ALIAS` for one that doesn't lead to the room.
[[nodiscard]] async::task<void> require_leading_aliases(modapi::Database& database, std::string room_id, std::string user_id,
                                                        callbacks::JsonDict content);

/// Whether what require_leading_aliases let through is so still, for the transaction that stores the event.
[[nodiscard]] std::function<bool(modapi::Transaction&)> while_aliases_lead(std::string room_id, std::string user_id,
                                                                           const callbacks::JsonDict& content);

/// A room id as it is, or the room an alias stands for. Errors: SynapseError 404 "Room alias A not found", 400 for neither.
[[nodiscard]] async::task<std::string> resolved_room(modapi::Database& database, std::string room_id_or_alias);

/// GET, PUT, DELETE /directory/room/{alias}; GET /rooms/{room}/aliases.
void add_alias_endpoints(Router& router);

}  // namespace homeserver
