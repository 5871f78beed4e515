#include "module_services/module_internals.h"

#include "accounts/accounts.h"
#include "addresses/login_identifier.h"
#include "addresses/third_party_ids.h"
#include "events/room_store.h"
#include "http/requests.h"

#include <callbacks/errors.h>

#include <tuple>
#include <utility>

namespace homeserver {

namespace {

using async::task;
using callbacks::ThirdPartyID;
using callbacks::UserID;
using modapi::Transaction;

/// As it is stored. A phone number is in canonical form already where a module has it from a user.
std::string canonical_address(const std::string& medium, std::string address) {
    return medium == "email" ? canonical_email(address) : address;
}

/// False: it is somebody else's.
bool insert_threepid(Transaction& transaction, const std::string& user_id, const ThirdPartyID& id) {
    require_usable(transaction, user_id);
    return transaction.execute(
               "INSERT INTO user_threepids (medium, address, user_id, validated_at, added_at) VALUES (?, ?, ?, ?, ?) "
               "ON CONFLICT (medium, address) DO UPDATE SET validated_at = excluded.validated_at, added_at = excluded.added_at "
               "WHERE user_threepids.user_id = excluded.user_id",
               id.medium, id.address, user_id, id.validated_at, id.added_at) != 0;
}

void remove_threepid(Transaction& transaction, const std::string& user_id, const std::string& medium,
                     const std::string& address) {
    transaction.execute("DELETE FROM user_threepids WHERE user_id = ? AND medium = ? AND address = ?", user_id, medium,
                        address);
}

std::optional<std::string> user_with_external_id(Transaction& transaction, const std::string& provider,
                                                 const std::string& external_id) {
    auto row = transaction.query_one<std::string>(
        "SELECT user_id FROM user_external_ids WHERE auth_provider = ? AND external_id = ?", provider, external_id);
    if (!row) return std::nullopt;
    return std::move(std::get<0>(*row));
}

std::vector<std::pair<std::string, std::string>> external_ids_of(Transaction& transaction, const std::string& user_id) {
    std::vector<std::pair<std::string, std::string>> ids;
    auto rows = transaction.query<std::string, std::string>(
        "SELECT auth_provider, external_id FROM user_external_ids WHERE user_id = ? ORDER BY auth_provider, external_id",
        user_id);
    for (auto& [provider, external_id] : rows) ids.emplace_back(std::move(provider), std::move(external_id));
    return ids;
}

void delete_external_id(Transaction& transaction, const std::string& provider, const std::string& external_id,
                        const std::string& user_id) {
    transaction.execute("DELETE FROM user_external_ids WHERE auth_provider = ? AND external_id = ? AND user_id = ?", provider,
                        external_id, user_id);
}

std::vector<std::string> latest_event_ids(Transaction& transaction, const std::string& room_id) {
    std::optional<RoomHead> head = find_head(transaction, room_id);
    if (!head) return {};
    return std::move(head->extremities);
}

}  // namespace

task<std::optional<std::string>> ModuleInternals::get_user_id_by_threepid(std::string medium, std::string address) {
    std::string canonical = canonical_address(medium, std::move(address));
    return database_.read("get_user_id_by_threepid", &owner_of_third_party_id, std::move(medium), std::move(canonical));
}

task<void> ModuleInternals::add_threepid(UserID user, ThirdPartyID id) {
    NewThirdPartyId added;
    added.medium = id.medium;
    added.address = canonical_address(id.medium, std::move(id.address));
    added.validated_at = id.validated_at;
    added.require = while_usable(user.to_string());
    return to_the_end(third_party_id_changes_.add(user.to_string(), std::move(added)));
}

task<void> ModuleInternals::delete_threepid(UserID user, std::string medium, std::string address) {
    std::string canonical = canonical_address(medium, std::move(address));
    return to_the_end(third_party_id_changes_.remove(user.to_string(), std::move(medium), std::move(canonical), nullptr));
}

task<void> ModuleInternals::store_threepid(UserID user, ThirdPartyID id) {
    id.address = canonical_address(id.medium, std::move(id.address));
    const std::string medium = id.medium;
    const bool is_theirs = co_await database_.run("user_add_threepid", &insert_threepid, user.to_string(), std::move(id));
    if (!is_theirs) refuse_taken_third_party_id(medium);
}

task<void> ModuleInternals::forget_threepid(UserID user, std::string medium, std::string address) {
    std::string canonical = canonical_address(medium, std::move(address));
    return database_.run("user_delete_threepid", &remove_threepid, user.to_string(), std::move(medium), std::move(canonical));
}

task<void> ModuleInternals::set_avatar_url(UserID user, std::string new_avatar_url) {
    return to_the_end(profiles_.set_avatar_url(user.to_string(), std::move(new_avatar_url)));
}

task<void> ModuleInternals::store_displayname(UserID user, std::optional<std::string> new_displayname) {
    return profiles_.store_display_name(user.to_string(), std::move(new_displayname));
}

task<void> ModuleInternals::store_avatar_url(UserID user, std::optional<std::string> new_avatar_url) {
    return profiles_.store_avatar_url(user.to_string(), std::move(new_avatar_url));
}

task<std::optional<std::string>> ModuleInternals::get_user_by_external_id(std::string auth_provider_id,
                                                                          std::string external_id) {
    return database_.read("get_user_by_external_id", &user_with_external_id, std::move(auth_provider_id),
                          std::move(external_id));
}

task<std::vector<std::pair<std::string, std::string>>> ModuleInternals::get_external_ids(std::string user_id) {
    return database_.read("get_external_ids", &external_ids_of, std::move(user_id));
}

task<void> ModuleInternals::remove_external_id(std::string auth_provider_id, std::string external_id, UserID user) {
    return database_.run("remove_external_id", &delete_external_id, std::move(auth_provider_id), std::move(external_id),
                         user.to_string());
}

task<std::vector<std::string>> ModuleInternals::get_latest_event_ids(std::string room_id) {
    return database_.read("get_latest_event_ids", &latest_event_ids, std::move(room_id));
}

}  // namespace homeserver
