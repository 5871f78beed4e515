#include <modapi/testing/fake_homeserver.h>

#include <modapi/hosting/cause.h>
#include <modapi/hosting/event_json.h>
#include <modapi/hosting/log.h>

#include <callbacks/errors.h>

#include <spdlog/spdlog.h>

#include <utility>

/// The callbacks that run for what modules do by ModuleApi, in the order of a host; none while nobody asked for them.
namespace modapi::testing {

using async::task;
using callbacks::Codes;
using callbacks::Event;
using callbacks::EventFields;
using callbacks::JsonDict;
using callbacks::ModuleFailed;
using callbacks::StateMap;
using callbacks::SynapseError;
using callbacks::UserID;

namespace {

void deny_spam(const callbacks::Verdict& verdict, const std::string& usual_text) {
    if (!verdict.is_spam()) return;
    const std::optional<std::string_view> text = verdict.text();
    throw SynapseError(403, text ? std::string(*text) : usual_text, std::string(verdict.errcode()),
                       verdict.additional_fields());
}

/// The event that a module put in the place of another one; its id is made anew.
Event replacement_of(const Event& original, JsonDict replacement, const std::string& server_name) {
    replacement["event_id"] = *original.event_id() + ".replaced";
    if (!replacement.contains("origin_server_ts")) replacement["origin_server_ts"] = original.origin_server_ts();
    std::optional<Event> replaced;
    try {
        replaced = event_from_json(replacement);
    } catch (const SynapseError& error) {
        throw ModuleFailed(std::string("the replacement event can't be sent: ") + error.what());
    }
    const bool has_its_place = replaced->room_id() == original.room_id() && replaced->type() == original.type() &&
                               replaced->state_key() == original.state_key();
    if (!has_its_place) throw ModuleFailed("the replacement event has another room, type or state key than the original");
    if (callbacks::domain_of(replaced->sender()) != server_name)
        throw ModuleFailed("the replacement event's sender is of another server");
    return *replaced;
}

EventFields member_fields(const std::string& room_id, const std::string& user_id, const std::string& membership) {
    EventFields fields;
    fields.room_id = room_id;
    fields.type = "m.room.member";
    fields.sender = user_id;
    fields.state_key = user_id;
    fields.content["membership"] = membership;
    return fields;
}

callbacks::ProfileInfo profile_of(const FakeUser& user) {
    callbacks::ProfileInfo profile;
    profile.display_name = user.displayname;
    profile.avatar_url = user.avatar_url;
    return profile;
}

/// Both are there until the dispatcher has returned.
task<void> tell_of_event(const callbacks::ThirdPartyRulesDispatch& rules, Event event, StateMap state) {
    co_await rules.on_new_event(event, state);
}

}  // namespace

void FakeHomeserver::run_callbacks(const callbacks::Dispatchers& hooks, async::scope& background) noexcept {
    hooks_ = &hooks;
    background_ = &background;
}

StateMap FakeHomeserver::state_of(const std::string& room_id) const {
    const auto found = rooms_.find(room_id);
    return found != rooms_.end() ? found->second.state : StateMap();
}

bool FakeHomeserver::is_admin(const std::string& user_id) const {
    const auto found = users_.find(user_id);
    return found != users_.end() && found->second.is_admin;
}

task<Event> FakeHomeserver::send_event(EventFields fields) {
    if (hooks_ == nullptr) co_return add_event(std::move(fields));
    Event event = numbered(std::move(fields));
    const StateMap before = state_of(event.room_id());
    const callbacks::EventDecision decision = co_await hooks_->third_party_rules.check_event_allowed(event, before);
    if (!decision.allowed()) throw SynapseError(403, "This event is not allowed in this context", Codes::FORBIDDEN);
    if (decision.replacement()) event = replacement_of(event, *decision.replacement(), name_);
    if (event.type() != "m.room.member" && event.type() != "m.room.create") {
        const callbacks::Verdict verdict = co_await hooks_->spam_checker.check_event_for_spam(event);
        deny_spam(verdict, "This message had been rejected as probable spam");
    }
    const StateMap now = state_of(event.room_id());
    const Event* const current = event.is_state() ? now.find(event.type(), *event.state_key()) : nullptr;
    // What says nothing new is no new event.
    if (current != nullptr && current->sender() == event.sender() && current->content() == event.content()) co_return *current;
    store_event(event);
    if (!hooks_->third_party_rules.on_new_event.empty()) {
        const async::context& here = co_await async::this_context;
        Cause cause = Cause::of(here);
        task<void> telling = tell_of_event(hooks_->third_party_rules, event, state_of(event.room_id()));
        background_->spawn("on_new_event", run_caused(std::move(cause), std::move(telling)));
    }
    co_return event;
}

task<void> FakeHomeserver::found_room(std::string room_id, std::string creator) {
    EventFields create;
    create.room_id = room_id;
    create.type = "m.room.create";
    create.state_key = "";
    create.sender = creator;
    create.content["creator"] = creator;
    create.content["room_version"] = "10";
    rooms_[room_id].room_id = room_id;
    std::exception_ptr refusal;
    try {
        task<Event> sending = send_event(std::move(create));
        co_await std::move(sending);
    } catch (...) {
        refusal = std::current_exception();
    }
    if (refusal) {
        rooms_.erase(room_id);
        std::rethrow_exception(refusal);
    }
    task<Event> joining = send_event(member_fields(room_id, creator, "join"));
    co_await std::move(joining);
}

task<void> FakeHomeserver::ask_before_creation(UserID user, std::string room_id, JsonDict& config) {
    if (hooks_ == nullptr) co_return;
    const std::string creator = user.to_string();
    const bool by_admin = is_admin(creator);
    const callbacks::Requester requester(std::move(user));
    co_await hooks_->third_party_rules.on_create_room(requester, config, by_admin);
    if (!by_admin) {
        const callbacks::Verdict verdict = co_await hooks_->spam_checker.user_may_create_room(creator, config);
        deny_spam(verdict, "You are not permitted to create rooms");
    }
    const callbacks::JsonValue* const asked = config.if_contains("visibility");
    const bool is_public = asked != nullptr && asked->is_string() && asked->get_string() == "public";
    const std::string visibility(is_public ? "public" : "private");
    const StateMap nothing;
    const bool is_visible_so =
        co_await hooks_->third_party_rules.check_visibility_can_be_modified(room_id, nothing, visibility);
    if (!is_visible_so) throw SynapseError(403, "Room visibility value not allowed.");
    const callbacks::JsonValue* const alias_name = config.if_contains("room_alias_name");
    if (alias_name == nullptr || !alias_name->is_string() || alias_name->get_string().empty()) co_return;
    const callbacks::RoomAlias alias("#" + std::string(alias_name->get_string()) + ":" + name_);
    const callbacks::Verdict verdict = co_await hooks_->spam_checker.user_may_create_room_alias(creator, alias);
    deny_spam(verdict, "This user is not permitted to create this alias");
}

task<void> FakeHomeserver::ask_before_membership(std::string sender, std::string target, std::string room_id,
                                                 std::string membership, JsonDict content) {
    if (hooks_ == nullptr || is_admin(sender)) co_return;
    const StateMap state = state_of(room_id);
    const Event* const before = state.find("m.room.member", target);
    if (membership == "join") {
        const bool is_repeated = before != nullptr && before->sender() == sender && before->content() == content;
        if (is_repeated) co_return;
        const bool is_invited = before != nullptr && before->membership() == "invite";
        const callbacks::Verdict verdict = co_await hooks_->spam_checker.user_may_join_room(target, room_id, is_invited);
        deny_spam(verdict, "Not allowed to join this room");
    } else if (membership == "invite") {
        const callbacks::Verdict verdict = co_await hooks_->spam_checker.user_may_invite(sender, target, room_id);
        deny_spam(verdict, "Invites have been disabled on this server");
    }
}

task<void> FakeHomeserver::change_in_every_room(std::string user_id, std::vector<std::string> present, std::string membership,
                                                JsonDict content) {
    std::vector<std::string> rooms;
    for (const auto& [id, each] : rooms_) {
        const Event* const member = each.state.find("m.room.member", user_id);
        if (member == nullptr) continue;
        for (const std::string& wanted : present) {
            if (member->membership() == wanted) rooms.push_back(id);
        }
    }
    for (const std::string& room_id : rooms) {
        try {
            EventFields fields = member_fields(room_id, user_id, membership);
            for (const auto& [key, value] : content) fields.content[key] = value;
            task<Event> sending = send_event(std::move(fields));
            co_await std::move(sending);
        } catch (const std::exception& error) {
            framework_log().warn("{} was not changed in room {}: {}", user_id, room_id, error.what());
        }
    }
}

task<void> FakeHomeserver::tell_of_profile(std::string user_id, bool deactivation) {
    if (hooks_ == nullptr) co_return;
    const bool by_admin = true;
    const callbacks::ProfileInfo profile = profile_of(users_.at(user_id));
    co_await hooks_->third_party_rules.on_profile_update(user_id, profile, by_admin, deactivation);
}

task<void> FakeHomeserver::show_profile_in_rooms(std::string user_id) {
    if (hooks_ == nullptr) co_return;
    const callbacks::ProfileInfo profile = profile_of(users_.at(user_id));
    JsonDict content;
    if (profile.display_name) content["displayname"] = *profile.display_name;
    if (profile.avatar_url) content["avatar_url"] = *profile.avatar_url;
    std::vector<std::string> joined(1, "join");
    task<void> showing = change_in_every_room(std::move(user_id), std::move(joined), "join", std::move(content));
    co_await std::move(showing);
}

task<void> FakeHomeserver::tell_of_registration(std::string user_id) {
    if (hooks_ == nullptr) co_return;
    co_await hooks_->account_validity.on_user_registration(user_id);
    const callbacks::ThirdPartyRulesDispatch& rules = hooks_->third_party_rules;
    const std::vector<callbacks::ThirdPartyID> bound = users_.at(user_id).threepids;
    for (const callbacks::ThirdPartyID& id : bound) {
        co_await rules.on_add_user_third_party_identifier(user_id, id.medium, id.address);
        co_await rules.on_threepid_bind(user_id, id.medium, id.address);
    }
}

task<void> FakeHomeserver::begin_deactivation(std::string user_id) {
    if (hooks_ == nullptr) co_return;
    const bool by_admin = true;
    const callbacks::ThirdPartyRulesDispatch& rules = hooks_->third_party_rules;
    const bool is_allowed = co_await rules.check_can_deactivate_user(user_id, by_admin);
    if (!is_allowed) throw SynapseError(403, "Deactivation of this user is forbidden", Codes::FORBIDDEN);
    const std::vector<callbacks::ThirdPartyID> removed = std::exchange(users_.at(user_id).threepids, {});
    for (const callbacks::ThirdPartyID& id : removed)
        co_await rules.on_remove_user_third_party_identifier(user_id, id.medium, id.address);
}

task<void> FakeHomeserver::end_deactivation(std::string user_id) {
    if (hooks_ == nullptr) co_return;
    const bool deactivated = true;
    const bool by_admin = true;
    co_await hooks_->third_party_rules.on_user_deactivation_status_changed(user_id, deactivated, by_admin);
    std::vector<std::string> inside = {"join", "invite"};
    JsonDict nothing_more;
    task<void> leaving = change_in_every_room(std::move(user_id), std::move(inside), "leave", std::move(nothing_more));
    co_await std::move(leaving);
}

task<void> FakeHomeserver::tell_of_logout(std::string access_token) {
    if (hooks_ == nullptr) co_return;
    std::optional<std::string> user_id;
    for (const auto& [id, user] : users_) {
        if (user.access_token == access_token) user_id = id;
    }
    if (!user_id) co_return;
    const std::optional<std::string> no_device;
    co_await hooks_->password_auth_provider.on_logged_out(*user_id, no_device, access_token);
}

task<void> FakeHomeserver::tell_of_account_data(std::string user_id, std::string type, JsonDict content) {
    if (hooks_ == nullptr) co_return;
    const std::optional<std::string> no_room;
    co_await hooks_->account_data.on_account_data_updated(user_id, no_room, type, content);
}

task<void> FakeHomeserver::route_presence(std::string user_id, PresenceUpdate update) {
    if (hooks_ == nullptr) co_return;
    callbacks::UserPresenceState state;
    state.user_id = std::move(user_id);
    state.state = std::move(update.state);
    state.status_msg = std::move(update.status_msg);
    const std::vector<callbacks::UserPresenceState> updates(1, state);
    co_await hooks_->presence_router.get_users_for_states(updates);
}

void FakeHomeserver::shut_down(const async::context& here, const std::string& room_id) {
    if (hooks_ == nullptr) return;
    Cause cause = Cause::of(here);
    background_->spawn("delete_room", run_caused(std::move(cause), empty_room(room_id)));
}

task<void> FakeHomeserver::empty_room(std::string room_id) {
    const std::optional<std::string> nobody;
    const bool is_allowed = co_await hooks_->third_party_rules.check_can_shutdown_room(nobody, room_id);
    if (!is_allowed) throw SynapseError(403, "Shutdown of this room is forbidden", Codes::FORBIDDEN);
    const StateMap state = state_of(room_id);
    for (const auto& [key, member] : state) {
        const bool is_inside = member.membership() == "join" || member.membership() == "invite";
        if (!is_inside || callbacks::domain_of(key.second) != name_) continue;
        try {
            task<Event> leaving = send_event(member_fields(room_id, key.second, "leave"));
            co_await std::move(leaving);
        } catch (const std::exception& error) {
            framework_log().warn("{} could not leave room {}: {}", key.second, room_id, error.what());
        }
    }
}

}  // namespace modapi::testing
