#include "rooms/create_room.h"

#include "access/authentication.h"
#include "accounts/accounts.h"
#include "events/auth_rules.h"
#include "http/requests.h"
#include "rooms/aliases.h"
#include "rooms/appended_event.h"
#include "rooms/event_sender.h"
#include "rooms/membership.h"
#include "rooms/room_request.h"
#include "rooms/third_party_invites.h"
#include "text/secrets.h"

#include <modapi/database.h>

#include <callbacks/errors.h>
#include <callbacks/third_party_rules.h>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::Event;
using callbacks::JsonDict;
using callbacks::Requester;
using callbacks::StateMap;
using callbacks::SynapseError;
using modapi::Response;
using modapi::Transaction;

/// A room in the making: what is stored, and what the next event is built on.
struct NewRoom {
    std::string room_id;
    std::string creator;
    std::optional<std::string> alias;
    RoomHead head;
    StateMap state;
};

Draft state_draft(const NewRoom& room, std::string type, std::string state_key, JsonDict content) {
    Draft draft;
    draft.room_id = room.room_id;
    draft.type = std::move(type);
    draft.sender = room.creator;
    draft.state_key = std::move(state_key);
    draft.content = std::move(content);
    return draft;
}

void follow(RoomHead& head, const Event& event) {
    head.extremities.assign(1, event.event_id().value());
    ++head.depth;
}

/// False: somebody else has taken the alias meanwhile, and nothing is stored.
bool store_first(Transaction& transaction, const Event& event, const std::string& creator, bool is_public,
                 const std::optional<std::string>& alias) {
    if (alias && !insert_alias(transaction, *alias, event.room_id(), creator)) return false;
    insert_room(transaction, event.room_id(), creator, is_public);
    append_event(transaction, event, std::nullopt);
    return true;
}

void store_all(Transaction& transaction, const std::vector<Event>& events) {
    for (const Event& event : events) append_event(transaction, event, std::nullopt);
}

void announce_stored(EventSender& event_sender, NewRoom& room, const Event& event) {
    room.state.set(event);
    std::vector<std::string> users(1, room.creator);
    event_sender.announce(event, room.state, std::move(users));
}

JsonDict creation_content(const NewRoom& room, const RoomRequest& request) {
    JsonDict creation = request.creation_content;
    creation["room_version"] = "10";
    creation["creator"] = room.creator;
    return creation;
}

/// Makes the request's own events without keeping them: what can't be is refused before anything is stored. A room that was
/// begun stays.
void rehearse(EventSender& event_sender, const NewRoom& wanted, const RoomRequest& request) {
    NewRoom room = wanted;
    const auto add = [&](const Draft& draft) {
        const Event event = event_sender.build(draft, room.head, room.state);
        const std::optional<std::string> refusal = refused(event, room.state);
        if (refusal) throw SynapseError(400, *refusal, Codes::BAD_JSON);
        room.state.set(event);
        follow(room.head, event);
    };
    JsonDict joining;
    joining["membership"] = "join";
    add(state_draft(room, "m.room.create", "", creation_content(room, request)));
    add(state_draft(room, "m.room.member", room.creator, std::move(joining)));
    for (const InitialState& given : request.state) add(state_draft(room, given.type, given.state_key, given.content));
    JsonDict inviting;
    inviting["membership"] = "invite";
    for (const std::string& invitee : request.invitees) add(state_draft(room, "m.room.member", invitee, inviting));
}

[[noreturn]] void refuse_alias() { throw SynapseError(400, "Room alias already taken", Codes::ROOM_IN_USE); }

/// Create event and creator's join: each is stored and announced before the next is made.
async::task<void> found(modapi::Database& database, EventSender& event_sender, Memberships& memberships, NewRoom& room,
                        const RoomRequest& request, JsonDict creator_profile) {
    Draft draft = state_draft(room, "m.room.create", "", creation_content(room, request));
    const Event drafted = event_sender.build(draft, room.head, room.state);
    const Event create = co_await event_sender.allowed(drafted, room.head, room.state);
    authorize(create, room.state);
    const bool is_stored =
        co_await database.run_in_turn("create_room", &store_first, create, room.creator, request.is_public, room.alias);
    if (!is_stored) refuse_alias();
    follow(room.head, create);
    announce_stored(event_sender, room, create);

    MembershipChange change;
    change.room_id = room.room_id;
    change.sender = room.creator;
    change.target = room.creator;
    change.membership = "join";
    change.content = std::move(creator_profile);
    JsonDict content = co_await memberships.content_of(std::move(change));
    Draft join_draft = state_draft(room, "m.room.member", room.creator, std::move(content));
    const Event drafted_join = event_sender.build(join_draft, room.head, room.state);
    const Event join = co_await event_sender.allowed(drafted_join, room.head, room.state);
    authorize(join, room.state);
    const std::vector<Event> only_join(1, join);
    co_await database.run_in_turn("create_room_join", &store_all, only_join);
    follow(room.head, join);
    announce_stored(event_sender, room, join);
}

