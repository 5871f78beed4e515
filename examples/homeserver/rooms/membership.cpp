#include "rooms/membership.h"

#include "access/authentication.h"
#include "accounts/accounts.h"
#include "accounts/stored_profile.h"
#include "events/client_event.h"
#include "events/stream_token.h"
#include "events/visibility.h"
#include "http/requests.h"
#include "rooms/aliases.h"
#include "rooms/event_sender.h"
#include "rooms/limited_draft.h"
#include "rooms/remote_invites.h"
#include "rooms/restricted_joins.h"
#include "rooms/room_operation.h"
#include "rooms/third_party_invites.h"
#include "text/server_name.h"

#include <modapi/database.h>

#include <callbacks/errors.h>
#include <callbacks/spam_checker.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::Event;
using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;
using callbacks::SynapseError;
using modapi::Response;
using modapi::Transaction;

constexpr int max_looks_at_membership = 5;

/// Where a target stands before the change.
struct Standing {
    bool room_exists = false;
    std::string membership;
    std::optional<Event> event;
    callbacks::ProfileInfo profile;  ///< empty for users of other servers
    bool deactivated = false;
};

Standing standing_of(Transaction& transaction, const std::string& room_id, const std::string& user_id) {
    Standing standing;
    standing.room_exists = find_head(transaction, room_id).has_value();
    standing.membership = membership_of(transaction, room_id, user_id);
    standing.event = current_state_event(transaction, room_id, "m.room.member", user_id);
    standing.profile = find_profile(transaction, user_id);
    standing.deactivated = is_deactivated(transaction, user_id);
    return standing;
}

bool shows_profile(const MembershipChange& change) {
    return change.shows_profile || change.membership == "join" || change.membership == "invite" || change.membership == "knock";
}

constexpr std::string_view changing_own_event = "change a profile";

/// What a suspended user can't do, in words: everything but leaving.
std::string_view act_of(const MembershipChange& change, const Standing& before) {
    const bool is_own = change.sender == change.target;
    if (change.membership == "join") return is_own && before.membership == "join" ? changing_own_event : "join rooms";
    if (change.membership == "invite") return "invite users";
    if (change.membership == "knock") return "knock at rooms";
    if (!is_own) return "remove users from rooms";
    return change.membership == "leave" ? "" : changing_own_event;
}

/// What a suspended user may say as they leave: why, and nothing else.
JsonDict only_reason(const JsonDict& content) {
    JsonDict left;
    const JsonValue* const reason = content.if_contains("reason");
    if (reason != nullptr && reason->is_string()) left["reason"] = *reason;
    return left;
}

/// What a transaction that stores the event looks at once more; the target's membership is a part of the room's state. `act` is
/// what a suspended user can't do.
std::function<bool(Transaction&)> while_account_is_so(const MembershipChange& change, const Standing& before,
                                                      std::string_view act) {
    return [target = change.target, requester = change.requester, act, still_wanted = change.still_wanted,
            shows_profile = shows_profile(change), profile = before.profile,
            deactivated = before.deactivated](Transaction& transaction) {
        if (still_wanted && !still_wanted(transaction)) return false;
        if (requester && !session_stands(transaction, *requester, act)) return false;
        if (!shows_profile) return true;
        const callbacks::ProfileInfo now = find_profile(transaction, target);
        return now.display_name == profile.display_name && now.avatar_url == profile.avatar_url &&
               is_deactivated(transaction, target) == deactivated;
    };
}

/// Where the target stands, for a chain that may be inside an operation about the room.
async::task<Standing> standing_of_target(modapi::Database& database, const MembershipChange& change) {
    Standing standing = co_await database.read("membership", &standing_of, change.room_id, change.target);
    const async::context& here = co_await async::this_context;
    const RoomOperation* const around = RoomOperation::around(here, change.room_id);
    if (around == nullptr) co_return standing;
    standing.room_exists = true;
    standing.event.reset();
    standing.membership = "leave";
    const Event* const event = around->state()->find("m.room.member", change.target);
    if (event == nullptr) co_return standing;
    standing.event = *event;
    standing.membership = event->membership().value_or("leave");
    co_return standing;
}

