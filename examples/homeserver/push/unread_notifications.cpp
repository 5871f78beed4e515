#include "push/unread_notifications.h"

#include "push/evaluated_event.h"
#include "push/user_rules.h"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

namespace homeserver {

namespace {

using callbacks::Event;
using callbacks::JsonDict;
using callbacks::JsonValue;
using modapi::Transaction;

/// What belongs to no thread, as receipts call it.
constexpr const char* main_thread = "main";

std::string thread_of(const Event& event) {
    const JsonValue* const relation = event.content().if_contains("m.relates_to");
    const JsonDict* const related = relation == nullptr ? nullptr : relation->if_object();
    if (related == nullptr) return main_thread;
    const JsonValue* const type = related->if_contains("rel_type");
    const JsonValue* const root = related->if_contains("event_id");
    if (type == nullptr || *type != "m.thread" || root == nullptr || !root->is_string()) return main_thread;
    return std::string(root->get_string());
}

/// Local users whose rules are asked, with what they changed in them.
using Recipients = std::vector<std::tuple<std::string, std::optional<std::string>>>;

Recipients recipients_of(Transaction& transaction, const Event& event) {
    Recipients recipients = transaction.query<std::string, std::optional<std::string>>(
        "SELECT m.user_id, r.changes FROM room_memberships m JOIN users u ON u.user_id = m.user_id "
        "LEFT JOIN push_rules r ON r.user_id = m.user_id WHERE m.room_id = ? AND m.membership = 'join' AND m.user_id <> ?",
        event.room_id(), event.sender());
    if (event.membership() != "invite") return recipients;
    auto invited = transaction.query_one<std::string, std::optional<std::string>>(
        "SELECT u.user_id, r.changes FROM users u LEFT JOIN push_rules r ON r.user_id = u.user_id WHERE u.user_id = ?",
        *event.state_key());
    if (invited) recipients.push_back(std::move(*invited));
    return recipients;
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

void forget_room(Transaction& transaction, const std::string& user_id, const std::string& room_id) {
    transaction.execute_later("DELETE FROM unread_notifications WHERE user_id = ? AND room_id = ?", user_id, room_id);
}

/// Rows of unread_notifications, stored many at a time: in a room of many a message has as many.
class NewNotifications {
public:
    NewNotifications(Transaction& transaction, const Event& event, std::int64_t position, std::string thread_id)
        : transaction_(transaction), event_(event), position_(position), thread_id_(std::move(thread_id)) {}

    void add(const std::string& user_id, const JsonDict& tweaks) {
        const JsonValue* const highlight = tweaks.if_contains("highlight");
        const std::int64_t highlights = highlight != nullptr && *highlight == true ? 1 : 0;
        values_.insert(values_.end(), {user_id, event_.room_id(), position_, *event_.event_id(), thread_id_, highlights,
                                       boost::json::serialize(tweaks)});
        if (++rows_ == max_rows) store();
    }
    void store() {
        if (rows_ == 0) return;
        std::string sql =
            "INSERT INTO unread_notifications (user_id, room_id, stream_position, event_id, thread_id, highlight, tweaks) "
            "VALUES ";
        for (std::size_t row = 0; row < rows_; ++row) sql += row == 0 ? "(?, ?, ?, ?, ?, ?, ?)" : ", (?, ?, ?, ?, ?, ?, ?)";
        transaction_.execute_with_later(sql, std::exchange(values_, {}));
        rows_ = 0;
    }

private:
    static constexpr std::size_t max_rows = 100;  // of 7 values: far from what either database takes in a statement

    Transaction& transaction_;
    const Event& event_;
    std::int64_t position_;
    std::string thread_id_;
    std::vector<modapi::SqlValue> values_;
    std::size_t rows_ = 0;
};

}  // namespace

void note_notifications(Transaction& transaction, const Event& event, std::int64_t position, const callbacks::StateMap& state) {
    const std::string thread_id = thread_of(event);
    if (event.membership() && event.membership() != "invite") {
        forget_room(transaction, *event.state_key(), event.room_id());
    } else {
        transaction.execute_later("DELETE FROM unread_notifications WHERE user_id = ? AND room_id = ? AND thread_id = ?",
                                  event.sender(), event.room_id(), thread_id);
    }
    const Recipients recipients = recipients_of(transaction, event);
    if (recipients.empty()) return;
    EvaluatedEvent evaluated(event, state);
    NewNotifications notifications(transaction, event, position, thread_id);
    for (const auto& [user_id, changes] : recipients) {
        std::optional<RuleSet> own;
        if (changes) own = rules_with(changes);
        const PushRule* const rule = evaluated.deciding_rule(own ? *own : default_rules(), user_id);
        const std::optional<JsonDict> tweaks = rule == nullptr ? std::nullopt : tweaks_of(*rule);
        if (tweaks) notifications.add(user_id, *tweaks);
    }
    notifications.store();
}

void forget_read_notifications(Transaction& transaction, const Receipt& receipt, std::int64_t event_position) {
    const std::string thread_id = receipt.thread_id.value_or(std::string());
    transaction.execute(
        "DELETE FROM unread_notifications WHERE user_id = ? AND room_id = ? AND stream_position <= ? AND (? = '' OR thread_id "
        "= "
        "?)",
        receipt.user_id, receipt.room_id, event_position, thread_id, thread_id);
}

void forget_notifications_of_event(Transaction& transaction, const std::string& room_id, const std::string& event_id) {
    transaction.execute(
        "DELETE FROM unread_notifications WHERE stream_position IN (SELECT stream_position FROM events WHERE event_id = ? AND "
        "room_id = ?)",
        event_id, room_id);
}

UnreadCounts unread_counts(Transaction& transaction, const std::string& user_id, const std::string& room_id) {
    const auto row = transaction.query_one<std::int64_t, std::int64_t>(
        "SELECT COUNT(*), COALESCE(SUM(highlight), 0) FROM unread_notifications WHERE user_id = ? AND room_id = ?", user_id,
        room_id);
    const auto& [notifications, highlights] = row.value();
    return {notifications, highlights};
}

std::int64_t rooms_with_unread(Transaction& transaction, const std::string& user_id) {
    return std::get<0>(
        transaction
            .query_one<std::int64_t>("SELECT COUNT(DISTINCT room_id) FROM unread_notifications WHERE user_id = ?", user_id)
            .value());
}

}  // namespace homeserver
