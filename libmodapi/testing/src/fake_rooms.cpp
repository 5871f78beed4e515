#include <modapi/testing/fake_homeserver.h>

#include <callbacks/errors.h>

#include <algorithm>
#include <string_view>

/// The fake homeserver's rooms.
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

/// What a membership becomes by a change.
std::string membership_after(const std::string& change) { return change == "kick" || change == "unban" ? "leave" : change; }

bool is_wanted(const Event& event, const callbacks::StateFilter& filter) {
    return filter.empty() || std::any_of(filter.begin(), filter.end(), [&](const callbacks::StateFilterEntry& entry) {
               return entry.type == event.type() && (!entry.state_key || entry.state_key == event.state_key());
           });
}

}  // namespace

task<Event> FakeHomeserver::take_sent(JsonDict event) {
    callbacks::EventFields fields;
    fields.room_id = text_of(event, "room_id");
    fields.type = text_of(event, "type");
    fields.sender = text_of(event, "sender");
    if (event.contains("state_key")) fields.state_key = text_of(event, "state_key");
    if (event.contains("content") && event.at("content").is_object()) fields.content = event.at("content").get_object();
    sent.push_back(std::move(event));
    if (!rooms_.contains(fields.room_id)) throw SynapseError(403, "Unknown room: " + fields.room_id, Codes::FORBIDDEN);
    task<Event> sending = send_event(std::move(fields));
    co_return co_await std::move(sending);
}

task<Event> FakeHomeserver::create_and_send_event(JsonDict event) {
    co_await asked("create_and_send_event_into_room");
    task<Event> sending = take_sent(std::move(event));
    co_return co_await std::move(sending);
}

task<std::vector<Event>> FakeHomeserver::send_events(std::vector<JsonDict> events) {
    co_await asked("send_events");
    const auto rooms_before = rooms_;
    const auto events_before = events_;
    std::vector<Event> taken;
    try {
        for (JsonDict& event : events) {
            task<Event> sending = take_sent(std::move(event));
            taken.push_back(co_await std::move(sending));
        }
    } catch (...) {  // all or none
        rooms_ = rooms_before;
        events_ = events_before;
        throw;
    }
    co_return taken;
}

task<std::optional<Event>> FakeHomeserver::send_event_if(JsonDict event, std::string type, std::string state_key,
                                                         std::optional<std::string> expected) {
    co_await asked("send_event_if");
    const auto room = rooms_.find(text_of(event, "room_id"));
    const Event* const current = room != rooms_.end() ? room->second.state.find(type, state_key) : nullptr;
    const std::optional<std::string> found = current != nullptr ? current->event_id() : std::nullopt;
    if (found != expected) co_return std::nullopt;
    task<Event> sending = take_sent(std::move(event));
    co_return co_await std::move(sending);
}

task<Event> FakeHomeserver::update_room_membership(UserID sender, UserID target, std::string room_id,
                                                   std::string new_membership, JsonDict content, std::vector<std::string>) {
    MembershipChange change;
    change.sender = sender.to_string();
    change.target = target.to_string();
    change.room_id = room_id;
    change.new_membership = new_membership;
    change.content = content;
    memberships.push_back(std::move(change));
    co_await asked("update_room_membership");
    if (!rooms_.contains(room_id)) throw SynapseError(404, "No known servers", Codes::NOT_FOUND);
    const std::string membership = membership_after(new_membership);
    content["membership"] = membership;
    task<void> asking = ask_before_membership(sender.to_string(), target.to_string(), room_id, membership, content);
    co_await std::move(asking);
    callbacks::EventFields fields;
    fields.room_id = room_id;
    fields.type = "m.room.member";
    fields.state_key = target.to_string();
    fields.content = std::move(content);
    fields.sender = sender.to_string();
    task<Event> sending = send_event(std::move(fields));
    co_return co_await std::move(sending);
}

task<std::pair<std::string, std::optional<std::string>>> FakeHomeserver::create_room(UserID user, JsonDict config, bool,
                                                                                     std::optional<JsonDict>) {
    co_await asked("create_room");
    const std::string room_id = "!room" + std::to_string(++numbered_) + ":" + name_;
    task<void> asking = ask_before_creation(user, room_id, config);
    co_await std::move(asking);
    task<void> founding = found_room(room_id, user.to_string());
    co_await std::move(founding);
    std::pair<std::string, std::optional<std::string>> made(room_id, std::nullopt);
    const std::string alias_name = text_of(config, "room_alias_name");
    if (alias_name.empty()) co_return made;
    made.second = "#" + alias_name + ":" + name_;
    add_alias(*made.second, room_id);
    co_return made;
}

task<void> FakeHomeserver::delete_room(callbacks::RoomID room) {
    co_await asked("delete_room");
    rooms_deleted.push_back(room.to_string());
    const async::context& here = co_await async::this_context;
    shut_down(here, room.to_string());
    co_return;
}

task<callbacks::StateMap> FakeHomeserver::get_room_state(std::string room_id, std::optional<callbacks::StateFilter> filter) {
    co_await asked("get_room_state");
    callbacks::StateMap wanted;
    const auto found = rooms_.find(room_id);
    if (found == rooms_.end()) co_return wanted;
    for (const auto& [key, event] : found->second.state) {
        if (!filter || is_wanted(event, *filter)) wanted.set(event);
    }
    co_return wanted;
}

task<std::optional<Event>> FakeHomeserver::get_event(std::string event_id) {
    co_await asked("get_event");
    const auto found = events_.find(event_id);
    if (found == events_.end()) co_return std::nullopt;
    co_return found->second;
}

task<std::vector<std::string>> FakeHomeserver::get_members(std::string room_id, std::string membership) {
    co_await asked("get_members");
    std::vector<std::string> members;
    const auto found = rooms_.find(room_id);
    if (found == rooms_.end()) co_return members;
    for (const auto& [key, event] : found->second.state) {
        if (event.membership() == membership) members.push_back(key.second);
    }
    co_return members;
}

task<std::vector<std::string>> FakeHomeserver::get_rooms_for_user(std::string user_id, std::string membership) {
    co_await asked("get_rooms_for_user");
    std::vector<std::string> rooms;
    for (const auto& [id, each] : rooms_) {
        const Event* const member = each.state.find("m.room.member", user_id);
        if (member != nullptr && member->membership() == membership) rooms.push_back(id);
    }
    co_return rooms;
}

task<std::pair<std::string, std::vector<std::string>>> FakeHomeserver::lookup_room_alias(callbacks::RoomAlias alias) {
    co_await asked("lookup_room_alias");
    const auto found = aliases_.find(alias.to_string());
    if (found == aliases_.end()) throw SynapseError(404, "Room alias " + alias.to_string() + " not found", Codes::NOT_FOUND);
    std::pair<std::string, std::vector<std::string>> answer(found->second, {});
    answer.second.push_back(name_);
    co_return answer;
}

task<bool> FakeHomeserver::room_is_in_public_room_list(std::string room_id) {
    co_await asked("room_is_in_public_room_list");
    const auto found = rooms_.find(room_id);
    co_return found != rooms_.end() && found->second.is_public;
}

task<void> FakeHomeserver::set_room_is_in_public_room_list(std::string room_id, bool is_in_list) {
    const std::string method = is_in_list ? "add_room_to_public_room_list" : "remove_room_from_public_room_list";
    co_await asked(method);
    rooms_.at(room_id).is_public = is_in_list;
    co_return;
}

}  // namespace modapi::testing
