#include "presence/presence.h"

#include "access/authentication.h"
#include "accounts/accounts.h"
#include "events/notifier.h"
#include "events/room_store.h"
#include "events/stream.h"
#include "http/requests.h"
#include "presence/presence_interests.h"
#include "text/server_name.h"
#include "text/size_limits.h"

#include <async/clock.h>

#include <modapi/database.h>

#include <callbacks/errors.h>
#include <callbacks/presence.h>
#include <callbacks/presence_router.h>

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::SynapseError;
using callbacks::UserPresenceState;

constexpr std::size_t max_status_msg = 1024;
constexpr std::string_view setting_messages = "set a status message";

bool is_presence_state(std::string_view state) {
    constexpr std::string_view known[] = {"online", "unavailable", "offline", "org.matrix.msc3026.busy"};
    return std::find(std::begin(known), std::end(known), state) != std::end(known);
}

using PresenceRow = std::tuple<std::string, std::string, std::optional<std::string>, std::int64_t, bool>;

UserPresenceState state_of(PresenceRow row) {
    UserPresenceState presence;
    std::tie(presence.user_id, presence.state, presence.status_msg, presence.last_active_ts, presence.currently_active) =
        std::move(row);
    return presence;
}

std::vector<UserPresenceState> states_of(std::vector<PresenceRow> rows) {
    std::vector<UserPresenceState> states;
    for (PresenceRow& row : rows) states.push_back(state_of(std::move(row)));
    return states;
}

std::optional<UserPresenceState> find_presence(modapi::Transaction& transaction, const std::string& user_id) {
    auto row = transaction.query_one<std::string, std::string, std::optional<std::string>, std::int64_t, bool>(
        "SELECT user_id, state, status_msg, last_active_ts, currently_active FROM presence WHERE user_id = ?", user_id);
    if (!row) return std::nullopt;
    return state_of(std::move(*row));
}

JsonDict content_of(const UserPresenceState& presence, std::int64_t now) {
    JsonDict content;
    content["presence"] = presence.state;
    if (presence.last_active_ts > 0) content["last_active_ago"] = std::max<std::int64_t>(0, now - presence.last_active_ts);
    if (presence.status_msg) content["status_msg"] = *presence.status_msg;
    if (presence.state == "online") content["currently_active"] = presence.currently_active;
    return content;
}

/// What setting a presence came to.
struct StoredPresence {
    bool changed = false;
    UserPresenceState presence;
    std::vector<std::string> room_mates;  ///< only of a change
};

/// A change gets a position of its own; the same again only counts as activity, unless it is to be told of as well.
///
/// Who made the request, unless a module did, is logged in still, and not suspended if they say something. Nobody is there behind
/// an account that is out of use.
StoredPresence store_presence(modapi::Transaction& transaction, UserPresenceState wanted,
                              const std::optional<callbacks::Requester>& requester, std::int64_t now, bool is_told_again) {
    const bool says_something = wanted.status_msg && !wanted.status_msg->empty();
    if (requester) require_session(transaction, *requester, says_something ? setting_messages : std::string_view());
    if (is_deactivated(transaction, wanted.user_id)) return {};
    const std::optional<UserPresenceState> before = find_presence(transaction, wanted.user_id);
    wanted.currently_active = wanted.state == "online";
    wanted.last_active_ts = before ? before->last_active_ts : 0;
    if (wanted.state == "online" || wanted.state == "org.matrix.msc3026.busy") wanted.last_active_ts = now;
    StoredPresence stored;
    stored.changed = is_told_again || !before || before->state != wanted.state || before->status_msg != wanted.status_msg;
    if (stored.changed) {
        const std::int64_t position = next_stream_position(transaction);
        transaction.execute(
            "INSERT INTO presence (user_id, state, status_msg, last_active_ts, last_user_sync_ts, currently_active, "
            "stream_position) "
            "VALUES (?, ?, ?, ?, 0, ?, ?) ON CONFLICT (user_id) DO UPDATE SET state = excluded.state, "
            "status_msg = excluded.status_msg, last_active_ts = excluded.last_active_ts, "
            "currently_active = excluded.currently_active, stream_position = excluded.stream_position",
            wanted.user_id, wanted.state, wanted.status_msg, wanted.last_active_ts, wanted.currently_active, position);
        stored.room_mates = users_sharing_rooms(transaction, wanted.user_id);
    } else {
        transaction.execute("UPDATE presence SET last_active_ts = ? WHERE user_id = ?", wanted.last_active_ts, wanted.user_id);
    }
    stored.presence = std::move(wanted);
    return stored;
}

using RoutedState = std::pair<std::string, UserPresenceState>;  // to whom, what

void store_routed(modapi::Transaction& transaction, const std::vector<RoutedState>& routed) {
    const std::int64_t position = next_stream_position(transaction);
    for (const auto& [recipient, presence] : routed) {
        // Either account may have ended while the modules were asked.
        if (is_deactivated(transaction, recipient)) continue;
        if (presence.state != "offline" && is_deactivated(transaction, presence.user_id)) continue;
        transaction.execute(
            "INSERT INTO routed_presence (recipient, user_id, state, status_msg, last_active_ts, currently_active, "
            "stream_position) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (recipient, user_id) DO UPDATE SET state = excluded.state, "
            "status_msg = excluded.status_msg, last_active_ts = excluded.last_active_ts, "
            "currently_active = excluded.currently_active, stream_position = excluded.stream_position",
            recipient, presence.user_id, presence.state, presence.status_msg, presence.last_active_ts,
            presence.currently_active, position);
    }
}