ExpectedState as_it_stands(const Standing& standing, const std::string& target) {
    ExpectedState expected;
    expected.type = "m.room.member";
    expected.state_key = target;
    if (standing.event) expected.event_id = standing.event->event_id();
    return expected;
}

async::task<void> require_wanted(modapi::Database& database, const MembershipChange& change) {
    if (!change.still_wanted) co_return;
    const bool is_wanted = co_await database.read("is_change_wanted", change.still_wanted);
    if (!is_wanted) throw SynapseError(409, "This change of a membership isn't wanted any more");
}

async::task<void> ask_modules(callbacks::SpamCheckerDispatch& spam_checker, const MembershipChange& change,
                              const std::string& before) {
    if (change.sender_is_admin) co_return;
    if (change.membership == "join") {
        const callbacks::Verdict verdict =
            co_await spam_checker.user_may_join_room(change.target, change.room_id, before == "invite");
        deny_if_spam(verdict, "Not allowed to join this room");
    } else if (change.membership == "invite") {
        const callbacks::Verdict verdict = co_await spam_checker.user_may_invite(change.sender, change.target, change.room_id);
        deny_if_spam(verdict, "Invites have been disabled on this server");
    }
}

bool decline_if_asked_still(Transaction& transaction, const std::optional<callbacks::Requester>& requester,
                            const std::string& user_id, const std::string& room_id) {
    if (requester) require_session(transaction, *requester);
    return decline_remote_invite(transaction, user_id, room_id);
}

void set_or_erase(JsonDict& content, std::string_view key, const std::optional<std::string>& value) {
    if (value) {
        content[key] = *value;
    } else {
        content.erase(key);
    }
}

void add_missing(JsonDict& content, std::string_view key, const std::optional<std::string>& value) {
    if (value && !content.contains(key)) content[key] = *value;
}

/// Kick and unban are both a leave; each only from the membership that it is meant for.
std::string stored_membership(const std::string& asked, const Standing& before) {
    constexpr std::string_view known[] = {"join", "invite", "leave", "ban", "knock", "kick", "unban"};
    if (std::find(std::begin(known), std::end(known), asked) == std::end(known))
        throw SynapseError(400, "Invalid membership key");
    if (asked == "unban" && before.membership != "ban") {
        throw SynapseError(403, "Cannot unban user who was not banned", Codes::BAD_STATE);
    }
    if (asked == "kick" && (before.membership == "leave" || before.membership == "ban")) {
        throw SynapseError(403, "The target user is not in the room", Codes::NOT_JOINED);
    }
    return asked == "unban" || asked == "kick" ? "leave" : asked;
}

}  // namespace

async::task<JsonDict> Memberships::content_of(MembershipChange change) {
    JsonDict content = std::move(change.content);
    content["membership"] = change.membership;
    if (shows_profile(change) && server_name_.owns(change.target)) {
        const callbacks::ProfileInfo profile = co_await profile_of(database_, change.target);
        add_missing(content, "displayname", profile.display_name);
        add_missing(content, "avatar_url", profile.avatar_url);
    }
    co_return content;
}

namespace {

/// A join says who let the user in; that isn't for the user to say.
async::task<JsonDict> with_admission(modapi::Database& database, const ServerName& server_name, const MembershipChange& change,
                                     JsonDict content) {
    const Admission admission =
        co_await database.read("find_admission", &find_admission, change.room_id, change.target, server_name.text());
    const std::optional<std::string> authorised_by = require_admission(admission);
    if (authorised_by) content[authorising_user_key] = *authorised_by;
    co_return content;
}

}  // namespace

