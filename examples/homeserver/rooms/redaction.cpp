#include "rooms/redaction.h"

#include "access/authentication.h"
#include "events/power_levels.h"
#include "events/room_store.h"
#include "http/requests.h"
#include "rooms/appended_event.h"
#include "rooms/event_sender.h"
#include "rooms/shadow_ban.h"

#include <modapi/database.h>

#include <callbacks/errors.h>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::Event;
using callbacks::Requester;
using callbacks::SynapseError;
using modapi::Response;

enum class Permission { granted, no_such_event, refused };

/// Everybody may redact what they sent; more takes the power level.
Permission may_redact(modapi::Transaction& transaction, const std::string& room_id, const std::string& event_id,
                      const std::string& user_id) {
    // Who isn't there is refused when the redaction is sent, with the words for it.
    if (membership_of(transaction, room_id, user_id) != "join") return Permission::granted;
    const std::optional<StoredEvent> target = find_event(transaction, room_id, event_id);
    if (!target) return Permission::no_such_event;
    if (target->event.sender() == user_id) return Permission::granted;
    const callbacks::StateMap state = current_state(transaction, room_id);
    const PowerLevels levels(state);
    return levels.of_user(user_id) >= levels.to_redact() ? Permission::granted : Permission::refused;
}

async::task<Response> redact_event(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                   EventSender& event_sender) {
    const Requester requester = co_await authentication.requester_of(request);
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
    if (requester.shadow_banned) co_return pretended_event(draft.room_id, transaction);
    draft.transaction = std::move(transaction);

    const Permission permission =
        co_await database.read("may_redact", &may_redact, draft.room_id, *draft.redacts, draft.sender);
    if (permission == Permission::no_such_event)
        throw SynapseError(404, "Could not find event " + *draft.redacts, Codes::NOT_FOUND);
    if (permission == Permission::refused) {
        throw SynapseError(403, "You don't have permission to redact events", Codes::FORBIDDEN);
    }
    const Event sent = co_await to_the_end(event_sender.send(std::move(draft)));
    callbacks::JsonDict answer;
    answer["event_id"] = sent.event_id().value();
    co_return ok(std::move(answer));
}

}  // namespace

void add_redaction_endpoint(Router& router) {
    add_client(router, "PUT", "/rooms/{room_id}/redact/{event_id}/{transaction_id}", &redact_event);
}

}  // namespace homeserver
