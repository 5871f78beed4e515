#include <modapi/hosting/homeserver.h>
#include <modapi/services/service_not_offered.h>

/// What a host answers that left a service out.
namespace modapi {

namespace {

using async::task;
using callbacks::JsonDict;
using callbacks::UserID;
using std::optional;
using std::string;
using std::vector;
using No = ServiceNotOffered;

}  // namespace

task<optional<string>> AccountServices::check_user_exists(string) { throw No("check_user_exists"); }
task<optional<callbacks::UserInfo>> AccountServices::get_userinfo_by_id(string) { throw No("get_userinfo_by_id"); }
task<vector<string>> AccountServices::get_local_users(string, int) { throw No("get_local_users"); }
task<vector<callbacks::UserInfo>> AccountServices::list_local_users(UserOrder, optional<callbacks::UserInfo>, int) {
    throw No("list_local_users");
}
task<bool> AccountServices::is_user_admin(UserID) { throw No("is_user_admin"); }
task<void> AccountServices::set_user_admin(UserID, bool) { throw No("set_user_admin"); }
task<void> AccountServices::check_username(string) { throw No("check_username"); }
task<string> AccountServices::register_user(string, optional<string>, vector<string>, bool) { throw No("register_user"); }
task<void> AccountServices::deactivate_user(UserID, bool) { throw No("deactivate_user"); }
task<callbacks::ProfileInfo> AccountServices::get_profile_for_user(string) { throw No("get_profile_for_user"); }
task<void> AccountServices::set_displayname(UserID, string) { throw No("set_displayname"); }
task<vector<callbacks::ThirdPartyID>> AccountServices::get_threepids_for_user(string) { throw No("get_threepids_for_user"); }
task<void> AccountServices::store_remote_3pid_association(UserID, string, string, string) {
    throw No("store_remote_3pid_association");
}
task<void> AccountServices::record_user_external_id(string, string, UserID) { throw No("record_user_external_id"); }
task<std::shared_ptr<const JsonDict>> AccountServices::get_global_account_data(UserID, string) {
    throw No("account_data_manager.get_global");
}
task<void> AccountServices::put_global_account_data(UserID, string, JsonDict) { throw No("account_data_manager.put_global"); }

task<callbacks::Requester> SessionServices::get_user_by_req(const Request&, bool, bool) { throw No("get_user_by_req"); }
task<callbacks::RegisteredDevice> SessionServices::register_device(UserID, optional<string>, optional<string>) {
    throw No("register_device");
}
task<string> SessionServices::create_login_token(UserID, std::int64_t, optional<string>, optional<string>) {
    throw No("create_login_token");
}
task<void> SessionServices::invalidate_access_token(string) { throw No("invalidate_access_token"); }
task<Response> SessionServices::complete_sso_login(UserID, const Request&, string, bool, string) {
    throw No("complete_sso_login_async");
}
task<vector<callbacks::UserIpAndAgent>> SessionServices::get_user_ip_and_agents(string, std::int64_t) {
    throw No("get_user_ip_and_agents");
}
task<vector<std::pair<string, string>>> SessionServices::get_monthly_active_users_by_service(optional<std::int64_t>,
                                                                                             optional<std::int64_t>) {
    throw No("get_monthly_active_users_by_service");
}

task<callbacks::Event> RoomServices::create_and_send_event(JsonDict) { throw No("create_and_send_event_into_room"); }
task<vector<callbacks::Event>> RoomServices::send_events(vector<JsonDict>) { throw No("send_events"); }
task<optional<callbacks::Event>> RoomServices::send_event_if(JsonDict, string, string, optional<string>) {
    throw No("send_event_if");
}
task<callbacks::Event> RoomServices::update_room_membership(UserID, UserID, string, string, JsonDict, vector<string>) {
    throw No("update_room_membership");
}
task<std::pair<string, optional<string>>> RoomServices::create_room(UserID, JsonDict, bool, optional<JsonDict>) {
    throw No("create_room");
}
task<void> RoomServices::delete_room(callbacks::RoomID) { throw No("delete_room"); }
task<callbacks::StateMap> RoomServices::get_room_state(string, optional<callbacks::StateFilter>) { throw No("get_room_state"); }
task<optional<callbacks::Event>> RoomServices::get_event(string) { throw No("get_event"); }
task<vector<string>> RoomServices::get_members(string, string) { throw No("get_members"); }
task<vector<string>> RoomServices::get_rooms_for_user(string, string) { throw No("get_rooms_for_user"); }
task<std::pair<string, vector<string>>> RoomServices::lookup_room_alias(callbacks::RoomAlias) { throw No("lookup_room_alias"); }
task<bool> RoomServices::room_is_in_public_room_list(string) {
    throw No("public_room_list_manager.room_is_in_public_room_list");
}
task<void> RoomServices::set_room_is_in_public_room_list(string, bool is_in_list) {
    throw No(is_in_list ? "public_room_list_manager.add_room_to_public_room_list"
                        : "public_room_list_manager.remove_room_from_public_room_list");
}

task<void> PresenceServices::send_local_online_presence_to(vector<UserID>) { throw No("send_local_online_presence_to"); }
task<void> PresenceServices::set_presence_for_users(PresenceUpdates) { throw No("set_presence_for_users"); }

task<void> MailServices::send_mail(string, string, string, string) { throw No("send_mail"); }
task<std::map<string, bool>> PushServices::send_http_push_notification(UserID, optional<string>, JsonDict, JsonDict, JsonDict) {
    throw No("send_http_push_notification");
}
task<void> PushServices::set_push_rule_action(UserID, string, string, callbacks::JsonArray) {
    throw No("set_push_rule_action");
}

task<optional<string>> InternalServices::get_user_id_by_threepid(string, string) { throw No("get_user_id_by_threepid"); }
task<void> InternalServices::add_threepid(UserID, callbacks::ThirdPartyID) { throw No("add_threepid"); }
task<void> InternalServices::delete_threepid(UserID, string, string) { throw No("delete_threepid"); }
task<void> InternalServices::store_threepid(UserID, callbacks::ThirdPartyID) { throw No("user_add_threepid"); }
task<void> InternalServices::forget_threepid(UserID, string, string) { throw No("user_delete_threepid"); }
task<void> InternalServices::set_avatar_url(UserID, string) { throw No("set_avatar_url"); }
task<void> InternalServices::store_displayname(UserID, optional<string>) { throw No("set_profile_displayname"); }
task<void> InternalServices::store_avatar_url(UserID, optional<string>) { throw No("set_profile_avatar_url"); }
task<optional<string>> InternalServices::get_user_by_external_id(string, string) { throw No("get_user_by_external_id"); }
task<vector<std::pair<string, string>>> InternalServices::get_external_ids(string) { throw No("get_external_ids_by_user"); }
task<void> InternalServices::remove_external_id(string, string, UserID) { throw No("remove_user_external_id"); }
task<vector<string>> InternalServices::get_latest_event_ids(string) { throw No("get_latest_event_ids_in_room"); }

const std::string& Homeserver::email_app_name() const noexcept {
    static const std::string usual = "Matrix";
    return usual;
}
const std::optional<std::string>& Homeserver::custom_template_dir() const noexcept {
    static const std::optional<std::string> none;
    return none;
}
const std::optional<std::string>& Homeserver::template_dir() const noexcept {
    static const std::optional<std::string> none;
    return none;
}
AccountServices& Homeserver::accounts() noexcept {
    static AccountServices none;
    return none;
}
SessionServices& Homeserver::sessions() noexcept {
    static SessionServices none;
    return none;
}
RoomServices& Homeserver::rooms() noexcept {
    static RoomServices none;
    return none;
}
PresenceServices& Homeserver::presence() noexcept {
    static PresenceServices none;
    return none;
}
MailServices& Homeserver::mail() noexcept {
    static MailServices none;
    return none;
}
PushServices& Homeserver::push() noexcept {
    static PushServices none;
    return none;
}
InternalServices& Homeserver::internals() noexcept {
    static InternalServices none;
    return none;
}

}  // namespace modapi
