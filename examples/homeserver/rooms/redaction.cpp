#include "rooms/redaction.h"

#include "access/authentication.h"
#include "http/requests.h"
#include "rate_limits/rate_limits.h"
#include "rooms/appended_event.h"
#include "rooms/event_sender.h"
#include "rooms/limited_draft.h"
#include "rooms/shadow_ban.h"

#include <modapi/database.h>

#include <callbacks/errors.h>

namespace homeserver {

namespace {

using callbacks::Event;
using callbacks::Requester;
using modapi::Response;

Response event_id_of(std::string event_id) {
    callbacks::JsonDict answer;
    answer["event_id"] = std::move(event_id);
    return ok(std::move(answer));
}

/// What a suspended user can't do by this redaction; empty: it takes back what they have said themselves. Throws what is to be
/// said if they are suspended.
std::string require_redaction(modapi::Transaction& transaction, const Requester& requester, const std::string& event_id) {
    const auto row = transaction.query_one<std::string>("SELECT sender FROM events WHERE event_id = ?", event_id);
    const bool is_own = row && std::get<0>(*row) == requester.user.to_string();
    const std::string act(is_own ? "" : "redact what others have sent");
    require_session(transaction, requester, act);
    return act;
}

async::task<Response> redact_event(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                   const SigningKey& signing_key, RateLimits& rate_limits, EventSender& event_sender) {
    const Requester requester = co_await authentication.requester_of(request);
    std::string act = co_await database.read("require_redaction", &require_redaction, requester, request.path_parameters.at(1));
    Draft draft;
    draft.room_id = request.path_parameters.at(0);
    draft.type = "m.room.redaction";
    draft.sender = requester.user.to_string();
    draft.redacts = request.path_parameters.at(1);
    const callbacks::JsonDict body = json_body(request);
    if (const std::optional<std::string> reason = string_member(body, "reason")) draft.content["reason"] = *reason;
    SentTransaction transaction;
    transaction.endpoint = "redact";
    transaction.user_id = draft.sender;
    transaction.device_id = requester.device_id.value_or(std::string());
    transaction.transaction_id = request.path_parameters.at(2);
    if (requester.shadow_banned) co_return pretended_event(signing_key, draft.room_id, transaction);
    draft.transaction = std::move(transaction);
    std::optional<std::string> sent_before = co_await limit_draft(rate_limits, database, draft);
    if (sent_before) co_return event_id_of(std::move(*sent_before));
    const Event sent = co_await to_the_end(event_sender.send_for(requester, std::move(draft), std::move(act)));
    co_return event_id_of(sent.event_id().value());
}

}  // namespace

void add_redaction_endpoint(Router& router) {
    add_client(router, "PUT", "/rooms/{room_id}/redact/{event_id}/{transaction_id}", &redact_event);
}

}  // namespace homeserver
