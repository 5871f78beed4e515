#include "background/background_work.h"

#include "accounts/user_directory_words.h"

#include <modapi/hosting/background_update_rows.h>

#include <callbacks/errors.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

namespace homeserver {

namespace {

using callbacks::JsonDict;
using modapi::BackgroundUpdateRows;
using modapi::Transaction;

constexpr const char* room_stats_update = "populate_stats_process_rooms";
constexpr const char* words_index_update = "user_directory_words_by_prefix";

/// The steps of regenerate_directory, each waiting for the one before.
constexpr const char* directory_steps[] = {"populate_user_directory_createtables", "populate_user_directory_process_rooms",
                                           "populate_user_directory_process_users", "populate_user_directory_cleanup"};

std::int64_t number_in(const JsonDict& progress, std::string_view key) {
    const callbacks::JsonValue* const number = progress.if_contains(key);
    return number != nullptr && number->is_int64() ? number->get_int64() : 0;
}

std::int64_t count_rooms(Transaction& transaction, const std::string& name, const JsonDict& progress, std::int64_t batch_size) {
    const callbacks::JsonValue* const last = progress.if_contains("last_processed_room_id");
    const std::string after = last != nullptr && last->is_string() ? std::string(last->get_string()) : std::string();
    const auto rooms = transaction.query<std::string>("SELECT room_id FROM rooms WHERE room_id > ? ORDER BY room_id LIMIT ?",
                                                      after, batch_size);
    for (const auto& [room_id] : rooms) {
        transaction.execute("DELETE FROM room_stats WHERE room_id = ?", room_id);
        transaction.execute(
            "INSERT INTO room_stats (room_id, joined_members, invited_members, left_members, banned_members, "
            "current_state_events, events) SELECT r.room_id, "
            "(SELECT COUNT(*) FROM room_memberships m WHERE m.room_id = r.room_id AND m.membership = 'join'), "
            "(SELECT COUNT(*) FROM room_memberships m WHERE m.room_id = r.room_id AND m.membership = 'invite'), "
            "(SELECT COUNT(*) FROM room_memberships m WHERE m.room_id = r.room_id AND m.membership = 'leave'), "
            "(SELECT COUNT(*) FROM room_memberships m WHERE m.room_id = r.room_id AND m.membership = 'ban'), "
            "(SELECT COUNT(*) FROM current_state s WHERE s.room_id = r.room_id), "
            "(SELECT COUNT(*) FROM events e WHERE e.room_id = r.room_id) FROM rooms r WHERE r.room_id = ?",
            room_id);
    }
    if (rooms.empty()) {
        BackgroundUpdateRows::finish(transaction, name);
        return 0;
    }
    JsonDict next;
    next["last_processed_room_id"] = std::get<0>(rooms.back());
    next["rooms_done"] = number_in(progress, "rooms_done") + static_cast<std::int64_t>(rooms.size());
    BackgroundUpdateRows::write_progress(transaction, name, next);
    return static_cast<std::int64_t>(rooms.size());
}

std::int64_t list_what_to_scan(Transaction& transaction, const std::string& name, const JsonDict&, std::int64_t) {
    transaction.execute("CREATE TABLE IF NOT EXISTS user_directory_rooms_to_scan (room_id TEXT PRIMARY KEY)");
    transaction.execute("CREATE TABLE IF NOT EXISTS user_directory_users_to_scan (user_id TEXT PRIMARY KEY)");
    transaction.execute("DELETE FROM user_directory_rooms_to_scan");
    transaction.execute("DELETE FROM user_directory_users_to_scan");
    transaction.execute("INSERT INTO user_directory_rooms_to_scan (room_id) SELECT room_id FROM rooms");
    transaction.execute("INSERT INTO user_directory_users_to_scan (user_id) SELECT user_id FROM users");
    BackgroundUpdateRows::finish(transaction, name);
    return 1;
}

void index_scanned_user(Transaction& transaction, const std::string& user_id) {
    const auto profile =
        transaction.query_one<std::optional<std::string>>("SELECT display_name FROM profiles WHERE user_id = ?", user_id);
    write_directory_words(transaction, user_id, profile ? std::get<0>(*profile) : std::nullopt);
    transaction.execute("DELETE FROM user_directory_users_to_scan WHERE user_id = ?", user_id);
}

void count_users(Transaction& transaction, const std::string& name, const JsonDict& progress, std::size_t users) {
    JsonDict next;
    next["users_done"] = number_in(progress, "users_done") + static_cast<std::int64_t>(users);
    BackgroundUpdateRows::write_progress(transaction, name, next);
}

/// The members of rooms come first: they are whom others can find. A room stays listed while members of it are left.
std::int64_t scan_rooms(Transaction& transaction, const std::string& name, const JsonDict& progress, std::int64_t batch_size) {
    const auto room =
        transaction.query_one<std::string>("SELECT room_id FROM user_directory_rooms_to_scan ORDER BY room_id LIMIT 1");
    if (!room) {
        BackgroundUpdateRows::finish(transaction, name);
        return 0;
    }
    const auto members = transaction.query<std::string>(
        "SELECT u.user_id FROM user_directory_users_to_scan u JOIN room_memberships m ON m.user_id = u.user_id "
        "WHERE m.room_id = ? AND m.membership = 'join' ORDER BY u.user_id LIMIT ?",
        std::get<0>(*room), batch_size);
    for (const auto& [user_id] : members) index_scanned_user(transaction, user_id);
    if (static_cast<std::int64_t>(members.size()) < batch_size)
        transaction.execute("DELETE FROM user_directory_rooms_to_scan WHERE room_id = ?", std::get<0>(*room));
    count_users(transaction, name, progress, members.size());
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(members.size()));
}

std::int64_t scan_users(Transaction& transaction, const std::string& name, const JsonDict& progress, std::int64_t batch_size) {
    const auto users =
        transaction.query<std::string>("SELECT user_id FROM user_directory_users_to_scan ORDER BY user_id LIMIT ?", batch_size);
    if (users.empty()) {
        BackgroundUpdateRows::finish(transaction, name);
        return 0;
    }
    for (const auto& [user_id] : users) index_scanned_user(transaction, user_id);
    count_users(transaction, name, progress, users.size());
    return static_cast<std::int64_t>(users.size());
}

std::int64_t clean_up(Transaction& transaction, const std::string& name, const JsonDict&, std::int64_t) {
    transaction.execute("DROP TABLE IF EXISTS user_directory_rooms_to_scan");
    transaction.execute("DROP TABLE IF EXISTS user_directory_users_to_scan");
    BackgroundUpdateRows::finish(transaction, name);
    return 1;
}

/// Serves `word LIKE 'begin%'`, which each engine does with an index of its own kind only.
std::int64_t index_words(Transaction& transaction, const std::string& name, const JsonDict&, std::int64_t) {
    transaction.execute(transaction.engine() == "sqlite3" ? "CREATE INDEX IF NOT EXISTS user_directory_words_by_prefix ON "
                                                            "user_directory_words (word COLLATE NOCASE)"
                                                          : "CREATE INDEX IF NOT EXISTS user_directory_words_by_prefix ON "
                                                            "user_directory_words (word text_pattern_ops)");
    BackgroundUpdateRows::finish(transaction, name);
    return 1;
}

constexpr BackgroundWork all_work[] = {
    {room_stats_update, false, &count_rooms}, {directory_steps[0], false, &list_what_to_scan},
    {directory_steps[1], false, &scan_rooms}, {directory_steps[2], false, &scan_users},
    {directory_steps[3], false, &clean_up},   {words_index_update, true, &index_words},
};

bool queue_directory_steps(Transaction& transaction) {
    std::optional<std::string> before;
    for (const char* const step : directory_steps) {
        if (!BackgroundUpdateRows::queue(transaction, step, before)) return false;
        before = step;
    }
    return true;
}

}  // namespace

