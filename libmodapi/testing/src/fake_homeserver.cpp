#include <modapi/testing/fake_homeserver.h>

#include <async/sleep.h>

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <string_view>

/// What a test says of the server, and what a module sends by it.
namespace modapi::testing {

using async::task;
using callbacks::Event;
using callbacks::JsonDict;
using callbacks::UserID;

namespace {

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
                                        "get_local_users",
                                        "get_members",
                                        "get_profile_for_user",
                                        "get_room_state",
                                        "get_rooms_for_user",
                                        "get_threepids_for_user",
                                        "get_user_by_req",
                                        "get_userinfo_by_id",
                                        "invalidate_access_token",
                                        "is_user_admin",
                                        "list_local_users",
                                        "lookup_room_alias",
                                        "put_global",
                                        "record_user_external_id",
                                        "register_device",
                                        "register_user",
                                        "remove_room_from_public_room_list",
                                        "room_is_in_public_room_list",
                                        "send_event_if",
                                        "send_events",
                                        "send_local_online_presence_to",
                                        "send_mail",
                                        "set_displayname",
                                        "set_presence_for_users",
                                        "set_user_admin",
                                        "update_room_membership"};

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
    Event event = numbered(std::move(fields));
    store_event(event);
    return event;
}

Event FakeHomeserver::numbered(callbacks::EventFields fields) {
    fields.event_id = "$event" + std::to_string(++numbered_);
    return Event(std::move(fields));
}

void FakeHomeserver::store_event(const Event& event) {
    if (event.is_state()) rooms_.at(event.room_id()).state.set(event);
    events_.emplace(*event.event_id(), event);
}

void FakeHomeserver::require_method(const std::string& method) {
    if (std::find(std::begin(methods), std::end(methods), method) == std::end(methods))
        throw std::invalid_argument("the fake homeserver has no method " + method);
}

void FakeHomeserver::fail_next(const std::string& method, const std::string& why) {
    fail_next(method, std::runtime_error(why));
}

void FakeHomeserver::add_failures(const std::string& method, const std::exception_ptr& failure, int times) {
    require_method(method);
    for (int time = 0; time < times; ++time) failures_.emplace(method, failure);
}

void FakeHomeserver::answer_after(const std::string& method, async::clock::duration time) {
    require_method(method);
    times_[method] = time;
}

task<void> FakeHomeserver::asked(std::string method) {
    const auto time = times_.find(method);
    if (time != times_.end()) {
        const async::clock::duration taken = time->second;
        co_await async::sleep_for(taken);
    }
    const auto failure = failures_.lower_bound(method);
    if (failure == failures_.end() || failure->first != method) co_return;
    const std::exception_ptr why = failure->second;
    failures_.erase(failure);
    std::rethrow_exception(why);
}

task<void> FakeHomeserver::send_local_online_presence_to(std::vector<UserID> users) {
    co_await asked("send_local_online_presence_to");
    for (const UserID& user : users) presence_sent_to.push_back(user.to_string());
    co_return;
}

task<void> FakeHomeserver::set_presence_for_users(PresenceUpdates users) {
    co_await asked("set_presence_for_users");
    for (const auto& [user, update] : users) {
        presence_set.insert_or_assign(user, update);
        task<void> routing = route_presence(user, update);
        co_await std::move(routing);
    }
}

task<void> FakeHomeserver::send_mail(std::string recipient, std::string subject, std::string html, std::string text) {
    co_await asked("send_mail");
    SentMail mail;
    mail.recipient = std::move(recipient);
    mail.subject = std::move(subject);
    mail.html = std::move(html);
    mail.text = std::move(text);
    mails.push_back(std::move(mail));
    co_return;
}

}  // namespace modapi::testing
