#include "events/stream_page.h"

#include "events/event_format.h"
#include "events/kept_events.h"
#include "events/room_store.h"
#include "events/stream.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace homeserver {

namespace {

using callbacks::Event;
using callbacks::StateMap;
using modapi::Transaction;

/// A redaction changes the content of the state without an event of it; a room that begins has nothing of one that had its id.
bool changes_what_was(const Event& event) { return event.type() == "m.room.redaction" || event.type() == "m.room.create"; }

/// Who sees anything that has a position behind the first and up to the second value. What was stored by the process itself
/// counts for users who were told already: they know it, and look no more.
constexpr const char* users_of_stream =
    "SELECT m.user_id FROM room_memberships m WHERE m.membership = 'join' AND m.room_id IN "
    "(SELECT room_id FROM events WHERE stream_position > ? AND stream_position <= ? AND stored_by IS DISTINCT FROM ?) "
    "UNION SELECT state_key FROM events WHERE stream_position > ? AND stream_position <= ? AND type = 'm.room.member' AND "
    "state_key IS NOT NULL AND stored_by IS DISTINCT FROM ? "
    "UNION SELECT m.user_id FROM receipts r JOIN room_memberships m ON m.room_id = r.room_id AND m.membership = 'join' "
    "WHERE r.stream_position > ? AND r.stream_position <= ? AND r.receipt_type = 'm.read' "
    "UNION SELECT user_id FROM receipts WHERE stream_position > ? AND stream_position <= ? "
    "UNION SELECT other.user_id FROM presence p JOIN room_memberships own ON own.user_id = p.user_id AND own.membership = "
    "'join' "
    "JOIN room_memberships other ON other.room_id = own.room_id AND other.membership = 'join' "
    "WHERE p.stream_position > ? AND p.stream_position <= ? "
    "UNION SELECT recipient FROM routed_presence WHERE stream_position > ? AND stream_position <= ? "
    "UNION SELECT user_id FROM full_presence_due WHERE stream_position > ? AND stream_position <= ? "
    "UNION SELECT user_id FROM account_data WHERE stream_position > ? AND stream_position <= ? "
    "UNION SELECT user_id FROM push_rules WHERE stream_position > ? AND stream_position <= ? "
    "UNION SELECT user_id FROM outside_invites WHERE stream_position > ? AND stream_position <= ? "
    "UNION SELECT user_id FROM shut_down_rooms WHERE stream_position > ? AND stream_position <= ?";
constexpr int ranges_with_process = 2;
constexpr int ranges_without = 9;

std::vector<std::string> users_between(Transaction& transaction, const StreamQuestion& question, std::int64_t until,
                                       const WatchersOf& watchers_of) {
    std::vector<modapi::SqlValue> values;
    for (int range = 0; range < ranges_with_process + ranges_without; ++range) {
        values.emplace_back(question.after);
        values.emplace_back(until);
        if (range < ranges_with_process) values.emplace_back(question.process);
    }
    std::vector<std::string> users;
    for (auto& [user_id] : transaction.query_with<std::string>(users_of_stream, std::move(values)))
        users.push_back(std::move(user_id));
    const auto present = transaction.query<std::string>(
        "SELECT user_id FROM presence WHERE stream_position > ? AND stream_position <= ?", question.after, until);
    for (const auto& [user_id] : present) {
        users.push_back(user_id);
        for (std::string& watcher : watchers_of(user_id)) users.push_back(std::move(watcher));
    }
    return users;
}

/// In the order of the positions.
std::vector<ForeignEvent> events_between(Transaction& transaction, const StreamQuestion& question, std::int64_t until,
                                         FollowedStates& states) {
    std::vector<ForeignEvent> foreign;
    for (auto& [event_id, position, pdu, unsigned_fields, is_own] :
         transaction.query<std::string, std::int64_t, std::string, std::string, bool>(
             "SELECT event_id, stream_position, pdu, unsigned_fields, stored_by IS NOT DISTINCT FROM ? FROM events WHERE "
             "stream_position > ? AND stream_position <= ? AND (stored_by IS DISTINCT FROM ? OR state_key IS NOT NULL OR type "
             "= "
             "'m.room.redaction') ORDER BY stream_position",
             question.process, question.after, until, question.process)) {
        Event event = kept_events().get(event_id, pdu, unsigned_fields)->event();
        if (is_own) {
            states.pass(position, event);
            continue;
        }
        std::shared_ptr<const StateMap> state = states.with(transaction, position, event);
        foreign.push_back({position, std::move(event), std::move(state)});
    }
    return foreign;
}

/// Of rooms that aren't here nothing is known but the invitation.
void add_invites(Transaction& transaction, const StreamQuestion& question, std::int64_t until,
                 std::vector<ForeignEvent>& foreign) {
    const std::size_t before = foreign.size();
    for (auto& [event_id, position, pdu] : transaction.query<std::string, std::int64_t, std::string>(
             "SELECT event_id, stream_position, pdu FROM outside_invites WHERE stream_position > ? AND stream_position <= ? "
             "AND "
             "declined = 0 AND stored_by IS DISTINCT FROM ? ORDER BY stream_position",
             question.after, until, question.process)) {
        Event event = event_from_pdu(stored_json(pdu), std::move(event_id), callbacks::JsonDict());
        StateMap state;
        state.set(event);
        foreign.push_back({position, std::move(event), std::make_shared<const StateMap>(std::move(state))});
    }
    const auto by_position = [](const ForeignEvent& one, const ForeignEvent& other) { return one.position < other.position; };
    std::inplace_merge(foreign.begin(), foreign.begin() + static_cast<std::ptrdiff_t>(before), foreign.end(), by_position);
}

}  // namespace

