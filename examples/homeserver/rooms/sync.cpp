#include "sync.h"

#include "../filters.h"
#include "../presence.h"
#include "../requests.h"
#include "client_event.h"
#include "sync_query.h"
#include "sync_token.h"

#include <callbacks/errors.h>

#include <async/sleep.h>

#include <boost/json/parse.hpp>

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
async::task<SyncFilter> requested_filter(ServerWorker& worker, const RoutedRequest& request, std::string user_id) {
    const std::optional<std::string> given = request.http.argument("filter");
    if (!given) co_return SyncFilter();
    if (given->starts_with('{')) {
        boost::system::error_code error;
        const boost::json::value parsed = boost::json::parse(*given, error);
        if (error || !parsed.is_object()) throw SynapseError(400, "Invalid filter JSON", Codes::NOT_JSON);
        co_return SyncFilter(parsed.get_object());
    }
    std::int64_t filter_id = 0;
    const char* const end = given->data() + given->size();
    const auto [stopped, error] = std::from_chars(given->data(), end, filter_id);
    if (error != std::errc() || stopped != end) throw SynapseError(400, "Invalid filter_id", Codes::INVALID_PARAM);
    const std::optional<JsonDict> stored = co_await worker.database().read("find_filter", &find_filter, user_id, filter_id);
    if (!stored) throw SynapseError(400, "No such filter", Codes::INVALID_PARAM);
    co_return SyncFilter(*stored);
}

/// Writes one sync's answer.
class Writer {
public:
    Writer(ServerWorker& worker, const callbacks::Requester& requester, const SyncFilter& filter)
        : worker_(worker), recipient_(recipient_of(requester, false)), filter_(filter) {}

    async::task<JsonDict> write(SyncChanges changes, JsonArray presence) {
        JsonDict rooms;
        rooms["join"] = co_await write_rooms(std::move(changes.joined));
        rooms["invite"] = co_await write_invites(std::move(changes.invited));
        rooms["leave"] = co_await write_rooms(std::move(changes.left));
        JsonDict answer;
        answer["next_batch"] = token_of_position(changes.now);
        answer["rooms"] = std::move(rooms);
        answer["presence"] = events_member(std::move(presence));
        answer["account_data"] = write_account_data(changes.account_data);
        co_return answer;
    }

private:
    static JsonDict events_member(JsonArray events) {
        JsonDict member;
        member["events"] = std::move(events);
        return member;
    }
    static JsonDict write_account_data(const std::vector<AccountDataItem>& items) {
        JsonArray events;
        for (const AccountDataItem& item : items) {
            JsonDict event;
            event["type"] = item.type;
            event["content"] = item.content;
            events.emplace_back(std::move(event));
        }
        return events_member(std::move(events));
    }
    async::task<JsonDict> write_events(std::vector<StoredEvent> stored) {
        JsonArray events = co_await client_events(worker_, std::move(stored), recipient_);
        for (callbacks::JsonValue& event : events) event = filter_.reduced(std::move(event.get_object()));
        co_return events_member(std::move(events));
    }
    async::task<JsonDict> write_rooms(std::vector<RoomChanges> rooms) {
        JsonDict written;
        for (RoomChanges& room : rooms) {
            JsonDict timeline = co_await write_events(std::move(room.timeline));
            timeline["limited"] = room.limited;
            timeline["prev_batch"] = token_of_position(room.before_timeline);
            JsonDict member;
            member["state"] = co_await write_events(std::move(room.state));
            member["timeline"] = std::move(timeline);
            member["account_data"] = write_account_data(room.account_data);
            if (!room.receipts.empty()) member["ephemeral"] = events_member(receipt_events(room.receipts));
            written[room.room_id] = std::move(member);
        }
        co_return written;
    }
    async::task<JsonDict> write_invites(std::vector<Invite> invites) {
        JsonDict written;
        for (Invite& invite : invites) {
            JsonArray events;
            for (const callbacks::Event& event : invite.state) events.emplace_back(stripped_event(event));
            JsonDict invitation = co_await client_event(worker_, std::move(invite.invitation.value()), recipient_);
            events.emplace_back(std::move(invitation));
            JsonDict member;
            member["invite_state"] = events_member(std::move(events));
            written[invite.room_id] = std::move(member);
        }
        co_return written;
    }

    ServerWorker& worker_;
    Recipient recipient_;
    const SyncFilter& filter_;
};

/// Waits for news until `deadline`; returns when there may be some, or when the time is over.
async::task<void> wait_for_news(WaitingSyncs::Watch& watch, async::clock::time_point deadline) {
    const async::context& here = co_await async::this_context;
    try {
        co_await async::with_deadline(deadline - here.clock().now(), watch.news());
    } catch (const async::deadline_exceeded&) {
        // A deadline around the whole request isn't this one.
        if (here.clock().now() < deadline) throw;
    }
}

async::task<JsonArray> wanted_presence(ServerWorker& worker, const SyncRequest& request) {
    JsonArray events = co_await presence_for_sync(worker, request.user_id, request.since);
    const auto unwanted = std::remove_if(events.begin(), events.end(), [&](const callbacks::JsonValue& event) {
        const std::string sender(event.at("sender").as_string());
        return !request.filter.presence.wants("m.presence", sender);
    });
    events.erase(unwanted, events.end());
    co_return events;
}

std::chrono::milliseconds requested_timeout(const RoutedRequest& request) {
    constexpr std::chrono::milliseconds longest = std::chrono::hours(1);
    const std::int64_t timeout = integer_argument(request, "timeout").value_or(0);
    if (timeout < 0) throw SynapseError(400, "Query parameter 'timeout' must not be negative", Codes::INVALID_PARAM);
    return std::min(longest, std::chrono::milliseconds(timeout));
}

async::task<Response> sync(ServerWorker& worker, const RoutedRequest& http_request) {
    const callbacks::Requester requester = co_await authenticate(worker, http_request);
    const async::context& here = co_await async::this_context;
    const async::clock::time_point deadline = here.clock().now() + requested_timeout(http_request);
    SyncRequest request;
    request.user_id = requester.user.to_string();
    const std::optional<std::string> since = http_request.http.argument("since");
    if (since) request.since = position_of_token(*since);
    request.full_state = http_request.http.argument("full_state") == "true";
    request.filter = co_await requested_filter(worker, http_request, request.user_id);

    WaitingSyncs::Watch watch(worker.waiting_syncs(), request.user_id);
    for (;;) {
        watch.look();
        SyncChanges changes = co_await worker.database().read("sync", &find_changes, request);
        JsonArray presence = co_await wanted_presence(worker, request);
        const bool says_something = !changes.empty() || !presence.empty();
        const bool may_wait = since && !request.full_state && !watch.stopping() && here.clock().now() < deadline;
        if (says_something || !may_wait) {
            Writer writer(worker, requester, request.filter);
            JsonDict answer = co_await writer.write(std::move(changes), std::move(presence));
            co_return ok(std::move(answer));
        }
        co_await wait_for_news(watch, deadline);
    }
}

}  // namespace

void add_sync_endpoint(Router& router) { add_client(router, "GET", "/sync", &sync); }

}  // namespace homeserver
