#include <modapi/testing/fake_homeserver.h>

#include <callbacks/errors.h>

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <tuple>
#include <utility>

/// The fake homeserver's users and their requests.
namespace modapi::testing {

using async::task;
using callbacks::Codes;
using callbacks::JsonDict;
using callbacks::SynapseError;
using callbacks::UserID;

namespace {

callbacks::UserInfo info_of(const FakeUser& user) {
    callbacks::UserInfo info{UserID(user.user_id)};
    info.creation_ts = user.creation_ts;
    info.is_admin = user.is_admin;
    info.is_deactivated = user.is_deactivated;
    info.is_guest = user.is_guest;
    return info;
}

}  // namespace

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
    co_await asked("check_user_exists");
    if (find_user(user_id) == nullptr) co_return std::nullopt;
    co_return user_id;
}

task<std::optional<callbacks::UserInfo>> FakeHomeserver::get_userinfo_by_id(std::string user_id) {
    co_await asked("get_userinfo_by_id");
    const FakeUser* const found = find_user(user_id);
    if (found == nullptr) co_return std::nullopt;
    co_return info_of(*found);
}

task<std::vector<callbacks::UserInfo>> FakeHomeserver::list_local_users(UserOrder order,
                                                                        std::optional<callbacks::UserInfo> after, int limit) {
    co_await asked("list_local_users");
    std::vector<callbacks::UserInfo> infos;
    for (const auto& [id, user] : users_) infos.push_back(info_of(user));
    const auto comes_first = [order](const callbacks::UserInfo& left, const callbacks::UserInfo& right) {
        if (order == UserOrder::by_id) return left.user_id < right.user_id;
        const auto left_key = std::tie(left.creation_ts, left.user_id);
        const auto right_key = std::tie(right.creation_ts, right.user_id);
        return order == UserOrder::oldest_first ? left_key < right_key : right_key < left_key;
    };
    std::sort(infos.begin(), infos.end(), comes_first);
    if (after) std::erase_if(infos, [&](const callbacks::UserInfo& info) { return !comes_first(*after, info); });
    if (std::cmp_less(limit, infos.size())) infos.erase(infos.begin() + limit, infos.end());
    co_return infos;
}

task<std::vector<std::string>> FakeHomeserver::get_local_users(std::string after, int limit) {
    co_await asked("get_local_users");
    std::vector<std::string> ids;
    for (auto next = users_.upper_bound(after); next != users_.end() && std::cmp_less(ids.size(), limit); ++next)
        ids.push_back(next->first);
    co_return ids;
}

task<bool> FakeHomeserver::is_user_admin(UserID user) {
    co_await asked("is_user_admin");
    const FakeUser* const found = find_user(user.to_string());
    co_return found != nullptr && found->is_admin;
}

task<void> FakeHomeserver::set_user_admin(UserID user, bool admin) {
    co_await asked("set_user_admin");
    existing_user(user).is_admin = admin;
    co_return;
}

task<void> FakeHomeserver::check_username(std::string username) {
    co_await asked("check_username");
    if (username.empty())
        throw SynapseError(400, "User ID can only contain characters a-z, 0-9, or '=_-./+'", Codes::INVALID_USERNAME);
    if (find_user("@" + username + ":" + name_) != nullptr)
        throw SynapseError(400, "User ID already taken.", Codes::USER_IN_USE);
    co_return;
}

task<std::string> FakeHomeserver::register_user(std::string localpart, std::optional<std::string> displayname,
                                                std::vector<std::string> emails, bool admin) {
    co_await asked("register_user");
    task<void> checking = check_username(localpart);
    co_await std::move(checking);
    const async::context& here = co_await async::this_context;
    FakeUser& made = add_user("@" + localpart + ":" + name_);
    made.creation_ts = here.clock().wall_time_ms();
    made.displayname = displayname ? *displayname : localpart;
    made.is_admin = admin;
    for (std::string& email : emails) {
        callbacks::ThirdPartyID bound;
        bound.medium = "email";
        bound.address = std::move(email);
        made.threepids.push_back(std::move(bound));
    }
    task<void> telling = tell_of_registration(made.user_id);
    co_await std::move(telling);
    co_return made.user_id;
}