FollowedStates::Known* FollowedStates::find(std::int64_t position, const Event& event) {
    const auto found = rooms_.find(event.room_id());
    if (found == rooms_.end()) return nullptr;
    Known& known = found->second;
    if (known.position >= position || changes_what_was(event)) {
        events_ -= known.state->size();
        rooms_.erase(found);
        return nullptr;
    }
    if (event.is_state()) {
        StateMap state(*known.state);
        state.set(event);
        events_ += state.size() - known.state->size();
        known.state = std::make_shared<const StateMap>(std::move(state));
    }
    known.position = position;
    return &known;
}

std::shared_ptr<const StateMap> FollowedStates::with(Transaction& transaction, std::int64_t position, const Event& event) {
    const Known* const known = find(position, event);
    if (known != nullptr) return known->state;
    StateMap state;
    for (const StoredEvent& each : state_at(transaction, event.room_id(), position, 0)) state.set(each.event);
    Known fresh{position, std::make_shared<const StateMap>(std::move(state))};
    std::shared_ptr<const StateMap> shared = fresh.state;
    if (events_ + shared->size() > max_events_) clear();
    if (shared->size() > max_events_) return shared;
    events_ += shared->size();
    rooms_.emplace(event.room_id(), std::move(fresh));
    return shared;
}

void FollowedStates::pass(std::int64_t position, const Event& event) { static_cast<void>(find(position, event)); }

void FollowedStates::clear() noexcept {
    rooms_.clear();
    events_ = 0;
}

namespace {

/// A pusher that is added later begins behind what this transaction sees.
bool has_pushers(Transaction& transaction) {
    return transaction.query_one<std::int64_t>("SELECT 1 FROM pushers LIMIT 1").has_value();
}

}  // namespace

StreamPage read_stream(Transaction& transaction, const StreamQuestion& question, const Audience& audience,
                       FollowedStates& states, const WatchersOf& watchers_of) {
    const std::int64_t newest = current_stream_position(transaction);
    StreamPage page;
    // Asked behind the snapshot: who comes later sees all that is in it.
    const bool has_users = audience.has_syncs() || (audience.has_pushers() && has_pushers(transaction));
    const bool has_event_readers = audience.has_event_readers();
    const bool is_far_behind = newest - question.after > question.too_far;
    page.is_for_everybody = has_users && is_far_behind;
    const bool reads_rows = has_event_readers || (has_users && !is_far_behind);
    // A database that was set back has positions again that it had before.
    page.until = reads_rows ? std::min(newest, question.after + question.width) : newest;
    page.is_last = page.until >= newest;
    if (page.until > question.after && has_users && !is_far_behind)
        page.users = users_between(transaction, question, page.until, watchers_of);
    if (!has_event_readers) {
        states.clear();
    } else if (page.until > question.after) {
        page.events = events_between(transaction, question, page.until, states);
        add_invites(transaction, question, page.until, page.events);
    }
    return page;
}

std::vector<std::string> schema_of_followed_stream() {
    std::vector<std::string> statements;
    for (const char* const table : {"events", "outside_invites"}) {
        // Of rows from before nobody knows it: who begins then has nothing to tell of them.
        statements.push_back(std::string("ALTER TABLE ") + table + " ADD COLUMN IF NOT EXISTS stored_by TEXT");
        statements.push_back(std::string("ALTER TABLE ") + table +
                             " ALTER COLUMN stored_by SET DEFAULT NULLIF(current_setting('homeserver.process', true), '')");
    }
    for (const char* const table :
         {"account_data", "routed_presence", "push_rules", "full_presence_due", "outside_invites", "shut_down_rooms"}) {
        statements.push_back(std::string("CREATE INDEX IF NOT EXISTS ") + table + "_of_stream ON " + table +
                             " (stream_position)");
    }
    return statements;
}

std::string options_of_process(const std::string& process) { return "-c homeserver.process=" + process; }

}  // namespace homeserver
