#include "rooms/messages.h"

#include "events/client_event.h"
#include "events/event_filter.h"
#include "events/event_search.h"
#include "events/stream_token.h"
#include "events/visibility.h"
#include "http/requests.h"
#include "rate_limits/rate_limits.h"
#include "rooms/aliases.h"
#include "rooms/event_sender.h"
#include "rooms/limited_draft.h"
#include "rooms/membership.h"
#include "rooms/redaction.h"
#include "rooms/shadow_ban.h"

#include "access/authentication.h"
#include "accounts/accounts.h"
#include "rooms/appended_event.h"

#include <modapi/database.h>

#include <callbacks/errors.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::Event;
using callbacks::JsonDict;
using callbacks::Requester;
using callbacks::SynapseError;
using modapi::Response;
using modapi::Transaction;

constexpr int max_looks_at_aliases = 5;
constexpr std::string_view sending_messages = "send messages";
constexpr std::string_view changing_state = "change the state of rooms";

[[noreturn]] void refuse_outsider(const Requester& requester, const std::string& room_id) {
    throw SynapseError(403, "User " + requester.user.to_string() + " not in room " + room_id, Codes::FORBIDDEN);
}

Draft draft_of(const Requester& requester, const RoutedRequest& request) {
    Draft draft;
    draft.room_id = request.path_parameters.at(0);
    draft.type = request.path_parameters.at(1);
    draft.sender = requester.user.to_string();
    draft.content = required_json_body(request);
    return draft;
}

Response event_id_answer(std::string event_id) {
    JsonDict answer;
    answer["event_id"] = std::move(event_id);
    return ok(std::move(answer));
}
Response event_id_answer(const Event& event) { return event_id_answer(event.event_id().value()); }

/// What a redaction that is sent as any event takes back; none: the event is none, or names nothing.
const callbacks::JsonValue* redacted_by(const Draft& draft) {
    if (draft.type != "m.room.redaction") return nullptr;
    const callbacks::JsonValue* const redacts = draft.content.if_contains("redacts");
    return redacts != nullptr && redacts->is_string() ? redacts : nullptr;
}

async::task<Response> send_message(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                   const SigningKey& signing_key, RateLimits& rate_limits, EventSender& event_sender) {
    const bool may_redact = request.path_parameters.at(1) == "m.room.redaction";
    const std::string_view refused = may_redact ? std::string_view() : sending_messages;
    const Requester requester = co_await authentication.requester_of(request, refused);
    Draft draft = draft_of(requester, request);
    SentTransaction transaction;
    transaction.user_id = draft.sender;
    transaction.device_id = requester.device_id.value_or(std::string());
    transaction.transaction_id = request.path_parameters.at(2);
    if (const callbacks::JsonValue* const redacts = redacted_by(draft)) {
        WantedRedaction wanted;
        wanted.room_id = std::move(draft.room_id);
        wanted.redacts = std::string(redacts->get_string());
        wanted.reason = string_member(draft.content, "reason");
        wanted.transaction = std::move(transaction);
        Response response = co_await redact_for(requester, std::move(wanted), database, signing_key, rate_limits, event_sender);
        co_return response;
    }
    if (may_redact) co_await database.read("require_session", &require_session, requester, sending_messages);
    if (requester.shadow_banned) co_return pretended_event(signing_key, draft.room_id, transaction);
    draft.transaction = std::move(transaction);
    std::optional<std::string> sent_before = co_await limit_draft(rate_limits, database, draft);
    if (sent_before) co_return event_id_answer(std::move(*sent_before));
    std::string act(sending_messages);
    const Event sent = co_await to_the_end(event_sender.send_for(requester, std::move(draft), std::move(act)));
    co_return event_id_answer(sent);
}

/// The aliases that a canonical alias event names may go while the modules look at it.
async::task<Response> send_aliases(modapi::Database& database, EventSender& event_sender, Requester requester, Draft draft) {
    for (int attempt = 0; attempt < max_looks_at_aliases; ++attempt) {
        co_await database.read("require_session", &require_session, requester, changing_state);
        co_await require_leading_aliases(database, draft.room_id, draft.sender, draft.content);
        draft.still_holds = [stands = if_session_stands(requester, std::string(changing_state)),
                             lead = while_aliases_lead(draft.room_id, draft.sender, draft.content)](Transaction& transaction) {
            return stands(transaction) && lead(transaction);
        };
        const std::optional<Event> sent = co_await to_the_end(event_sender.send_if_expected(draft));
        if (sent) co_return event_id_answer(*sent);
    }
    throw SynapseError(503, "The aliases change too often; try again");
}