task<void> FakeHomeserver::deactivate_user(UserID user, bool erase) {
    co_await asked("deactivate_user");
    FakeUser& gone = existing_user(user);
    task<void> beginning = begin_deactivation(gone.user_id);
    co_await std::move(beginning);
    gone.is_deactivated = true;
    task<void> logging_out = tell_of_logout(gone.access_token);
    co_await std::move(logging_out);
    if (erase) {
        const bool deactivation = true;
        gone.avatar_url.reset();
        task<void> telling_of_avatar = tell_of_profile(gone.user_id, deactivation);
        co_await std::move(telling_of_avatar);
        gone.displayname.reset();
        task<void> telling_of_name = tell_of_profile(gone.user_id, deactivation);
        co_await std::move(telling_of_name);
    }
    task<void> ending = end_deactivation(gone.user_id);
    co_await std::move(ending);
}

task<callbacks::ProfileInfo> FakeHomeserver::get_profile_for_user(std::string localpart) {
    co_await asked("get_profile_for_user");
    callbacks::ProfileInfo profile;
    const FakeUser* const found = find_user("@" + localpart + ":" + name_);
    if (found == nullptr) co_return profile;
    profile.display_name = found->displayname;
    profile.avatar_url = found->avatar_url;
    co_return profile;
}

task<void> FakeHomeserver::set_displayname(UserID user, std::string new_displayname) {
    co_await asked("set_displayname");
    FakeUser& named = existing_user(user);
    named.displayname.reset();
    if (!new_displayname.empty()) named.displayname = std::move(new_displayname);
    const bool deactivation = false;
    task<void> telling = tell_of_profile(named.user_id, deactivation);
    co_await std::move(telling);
    task<void> showing = show_profile_in_rooms(named.user_id);
    co_await std::move(showing);
}

task<std::vector<callbacks::ThirdPartyID>> FakeHomeserver::get_threepids_for_user(std::string user_id) {
    co_await asked("get_threepids_for_user");
    const FakeUser* const found = find_user(user_id);
    if (found == nullptr) co_return std::vector<callbacks::ThirdPartyID>();
    co_return found->threepids;
}

task<void> FakeHomeserver::record_user_external_id(std::string auth_provider_id, std::string remote_user_id,
                                                   UserID registered_user) {
    co_await asked("record_user_external_id");
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
    co_await asked("get_global");
    const FakeUser* const found = find_user(user.to_string());
    if (found == nullptr || !found->account_data.contains(data_type)) co_return nullptr;
    co_return std::make_shared<const JsonDict>(found->account_data.at(data_type));
}

task<void> FakeHomeserver::put_global_account_data(UserID user, std::string data_type, JsonDict new_data) {
    co_await asked("put_global");
    FakeUser* const found = find_user(user.to_string());
    if (found == nullptr) throw std::invalid_argument(user.to_string() + " is not registered");
    found->account_data[data_type] = new_data;
    task<void> telling = tell_of_account_data(found->user_id, std::move(data_type), std::move(new_data));
    co_await std::move(telling);
}

task<callbacks::Requester> FakeHomeserver::get_user_by_req(const Request& request, bool allow_guest, bool allow_expired) {
    co_await asked("get_user_by_req");
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
    co_await asked("register_device");
    callbacks::RegisteredDevice device;
    device.device_id = device_id ? *device_id : "DEVICE" + std::to_string(++numbered_);
    device.access_token = existing_user(user).access_token;
    co_return device;
}

task<void> FakeHomeserver::invalidate_access_token(std::string access_token) {
    co_await asked("invalidate_access_token");
    access_tokens_invalidated.push_back(access_token);
    task<void> telling = tell_of_logout(std::move(access_token));
    co_await std::move(telling);
}

}  // namespace modapi::testing