/// Gives modules' extra recipients what changed.
async::task<void> route(modapi::Database& database, const ServerName& server_name,
                        callbacks::PresenceRouterDispatch& presence_router, Notifier& notifier,
                        const UserPresenceState& changed) {
    if (presence_router.get_users_for_states.empty()) co_return;
    std::vector<UserPresenceState> updates;
    updates.push_back(changed);
    const callbacks::UsersForStates answer = co_await presence_router.get_users_for_states(updates);
    std::vector<RoutedState> routed;
    std::vector<std::string> recipients;
    for (const auto& [recipient, states] : answer) {
        if (!server_name.owns(recipient)) continue;  // nothing is sent to other servers
        for (const UserPresenceState& state : states) routed.emplace_back(recipient, state);
        if (!states.empty()) recipients.push_back(recipient);
    }
    if (routed.empty()) co_return;
    co_await database.run_in_turn("store_routed_presence", &store_routed, routed);
    notifier.wake(std::move(recipients));
}

UserPresenceState wanted_presence(const std::string& user_id, const JsonDict& body) {
    UserPresenceState wanted;
    wanted.user_id = user_id;
    wanted.state = required_string_member(body, "presence");
    require_presence_state(wanted.state);
    wanted.status_msg = optional_string_member(body, "status_msg");
    if (wanted.status_msg) require_bytes("status_msg", wanted.status_msg->size(), max_status_msg);
    return wanted;
}

async::task<modapi::Response> put_status(const RoutedRequest& request, Authentication& authentication, Presence& presence) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    const std::string user_id = user_parameter(request, 0).to_string();
    if (requester.user.to_string() != user_id)
        throw SynapseError(403, "Can only set your own presence state", Codes::FORBIDDEN);
    UserPresenceState wanted = wanted_presence(user_id, required_json_body(request));
    const bool is_told_again = false;
    co_await to_the_end(presence.change(std::move(wanted), requester, is_told_again));
    co_return ok();
}

struct VisiblePresence {
    bool is_visible = false;
    UserPresenceState presence;
};

/// What `watcher` may see of `user_id`: users without a room in common don't know each other, unless a module says so.
VisiblePresence find_visible(modapi::Transaction& transaction, const std::string& watcher, const std::string& user_id) {
    VisiblePresence found;
    found.is_visible = watcher == user_id || share_a_room(transaction, user_id, watcher);
    found.presence.state = "offline";
    std::optional<UserPresenceState> known = find_presence(transaction, user_id);
    if (known) found.presence = std::move(*known);
    return found;
}

async::task<modapi::Response> get_status(const RoutedRequest& request, Authentication& authentication,
                                         modapi::Database& database, const async::clock& clock,
                                         callbacks::PresenceRouterDispatch& presence_router) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    const std::string watcher = requester.user.to_string();
    const std::string user_id = user_parameter(request, 0).to_string();
    const VisiblePresence found = co_await database.read("find_visible_presence", &find_visible, watcher, user_id);
    if (!found.is_visible) {
        const callbacks::InterestedUsers interested = co_await presence_router.get_interested_users(watcher);
        if (!interested.contains(user_id))
            throw SynapseError(403, "You are not allowed to see their presence.", Codes::FORBIDDEN);
    }
    co_return ok(content_of(found.presence, clock.wall_time_ms()));
}

void make_full_presence_due(modapi::Transaction& transaction, const std::vector<std::string>& users) {
    const std::int64_t position = next_stream_position(transaction);
    for (const std::string& user_id : users) {
        transaction.execute(
            "INSERT INTO full_presence_due (user_id, stream_position) VALUES (?, ?) ON CONFLICT (user_id) DO UPDATE SET "
            "stream_position = excluded.stream_position",
            user_id, position);
    }
}

/// What is new in a table, and behind it all that are online, for a user who is to be shown them with the next sync, which this
/// is. SQLite takes the tables of a CROSS JOIN in this order: where nobody is to be, nothing of the second one is read.
/// `whose` is of the table, `p`.
std::string ask_shown_in(const std::string& table, const std::string& whose) {
    const std::string columns = "SELECT p.user_id, p.state, p.status_msg, p.last_active_ts, p.currently_active FROM ";
    return columns + table + " p WHERE " + whose + "p.stream_position > ? UNION ALL " + columns +
           "full_presence_due d CROSS JOIN " + table + " p WHERE d.user_id = ? AND d.stream_position > ? AND " + whose +
           "p.stream_position <= ? AND p.state <> 'offline'";
}

