#include "sync/sync.h"

#include "access/authentication.h"
#include "events/client_event.h"
#include "events/stream_token.h"
#include "events/waiting_syncs.h"
#include "http/requests.h"
#include "presence/presence.h"
#include "sync/filters.h"
#include "sync/sync_query.h"

#include <callbacks/errors.h>

#include <async/sleep.h>

#include <algorithm>
#include <charconv>
#include <chrono>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::SynapseError;
using modapi::Response;

/// A filter given in the query itself or by the id of a stored one.
async::task<SyncFilter> requested_filter(modapi::Database& database, const RoutedRequest& request, std::string user_id) {
    const std::optional<std::string> given = request.http.argument("filter");
    if (!given) co_return SyncFilter();
    if (given->starts_with('{')) co_return SyncFilter(filter_from_text(*given));
    std::int64_t filter_id = 0;
    const char* const end = given->data() + given->size();
    const auto [stopped, error] = std::from_chars(given->data(), end, filter_id);
    if (error != std::errc() || stopped != end) throw SynapseError(400, "Invalid filter_id", Codes::INVALID_PARAM);
    const std::optional<JsonDict> stored = co_await database.read("find_filter", &find_filter, user_id, filter_id);
    if (!stored) throw SynapseError(400, "No such filter", Codes::INVALID_PARAM);
    co_return SyncFilter(*stored);
}

/// Writes one sync's answer.
class Writer {
public:
    Writer(ClientEventWriter& event_writer, const callbacks::Requester& requester, const SyncFilter& filter)
        : response_(event_writer, recipient_of(requester, false)), text_(response_.text()) {
        if (filter.reduces()) response_.reduce([&filter](JsonDict event) { return filter.reduced(std::move(event)); });
    }

    /// Takes the events out of `changes` before it returns.
    async::task<Response> write(const RoutedRequest& request, SyncChanges& changes, const JsonArray& presence) {
        text_.append(R"({"next_batch":)");
        text_.string(token_of_position(changes.now));
        text_.append(R"(,"rooms":{"join":)");
        write_rooms(changes.joined, true);
        text_.append(R"(,"invite":)");
        write_stripped_rooms(changes.invited, "invite_state");
        if (!changes.knocked.empty()) {
            text_.append(R"(,"knock":)");
            write_stripped_rooms(changes.knocked, "knock_state");
        }
        text_.append(R"(,"leave":)");
        write_rooms(changes.left, false);
        text_.append(R"(},"presence":{"events":)");
        text_.array(presence);
        text_.append(R"(},"account_data":)");
        write_account_data(changes.account_data);
        text_.append('}');
        return response_.write(request);
    }

private:
    /// The comma in front of every member but the first, and its name.
    void member(std::string_view name, bool& first) {
        if (!first) text_.append(',');
        first = false;
        text_.string(name);
        text_.append(':');
    }
    void write_account_data(const std::vector<AccountDataItem>& items) {
        JsonArray events;
        for (const AccountDataItem& item : items) {
            JsonDict event;
            event["type"] = item.type;
            event["content"] = item.content;
            events.emplace_back(std::move(event));
        }
        text_.append(R"({"events":)");
        text_.array(events);
        text_.append('}');
    }
    void write_rooms(std::vector<RoomChanges>& rooms, bool are_joined) {
        text_.append('{');
        bool first = true;
        for (RoomChanges& room : rooms) {
            member(room.room_id, first);
            text_.append(R"({"state":{"events":)");
            response_.events(std::move(room.state), true);
            text_.append(R"(},"timeline":{"events":)");
            response_.events(std::move(room.timeline), true);
            text_.append(R"(,"limited":)");
            text_.boolean(room.limited);
            text_.append(R"(,"prev_batch":)");
            text_.string(token_of_position(room.before_timeline));
            text_.append(R"(},"account_data":)");
            write_account_data(room.account_data);
            if (!room.receipts.empty()) {
                text_.append(R"(,"ephemeral":{"events":)");
                text_.array(receipt_events(room.receipts));
                text_.append('}');
            }
            if (are_joined) {
                text_.append(R"(,"unread_notifications":{"notification_count":)");
                text_.number(room.unread.notifications);
                text_.append(R"(,"highlight_count":)");
                text_.number(room.unread.highlights);
                text_.append('}');
            }
            text_.append('}');
        }
        text_.append('}');
    }
    void write_stripped_rooms(const std::vector<StrippedRoom>& rooms, std::string_view state_name) {
        text_.append('{');
        bool first = true;
        for (const StrippedRoom& room : rooms) {
            member(room.room_id, first);
            text_.append('{');
            text_.string(state_name);
            text_.append(R"(:{"events":[)");
            for (const callbacks::Event& event : room.state) {
                text_.object(stripped_event(event));
                text_.append(',');
            }
            response_.event(room.membership.value());
            text_.append("]}}");
        }
        text_.append('}');
    }

