#include "profiles/profile.h"

#include "access/authentication.h"
#include "accounts/accounts.h"
#include "accounts/stored_profile.h"
#include "accounts/user_directory_words.h"
#include "http/requests.h"
#include "rooms/membership.h"
#include "text/server_name.h"
#include "text/unicode_text.h"

#include <modapi/database.h>

#include <callbacks/errors.h>
#include <callbacks/third_party_rules.h>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonDict;
using callbacks::ProfileInfo;
using callbacks::SynapseError;

constexpr std::string_view changing_profiles = "change a profile";

/// The two fields of a profile, which differ in nothing but names and limits.
struct ProfileField {
    const char* key;  ///< in paths and bodies
    const char* update_statement;
    std::optional<std::string> ProfileInfo::*value;
    std::size_t max_length;  ///< in characters
    const char* too_long;
};
constexpr ProfileField display_name_field = {"displayname",
                                             "INSERT INTO profiles (user_id, display_name) VALUES (?, ?) ON CONFLICT (user_id) "
                                             "DO UPDATE SET display_name = excluded.display_name",
                                             &ProfileInfo::display_name, 256, "Displayname is too long (max 256)"};
constexpr ProfileField avatar_field = {"avatar_url",
                                       "INSERT INTO profiles (user_id, avatar_url) VALUES (?, ?) ON CONFLICT (user_id) DO "
                                       "UPDATE SET avatar_url = excluded.avatar_url",
                                       &ProfileInfo::avatar_url, 1000, "Avatar URL is too long (max 1000)"};

struct FoundProfile {
    bool user_exists = false;
    ProfileInfo profile;
};

FoundProfile find_user_and_profile(modapi::Transaction& transaction, const std::string& user_id) {
    FoundProfile found;
    found.user_exists = find_account(transaction, user_id).has_value();
    found.profile = find_profile(transaction, user_id);
    return found;
}

ProfileInfo store_field(modapi::Transaction& transaction, const std::string& statement, const std::string& user_id,
                        const std::optional<std::string>& value, const std::optional<callbacks::Requester>& requester) {
    if (requester) require_session(transaction, *requester, changing_profiles);
    transaction.execute(statement, user_id, value);
    ProfileInfo profile = find_profile(transaction, user_id);
    write_directory_words(transaction, user_id, profile.display_name);
    return profile;
}

async::task<ProfileInfo> require_profile(modapi::Database& database, const RoutedRequest& request) {
    const callbacks::UserID user = user_parameter(request, 0);
    const FoundProfile found = co_await database.read("find_profile", &find_user_and_profile, user.to_string());
    if (!found.user_exists) throw SynapseError(404, "Profile was not found", Codes::NOT_FOUND);
    co_return found.profile;
}

void write_field(JsonDict& into, const ProfileField& field, const ProfileInfo& profile) {
    const std::optional<std::string>& value = profile.*field.value;
    if (value) into[field.key] = *value;
}

async::task<modapi::Response> get_profile(const RoutedRequest& request, modapi::Database& database) {
    const ProfileInfo profile = co_await require_profile(database, request);
    JsonDict answer;
    write_field(answer, display_name_field, profile);
    write_field(answer, avatar_field, profile);
    co_return ok(std::move(answer));
}

async::task<modapi::Response> get_field(modapi::Database& database, const RoutedRequest& request, const ProfileField& field) {
    const ProfileInfo profile = co_await require_profile(database, request);
    JsonDict answer;
    write_field(answer, field, profile);
    co_return ok(std::move(answer));
}

std::optional<std::string> checked_value(std::string value, const ProfileField& field) {
    if (character_count(value) > field.max_length) throw SynapseError(400, field.too_long);
    if (value.empty()) return std::nullopt;
    return value;
}

/// A field's new value; none takes it away.
struct FieldChange {
    std::string user_id;
    std::optional<std::string> value;
    bool by_admin = false;
    bool stays_out_of_rooms = false;  ///< of a shadow-banned user: nobody sees it
    std::optional<callbacks::Requester> requester;  ///< whose session asks for it; none: no client does
};

/// From the stored change on.
async::task<void> change_profile(modapi::Database& database, callbacks::ThirdPartyRulesDispatch& third_party_rules,
                                 Memberships& memberships, const ProfileField& field, FieldChange change) {
    const std::string& user_id = change.user_id;
    const std::string statement = field.update_statement;
    const ProfileInfo profile = co_await database.run("store_profile", &store_field, statement, user_id, change.value, change.requester);
    const bool deactivation = false;
    co_await third_party_rules.on_profile_update(user_id, profile, change.by_admin, deactivation);
    if (!change.stays_out_of_rooms) co_await memberships.update_profile(user_id, change.by_admin);
}

async::task<void> require_user(modapi::Database& database, const ServerName& server_name, std::string user_id) {
    if (!server_name.owns(user_id)) throw SynapseError(400, "User is not hosted on this homeserver");
    const bool exists = co_await user_exists(database, user_id);
    if (!exists) throw SynapseError(404, "Profile was not found", Codes::NOT_FOUND);
}