/// The rest of the state, as one batch: the modules are shown only what is stored, each event is authorized by those before it.
async::task<void> furnish(modapi::Database& database, EventSender& event_sender, NewRoom& room, const RoomRequest& request) {
    StateMap with_batch = room.state;
    std::vector<Event> batch;
    for (const InitialState& wanted : request.state) {
        Draft draft = state_draft(room, wanted.type, wanted.state_key, wanted.content);
        const Event drafted = event_sender.build(draft, room.head, with_batch);
        const Event event = co_await event_sender.allowed(drafted, room.head, room.state);
        authorize(event, with_batch);
        with_batch.set(event);
        follow(room.head, event);
        batch.push_back(event);
    }
    co_await database.run_in_turn("create_room_state", &store_all, batch);
    for (const Event& event : batch) announce_stored(event_sender, room, event);
}

async::task<void> invite_all(Memberships& memberships, ThirdPartyInvites& third_party_invites, const NewRoom& room,
                             const RoomRequest& request, bool is_admin) {
    for (const std::string& invitee : request.invitees) {
        MembershipChange change;
        change.room_id = room.room_id;
        change.sender = room.creator;
        change.target = invitee;
        change.membership = "invite";
        change.sender_is_admin = is_admin;
        if (request.is_direct) change.content["is_direct"] = true;
        co_await memberships.change(std::move(change));
    }
    for (const ThirdPartyInvite& invitee : request.third_party_invitees) {
        ThirdPartyInvite invite = invitee;
        invite.room_id = room.room_id;
        invite.sender = room.creator;
        invite.sender_is_admin = is_admin;
        if (request.is_direct) invite.content["is_direct"] = true;
        co_await third_party_invites.invite(std::move(invite));
    }
}

async::task<void> refuse_taken_alias(modapi::Database& database, std::string alias) {
    const std::optional<std::string> taken_by = co_await database.read("room_of_alias", &room_of_alias, alias);
    if (taken_by) refuse_alias();
}

async::task<void> ask_on_create_room(callbacks::ThirdPartyRulesDispatch& third_party_rules, const Requester& requester,
                                     JsonDict& body, bool is_admin) {
    const auto& hook = third_party_rules.on_create_room;
    if (!hook.empty()) co_await hook(requester, body, is_admin);
}

async::task<Response> post_create_room(const RoutedRequest& request, Authentication& authentication,
                                       RoomCreation& room_creation) {
    Requester requester = co_await authentication.requester_of(request);
    JsonDict body = json_body(request);
    JsonDict no_other_profile;
    const CreatedRoom room =
        co_await to_the_end(room_creation.create(std::move(requester), std::move(body), std::move(no_other_profile)));
    JsonDict answer;
    answer["room_id"] = room.room_id;
    co_return ok(std::move(answer));
}

}  // namespace

async::task<CreatedRoom> RoomCreation::create(Requester requester, JsonDict body, JsonDict creator_profile) {
    NewRoom room;
    room.creator = requester.user.to_string();
    const bool is_admin = co_await is_server_admin(database_, room.creator);
    co_await ask_on_create_room(third_party_rules_, requester, body, is_admin);
    if (!is_admin) {
        const callbacks::Verdict verdict = co_await spam_checker_.user_may_create_room(room.creator);
        deny_if_spam(verdict, "You are not permitted to create rooms");
    }
    room.room_id = "!" + new_room_localpart() + ":" + server_name_.text();
    const RoomRequest request = read_room_request(body, room.creator, server_name_.text());
    rehearse(event_sender_, room, request);
    if (request.alias_localpart) {
        room.alias = "#" + *request.alias_localpart + ":" + server_name_.text();
        require_alias_length(*room.alias);
        co_await refuse_taken_alias(database_, *room.alias);
    }
    const std::string visibility(request.is_public ? "public" : "private");
    const bool visible_as_asked =
        co_await third_party_rules_.check_visibility_can_be_modified(room.room_id, room.state, visibility);
    if (!visible_as_asked) throw SynapseError(403, "Room visibility value not allowed.");
    if (room.alias) co_await require_alias_allowed(spam_checker_, room.creator, *room.alias);
    co_await found(database_, event_sender_, memberships_, room, request, std::move(creator_profile));
    co_await furnish(database_, event_sender_, room, request);
    // Nobody is invited by who is shadow-banned, and they can't tell.
    if (!requester.shadow_banned) co_await invite_all(memberships_, third_party_invites_, room, request, is_admin);
    CreatedRoom created;
    created.room_id = room.room_id;
    created.alias = room.alias;
    co_return created;
}

void add_create_room_endpoint(Router& router) { add_client(router, "POST", "/createRoom", &post_create_room); }

}  // namespace homeserver
