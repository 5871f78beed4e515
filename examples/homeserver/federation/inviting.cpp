#include "federation/inviting.h"

#include "accounts/accounts.h"
#include "events/event_format.h"
#include "events/room_store.h"
#include "events/signing_key.h"
#include "federation/incoming_event.h"
#include "federation/received_pdu.h"
#include "federation/verify_keys.h"
#include "federation/x_matrix.h"
#include "http/host_pool.h"
#include "http/requests.h"
#include "rate_limits/rate_limits.h"
#include "rooms/event_sender.h"
#include "rooms/remote_invites.h"
#include "text/server_name.h"

#include <modapi/database.h>

#include <callbacks/errors.h>
#include <callbacks/spam_checker.h>

#include <async/run_on.h>

#include <memory>
#include <optional>
#include <string>
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

/// What the body of an invitation holds.
struct Invitation {
    JsonDict pdu;
    JsonArray room_state;  ///< stripped events, for the invited user to see what room it is
};

Invitation read_invitation(JsonDict body) {
    const std::string version = required_string_member(body, "room_version");
    if (version != "10") {
        JsonDict fields;
        fields["room_version"] = version;
        throw SynapseError(400, "Homeserver does not support this room version", "M_INCOMPATIBLE_ROOM_VERSION",
                           std::move(fields));
    }
    JsonValue* const event = body.if_contains("event");
    if (event == nullptr || !event->is_object()) throw SynapseError(400, "'event' must be an object", Codes::BAD_JSON);
    Invitation invitation;
    invitation.pdu = std::move(event->get_object());
    const JsonValue* const state = body.if_contains("invite_room_state");
    if (state == nullptr) return invitation;
    if (!state->is_array()) throw SynapseError(400, "'invite_room_state' must be a list", Codes::BAD_JSON);
    for (const JsonValue& each : state->get_array()) {
        if (!each.is_object()) throw SynapseError(400, "'invite_room_state' must hold events", Codes::BAD_JSON);
        invitation.room_state.push_back(each);
    }
    return invitation;
}

void require_proper(const ServerName& server_name, const Event& event) {
    if (event.type() != "m.room.member" || event.membership() != "invite" || !event.state_key())
        throw SynapseError(400, "The event is no invite", Codes::BAD_JSON);
    if (!server_name.owns(*event.state_key()))
        throw SynapseError(400, "The invite is for a user of another server", Codes::INVALID_PARAM);
}

bool room_exists(Transaction& transaction, const std::string& room_id) { return find_head(transaction, room_id).has_value(); }

/// The invite as modules see it.
Event whole_event(const ReceivedPdu& received, const JsonArray& room_state) {
    JsonDict unsigned_fields;
    unsigned_fields["invite_room_state"] = room_state;
    return event_of(received, std::move(unsigned_fields));
}

/// Errors: SynapseError 403, whose code and text are those of the contract's server.
async::task<void> require_not_dropped(callbacks::SpamCheckerDispatch& spam_checker, Event event) {
    const bool dropped = co_await spam_checker.should_drop_federated_event(event);
    if (dropped) throw SynapseError(403, std::string(errcode_of(Codes::FORBIDDEN)));
}

async::task<void> require_allowed(callbacks::SpamCheckerDispatch& spam_checker, Event event) {
    const std::string refusal = "This user is not permitted to send invites to this server/user";
    const callbacks::Verdict of_event = co_await spam_checker.federated_user_may_invite(event);
    deny_if_spam(of_event, refusal);
    const std::string invitee = event.state_key().value_or(std::string());
    const callbacks::Verdict of_users = co_await spam_checker.user_may_invite(event.sender(), invitee, event.room_id());
    deny_if_spam(of_users, refusal);
}

