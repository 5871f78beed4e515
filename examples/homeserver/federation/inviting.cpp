#include "federation/inviting.h"

#include "accounts/accounts.h"
#include "events/event_format.h"
#include "events/room_store.h"
#include "events/signing_key.h"
#include "federation/incoming_event.h"
#include "federation/received_pdu.h"
#include "federation/x_matrix.h"
#include "http/requests.h"
#include "process/server_worker.h"
#include "rooms/event_sender.h"
#include "rooms/remote_invites.h"

#include <callbacks/errors.h>

#include <async/run_on.h>

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

void require_proper(ServerWorker& worker, const Event& event) {
    if (event.type() != "m.room.member" || event.membership() != "invite" || !event.state_key())
        throw SynapseError(400, "The event is no invite", Codes::BAD_JSON);
    if (!is_local(worker, *event.state_key()))
        throw SynapseError(400, "The invite is for a user of another server", Codes::INVALID_PARAM);
}

bool room_exists(Transaction& transaction, const std::string& room_id) { return find_head(transaction, room_id).has_value(); }

/// From the accepted invitation on.
async::task<void> take_invitation(ServerWorker& worker, JudgedEvent judged, JsonArray room_state) {
    const std::string room_id = judged.event.room_id();
    const bool is_known = co_await worker.database().read("room_exists", &room_exists, room_id);
    if (is_known) {
        judged.soft_failed = false;  // pruned, it invites still
        static_cast<void>(co_await take_into_room(worker, std::move(judged)));
        co_return;
    }
    const Event event = judged.event;
    const bool is_new =
        co_await worker.database().run("store_outside_invite", &store_outside_invite, event, std::move(room_state));
    if (!is_new) co_return;
    const callbacks::StateMap nothing_known;
    std::vector<std::string> users(1, *event.state_key());
    announce(worker, event, nothing_known, std::move(users));
}

async::task<Response> put_invite(ServerWorker& worker, const RoutedRequest& request) {
    const std::string origin = co_await authenticate_server(worker, request);
    Invitation invitation = read_invitation(required_json_body(request));
    const VerifyKeys* const keys = &worker.configuration().federation_verify_keys;
    ReceivedPdu received = co_await async::run_on(worker.host_pool(), &check_pdu, std::move(invitation.pdu), keys, origin);
    if (received.refusal) throw SynapseError(403, *received.refusal, Codes::FORBIDDEN);
    if (received.event_id != request.path_parameters.at(1))
        throw SynapseError(400, "The event's id isn't the one of the path", Codes::BAD_JSON);
    JsonDict pdu = received.pdu;
    JudgedEvent judged = co_await judged_for_spam(worker, std::move(received));
    const Event& event = judged.event;
    if (event.room_id() != request.path_parameters.at(0))
        throw SynapseError(400, "The event's room isn't the one of the path", Codes::BAD_JSON);
    const std::string invitee = event.state_key().value_or(std::string());
    const callbacks::Verdict verdict =
        co_await worker.hooks().spam_checker.user_may_invite(event.sender(), invitee, event.room_id());
    deny_if_spam(verdict, "This user is not permitted to send invites to this server/user");
    require_proper(worker, event);
    const bool exists = co_await user_exists(worker, invitee);
    if (!exists) throw SynapseError(404, "User " + invitee + " is not known here", Codes::NOT_FOUND);
    co_await to_the_end(take_invitation(worker, std::move(judged), std::move(invitation.room_state)));

    JsonDict signed_part = redacted(pdu);
    worker.signing_key().sign_json(signed_part, worker.server_name());
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