/// Of the target's own server there is nothing to leave but an invitation.
async::task<std::optional<Event>> Memberships::decline(const MembershipChange& change) {
    if (change.membership != "leave" || change.sender != change.target) co_return std::nullopt;
    const bool declined =
        co_await database_.run_in_turn("decline_outside_invite", &decline_if_asked_still, change.requester, change.sender,
                                       change.room_id);
    if (!declined) co_return std::nullopt;
    std::vector<std::string> users(1, change.sender);
    notifier_.wake(std::move(users));
    Draft draft;
    draft.room_id = change.room_id;
    draft.type = "m.room.member";
    draft.sender = change.sender;
    draft.state_key = change.target;
    draft.content = change.content;
    draft.content["membership"] = "leave";
    const RoomHead unknown_head;
    const callbacks::StateMap unknown_state;
    co_return event_sender_.build(draft, unknown_head, unknown_state);
}

async::task<Event> Memberships::change(MembershipChange change) {
    static_cast<void>(callbacks::UserID(change.target));
    std::optional<Event> declined = co_await decline(change);
    if (declined) co_return std::move(*declined);
    Asked asked;
    for (int tried = 0; tried < max_looks_at_membership; ++tried) {
        std::optional<Event> sent = co_await change_once(change, asked);
        if (sent) co_return std::move(*sent);
    }
    refuse_busy_room();
}

async::task<void> Memberships::limit(const MembershipChange& change, std::string membership, Asked& asked) {
    if (!change.requester || change.sender_is_admin || asked.is_limited) co_return;
    const bool is_join = change.membership == "join";
    const bool is_there = is_join && membership == "join";
    const bool leaves = change.membership == "leave" && change.sender == change.target;
    if (change.membership == "invite") {
        LimitedInvite invite;
        invite.issuer = change.sender;
        invite.room_id = change.room_id;
        invite.invitee = change.target;
        invite.is_counted = change.is_counted_invite;
        asked.invite_claims = co_await rate_limits_.claim_invite(std::move(invite));
    } else if (is_join && !is_there) {
        const bool is_known_room = true;
        co_await rate_limits_.take_join(change.sender, is_known_room);
    } else if (!leaves) {
        asked.claim = co_await rate_limits_.claim_message(change.sender);
    }
    asked.is_limited = true;
}

/// None: what the change rests on has changed meanwhile.
async::task<std::optional<Event>> Memberships::change_once(const MembershipChange& wanted, Asked& asked) {
    MembershipChange change = wanted;
    co_await require_wanted(database_, change);
    const Standing before = co_await standing_of_target(database_, change);
    if (!before.room_exists) {
        const bool is_known_room = false;
        if (change.membership == "join" && change.requester && !change.sender_is_admin)
            co_await rate_limits_.take_join(change.sender, is_known_room);
        throw SynapseError(404, "No known servers", Codes::NOT_FOUND);
    }
    change.membership = stored_membership(change.membership, before);
    const bool is_join = change.membership == "join";
    if (is_join && before.deactivated)
        throw SynapseError(403, "This account has been deactivated", Codes::USER_DEACTIVATED);
    std::string_view act = act_of(change, before);
    if (change.requester) co_await database_.read("require_session", &require_session, *change.requester, act);
    change.content.erase(authorising_user_key);
    if (change.requester && act.empty() && change.content != only_reason(change.content)) {
        // Whoever is suspended until the event is stored begins anew, with less to say.
        act = changing_own_event;
        const bool may_say_all = co_await database_.read("session_stands", &session_stands, *change.requester, act);
        if (!may_say_all) {
            change.content = only_reason(change.content);
            act = std::string_view();
        }
    }
    const bool stays = is_join && before.membership == "join" && before.event;
    const JsonValue* const admitted = stays ? before.event->content().if_contains(authorising_user_key) : nullptr;
    if (admitted != nullptr) change.content[authorising_user_key] = *admitted;
    JsonDict content = co_await content_of(change);
    const bool is_repeated_join =
        is_join && before.event && before.event->sender() == change.sender && before.event->content() == content;
    if (!is_repeated_join) co_await limit(change, before.membership, asked);
    const bool was_judged = asked.judged && (*asked.judged == "invite") == (before.membership == "invite");
    if (!is_repeated_join && !was_judged) {
        co_await ask_modules(spam_checker_, change, before.membership);
        asked.judged = before.membership;
    }
    if (is_join) content = co_await with_admission(database_, server_name_, change, std::move(content));
    Draft draft;
    draft.room_id = change.room_id;
    draft.type = "m.room.member";
    draft.sender = change.sender;
    draft.state_key = change.target;
    draft.content = std::move(content);
    draft.expected = as_it_stands(before, change.target);
    draft.still_holds = while_account_is_so(change, before, act);
    count_when_stored(draft, asked.claim);
    for (const std::shared_ptr<RateClaim>& claim : asked.invite_claims) count_when_stored(draft, claim);
    for (const std::shared_ptr<RateClaim>& claim : change.claims) count_when_stored(draft, claim);
    std::optional<Event> sent = co_await event_sender_.send_if_expected(std::move(draft));
    co_return sent;
}