std::span<const BackgroundWork> background_work() { return all_work; }

void queue_job(Transaction& transaction, const std::string& job_name) {
    bool queued = false;
    if (job_name == room_stats_update) {
        queued = BackgroundUpdateRows::queue(transaction, room_stats_update);
    } else if (job_name == "regenerate_directory") {
        queued = queue_directory_steps(transaction);
    } else {
        throw callbacks::SynapseError(400, "Invalid job_name");
    }
    if (queued) return;
    throw callbacks::SynapseError(400, "Job " + job_name + " is already in queue of background updates.");
}

void queue_what_is_missing(Transaction& transaction) {
    const bool has_index =
        transaction
            .query_one<std::string>(transaction.engine() == "sqlite3"
                                        ? "SELECT name FROM sqlite_master WHERE type = 'index' AND name = ?"
                                        : "SELECT indexname::text FROM pg_indexes WHERE schemaname = current_schema() "
                                          "AND indexname = ?",
                                    words_index_update)
            .has_value();
    if (!has_index) static_cast<void>(BackgroundUpdateRows::queue(transaction, words_index_update, std::nullopt));

    const bool has_users = transaction.query_one<std::string>("SELECT user_id FROM users LIMIT 1").has_value();
    const bool has_words = transaction.query_one<std::string>("SELECT user_id FROM user_directory_words LIMIT 1").has_value();
    // Steps that are queued already go on from where they are.
    if (has_users && !has_words) static_cast<void>(queue_directory_steps(transaction));
}

}  // namespace homeserver
