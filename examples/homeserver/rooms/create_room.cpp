#include "rooms/create_room.h"

#include "access/authentication.h"
#include "accounts/accounts.h"
#include "accounts/stored_profile.h"
#include "events/auth_rules.h"
#include "http/requests.h"
#include "rooms/aliases.h"
#include "rooms/appended_event.h"
#include "rooms/event_building.h"
#include "rooms/event_sender.h"
#include "rooms/membership.h"
#include "rooms/room_operation.h"
#include "rooms/room_request.h"
#include "rooms/third_party_invites.h"
#include "text/secrets.h"

#include <modapi/database.h>

#include <callbacks/errors.h>
#include <callbacks/storable_json.h>
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

constexpr std::string_view creating_rooms = "create rooms";

/// A room in the making.
struct NewRoom {
    std::string room_id;
    std::string creator;
    bool is_public = false;
    std::optional<std::string> alias;
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

/// Who is to be told of the room; none: somebody else has taken the alias meanwhile, and nothing is stored. Errors: SynapseError
/// 403 `M_USER_DEACTIVATED` if the creator's account has ended meanwhile.
std::optional<std::vector<std::string>> store_room(Transaction& transaction, const Requester& requester, const NewRoom& room,
                                                   const std::vector<PendingEvent>& events) {
    if (is_deactivated(transaction, room.creator))
        throw SynapseError(403, "This account has been deactivated", Codes::USER_DEACTIVATED);
    if (requester.access_token_id) require_session(transaction, requester, creating_rooms);  // a module has none
    if (room.alias && !insert_alias(transaction, *room.alias, room.room_id, room.creator)) return std::nullopt;
    insert_room(transaction, room.room_id, room.creator, room.is_public);
    RoomHead head = find_head(transaction, room.room_id).value();
    return append_events(transaction, events, head, callbacks::StateMap());
}

JsonDict creation_content(const NewRoom& room, const RoomRequest& request) {
    JsonDict creation = request.creation_content;
    creation["room_version"] = "10";
    creation["creator"] = room.creator;
    return creation;
}

/// Makes the request's own events without keeping them: what can't be is refused before any module is asked.
void rehearse(const EventSender& event_sender, const NewRoom& room, const RoomRequest& request) {
    RoomHead head;
    StateMap state;
    const auto add = [&](const Draft& draft) {
        const Event event = event_sender.build(draft, head, state);
        const std::optional<std::string> refusal = refused(event, state);
        if (refusal) throw SynapseError(400, *refusal, Codes::BAD_JSON);
        state.set(event);
        follow(head, event);
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

/// Adds one of the room's own events; `shown` is the state that the modules see.
async::task<void> add(EventSender& event_sender, RoomOperation& making, Draft draft, std::shared_ptr<const StateMap> shown) {
    Event built = event_sender.build(draft, making.head(), *making.state());
    const Event event = co_await event_sender.allowed(making, std::move(built), std::move(shown));
    authorize(event, *making.state());
    PendingEvent pending(event);
    making.add(std::move(pending));
}

/// Create event and creator's join.
async::task<void> found(EventSender& event_sender, Memberships& memberships, RoomOperation& making, const NewRoom& room,
                        const RoomRequest& request, JsonDict creator_profile) {
    Draft creating = state_draft(room, "m.room.create", "", creation_content(room, request));
    co_await add(event_sender, making, std::move(creating), making.state());
    MembershipChange change;
    change.room_id = room.room_id;
    change.sender = room.creator;
    change.target = room.creator;
    change.membership = "join";
    change.content = std::move(creator_profile);
    JsonDict content = co_await memberships.content_of(std::move(change));
    Draft joining = state_draft(room, "m.room.member", room.creator, std::move(content));
    co_await add(event_sender, making, std::move(joining), making.state());
}

/// The rest of the state: each event is authorized by those before it, and the modules are shown what founded the room.
async::task<void> furnish(EventSender& event_sender, RoomOperation& making, const NewRoom& room, const RoomRequest& request) {
    const std::shared_ptr<const StateMap> founded = making.state();
    for (const InitialState& wanted : request.state) {
        Draft draft = state_draft(room, wanted.type, wanted.state_key, wanted.content);
        co_await add(event_sender, making, std::move(draft), founded);
    }
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

/// Stores the room with all of its events, and tells of them.
async::task<void> store_made(modapi::Database& database, EventSender& event_sender, const RoomOperation& making,
                             Requester requester, const NewRoom& room) {
    std::optional<std::vector<std::string>> users =
        co_await database.run_in_turn("create_room", &store_room, std::move(requester), room, making.events());
    if (!users) refuse_alias();
    std::vector<Event> events;
    for (const PendingEvent& pending : making.events()) events.push_back(pending.event);
    const async::context& here = co_await async::this_context;
    event_sender.announce(here, events, std::make_shared<const StateMap>(), std::move(*users));
}

async::task<void> refuse_taken_alias(modapi::Database& database, std::string alias) {
    const std::optional<std::string> taken_by = co_await database.read("room_of_alias", &room_of_alias, alias);
    if (taken_by) refuse_alias();
}

async::task<void> ask_on_create_room(callbacks::ThirdPartyRulesDispatch& third_party_rules, const Requester& requester,
                                     JsonDict& body, bool is_admin) {
    const auto& hook = third_party_rules.on_create_room;
    if (hook.empty()) co_return;
    co_await hook(requester, body, is_admin);
    // No client can send such, so a module made it.
    if (const char* const why = callbacks::unreadable_because(body))
        throw callbacks::ModuleFailed(std::string("on_create_room made of the request what can't be stored: ") + why);
}

/// Each invitation and each event of the state is asked about, signed and stored while others wait. Looks at nothing else: what
/// is wrong with the rest is said later. Errors: SynapseError 400 `M_INVALID_PARAM`.
void require_few(const JsonDict& body) {
    constexpr std::size_t max_invites = 100;
    constexpr std::size_t max_initial_events = 1000;
    const auto count = [&](std::string_view key) -> std::size_t {
        const callbacks::JsonValue* const list = body.if_contains(key);
        return list != nullptr && list->is_array() ? list->get_array().size() : 0;
    };
    if (count("invite") + count("invite_3pid") > max_invites)
        throw SynapseError(400, "A new room has at most 100 invitations", Codes::INVALID_PARAM);
    if (count("initial_state") > max_initial_events)
        throw SynapseError(400, "A new room has at most 1000 events in 'initial_state'", Codes::INVALID_PARAM);
}

/// The room's own limit is that of a room that is there.
async::task<void> limit_invites(RateLimits& rate_limits, std::string creator, const RoomRequest& request) {
    LimitedInvite invites;
    invites.issuer = std::move(creator);
    invites.invites = static_cast<std::int64_t>(request.invitees.size() + request.third_party_invitees.size());
    if (invites.invites > 0) static_cast<void>(co_await rate_limits.claim_invite(std::move(invites)));
}

async::task<Response> post_create_room(const RoutedRequest& request, Authentication& authentication,
                                       RoomCreation& room_creation) {
    Requester requester = co_await authentication.requester_of(request, creating_rooms);
    JsonDict body = json_body(request);
    require_few(body);
    JsonDict no_other_profile;
    const bool is_limited = true;
    const CreatedRoom room = co_await to_the_end(
        room_creation.create(std::move(requester), std::move(body), std::move(no_other_profile), is_limited));
    JsonDict answer;
    answer["room_id"] = room.room_id;
    co_return ok(std::move(answer));
}

}  // namespace

async::task<CreatedRoom> RoomCreation::create(Requester requester, JsonDict body, JsonDict creator_profile, bool is_limited) {
    NewRoom room;
    room.creator = requester.user.to_string();
    const bool is_admin = co_await is_server_admin(database_, room.creator);
    co_await ask_on_create_room(third_party_rules_, requester, body, is_admin);
    if (!is_admin) {
        const callbacks::Verdict verdict = co_await spam_checker_.user_may_create_room(room.creator, body);
        deny_if_spam(verdict, "You are not permitted to create rooms");
    }
    const bool counts = is_limited && !is_admin;
    if (counts) co_await rate_limits_.take_message(room.creator);
    room.room_id = "!" + new_room_localpart() + ":" + server_name_.text();
    const RoomRequest request = read_room_request(body, room.creator, server_name_.text());
    room.is_public = request.is_public;
    if (counts && !requester.shadow_banned) co_await limit_invites(rate_limits_, room.creator, request);
    rehearse(event_sender_, room, request);
    if (request.alias_localpart) {
        room.alias = "#" + *request.alias_localpart + ":" + server_name_.text();
        require_alias_length(*room.alias);
        co_await refuse_taken_alias(database_, *room.alias);
    }
    for (const InitialState& wanted : request.state) {
        if (wanted.type == "m.room.canonical_alias" && wanted.state_key.empty()) require_own_alias(wanted.content, room.alias);
    }
    const StateMap no_state;
    const std::string visibility(request.is_public ? "public" : "private");
    const bool visible_as_asked =
        co_await third_party_rules_.check_visibility_can_be_modified(room.room_id, no_state, visibility);
    if (!visible_as_asked) throw SynapseError(403, "Room visibility value not allowed.");
    if (room.alias) co_await require_alias_allowed(spam_checker_, room.creator, *room.alias);
    // The room and all of its events come into being together, or nothing does.
    const async::context& here = co_await async::this_context;
    RoomOperation making(here, room.room_id);
    const bool creator_shows_profile = creator_profile.empty();
    co_await found(event_sender_, memberships_, making, room, request, std::move(creator_profile));
    co_await furnish(event_sender_, making, room, request);
    // Nobody is invited by who is shadow-banned, and they can't tell.
    if (!requester.shadow_banned) {
        async::task<void> inviting = invite_all(memberships_, third_party_invites_, room, request, is_admin);
        co_await std::move(inviting).in(making.here());
    }
    co_await store_made(database_, event_sender_, making, requester, room);
    if (creator_shows_profile) {
        // It may have changed while the modules were asked, when the room wasn't there yet.
        const callbacks::ProfileInfo profile = co_await profile_of(database_, room.creator);
        const Event* const join = making.state()->find("m.room.member", room.creator);
        const bool is_shown = join->content_string("displayname") == profile.display_name &&
                              join->content_string("avatar_url") == profile.avatar_url;
        if (!is_shown) co_await memberships_.update_profile_in(room.room_id, room.creator, is_admin);
    }
    for (const ThirdPartyInvite& invitee : request.third_party_invitees) {
        if (!requester.shadow_banned) co_await third_party_invites_.redeem_if_owned(invitee.medium, invitee.address);
    }
    CreatedRoom created;
    created.room_id = room.room_id;
    created.alias = room.alias;
    co_return created;
}

void add_create_room_endpoint(Router& router) { add_client(router, "POST", "/createRoom", &post_create_room); }

}  // namespace homeserver