async::task<void> Memberships::update_profile(std::string user_id, bool by_admin) {
    const std::vector<std::string> rooms =
        co_await database_.read("joined_rooms", &rooms_with_membership, user_id, std::string("join"));
    for (const std::string& room_id : rooms) {
        try {
            co_await update_profile_in(room_id, user_id, by_admin);
        } catch (const std::exception& error) {
            spdlog::warn("profile of {} not updated in room {}: {}", user_id, room_id, error.what());
        }
    }
}

async::task<void> Memberships::update_profile_in(std::string room_id, std::string user_id, bool by_admin) {
    MembershipChange change;
    change.room_id = std::move(room_id);
    change.sender = user_id;
    change.target = std::move(user_id);
    change.membership = "join";
    change.sender_is_admin = by_admin;
    bool is_asked = false;
    for (int tried = 0; tried < max_looks_at_membership; ++tried) {
        const Standing before = co_await standing_of_target(database_, change);
        if (before.membership != "join" || before.deactivated) co_return;  // who has left meanwhile isn't brought back
        if (!is_asked) co_await ask_modules(spam_checker_, change, "join");
        is_asked = true;
        const std::string_view no_act;
        Draft draft;
        draft.room_id = change.room_id;
        draft.type = "m.room.member";
        draft.sender = change.sender;
        draft.state_key = change.target;
        draft.content["membership"] = "join";
        set_or_erase(draft.content, "displayname", before.profile.display_name);
        set_or_erase(draft.content, "avatar_url", before.profile.avatar_url);
        draft.expected = as_it_stands(before, change.target);
        draft.still_holds = while_account_is_so(change, before, no_act);
        const std::optional<Event> sent = co_await event_sender_.send_if_expected(std::move(draft));
        if (sent) co_return;
    }
    refuse_busy_room();
}