std::vector<UserPresenceState> collect(modapi::Transaction& transaction, const std::string& watcher, std::int64_t since,
                                       const callbacks::InterestedUsers& interested) {
    static const std::string routed_to_user = ask_shown_in("routed_presence", "p.recipient = ? AND ");
    static const std::string of_everybody = ask_shown_in("presence", "");
    auto routed = transaction.query_later<std::string, std::string, std::optional<std::string>, std::int64_t, bool>(
        routed_to_user, watcher, since, watcher, since, watcher, since);
    std::vector<UserPresenceState> changed =
        states_of(transaction.query<std::string, std::string, std::optional<std::string>, std::int64_t, bool>(
            of_everybody, since, watcher, since, since));
    std::map<std::string, UserPresenceState> visible;
    for (UserPresenceState& presence : states_of(routed.take())) visible.insert_or_assign(presence.user_id, std::move(presence));
    for (UserPresenceState& presence : changed) {
        const std::string& user_id = presence.user_id;
        const bool is_theirs =
            user_id == watcher || interested.contains(user_id) || share_a_room(transaction, user_id, watcher);
        if (is_theirs) visible.insert_or_assign(user_id, std::move(presence));
    }
    std::vector<UserPresenceState> states;
    for (auto& [user_id, presence] : visible) states.push_back(std::move(presence));
    return states;
}

}  // namespace

std::vector<std::string> end_presence(modapi::Transaction& transaction, const std::string& user_id) {
    std::vector<std::string> watchers;
    const bool was_shown = transaction
                               .query_one<std::int64_t>(
                                   "SELECT 1 FROM (SELECT user_id, state FROM presence UNION SELECT user_id, state FROM "
                                   "routed_presence) AS shown WHERE user_id = ? AND state <> 'offline'",
                                   user_id)
                               .has_value();
    if (!was_shown) return watchers;
    const std::int64_t position = next_stream_position(transaction);
    for (const char* const table : {"presence", "routed_presence"}) {
        transaction.execute(std::string("UPDATE ") + table +
                                " SET state = 'offline', status_msg = NULL, currently_active = 0, stream_position = ? WHERE "
                                "user_id = ?",
                            position, user_id);
    }
    watchers = users_sharing_rooms(transaction, user_id);
    watchers.push_back(user_id);
    auto rows = transaction.query<std::string>("SELECT recipient FROM routed_presence WHERE user_id = ?", user_id);
    for (auto& [recipient] : rows) watchers.push_back(std::move(recipient));
    return watchers;
}

async::task<void> Presence::end(std::string user_id, std::vector<std::string> watchers) {
    presence_interests_.set(user_id, callbacks::InterestedUsers());
    if (watchers.empty()) co_return;
    for (std::string& watcher : presence_interests_.watchers_of(user_id)) watchers.push_back(std::move(watcher));
    notifier_.wake(std::move(watchers));
    callbacks::UserPresenceState offline;
    offline.user_id = std::move(user_id);
    offline.state = "offline";
    co_await route(database_, server_name_, presence_router_, notifier_, offline);
}

async::task<void> Presence::change(UserPresenceState wanted, std::optional<callbacks::Requester> requester, bool is_told_again) {
    const std::int64_t now = clock_.wall_time_ms();
    StoredPresence stored =
        co_await database_.run_in_turn("store_presence", &store_presence, wanted, std::move(requester), now, is_told_again);
    if (!stored.changed) co_return;
    std::vector<std::string> woken = presence_interests_.watchers_of(wanted.user_id);
    woken.push_back(wanted.user_id);
    woken.insert(woken.end(), stored.room_mates.begin(), stored.room_mates.end());
    notifier_.wake(std::move(woken));
    co_await route(database_, server_name_, presence_router_, notifier_, stored.presence);
}

async::task<JsonArray> Presence::for_sync(std::string user_id, std::int64_t since) {
    const callbacks::InterestedUsers interested = co_await presence_router_.get_interested_users(user_id);
    presence_interests_.set(user_id, interested);
    const std::vector<UserPresenceState> states =
        co_await database_.read("collect_presence", &collect, user_id, since, interested);
    const std::int64_t now = clock_.wall_time_ms();
    JsonArray events;
    for (const UserPresenceState& presence : states) {
        JsonDict event;
        event["type"] = "m.presence";
        event["sender"] = presence.user_id;
        event["content"] = content_of(presence, now);
        events.emplace_back(std::move(event));
    }
    co_return events;
}

void require_presence_state(std::string_view state) {
    if (!is_presence_state(state)) throw SynapseError(400, "Invalid presence state", Codes::INVALID_PARAM);
}

async::task<void> Presence::set(UserPresenceState wanted) {
    require_presence_state(wanted.state);
    const bool is_told_again = true;
    return change(std::move(wanted), std::nullopt, is_told_again);
}

async::task<void> Presence::show_all_online(std::vector<std::string> users) {
    if (users.empty()) co_return;
    co_await database_.run_in_turn("make_full_presence_due", &make_full_presence_due, users);
    notifier_.wake(std::move(users));
}

void add_presence_endpoints(Router& router) {
    add_client(router, "PUT", "/presence/{user_id}/status", &put_status);
    add_client(router, "GET", "/presence/{user_id}/status", &get_status);
}

}  // namespace homeserver
