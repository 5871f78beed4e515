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

#include <utility>

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
    WantedRedaction wanted;
    wanted.room_id = request.path_parameters.at(0);
    wanted.redacts = request.path_parameters.at(1);
    wanted.reason = string_member(json_body(request), "reason");
    wanted.transaction.endpoint = "redact";
    wanted.transaction.user_id = requester.user.to_string();
    wanted.transaction.device_id = requester.device_id.value_or(std::string());
    wanted.transaction.transaction_id = request.path_parameters.at(2);
    Response response =
        co_await redact_for(requester, std::move(wanted), database, signing_key, rate_limits, event_sender);
    co_return response;
}

}  // namespace

async::task<Response> redact_for(Requester requester, WantedRedaction wanted, modapi::Database& database,
                                 const SigningKey& signing_key, RateLimits& rate_limits, EventSender& event_sender) {
    std::string act = co_await database.read("require_redaction", &require_redaction, requester, wanted.redacts);
    Draft draft;
    draft.room_id = std::move(wanted.room_id);
    draft.type = "m.room.redaction";
    draft.sender = requester.user.to_string();
    draft.redacts = std::move(wanted.redacts);
    if (wanted.reason) draft.content["reason"] = *wanted.reason;
    if (requester.shadow_banned) co_return pretended_event(signing_key, draft.room_id, wanted.transaction);
    draft.transaction = std::move(wanted.transaction);
    std::optional<std::string> sent_before = co_await limit_draft(rate_limits, database, draft);
    if (sent_before) co_return event_id_of(std::move(*sent_before));
    const Event sent = co_await to_the_end(event_sender.send_for(std::move(requester), std::move(draft), std::move(act)));
    co_return event_id_of(sent.event_id().value());
}

void add_redaction_endpoint(Router& router) {
    add_client(router, "PUT", "/rooms/{room_id}/redact/{event_id}/{transaction_id}", &redact_event);
}

}  // namespace homeserver
