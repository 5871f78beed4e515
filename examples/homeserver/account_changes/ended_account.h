#pragma once

#include "sessions/ended_sessions.h"

#include <callbacks/user_info.h>

#include <modapi/database.h>

#include <string>
#include <vector>

namespace homeserver {

/// What was an account's until it ended, for those who are to be told.
struct EndedAccount {
    std::vector<callbacks::ThirdPartyID> third_party_ids;
    RemovedTokens tokens;
    std::vector<std::string> presence_watchers;  ///< who is to be shown that the user is offline
};

/// Takes an account out of use, with all that ends with it: nothing of it is left over, and nothing comes between. Its rooms are
/// left one by one afterwards, and its profile goes only where that was asked for. For use inside a transaction.
[[nodiscard]] EndedAccount end_account(modapi::Transaction& transaction, const std::string& user_id);

/// Takes an account into use again; what somebody could have done in it before stays ended. For use inside a transaction.
void resume_account(modapi::Transaction& transaction, const std::string& user_id);

}  // namespace homeserver