async::task<Response> put_state(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                callbacks::SpamCheckerDispatch& spam_checker, RateLimits& rate_limits,
                                EventSender& event_sender, Memberships& memberships) {
    const bool is_membership =
        request.path_parameters.at(1) == "m.room.member";  // of which a suspended user may change their own
    const std::string_view act = is_membership ? std::string_view() : changing_state;
    const Requester requester = co_await authentication.requester_of(request, act);
    Draft draft = draft_of(requester, request);
    draft.state_key = request.path_parameters.size() > 2 ? request.path_parameters.at(2) : std::string();
    bool is_asked = !spam_checker.user_may_send_state_event.empty();
    if (is_asked) is_asked = !co_await is_server_admin(database, draft.sender);
    if (is_asked) {
        const callbacks::Verdict verdict = co_await spam_checker.user_may_send_state_event(
            draft.sender, draft.room_id, draft.type, *draft.state_key, draft.content);
        deny_if_spam(verdict, "You are not permitted to send the state event");
    }
    if (draft.type != "m.room.member") {
        if (requester.shadow_banned) co_return pretended_event();
        static_cast<void>(co_await limit_draft(rate_limits, database, draft));
        if (draft.type == "m.room.canonical_alias" && draft.state_key->empty()) {
            Response response = co_await send_aliases(database, event_sender, requester, std::move(draft));
            co_return response;
        }
        std::string forbidden(changing_state);
        const Event sent = co_await to_the_end(event_sender.send_for(requester, std::move(draft), std::move(forbidden)));
        co_return event_id_answer(sent);
    }
    MembershipChange change;
    change.room_id = draft.room_id;
    change.sender = draft.sender;
    change.target = *draft.state_key;
    change.membership = required_string_member(draft.content, "membership");
    change.content = std::move(draft.content);
    if (requester.shadow_banned && change.membership == "invite") co_return pretended_event();
    change.sender_is_admin = co_await is_server_admin(database, change.sender);  // again: modules were waited for
    change.requester = requester;
    const Event sent = co_await to_the_end(memberships.change(std::move(change)));
    co_return event_id_answer(sent);
}

/// A look into a room: what is found, if the user may look at all.
struct Found {
    bool allowed = false;
    std::vector<StoredEvent> events;
};

/// The current state for who is in the room, the state at the end of their stay for who was.
Found find_state(Transaction& transaction, const std::string& room_id, const std::string& user_id) {
    Found found;
    const Visibility visibility(transaction, room_id, user_id);
    found.allowed = visibility.shows_anything();
    if (!found.allowed) return found;
    const std::int64_t until = visibility.state_until(visibility.now());
    found.events = state_at(transaction, room_id, until, 0);
    return found;
}

async::task<std::vector<StoredEvent>> require_state(modapi::Database& database, const RoutedRequest& request,
                                                    const Requester& requester) {
    const std::string& room_id = request.path_parameters.at(0);
    Found found = co_await database.read("room_state", &find_state, room_id, requester.user.to_string());
    if (!found.allowed) refuse_outsider(requester, room_id);
    co_return std::move(found.events);
}

async::task<Response> get_state(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                ClientEventWriter& event_writer) {
    const Requester requester = co_await authentication.requester_of(request);
    std::vector<StoredEvent> state = co_await require_state(database, request, requester);
    EventResponse response(event_writer, recipient_of(requester));
    response.events(std::move(state));
    co_return co_await response.write(request);
}

async::task<Response> get_state_event(const RoutedRequest& request, Authentication& authentication,
                                      modapi::Database& database) {
    const Requester requester = co_await authentication.requester_of(request);
    const std::vector<StoredEvent> state = co_await require_state(database, request, requester);
    const std::string& type = request.path_parameters.at(1);
    const std::string state_key = request.path_parameters.size() > 2 ? request.path_parameters.at(2) : std::string();
    const auto found = std::find_if(state.begin(), state.end(), [&](const StoredEvent& stored) {
        return stored.event.type() == type && stored.event.state_key() == state_key;
    });
    if (found == state.end()) throw SynapseError(404, "Event not found.", Codes::NOT_FOUND);
    co_return ok(found->event.content());
}

Found find_visible_event(Transaction& transaction, const std::string& room_id, const std::string& event_id,
                         const std::string& user_id) {
    LaterEvents wanted = find_event_later(transaction, room_id, event_id);
    const Visibility visibility(transaction, room_id, user_id);
    Found found;
    found.allowed = visibility.shows_anything();
    std::optional<StoredEvent> stored = wanted.take_one();
    if (stored && visibility.shows(*stored)) found.events.push_back(std::move(*stored));
    return found;
}

async::task<Response> get_event(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                ClientEventWriter& event_writer) {
    const Requester requester = co_await authentication.requester_of(request);
    Found found = co_await database.read("find_event", &find_visible_event, request.path_parameters.at(0),
                                         request.path_parameters.at(1), requester.user.to_string());
    if (found.events.empty()) throw SynapseError(404, "Event not found.", Codes::NOT_FOUND);
    EventResponse response(event_writer, recipient_of(requester));
    response.event(std::move(found.events.front()));
    co_return co_await response.write(request);
}