async::task<modapi::Response> put_field(Authentication& authentication, modapi::Database& database,
                                        const ServerName& server_name, callbacks::ThirdPartyRulesDispatch& third_party_rules,
                                        Memberships& memberships, const RoutedRequest& request, const ProfileField& field) {
    const callbacks::Requester requester = co_await authentication.requester_of(request, changing_profiles);
    FieldChange change;
    change.user_id = user_parameter(request, 0).to_string();
    change.by_admin = co_await is_server_admin(database, requester.user.to_string());
    change.stays_out_of_rooms = requester.shadow_banned;
    change.requester = requester;
    const JsonDict body = required_json_body(request);
    change.value = checked_value(required_string_member(body, field.key), field);
    const std::string& user_id = change.user_id;
    if (!server_name.owns(user_id)) throw SynapseError(400, "User is not hosted on this homeserver");
    if (!change.by_admin && requester.user.to_string() != user_id) {
        throw SynapseError(400, std::string("Cannot set another user's ") + field.key, Codes::FORBIDDEN);
    }
    co_await require_user(database, server_name, user_id);
    co_await to_the_end(change_profile(database, third_party_rules, memberships, field, std::move(change)));
    co_return ok();
}

async::task<modapi::Response> get_display_name(const RoutedRequest& request, modapi::Database& database) {
    return get_field(database, request, display_name_field);
}
async::task<modapi::Response> put_display_name(const RoutedRequest& request, Authentication& authentication,
                                               modapi::Database& database, const ServerName& server_name,
                                               callbacks::ThirdPartyRulesDispatch& third_party_rules,
                                               Memberships& memberships) {
    return put_field(authentication, database, server_name, third_party_rules, memberships, request, display_name_field);
}
async::task<modapi::Response> get_avatar(const RoutedRequest& request, modapi::Database& database) {
    return get_field(database, request, avatar_field);
}
async::task<modapi::Response> put_avatar(const RoutedRequest& request, Authentication& authentication,
                                         modapi::Database& database, const ServerName& server_name,
                                         callbacks::ThirdPartyRulesDispatch& third_party_rules, Memberships& memberships) {
    return put_field(authentication, database, server_name, third_party_rules, memberships, request, avatar_field);
}

async::task<void> erase_field(modapi::Database& database, callbacks::ThirdPartyRulesDispatch& third_party_rules,
                              std::string user_id, const ProfileField& field, bool by_admin) {
    const std::string statement = field.update_statement;
    const std::optional<std::string> nothing;
    const std::optional<callbacks::Requester> nobody;
    const ProfileInfo profile = co_await database.run("erase_profile", &store_field, statement, user_id, nothing, nobody);
    const bool deactivation = true;
    co_await third_party_rules.on_profile_update(user_id, profile, by_admin, deactivation);
}

}  // namespace

async::task<void> Profiles::erase(std::string user_id, bool by_admin) {
    co_await erase_field(database_, third_party_rules_, user_id, avatar_field, by_admin);
    co_await erase_field(database_, third_party_rules_, user_id, display_name_field, by_admin);
}

namespace {

FieldChange by_admin(std::string user_id, std::string value, const ProfileField& field) {
    FieldChange change;
    change.user_id = std::move(user_id);
    change.value = checked_value(std::move(value), field);
    change.by_admin = true;
    return change;
}

async::task<void> store_alone(modapi::Database& database, const ServerName& server_name, std::string user_id,
                              const ProfileField& field, std::optional<std::string> value) {
    std::optional<std::string> stored = checked_value(std::move(value).value_or(std::string()), field);
    co_await require_user(database, server_name, user_id);
    const std::string statement = field.update_statement;
    const std::optional<callbacks::Requester> nobody;
    static_cast<void>(
        co_await database.run("store_profile", &store_field, statement, std::move(user_id), std::move(stored), nobody));
}

}  // namespace

async::task<void> Profiles::store_display_name(std::string user_id, std::optional<std::string> value) {
    return store_alone(database_, server_name_, std::move(user_id), display_name_field, std::move(value));
}
async::task<void> Profiles::store_avatar_url(std::string user_id, std::optional<std::string> value) {
    return store_alone(database_, server_name_, std::move(user_id), avatar_field, std::move(value));
}

async::task<void> Profiles::set_display_name(std::string user_id, std::string value) {
    FieldChange change = by_admin(std::move(user_id), std::move(value), display_name_field);
    co_await require_user(database_, server_name_, change.user_id);
    co_await change_profile(database_, third_party_rules_, memberships_, display_name_field, std::move(change));
}
async::task<void> Profiles::set_avatar_url(std::string user_id, std::string value) {
    FieldChange change = by_admin(std::move(user_id), std::move(value), avatar_field);
    co_await require_user(database_, server_name_, change.user_id);
    co_await change_profile(database_, third_party_rules_, memberships_, avatar_field, std::move(change));
}

void add_profile_endpoints(Router& router) {
    add_client(router, "GET", "/profile/{user_id}", &get_profile);
    add_client(router, "GET", "/profile/{user_id}/displayname", &get_display_name);
    add_client(router, "PUT", "/profile/{user_id}/displayname", &put_display_name);
    add_client(router, "GET", "/profile/{user_id}/avatar_url", &get_avatar);
    add_client(router, "PUT", "/profile/{user_id}/avatar_url", &put_avatar);
}

}  // namespace homeserver
