#pragma once

#include "events/notifier.h"
#include "http/router.h"

#include <modapi/database.h>

#include <callbacks/account_data.h>
#include <callbacks/json.h>

#include <async/task.h>

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

/// What of a user's account data changed behind position `since`, global and of rooms, asked for with the transaction's next
/// statement; all of it for 0.
class LaterAccountData {
public:
    /// Both outlive it.
    LaterAccountData(modapi::Transaction& transaction, const std::string& user_id, std::int64_t since);
    /// In the order of change; then `m.push_rules`, which everybody has. Once.
    [[nodiscard]] std::vector<AccountDataItem> take();

private:
    modapi::Transaction& transaction_;
    const std::string& user_id_;
    std::int64_t since_;
    modapi::LaterRows<std::string, std::string, std::string> items_;
    modapi::LaterRows<std::int64_t> rules_position_;
};

/// All of a user's account data of one room, by type.
[[nodiscard]] std::vector<AccountDataItem> account_data_of_room(modapi::Transaction& transaction, const std::string& user_id,
                                                                const std::string& room_id);

/// One piece of it; none if it isn't there. `room_id` is empty for global data. For use inside a transaction.
[[nodiscard]] std::optional<callbacks::JsonDict> find_account_data(modapi::Transaction& transaction, const std::string& user_id,
                                                                   const std::string& room_id, const std::string& type);
/// Stores one piece in the place of what was there. For use inside a transaction; whoever changed it wakes the user's syncs.
void store_account_data(modapi::Transaction& transaction, const std::string& user_id, const std::string& room_id,
                        const std::string& type, const callbacks::JsonDict& content);

/// Tells of changed account data. One a worker; thread: the worker's.
class AccountData {
public:
    AccountData(modapi::Database& database, callbacks::AccountDataDispatch& account_data_callbacks, Notifier& notifier) noexcept
        : database_(database), account_data_callbacks_(account_data_callbacks), notifier_(notifier) {}

    /// What follows stored account data: the user's syncs are woken, then on_account_data_updated runs.
    [[nodiscard]] async::task<void> announce(std::string user_id, std::string room_id, std::string type,
                                             callbacks::JsonDict content);

    /// Replaces it; on_account_data_updated runs. Errors: SynapseError 405 for types that are kept by other means.
    [[nodiscard]] async::task<void> put_global(std::string user_id, std::string type, callbacks::JsonDict content);

private:
    modapi::Database& database_;
    callbacks::AccountDataDispatch& account_data_callbacks_;
    Notifier& notifier_;
};

/// Errors: SynapseError 400 `M_INVALID_PARAM` for what is no room id.
void require_room_id(const std::string& room_id);

/// Global data of a user; none if it was never set.
[[nodiscard]] async::task<std::optional<callbacks::JsonDict>> global_account_data(modapi::Database& database,
                                                                                  std::string user_id, std::string type);

/// GET and PUT /user/{user}/account_data/{type} and /user/{user}/rooms/{room}/account_data/{type}, and DELETE of both under
/// /_matrix/client/unstable/org.matrix.msc3391.
void add_account_data_endpoints(Router& router);

}  // namespace homeserver
