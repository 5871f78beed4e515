#include "federation/joining.h"

#include "events/event_format.h"
#include "events/room_store.h"
#include "federation/auth_chain.h"
#include "federation/authorised_join.h"
#include "federation/incoming_event.h"
#include "federation/received_pdu.h"
#include "federation/verify_keys.h"
#include "federation/x_matrix.h"
#include "http/host_pool.h"
#include "http/requests.h"
#include "rooms/event_sender.h"
#include "rooms/restricted_joins.h"
#include "text/server_name.h"

#include <modapi/database.h>

#include <callbacks/errors.h>
#include <callbacks/identifiers.h>
#include <callbacks/third_party_rules.h>

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
using callbacks::StateMap;
using callbacks::SynapseError;
using modapi::Response;
using modapi::Transaction;

constexpr const char* room_version = "10";

/// Rooms here are of one version; who can't do it is told which it is.
void require_version(const RoutedRequest& request) {
    bool any = false;
    for (const auto& [name, version] : request.http.query) {
        if (name != "ver") continue;
        if (version == room_version) return;
        any = true;
    }
    JsonDict fields;
    fields["room_version"] = room_version;
    throw SynapseError(400,
                       any ? "Your homeserver does not support the features required to join this room"
                           : "Missing query parameter 'ver': this room has version 10",
                       "M_INCOMPATIBLE_ROOM_VERSION", std::move(fields));
}

struct Template {
    RoomHead head;
    StateMap state;
};

std::optional<Template> find_room(Transaction& transaction, const std::string& room_id) {
    std::optional<RoomHead> head = find_head(transaction, room_id);
    if (!head) return std::nullopt;
    Template found;
    found.head = std::move(*head);
    found.state = current_state(transaction, room_id);
    return found;
}

async::task<Response> make_join(const RoutedRequest& request, ServerAuthentication& server_authentication,
                                modapi::Database& database, const ServerName& server_name,
                                callbacks::ThirdPartyRulesDispatch& third_party_rules, EventSender& event_sender) {
    const std::string origin = co_await server_authentication.origin_of(request);
    Draft draft;
    draft.room_id = request.path_parameters.at(0);
    draft.type = "m.room.member";
    draft.sender = user_parameter(request, 1).to_string();
    draft.state_key = draft.sender;
    draft.content["membership"] = "join";
    if (callbacks::domain_of(draft.sender) != origin)
        throw SynapseError(403, "The user " + draft.sender + " isn't of " + origin, Codes::FORBIDDEN);
    const std::optional<Template> room = co_await database.read("make_join", &find_room, draft.room_id);
    if (!room) throw SynapseError(404, "Room " + draft.room_id + " is not known here", Codes::NOT_FOUND);
    require_version(request);
    const Admission admission =
        co_await database.read("find_admission", &find_admission, draft.room_id, draft.sender, server_name.text());
    const std::optional<std::string> authorised_by = require_admission(admission);
    if (authorised_by) draft.content[authorising_user_key] = *authorised_by;

    const Event built = event_sender.build(draft, room->head, room->state);
    authorize(built, room->state);
    const callbacks::EventDecision decision = co_await third_party_rules.check_event_allowed(built, room->state);
    if (!decision.allowed()) throw SynapseError(403, "This event is not allowed in this context", Codes::FORBIDDEN);
    if (decision.replacement()) throw callbacks::ModuleFailed("the event of another server's user can't be replaced");
    JsonDict pdu = pdu_from_event(built);
    // The user's server makes these.
    pdu.erase("hashes");
    pdu.erase("signatures");
    JsonDict answer;
    answer["room_version"] = room_version;
    answer["event"] = std::move(pdu);
    co_return ok(std::move(answer));
}

/// Takes a body's event apart; `M_BAD_JSON` and the like for one that can't be this join.
void require_join(const ReceivedPdu& received, const RoutedRequest& request) {
    if (received.refusal) throw SynapseError(403, *received.refusal, Codes::FORBIDDEN);
    if (received.event_id != request.path_parameters.at(1))
        throw SynapseError(400, "The event's id isn't the one of the path", Codes::BAD_JSON);
    const Event event = event_of(received);
    if (event.room_id() != request.path_parameters.at(0))
        throw SynapseError(400, "The event's room isn't the one of the path", Codes::BAD_JSON);
    if (event.type() != "m.room.member" || event.membership() != "join")
        throw SynapseError(400, "The event is no join", Codes::BAD_JSON);
    if (event.state_key() != event.sender()) throw SynapseError(400, "The event joins somebody else", Codes::BAD_JSON);
}

JsonArray pdus_of(const std::vector<Event>& events) {
    JsonArray pdus;
    for (const Event& event : events) pdus.emplace_back(pdu_from_event(event));
    return pdus;
}

async::task<Response> send_join(const RoutedRequest& request, ServerAuthentication& server_authentication,
                                modapi::Database& database, const ServerName& server_name, const VerifyKeys& verify_keys,
                                const HostPool& host_pool, IncomingEvents& incoming_events, AuthorisedJoins& authorised_joins) {
    const std::string origin = co_await server_authentication.origin_of(request);
    const VerifyKeys* const keys = &verify_keys;
    JsonDict body = required_json_body(request);
    ReceivedPdu received = co_await async::run_on(host_pool.executor, &check_pdu, std::move(body), keys, origin);
    require_join(received, request);
    received = co_await authorised_joins.authorised(std::move(received));
    JsonDict event = received.pdu;
    const std::string room_id = request.path_parameters.at(0);
    const ArrivedPdu arrived = co_await incoming_events.arrive(received);
    EvaluatedPdu evaluated{event_of(received)};
    if (!arrived.is_known) evaluated = co_await incoming_events.evaluated(std::move(received));
    // A pruned join is a join still: what it lost is the profile.
    evaluated.soft_failed = false;
    const StateMap before = co_await to_the_end(incoming_events.take_into_room(std::move(evaluated)));
    std::vector<Event> state;
    for (const auto& [key, each] : before) state.push_back(each);
    const std::vector<Event> chain = co_await database.read("auth_chain", &auth_chain_of, room_id, state);
    JsonDict answer;
    answer["origin"] = server_name.text();
    answer["members_omitted"] = false;
    answer["event"] = std::move(event);
    answer["state"] = pdus_of(state);
    answer["auth_chain"] = pdus_of(chain);
    co_return ok(std::move(answer));
}

}  // namespace

void add_joining_endpoints(Router& router) {
    router.add("GET", "/_matrix/federation/v1/make_join/{room_id}/{user_id}", &make_join);
    router.add("PUT", "/_matrix/federation/v2/send_join/{room_id}/{event_id}", &send_join);
}

}  // namespace homeserver