    EventResponse response_;
    callbacks::JsonBuffer& text_;
};

/// Whether the client may be gone already: it sends nothing any more.
bool may_be_gone(const async::cancellation_source* waits) {
    return waits != nullptr && waits->requested() != async::cancel_reason::none;
}

/// Waits for news until `deadline`; returns when there may be some, when the time is over, or when nobody may be waiting for
/// them.
async::task<void> wait_for_news(WaitingSyncs::Watch& watch, async::clock::time_point deadline,
                                async::cancellation_source* waits) {
    const async::context& here = co_await async::this_context;
    async::context inner = here;
    if (waits != nullptr) inner.end_with(*waits);
    try {
        async::task<void> waiting = async::with_deadline(deadline - here.clock().now(), watch.news());
        co_await std::move(waiting).in(inner);
    } catch (const async::operation_cancelled&) {
        here.throw_if_cancelled();
        if (!may_be_gone(waits)) throw;
    } catch (const async::deadline_exceeded&) {
        // A deadline around the whole request isn't this one.
        if (here.clock().now() < deadline) throw;
    }
}

async::task<JsonArray> wanted_presence(Presence& presence, const SyncRequest& request) {
    JsonArray events = co_await presence.for_sync(request.user_id, request.since);
    const auto unwanted = std::remove_if(events.begin(), events.end(), [&](const callbacks::JsonValue& event) {
        const std::string sender(event.at("sender").as_string());
        return !request.filter.presence.wants("m.presence", sender);
    });
    events.erase(unwanted, events.end());
    co_return events;
}

std::chrono::milliseconds requested_timeout(const RoutedRequest& request) {
    constexpr std::chrono::milliseconds max_length = std::chrono::hours(1);
    const std::int64_t timeout = integer_argument(request, "timeout").value_or(0);
    if (timeout < 0) throw SynapseError(400, "Query parameter 'timeout' must not be negative", Codes::INVALID_PARAM);
    return std::min(max_length, std::chrono::milliseconds(timeout));
}

bool requested_full_state(const RoutedRequest& request) {
    const std::string full_state = request.http.argument("full_state").value_or("false");
    if (full_state != "true" && full_state != "false")
        throw SynapseError(400, "Query parameter 'full_state' must be one of ['true', 'false']", Codes::INVALID_PARAM);
    return full_state == "true";
}

/// A session that ends while its sync waits is answered as one that came after.
SyncChanges look(modapi::Transaction& transaction, const SyncRequest& request, const callbacks::Requester& requester) {
    SyncQuestions asked(transaction, request);
    require_session(transaction, requester);
    return find_changes(transaction, request, asked);
}

async::task<Response> sync(const RoutedRequest& http_request, Authentication& authentication, modapi::Database& database,
                           WaitingSyncs& waiting_syncs, ClientEventWriter& event_writer, Presence& presence) {
    const callbacks::Requester requester = co_await authentication.requester_of(http_request);
    const async::context& here = co_await async::this_context;
    const async::clock::time_point deadline = here.clock().now() + requested_timeout(http_request);
    SyncRequest request;
    request.user_id = requester.user.to_string();
    const std::optional<std::string> since = http_request.http.argument("since");
    if (since) request.since = position_of_token(*since);
    request.full_state = requested_full_state(http_request);
    request.filter = co_await requested_filter(database, http_request, request.user_id);

    WaitingSyncs::Watch watch(waiting_syncs, request.user_id);
    for (;;) {
        watch.look();
        SyncChanges changes = co_await database.read("sync", &look, request, requester);
        watch.looked_until(changes.now);
        const JsonArray present = co_await wanted_presence(presence, request);
        const bool says_something = !changes.empty() || !present.empty();
        const bool may_wait = since && !request.full_state && !watch.stopping() && !may_be_gone(http_request.waits) &&
                              here.clock().now() < deadline;
        if (says_something || !may_wait) {
            Writer writer(event_writer, requester, request.filter);
            co_return co_await writer.write(http_request, changes, present);
        }
        co_await wait_for_news(watch, deadline, http_request.waits);
    }
}

}  // namespace

void add_sync_endpoint(Router& router) { add_client(router, "GET", "/sync", &sync); }

}  // namespace homeserver
