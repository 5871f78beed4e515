#include "accounts/stored_profile.h"

#include <modapi/database.h>

#include <optional>
#include <tuple>
#include <utility>

namespace homeserver {

namespace {

using callbacks::ProfileInfo;

}  // namespace

ProfileInfo find_profile(modapi::Transaction& transaction, const std::string& user_id) {
    ProfileInfo profile;
    auto row = transaction.query_one<std::optional<std::string>, std::optional<std::string>>(
        "SELECT display_name, avatar_url FROM profiles WHERE user_id = ?", user_id);
    if (!row) return profile;
    profile.display_name = std::move(std::get<0>(*row));
    profile.avatar_url = std::move(std::get<1>(*row));
    return profile;
}

async::task<ProfileInfo> profile_of(modapi::Database& database, std::string user_id) {
    return database.read("profile_of", &find_profile, std::move(user_id));
}

}  // namespace homeserver