/// From the accepted invitation on, which counts once it is stored.
async::task<void> take_invitation(modapi::Database& database, EventSender& event_sender, IncomingEvents& incoming_events,
                                  EvaluatedPdu evaluated, JsonArray room_state, InviteClaims claims) {
    const std::string room_id = evaluated.event.room_id();
    const bool is_known = co_await database.read("room_exists", &room_exists, room_id);
    if (is_known) {
        evaluated.soft_failed = false;  // pruned, it invites still
        static_cast<void>(co_await incoming_events.take_into_room(std::move(evaluated)));
        for (const std::shared_ptr<RateClaim>& claim : claims) claim->keep();
        co_return;
    }
    const Event event = evaluated.event;
    const bool is_new =
        co_await database.run_in_turn("store_outside_invite", &store_remote_invite, event, std::move(room_state));
    if (!is_new) co_return;
    for (const std::shared_ptr<RateClaim>& claim : claims) claim->keep();
    const std::vector<Event> only(1, event);
    auto nothing_known = std::make_shared<const callbacks::StateMap>();
    std::vector<std::string> users(1, *event.state_key());
    const async::context& here = co_await async::this_context;
    event_sender.announce(here, only, std::move(nothing_known), std::move(users));
}

async::task<Response> put_invite(const RoutedRequest& request, ServerAuthentication& server_authentication,
                                 modapi::Database& database, const ServerName& server_name, const SigningKey& signing_key,
                                 const VerifyKeys& verify_keys, const HostPool& host_pool, RateLimits& rate_limits,
                                 callbacks::SpamCheckerDispatch& spam_checker, EventSender& event_sender,
                                 IncomingEvents& incoming_events) {
    const std::string origin = co_await server_authentication.origin_of(request);
    Invitation invitation = read_invitation(required_json_body(request));
    const VerifyKeys* const keys = &verify_keys;
    ReceivedPdu received = co_await async::run_on(host_pool.executor, &check_pdu, std::move(invitation.pdu), keys, origin);
    if (received.refusal) {
        if (received.has_right_form)
            co_await require_not_dropped(spam_checker, whole_event(received, invitation.room_state));
        throw SynapseError(403, *received.refusal, Codes::FORBIDDEN);
    }
    if (received.event_id != request.path_parameters.at(1))
        throw SynapseError(400, "The event's id isn't the one of the path", Codes::BAD_JSON);
    JsonDict pdu = received.pdu;
    const ArrivedPdu arrived = co_await incoming_events.arrive(received);
    const bool is_invited = co_await database.read("is_remote_invite", &is_remote_invite, received.event_id);
    const bool is_new = !arrived.is_known && !is_invited;
    EvaluatedPdu evaluated{event_of(received)};
    const Event whole = whole_event(received, invitation.room_state);
    InviteClaims claims;
    if (is_new) {
        claims = rate_limits.claim_outside_invite(whole.room_id(), whole.state_key());
        co_await require_not_dropped(spam_checker, whole);
        evaluated = co_await incoming_events.evaluated(std::move(received));
    }
    const Event& event = evaluated.event;
    if (event.room_id() != request.path_parameters.at(0))
        throw SynapseError(400, "The event's room isn't the one of the path", Codes::BAD_JSON);
    const std::string invitee = event.state_key().value_or(std::string());
    if (is_new) co_await require_allowed(spam_checker, whole);
    require_proper(server_name, event);
    const bool exists = co_await user_exists(database, invitee);
    if (!exists) throw SynapseError(404, "User " + invitee + " is not known here", Codes::NOT_FOUND);
    co_await to_the_end(take_invitation(database, event_sender, incoming_events, std::move(evaluated),
                                        std::move(invitation.room_state), std::move(claims)));

    JsonDict signed_part = redacted(pdu);
    signing_key.sign_json(signed_part, server_name.text());
    pdu["signatures"] = signed_part.at("signatures");
    JsonDict answer;
    answer["event"] = std::move(pdu);
    co_return ok(std::move(answer));
}

}  // namespace

void add_inviting_endpoint(Router& router) {
    router.add("PUT", "/_matrix/federation/v2/invite/{room_id}/{event_id}", &put_invite);
}

}  // namespace homeserver
