#include "push/unread_notifications.h"

#include "push/evaluated_event.h"
#include "push/unread_rows.h"
#include "push/user_rules.h"
#include "push/users_among.h"

#include <callbacks/limits.h>

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

namespace homeserver {

namespace {

using callbacks::Event;
using callbacks::JsonDict;
using callbacks::JsonValue;
using modapi::Transaction;

std::string thread_of(const Event& event) {
    const JsonValue* const relation = event.content().if_contains("m.relates_to");
    const JsonDict* const related = relation == nullptr ? nullptr : relation->if_object();
    if (related == nullptr) return main_thread;
    const JsonValue* const type = related->if_contains("rel_type");
    const JsonValue* const root = related->if_contains("event_id");
    if (type == nullptr || *type != "m.thread" || root == nullptr || !root->is_string()) return main_thread;
    if (root->get_string().size() > callbacks::max_event_id) return main_thread;  // there is no such event
    return std::string(root->get_string());
}

/// The tweaks of a rule that notifies; none of one that doesn't.
std::optional<JsonDict> tweaks_of(const PushRule& rule) {
    JsonDict tweaks;
    bool notifies = false;
    for (const JsonValue& action : rule.actions) {
        if (const JsonDict* const tweak = action.if_object()) {
            const JsonValue* const name = tweak->if_contains("set_tweak");
            if (name == nullptr || !name->is_string()) continue;
            const JsonValue* const value = tweak->if_contains("value");
            tweaks[name->get_string()] = value != nullptr ? *value : JsonValue(true);  // `highlight` alone means yes
        } else if (action == "notify" || action == "coalesce") {
            notifies = true;
        }
    }
    if (!notifies) return std::nullopt;
    return tweaks;
}

bool is_highlighted(const JsonDict& tweaks) {
    const JsonValue* const highlight = tweaks.if_contains("highlight");
    return highlight != nullptr && *highlight == true;
}

/// Rows of unread_notifications, stored many at a time.
class NewNotifications {
public:
    NewNotifications(Transaction& transaction, const Event& event, std::int64_t position, std::string thread_id)
        : transaction_(transaction), event_(event), position_(position), thread_id_(std::move(thread_id)) {}

    /// Without tweaks the user isn't notified, as others are.
    void add(const std::string& user_id, const std::optional<JsonDict>& tweaks) {
        const std::int64_t notifies = tweaks ? 1 : 0;
        const std::int64_t highlights = tweaks && is_highlighted(*tweaks) ? 1 : 0;
        values_.insert(values_.end(), {user_id, event_.room_id(), position_, *event_.event_id(), thread_id_, highlights,
                                       tweaks ? boost::json::serialize(*tweaks) : std::string("{}"), notifies});
        if (++rows_ == max_rows) store();
    }
    void store() {
        if (rows_ == 0) return;
        std::string sql =
            "INSERT INTO unread_notifications (user_id, room_id, stream_position, event_id, thread_id, highlight, tweaks, "
            "notifies) VALUES ";
        for (std::size_t row = 0; row < rows_; ++row)
            sql += row == 0 ? "(?, ?, ?, ?, ?, ?, ?, ?)" : ", (?, ?, ?, ?, ?, ?, ?, ?)";
        transaction_.execute_with_later(sql, std::exchange(values_, {}));
        rows_ = 0;
    }

private:
    static constexpr std::size_t max_rows = 100;  // of 8 values: far from what either database takes in a statement

    Transaction& transaction_;
    const Event& event_;
    std::int64_t position_;
    std::string thread_id_;
    std::vector<modapi::SqlValue> values_;
    std::size_t rows_ = 0;
};

std::vector<std::string> local_users(Transaction& transaction, const std::set<std::string>& users) {
    return users_among(transaction, "SELECT user_id FROM users WHERE user_id IN", users);
}

/// Members whom a default rule may tell something else than everybody: whom the event mentions, and whose names it has.
std::set<std::string> concerned(const Event& event, const callbacks::StateMap& state, NotifiedMembers& members) {
    std::set<std::string> users;
    if (const JsonValue* const mentions = event.content().if_contains("m.mentions")) {
        const JsonDict* const mentioned = mentions->if_object();
        const JsonValue* const ids = mentioned == nullptr ? nullptr : mentioned->if_contains("user_ids");
        if (ids == nullptr || !ids->is_array()) return users;
        for (const JsonValue& id : ids->get_array()) {
            if (id.is_string() && members.is_joined(id.get_string())) users.emplace(id.get_string());
        }
        return users;
    }
    const std::optional<std::string_view> body = event.content_string("body");
    if (!body) return users;
    for (std::string& user_id : members.named_in(*body, state)) users.insert(std::move(user_id));
    return users;
}

/// What the rules say about one event, to everybody and to those to whom they say something else.
class Outcome {
public:
    Outcome(Transaction& transaction, const Event& event, std::int64_t position, std::string thread_id,
            const callbacks::StateMap& state, NotifiedMembers& members)
        : transaction_(transaction),
          event_(event),
          state_(state),
          members_(members),
          evaluated_(event, state, members.joined()->size()),
          others_(transaction, event, position, thread_id) {
        if (!has_others()) return;
        for_everybody_ = outcome_for(default_rules(), std::string());
        if (for_everybody_) store_for_everybody(position, thread_id);
    }