namespace {

async::task<MembershipChange> requested_change(Authentication& authentication, modapi::Database& database,
                                               const RoutedRequest& request, std::string membership) {
    const std::string_view act = membership == "invite" ? "invite users" : "";  // the rest is looked at before anybody is asked
    const callbacks::Requester requester = co_await authentication.requester_of(request, act);
    MembershipChange change;
    change.room_id = co_await resolved_room(database, request.path_parameters.at(0));
    change.sender = requester.user.to_string();
    change.target = change.sender;
    change.membership = std::move(membership);
    change.sender_is_admin = co_await is_server_admin(database, change.sender);
    change.sender_is_shadow_banned = requester.shadow_banned;
    change.requester = requester;
    const JsonDict body = json_body(request);
    if (const std::optional<std::string> reason = string_member(body, "reason")) change.content["reason"] = *reason;
    co_return change;
}

/// For what is done to somebody else, named in the body.
async::task<MembershipChange> requested_of_other(Authentication& authentication, modapi::Database& database,
                                                 const RoutedRequest& request, std::string membership) {
    MembershipChange change = co_await requested_change(authentication, database, request, std::move(membership));
    const JsonDict body = json_body(request);
    change.target = required_string_member(body, "user_id");
    co_return change;
}

async::task<Response> join(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                           Memberships& memberships) {
    MembershipChange change = co_await requested_change(authentication, database, request, "join");
    const std::string room_id = change.room_id;
    co_await to_the_end(memberships.change(std::move(change)));
    JsonDict answer;
    answer["room_id"] = room_id;
    co_return ok(std::move(answer));
}

async::task<Response> leave(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                            Memberships& memberships) {
    MembershipChange change = co_await requested_change(authentication, database, request, "leave");
    co_await to_the_end(memberships.change(std::move(change)));
    co_return ok();
}

async::task<Response> invite_by_address(Authentication& authentication, modapi::Database& database,
                                        ThirdPartyInvites& third_party_invites, const RoutedRequest& request, JsonDict body) {
    MembershipChange change = co_await requested_change(authentication, database, request, "invite");
    ThirdPartyInvite invite;
    read_third_party(body, invite);
    if (change.sender_is_shadow_banned) co_return ok();  // nobody is invited, and they can't tell
    invite.room_id = std::move(change.room_id);
    invite.sender = std::move(change.sender);
    invite.content = std::move(change.content);
    invite.sender_is_admin = change.sender_is_admin;
    invite.requester = std::move(change.requester);
    co_await to_the_end(third_party_invites.invite(std::move(invite)));
    co_return ok();
}

async::task<Response> invite(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                             Memberships& memberships, ThirdPartyInvites& third_party_invites) {
    const JsonDict body = json_body(request);
    if (body.contains("medium") && body.contains("address")) {
        co_return co_await invite_by_address(authentication, database, third_party_invites, request, body);
    }
    MembershipChange change = co_await requested_of_other(authentication, database, request, "invite");
    if (change.sender_is_shadow_banned) co_return ok();  // nobody is invited, and they can't tell
    co_await to_the_end(memberships.change(std::move(change)));
    co_return ok();
}

async::task<Response> ban(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                          Memberships& memberships) {
    MembershipChange change = co_await requested_of_other(authentication, database, request, "ban");
    co_await to_the_end(memberships.change(std::move(change)));
    co_return ok();
}

async::task<Response> kick(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                           Memberships& memberships) {
    MembershipChange change = co_await requested_of_other(authentication, database, request, "kick");
    co_await to_the_end(memberships.change(std::move(change)));
    co_return ok();
}

async::task<Response> unban(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                            Memberships& memberships) {
    MembershipChange change = co_await requested_of_other(authentication, database, request, "unban");
    co_await to_the_end(memberships.change(std::move(change)));
    co_return ok();
}

bool mark_forgotten(Transaction& transaction, const callbacks::Requester& requester, const std::string& room_id) {
    require_session(transaction, requester);
    const std::string user_id = requester.user.to_string();
    const std::string membership = membership_of(transaction, room_id, user_id);
    if (membership == "join" || membership == "invite") return false;
    transaction.execute("UPDATE room_memberships SET forgotten = 1 WHERE room_id = ? AND user_id = ?", room_id, user_id);
    return true;
}

async::task<Response> forget(const RoutedRequest& request, Authentication& authentication, modapi::Database& database) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    const bool forgotten =
        co_await database.run("forget_room", &mark_forgotten, requester, request.path_parameters.at(0));
    if (!forgotten)
        throw SynapseError(400, "User " + requester.user.to_string() + " is in room " + request.path_parameters.at(0));
    co_return ok();
}

async::task<Response> joined_rooms(const RoutedRequest& request, Authentication& authentication, modapi::Database& database) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    const std::vector<std::string> rooms =
        co_await database.read("joined_rooms", &rooms_with_membership, requester.user.to_string(), std::string("join"));
    JsonDict answer;
    answer["joined_rooms"] = JsonArray(rooms.begin(), rooms.end());
    co_return ok(std::move(answer));
}

/// Whose members are asked for, and by whom.
struct MembersRequest {
    std::string room_id;
    std::string user_id;
    std::optional<std::int64_t> at;  ///< as they were at this position
    bool only_from_inside = false;   ///< who has left isn't told
};

