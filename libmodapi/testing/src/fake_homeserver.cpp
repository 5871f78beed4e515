#include <modapi/testing/fake_homeserver.h>

#include <callbacks/errors.h>

#include <algorithm>
#include <stdexcept>

namespace modapi::testing {

using async::task;
using callbacks::Codes;
using callbacks::Event;
using callbacks::JsonDict;
using callbacks::SynapseError;
using callbacks::UserID;

namespace {

std::string text_of(const JsonDict& object, std::string_view key) {
    const callbacks::JsonValue* const value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

/// What may be told to fail, by ModuleApi's names.
constexpr std::string_view methods[] = {"add_room_to_public_room_list",
                                        "check_user_exists",
                                        "check_username",
                                        "create_and_send_event_into_room",
                                        "create_room",
                                        "deactivate_user",
                                        "delete_room",
                                        "get_event",
                                        "get_global",
                                        "get_members",
                                        "get_profile_for_user",
                                        "get_room_state",
                                        "get_rooms_for_user",
                                        "get_threepids_for_user",
                                        "get_user_by_req",
                                        "get_userinfo_by_id",
                                        "invalidate_access_token",
                                        "is_user_admin",
                                        "lookup_room_alias",
                                        "put_global",
                                        "record_user_external_id",
                                        "register_device",
                                        "register_user",
                                        "remove_room_from_public_room_list",
                                        "room_is_in_public_room_list",
                                        "send_local_online_presence_to",
                                        "send_mail",
                                        "set_displayname",
                                        "set_presence_for_users",
                                        "set_user_admin",
                                        "update_room_membership"};

/// What a room's membership becomes; none for what is no change of one.
std::optional<std::string> membership_after(const std::string& change) {
    if (change == "kick" || change == "unban" || change == "leave") return "leave";
    if (change == "join" || change == "invite" || change == "ban" || change == "knock") return change;
    return std::nullopt;
}

bool is_wanted(const Event& event, const callbacks::StateFilter& filter) {
    return filter.empty() || std::any_of(filter.begin(), filter.end(), [&](const callbacks::StateFilterEntry& entry) {
               return entry.type == event.type() && (!entry.state_key || entry.state_key == event.state_key());
           });
}

}  // namespace

FakeUser& FakeHomeserver::add_user(const std::string& user_id) { return users_.try_emplace(user_id, user_id).first->second; }

FakeRoom& FakeHomeserver::add_room(const std::string& room_id, const std::string& creator) {
    FakeRoom& made = rooms_[room_id];
    made.room_id = room_id;
    JsonDict content;
    content["creator"] = creator;
    content["room_version"] = "10";
    set_state(room_id, "m.room.create", "", std::move(content), creator);
    set_member(room_id, creator, "join", creator);
    return made;
}

Event FakeHomeserver::set_state(const std::string& room_id, const std::string& type, const std::string& state_key,
                                JsonDict content, const std::string& sender) {
    callbacks::EventFields fields;
    fields.room_id = room_id;
    fields.type = type;
    fields.state_key = state_key;
    fields.content = std::move(content);
    fields.sender = sender;
    return add_event(std::move(fields));
}

Event FakeHomeserver::set_member(const std::string& room_id, const std::string& user_id, const std::string& membership,
                                 const std::string& sender) {
    JsonDict content;
    content["membership"] = membership;
    return set_state(room_id, "m.room.member", user_id, std::move(content), sender);
}

Event FakeHomeserver::add_event(callbacks::EventFields fields) {
    fields.event_id = "$event" + std::to_string(++numbered_);
    Event event(std::move(fields));
    if (event.is_state()) rooms_.at(event.room_id()).state.set(event);
    events_.emplace(*event.event_id(), event);
    return event;
}

void FakeHomeserver::fail_next(const std::string& method, const std::string& why) {
    if (std::find(std::begin(methods), std::end(methods), method) == std::end(methods))
        throw std::invalid_argument("the fake homeserver has no method " + method);
    failures_.emplace(method, why);
}

void FakeHomeserver::fail_if_asked(const std::string& method) {
    const auto failure = failures_.lower_bound(method);
    if (failure == failures_.end() || failure->first != method) return;
    const std::string why = failure->second;
    failures_.erase(failure);
    throw std::runtime_error(why);
}

FakeUser* FakeHomeserver::find_user(const std::string& user_id) {
    const auto found = users_.find(user_id);
    return found == users_.end() ? nullptr : &found->second;
}

FakeUser& FakeHomeserver::existing_user(const UserID& user) {
    FakeUser* const found = find_user(user.to_string());
    if (found == nullptr) throw SynapseError(404, "No row found");
    return *found;
}

task<std::optional<std::string>> FakeHomeserver::check_user_exists(std::string user_id) {
    fail_if_asked("check_user_exists");
    if (find_user(user_id) == nullptr) co_return std::nullopt;
    co_return user_id;
}

task<std::optional<callbacks::UserInfo>> FakeHomeserver::get_userinfo_by_id(std::string user_id) {
    fail_if_asked("get_userinfo_by_id");
    const FakeUser* const found = find_user(user_id);
    if (found == nullptr) co_return std::nullopt;
    callbacks::UserInfo info{UserID(user_id)};
    info.is_admin = found->is_admin;
    info.is_deactivated = found->is_deactivated;
    info.is_guest = found->is_guest;
    co_return info;
}

task<std::vector<std::string>> FakeHomeserver::get_local_users(std::string after, int limit) {
    fail_if_asked("get_local_users");
    std::vector<std::string> ids;
    for (auto next = users_.upper_bound(after); next != users_.end() && std::cmp_less(ids.size(), limit); ++next)
        ids.push_back(next->first);
    co_return ids;
}

task<bool> FakeHomeserver::is_user_admin(UserID user) {
    fail_if_asked("is_user_admin");
    const FakeUser* const found = find_user(user.to_string());
    co_return found != nullptr && found->is_admin;
}

task<void> FakeHomeserver::set_user_admin(UserID user, bool admin) {
    fail_if_asked("set_user_admin");
    existing_user(user).is_admin = admin;
    co_return;
}

task<void> FakeHomeserver::check_username(std::string username) {
    fail_if_asked("check_username");
    if (username.empty())
        throw SynapseError(400, "User ID can only contain characters a-z, 0-9, or '=_-./+'", Codes::INVALID_USERNAME);
    if (find_user("@" + username + ":" + name_) != nullptr)
        throw SynapseError(400, "User ID already taken.", Codes::USER_IN_USE);
    co_return;
}

task<std::string> FakeHomeserver::register_user(std::string localpart, std::optional<std::string> displayname,
                                                std::vector<std::string> emails, bool admin) {
    fail_if_asked("register_user");
    task<void> checking = check_username(localpart);
    co_await std::move(checking);
    FakeUser& made = add_user("@" + localpart + ":" + name_);
    made.displayname = displayname ? *displayname : localpart;
    made.is_admin = admin;
    for (std::string& email : emails) {
        callbacks::ThirdPartyID bound;
        bound.medium = "email";
        bound.address = std::move(email);
        made.threepids.push_back(std::move(bound));
    }
    co_return made.user_id;
}

task<void> FakeHomeserver::deactivate_user(UserID user, bool erase) {
    fail_if_asked("deactivate_user");
    FakeUser& gone = existing_user(user);
    gone.is_deactivated = true;
    if (erase) {
        gone.displayname.reset();
        gone.avatar_url.reset();
    }
    co_return;
}

task<callbacks::ProfileInfo> FakeHomeserver::get_profile_for_user(std::string localpart) {
    fail_if_asked("get_profile_for_user");
    callbacks::ProfileInfo profile;
    const FakeUser* const found = find_user("@" + localpart + ":" + name_);
    if (found == nullptr) co_return profile;
    profile.display_name = found->displayname;
    profile.avatar_url = found->avatar_url;
    co_return profile;
}

task<void> FakeHomeserver::set_displayname(UserID user, std::string new_displayname, bool) {
    fail_if_asked("set_displayname");
    std::optional<std::string>& name = existing_user(user).displayname;
    name.reset();
    if (!new_displayname.empty()) name = std::move(new_displayname);
    co_return;
}

task<std::vector<callbacks::ThirdPartyID>> FakeHomeserver::get_threepids_for_user(std::string user_id) {
    fail_if_asked("get_threepids_for_user");
    const FakeUser* const found = find_user(user_id);
    if (found == nullptr) co_return std::vector<callbacks::ThirdPartyID>();
    co_return found->threepids;
}

task<void> FakeHomeserver::record_user_external_id(std::string auth_provider_id, std::string remote_user_id,
                                                   UserID registered_user) {
    fail_if_asked("record_user_external_id");
    for (const auto& [id, user] : users_) {
        const auto known = user.external_ids.find(auth_provider_id);
        if (known == user.external_ids.end() || known->second != remote_user_id) continue;
        throw callbacks::ExternalIDReuseException("the id " + remote_user_id + " of " + auth_provider_id +
                                                  " is recorded already");
    }
    existing_user(registered_user).external_ids[auth_provider_id] = remote_user_id;
    co_return;
}

task<std::shared_ptr<const JsonDict>> FakeHomeserver::get_global_account_data(UserID user, std::string data_type) {
    fail_if_asked("get_global");
    const FakeUser* const found = find_user(user.to_string());
    if (found == nullptr || !found->account_data.contains(data_type)) co_return nullptr;
    co_return std::make_shared<const JsonDict>(found->account_data.at(data_type));
}

task<void> FakeHomeserver::put_global_account_data(UserID user, std::string data_type, JsonDict new_data) {
    fail_if_asked("put_global");
    FakeUser* const found = find_user(user.to_string());
    if (found == nullptr) throw std::invalid_argument(user.to_string() + " is not registered");
    found->account_data[data_type] = std::move(new_data);
    co_return;
}

task<callbacks::Requester> FakeHomeserver::get_user_by_req(const Request& request, bool allow_guest, bool allow_expired) {
    fail_if_asked("get_user_by_req");
    constexpr std::string_view bearer = "Bearer ";
    const std::string given = request.header("Authorization").value_or("");
    if (!given.starts_with(bearer)) throw SynapseError(401, "Missing access token", Codes::MISSING_TOKEN);
    for (const auto& [id, user] : users_) {
        if (user.access_token != given.substr(bearer.size())) continue;
        if (user.is_guest && !allow_guest) throw SynapseError(403, "Guest access not allowed", Codes::GUEST_ACCESS_FORBIDDEN);
        if (user.is_expired && !allow_expired) throw SynapseError(403, "User account has expired", Codes::EXPIRED_ACCOUNT);
        callbacks::Requester requester{UserID(id)};
        requester.is_guest = user.is_guest;
        co_return requester;
    }
    throw SynapseError(401, "Invalid access token passed.", Codes::UNKNOWN_TOKEN);
}

task<callbacks::RegisteredDevice> FakeHomeserver::register_device(UserID user, std::optional<std::string> device_id,
                                                                  std::optional<std::string>) {
    fail_if_asked("register_device");
    callbacks::RegisteredDevice device;
    device.device_id = device_id ? *device_id : "DEVICE" + std::to_string(++numbered_);
    device.access_token = existing_user(user).access_token;
    co_return device;
}

task<void> FakeHomeserver::invalidate_access_token(std::string access_token) {
    fail_if_asked("invalidate_access_token");
    access_tokens_invalidated.push_back(std::move(access_token));
    co_return;
}

task<Event> FakeHomeserver::create_and_send_event(JsonDict event) {
    fail_if_asked("create_and_send_event_into_room");
    const std::string sender = text_of(event, "sender");
    if (callbacks::domain_of(sender) != name_) throw std::invalid_argument(sender + " is no user of this server");
    if (text_of(event, "type") == "m.room.member")
        throw SynapseError(500, "Tried to send member event through non-member codepath");
    sent.push_back(event);
    callbacks::EventFields fields;
    fields.room_id = text_of(event, "room_id");
    fields.type = text_of(event, "type");
    fields.sender = text_of(event, "sender");
    if (event.contains("state_key")) fields.state_key = text_of(event, "state_key");
    if (event.contains("content") && event.at("content").is_object()) fields.content = event.at("content").get_object();
    if (!rooms_.contains(fields.room_id)) throw SynapseError(403, "Unknown room: " + fields.room_id, Codes::FORBIDDEN);
    co_return add_event(std::move(fields));
}

task<Event> FakeHomeserver::update_room_membership(UserID sender, UserID target, std::string room_id,
                                                   std::string new_membership, JsonDict content, std::vector<std::string>) {
    if (callbacks::domain_of(sender.to_string()) != name_)
        throw std::runtime_error(sender.to_string() + " is no user of this server");
    const std::optional<std::string> membership = membership_after(new_membership);
    if (!membership) throw SynapseError(400, "Invalid membership key");
    MembershipChange change;
    change.sender = sender.to_string();
    change.target = target.to_string();
    change.room_id = room_id;
    change.new_membership = new_membership;
    change.content = content;
    memberships.push_back(std::move(change));
    fail_if_asked("update_room_membership");
    if (!rooms_.contains(room_id)) throw SynapseError(404, "No known servers", Codes::NOT_FOUND);
    content["membership"] = *membership;
    co_return set_state(room_id, "m.room.member", target.to_string(), std::move(content), sender.to_string());
}

task<std::pair<std::string, std::optional<std::string>>> FakeHomeserver::create_room(UserID user, JsonDict config, bool,
                                                                                     std::optional<JsonDict>) {
    fail_if_asked("create_room");
    const std::string room_id = "!room" + std::to_string(++numbered_) + ":" + name_;
    add_room(room_id, user.to_string());
    std::pair<std::string, std::optional<std::string>> made(room_id, std::nullopt);
    const std::string alias_name = text_of(config, "room_alias_name");
    if (alias_name.empty()) co_return made;
    made.second = "#" + alias_name + ":" + name_;
    add_alias(*made.second, room_id);
    co_return made;
}

task<void> FakeHomeserver::delete_room(callbacks::RoomID room) {
    fail_if_asked("delete_room");
    rooms_deleted.push_back(room.to_string());
    co_return;
}

task<callbacks::StateMap> FakeHomeserver::get_room_state(std::string room_id, std::optional<callbacks::StateFilter> filter) {
    fail_if_asked("get_room_state");
    callbacks::StateMap wanted;
    const auto found = rooms_.find(room_id);
    if (found == rooms_.end()) co_return wanted;
    for (const auto& [key, event] : found->second.state) {
        if (!filter || is_wanted(event, *filter)) wanted.set(event);
    }
    co_return wanted;
}

task<std::optional<Event>> FakeHomeserver::get_event(std::string event_id) {
    fail_if_asked("get_event");
    const auto found = events_.find(event_id);
    if (found == events_.end()) co_return std::nullopt;
    co_return found->second;
}

task<std::vector<std::string>> FakeHomeserver::get_members(std::string room_id, std::string membership) {
    fail_if_asked("get_members");
    std::vector<std::string> members;
    const auto found = rooms_.find(room_id);
    if (found == rooms_.end()) co_return members;
    for (const auto& [key, event] : found->second.state) {
        if (event.membership() == membership) members.push_back(key.second);
    }
    co_return members;
}

task<std::vector<std::string>> FakeHomeserver::get_rooms_for_user(std::string user_id, std::string membership) {
    fail_if_asked("get_rooms_for_user");
    std::vector<std::string> rooms;
    for (const auto& [id, each] : rooms_) {
        const Event* const member = each.state.find("m.room.member", user_id);
        if (member != nullptr && member->membership() == membership) rooms.push_back(id);
    }
    co_return rooms;
}

task<std::pair<std::string, std::vector<std::string>>> FakeHomeserver::lookup_room_alias(callbacks::RoomAlias alias) {
    fail_if_asked("lookup_room_alias");
    const auto found = aliases_.find(alias.to_string());
    if (found == aliases_.end()) throw SynapseError(404, "Room alias " + alias.to_string() + " not found", Codes::NOT_FOUND);
    std::pair<std::string, std::vector<std::string>> answer(found->second, {});
    answer.second.push_back(name_);
    co_return answer;
}

task<bool> FakeHomeserver::room_is_in_public_room_list(std::string room_id) {
    fail_if_asked("room_is_in_public_room_list");
    const auto found = rooms_.find(room_id);
    co_return found != rooms_.end() && found->second.is_public;
}

task<void> FakeHomeserver::set_room_is_in_public_room_list(std::string room_id, bool is_in_list) {
    fail_if_asked(is_in_list ? "add_room_to_public_room_list" : "remove_room_from_public_room_list");
    rooms_.at(room_id).is_public = is_in_list;
    co_return;
}

task<void> FakeHomeserver::send_local_online_presence_to(std::vector<UserID> users) {
    fail_if_asked("send_local_online_presence_to");
    for (const UserID& user : users) presence_sent_to.push_back(user.to_string());
    co_return;
}

task<void> FakeHomeserver::set_presence_for_users(PresenceUpdates users) {
    fail_if_asked("set_presence_for_users");
    for (const auto& [user, update] : users) presence_set.insert_or_assign(user, update);
    co_return;
}

task<void> FakeHomeserver::send_mail(std::string recipient, std::string subject, std::string html, std::string text) {
    fail_if_asked("send_mail");
    SentMail mail;
    mail.recipient = std::move(recipient);
    mail.subject = std::move(subject);
    mail.html = std::move(html);
    mail.text = std::move(text);
    mails.push_back(std::move(mail));
    co_return;
}

}  // namespace modapi::testing