/// A page of a room's history.
struct PageRequest {
    std::string room_id;
    std::string user_id;
    bool backwards = true;
    std::optional<std::int64_t> from;
    std::optional<std::int64_t> to;
    std::int64_t limit = 10;
    EventFilter filter;
};

struct Page {
    bool allowed = false;
    std::vector<StoredEvent> events;
    std::int64_t start = 0;
    std::optional<std::int64_t> end;
};

Page find_page_of_messages(Transaction& transaction, const PageRequest& wanted) {
    constexpr std::int64_t end_of_stream = std::numeric_limits<std::int64_t>::max();
    const std::optional<std::int64_t>& earlier = wanted.backwards ? wanted.to : wanted.from;
    const std::optional<std::int64_t>& later = wanted.backwards ? wanted.from : wanted.to;
    EventStretch stretch;
    stretch.room_id = wanted.room_id;
    stretch.backwards = wanted.backwards;
    stretch.after = earlier.value_or(0);
    stretch.until = later.value_or(end_of_stream);
    stretch.only_for = wanted.user_id;
    // Together: the events, and who may see them. A stranger has nothing read that may not be shown.
    EventSearch search(transaction, stretch, wanted.limit);
    const Visibility visibility(transaction, wanted.room_id, wanted.user_id);
    Page page;
    page.allowed = visibility.shows_anything();
    if (!page.allowed) return page;
    stretch.until = later.value_or(visibility.now());
    stretch.only_for.clear();
    if (visibility.is_of_stranger()) search = EventSearch(transaction, stretch, wanted.limit);
    search.ends_at(stretch.until);
    search.set_wanted([&](const StoredEvent& stored) { return visibility.shows(stored) && wanted.filter.wants(stored.event); });
    FoundEvents found = std::move(search).find();
    page.start = wanted.backwards ? stretch.until : stretch.after;
    page.events = std::move(found.events);
    page.end = found.go_on_from;
    return page;
}

EventFilter filter_of_page(const RoutedRequest& request) {
    const std::optional<std::string> text = request.http.argument("filter");
    if (!text) return EventFilter();
    return EventFilter(filter_from_text(*text));
}

PageRequest page_request(const RoutedRequest& request, const Requester& requester) {
    constexpr std::int64_t max_events = 1000;
    PageRequest wanted;
    wanted.room_id = request.path_parameters.at(0);
    wanted.user_id = requester.user.to_string();
    const std::string direction = request.http.argument("dir").value_or("f");
    if (direction != "b" && direction != "f") {
        throw SynapseError(400, "Query parameter 'dir' must be one of ['b', 'f']", Codes::INVALID_PARAM);
    }
    wanted.backwards = direction == "b";
    if (const std::optional<std::string> from = request.http.argument("from")) wanted.from = position_of_token(*from);
    if (const std::optional<std::string> to = request.http.argument("to")) wanted.to = position_of_token(*to);
    const std::int64_t limit = integer_argument(request, "limit").value_or(10);
    if (limit < 0) throw SynapseError(400, "Query parameter 'limit' must not be negative", Codes::INVALID_PARAM);
    wanted.limit = std::min(limit, max_events);
    wanted.filter = filter_of_page(request);
    return wanted;
}

async::task<Response> get_messages(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                   ClientEventWriter& event_writer) {
    const Requester requester = co_await authentication.requester_of(request);
    const PageRequest wanted = page_request(request, requester);
    Page page = co_await database.read("room_messages", &find_page_of_messages, wanted);
    if (!page.allowed) refuse_outsider(requester, wanted.room_id);
    EventResponse response(event_writer, recipient_of(requester));
    callbacks::JsonBuffer& text = response.text();
    text.append(R"({"start":)");
    text.string(token_of_position(page.start));
    if (page.end) {
        text.append(R"(,"end":)");
        text.string(token_of_position(*page.end));
    }
    text.append(R"(,"chunk":)");
    response.events(std::move(page.events));
    text.append('}');
    co_return co_await response.write(request);
}

}  // namespace

void add_message_endpoints(Router& router) {
    add_client(router, "PUT", "/rooms/{room_id}/send/{event_type}/{transaction_id}", &send_message);
    add_client(router, "PUT", "/rooms/{room_id}/state/{event_type}", &put_state);
    add_client(router, "PUT", "/rooms/{room_id}/state/{event_type}/{state_key?}", &put_state);
    add_client(router, "GET", "/rooms/{room_id}/state", &get_state);
    add_client(router, "GET", "/rooms/{room_id}/state/{event_type}", &get_state_event);
    add_client(router, "GET", "/rooms/{room_id}/state/{event_type}/{state_key?}", &get_state_event);
    add_client(router, "GET", "/rooms/{room_id}/event/{event_id}", &get_event);
    add_client(router, "GET", "/rooms/{room_id}/messages", &get_messages);
}

}  // namespace homeserver