    void note() {
        if (has_others()) note_for_members();
        if (event_.membership() == "invite") note_for_invited(*event_.state_key());
        others_.store();
    }

private:
    void note_for_members() {
        const auto& own_rules = members_.own_rules(transaction_, event_.room_id());
        for (const auto& [user_id, rules] : own_rules) note_for(user_id, rules, for_everybody_);
        for (const std::string& user_id : local_users(transaction_, concerned(event_, state_, members_))) {
            if (!own_rules.contains(user_id)) note_for(user_id, default_rules(), for_everybody_);
        }
    }
    [[nodiscard]] std::optional<JsonDict> outcome_for(const RuleSet& rules, const std::string& user_id) {
        const PushRule* const rule = evaluated_.deciding_rule(rules, user_id);
        return rule == nullptr ? std::nullopt : tweaks_of(*rule);
    }
    [[nodiscard]] bool has_others() const {
        return members_.joined()->size() > (members_.is_joined(event_.sender()) ? 1U : 0U);
    }
    void store_for_everybody(std::int64_t position, const std::string& thread_id) {
        transaction_.execute_later(
            "INSERT INTO notifying_events (room_id, in_thread, stream_position, event_id, thread_id, highlight, tweaks) VALUES "
            "(?, ?, ?, ?, ?, ?, ?)",
            event_.room_id(), thread_id != main_thread, position, *event_.event_id(), thread_id,
            is_highlighted(*for_everybody_), boost::json::serialize(*for_everybody_));
    }
    void note_for(const std::string& user_id, const RuleSet& rules, const std::optional<JsonDict>& otherwise) {
        if (user_id == event_.sender()) return;
        const std::optional<JsonDict> tweaks = outcome_for(rules, user_id);
        if (tweaks != otherwise) others_.add(user_id, tweaks);
    }
    /// Who isn't in the room has nothing of what everybody there is told.
    void note_for_invited(const std::string& user_id) {
        const std::set<std::string> only{user_id};
        if (members_.is_joined(user_id) || local_users(transaction_, only).empty()) return;
        note_for(user_id, rules_of(transaction_, user_id), std::nullopt);
    }

    Transaction& transaction_;
    const Event& event_;
    const callbacks::StateMap& state_;
    NotifiedMembers& members_;
    EvaluatedEvent evaluated_;
    NewNotifications others_;
    std::optional<JsonDict> for_everybody_;
};

}  // namespace

void note_notifications(Transaction& transaction, const Event& event, std::int64_t position, const callbacks::StateMap& state,
                        NotifiedMembers* members) {
    const std::string thread_id = thread_of(event);
    if (event.membership() && event.membership() != "invite") {
        mark_room_read(transaction, *event.state_key(), event.room_id(), position);
    } else {
        transaction.execute_later("DELETE FROM unread_notifications WHERE user_id = ? AND room_id = ? AND thread_id = ?",
                                  event.sender(), event.room_id(), thread_id);
        mark_read(transaction, event.sender(), event.room_id(), thread_id, position);
    }
    std::optional<NotifiedMembers> looked_up;
    if (members == nullptr) members = &looked_up.emplace(state);
    Outcome outcome(transaction, event, position, thread_id, state, *members);
    outcome.note();
}

void forget_read_notifications(Transaction& transaction, const Receipt& receipt, std::int64_t event_position) {
    const std::string thread_id = receipt.thread_id.value_or(every_thread);
    transaction.execute_later(
        "DELETE FROM unread_notifications WHERE user_id = ? AND room_id = ? AND stream_position <= ? AND (? = '' OR thread_id "
        "= ?)",
        receipt.user_id, receipt.room_id, event_position, thread_id, thread_id);
    mark_read(transaction, receipt.user_id, receipt.room_id, thread_id, event_position);
    raise_mark(transaction, receipt.user_id, receipt.room_id);
}

void forget_notifications_of_event(Transaction& transaction, const std::string& room_id, const std::string& event_id) {
    const auto row = transaction.query_one<std::int64_t>(
        "SELECT stream_position FROM events WHERE event_id = ? AND room_id = ?", event_id, room_id);
    if (!row) return;
    const std::int64_t position = std::get<0>(*row);
    transaction.execute_later("DELETE FROM unread_notifications WHERE stream_position = ?", position);
    transaction.execute_later("DELETE FROM notifying_events WHERE room_id = ? AND in_thread IN (0, 1) AND stream_position = ?",
                              room_id, position);
}

}  // namespace homeserver