/// The member events of a room that the user may look into, those at the end of their stay for who has left; none for everybody
/// else.
std::optional<std::vector<StoredEvent>> visible_members(Transaction& transaction, const MembersRequest& wanted) {
    const Visibility visibility(transaction, wanted.room_id, wanted.user_id);
    if (!visibility.shows_anything()) return std::nullopt;
    const bool is_inside = visibility.membership() == "join" || visibility.is_open_to_the_world();
    if (wanted.only_from_inside && !is_inside) return std::nullopt;
    const std::int64_t now = visibility.now();
    const std::int64_t position = std::min(visibility.state_until(now), wanted.at.value_or(now));
    std::vector<StoredEvent> members;
    if (position < now) {
        members = state_at(transaction, wanted.room_id, position, 0);
        std::erase_if(members, [](const StoredEvent& stored) { return !stored.event.membership(); });
        return members;
    }
    auto rows = transaction.query<std::string>(
        "SELECT event_id FROM current_state WHERE room_id = ? AND type = 'm.room.member' ORDER BY state_key", wanted.room_id);
    for (const auto& [event_id] : rows) members.push_back(find_event(transaction, wanted.room_id, event_id).value());
    return members;
}

async::task<std::vector<StoredEvent>> require_members(modapi::Database& database, MembersRequest wanted) {
    std::optional<std::vector<StoredEvent>> members = co_await database.read("room_members", &visible_members, wanted);
    if (!members) throw SynapseError(403, "User " + wanted.user_id + " not in room " + wanted.room_id, Codes::FORBIDDEN);
    co_return std::move(*members);
}

MembersRequest members_request(const RoutedRequest& request, const callbacks::Requester& requester) {
    MembersRequest wanted;
    wanted.room_id = request.path_parameters.at(0);
    wanted.user_id = requester.user.to_string();
    return wanted;
}

async::task<Response> members(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                              ClientEventWriter& event_writer) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    MembersRequest asked = members_request(request, requester);
    if (const std::optional<std::string> at = request.http.argument("at")) asked.at = position_of_token(*at);
    std::vector<StoredEvent> found = co_await require_members(database, std::move(asked));
    const std::optional<std::string> wanted = request.http.argument("membership");
    const std::optional<std::string> unwanted = request.http.argument("not_membership");
    std::erase_if(found, [&](const StoredEvent& stored) {
        const auto membership = stored.event.membership();
        return (wanted && membership != *wanted) || (unwanted && membership == *unwanted);
    });
    EventResponse response(event_writer, recipient_of(requester));
    response.text().append(R"({"chunk":)");
    response.events(std::move(found));
    response.text().append('}');
    co_return co_await response.write(request);
}

async::task<Response> joined_members(const RoutedRequest& request, Authentication& authentication, modapi::Database& database) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    MembersRequest asked = members_request(request, requester);
    asked.only_from_inside = true;
    const std::vector<StoredEvent> found = co_await require_members(database, std::move(asked));
    JsonDict joined;
    for (const StoredEvent& stored : found) {
        if (stored.event.membership() != "join") continue;
        JsonDict member;
        if (const auto name = stored.event.content_string("displayname")) member["display_name"] = *name;
        if (const auto avatar = stored.event.content_string("avatar_url")) member["avatar_url"] = *avatar;
        joined[*stored.event.state_key()] = std::move(member);
    }
    JsonDict answer;
    answer["joined"] = std::move(joined);
    co_return ok(std::move(answer));
}

}  // namespace

void add_membership_endpoints(Router& router) {
    add_client(router, "POST", "/join/{room_id_or_alias}", &join);
    add_client(router, "POST", "/rooms/{room_id}/join", &join);
    add_client(router, "POST", "/rooms/{room_id}/leave", &leave);
    add_client(router, "POST", "/rooms/{room_id}/invite", &invite);
    add_client(router, "POST", "/rooms/{room_id}/kick", &kick);
    add_client(router, "POST", "/rooms/{room_id}/ban", &ban);
    add_client(router, "POST", "/rooms/{room_id}/unban", &unban);
    add_client(router, "POST", "/rooms/{room_id}/forget", &forget);
    add_identity_key_endpoint(router);
    add_client(router, "GET", "/joined_rooms", &joined_rooms);
    add_client(router, "GET", "/rooms/{room_id}/members", &members);
    add_client(router, "GET", "/rooms/{room_id}/joined_members", &joined_members);
}

}  // namespace homeserver
