#include "checked_arguments.h"
#include "nested_call.h"

#include <modapi/hosting/module_environment.h>
#include <modapi/hosting/module_internals.h>
#include <modapi/hosting/shadow_runs.h>
#include <modapi/module_api.h>

#include <callbacks/errors.h>
#include <callbacks/text.h>
#include <callbacks/user_info.h>

#include <utility>

namespace modapi {

namespace {

using async::task;
using callbacks::ThirdPartyID;
using callbacks::UserID;
using std::optional;
using std::string;
using std::vector;

InternalServices& internals_of(ModuleApi& api) { return environment_of(api).server.internals(); }

UserID own_user(ModuleApi& api, string user_id) { return local_user(std::move(user_id), api.server_name()); }

void require_address(const string& medium, const string& address) {
    require_text(medium, "medium");
    require_text(address, "address");
}

ThirdPartyID threepid(string medium, string address, std::int64_t validated_at, std::int64_t added_at) {
    require_address(medium, address);
    ThirdPartyID id;
    id.medium = std::move(medium);
    id.address = std::move(address);
    id.validated_at = validated_at;
    id.added_at = added_at;
    return id;
}

/// What callbacks run for, or rooms hear of.
task<void> nested(ModuleApi& api, const char* name, std::uint32_t events, task<void> change) {
    return nested_call(ModuleCall(name, environment_of(api).place, events), std::move(change));
}

}  // namespace

task<optional<string>> ModuleInternals::get_user_id_by_threepid(string medium, string address) {
    if (!callbacks::is_storable_text(medium) || !callbacks::is_storable_text(address)) co_return std::nullopt;
    task<optional<string>> asking = internals_of(api_).get_user_id_by_threepid(std::move(medium), std::move(address));
    co_return co_await std::move(asking);
}

task<void> ModuleInternals::add_threepid(string user_id, string medium, string address, std::int64_t validated_at) {
    UserID user = own_user(api_, std::move(user_id));
    ThirdPartyID id = threepid(std::move(medium), std::move(address), validated_at, api_.now_ms());
    task<void> adding = nested(api_, "add_threepid", 0, internals_of(api_).add_threepid(std::move(user), std::move(id)));
    co_await std::move(adding);
}

task<void> ModuleInternals::delete_threepid(string user_id, string medium, string address) {
    UserID user = own_user(api_, std::move(user_id));
    require_address(medium, address);
    task<void> deleting = nested(api_, "delete_threepid", 0,
                                 internals_of(api_).delete_threepid(std::move(user), std::move(medium), std::move(address)));
    co_await std::move(deleting);
}

task<void> ModuleInternals::user_add_threepid(string user_id, string medium, string address, std::int64_t validated_at,
                                              std::int64_t added_at) {
    refuse_in_shadow(co_await async::this_context, "user_add_threepid");
    UserID user = own_user(api_, std::move(user_id));
    ThirdPartyID id = threepid(std::move(medium), std::move(address), validated_at, added_at);
    task<void> storing = internals_of(api_).store_threepid(std::move(user), std::move(id));
    co_await std::move(storing);
}

task<void> ModuleInternals::user_delete_threepid(string user_id, string medium, string address) {
    refuse_in_shadow(co_await async::this_context, "user_delete_threepid");
    UserID user = own_user(api_, std::move(user_id));
    require_address(medium, address);
    task<void> forgetting = internals_of(api_).forget_threepid(std::move(user), std::move(medium), std::move(address));
    co_await std::move(forgetting);
}

task<void> ModuleInternals::set_profile_displayname(string user_id, optional<string> new_displayname) {
    refuse_in_shadow(co_await async::this_context, "set_profile_displayname");
    UserID user = own_user(api_, std::move(user_id));
    require_text(new_displayname, "new_displayname");
    task<void> storing = internals_of(api_).store_displayname(std::move(user), std::move(new_displayname));
    co_await std::move(storing);
}

task<void> ModuleInternals::set_profile_avatar_url(string user_id, optional<string> new_avatar_url) {
    refuse_in_shadow(co_await async::this_context, "set_profile_avatar_url");
    UserID user = own_user(api_, std::move(user_id));
    require_text(new_avatar_url, "new_avatar_url");
    task<void> storing = internals_of(api_).store_avatar_url(std::move(user), std::move(new_avatar_url));
    co_await std::move(storing);
}

task<void> ModuleInternals::set_avatar_url(string user_id, string new_avatar_url) {
    UserID user = own_user(api_, std::move(user_id));
    require_text(new_avatar_url, "new_avatar_url");
    task<void> setting =
        nested(api_, "set_avatar_url", 1, internals_of(api_).set_avatar_url(std::move(user), std::move(new_avatar_url)));
    co_await std::move(setting);
}

task<optional<callbacks::Event>> ModuleInternals::get_event(string event_id, bool allow_none) {
    task<optional<callbacks::Event>> asking = api_.get_event(event_id);
    optional<callbacks::Event> event = co_await std::move(asking);
    if (!event && !allow_none)
        throw callbacks::SynapseError(404, "Could not find event " + event_id, callbacks::Codes::NOT_FOUND);
    co_return event;
}

task<vector<string>> ModuleInternals::get_latest_event_ids_in_room(string room_id) {
    if (!callbacks::is_storable_text(room_id)) co_return vector<string>();
    task<vector<string>> asking = internals_of(api_).get_latest_event_ids(std::move(room_id));
    co_return co_await std::move(asking);
}

task<vector<string>> ModuleInternals::get_rooms_for_user(string user_id) {
    return api_.get_rooms_for_user(std::move(user_id), "join");
}

task<vector<string>> ModuleInternals::get_users_in_room(string room_id) { return api_.get_members(std::move(room_id), "join"); }

task<optional<string>> ModuleInternals::get_user_by_external_id(string auth_provider, string external_id) {
    if (!callbacks::is_storable_text(auth_provider) || !callbacks::is_storable_text(external_id)) co_return std::nullopt;
    task<optional<string>> asking =
        internals_of(api_).get_user_by_external_id(std::move(auth_provider), std::move(external_id));
    co_return co_await std::move(asking);
}

task<vector<std::pair<string, string>>> ModuleInternals::get_external_ids_by_user(string user_id) {
    if (!callbacks::is_storable_text(user_id)) co_return vector<std::pair<string, string>>();
    task<vector<std::pair<string, string>>> asking = internals_of(api_).get_external_ids(std::move(user_id));
    co_return co_await std::move(asking);
}

task<void> ModuleInternals::remove_user_external_id(string auth_provider, string external_id, string user_id) {
    refuse_in_shadow(co_await async::this_context, "remove_user_external_id");
    UserID user = own_user(api_, std::move(user_id));
    require_text(auth_provider, "auth_provider");
    require_text(external_id, "external_id");
    task<void> removing =
        internals_of(api_).remove_external_id(std::move(auth_provider), std::move(external_id), std::move(user));
    co_await std::move(removing);
}

task<bool> ModuleInternals::deactivate_account(string user_id, bool erase) {
    task<void> deactivating = api_.deactivate_user(std::move(user_id), erase);
    co_await std::move(deactivating);
    co_return true;
}

}  // namespace modapi
