#include "process/schema.h"

#include "accounts/turn_rows.h"
#include "background/background_work.h"
#include "events/stream.h"
#include "events/stream_page.h"
#include "process/room_schema.h"

#include <modapi/hosting/background_update_rows.h>
#include <modapi/hosting/schema_lock.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace homeserver {

namespace {

// The dialect that SQLite and PostgreSQL share. Times are milliseconds since 1970; truth values are 0 and 1; content is JSON.
constexpr const char* tables[] = {
    "CREATE TABLE IF NOT EXISTS stream_position (position BIGINT NOT NULL)",
    // Nothing is in it: on PostgreSQL its lock is the turn of those who take a position (events/stream.h).
    "CREATE TABLE IF NOT EXISTS stream_turn (unused BIGINT)",
    // A sync from position 0 is one that begins.
    "INSERT INTO stream_position (position) SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM stream_position)",

    "CREATE TABLE IF NOT EXISTS users (user_id TEXT PRIMARY KEY, password_hash TEXT, admin BIGINT NOT NULL, "
    "is_guest BIGINT NOT NULL, deactivated BIGINT NOT NULL, shadow_banned BIGINT NOT NULL, creation_ts BIGINT NOT NULL, "
    "locked BIGINT NOT NULL DEFAULT 0, suspended BIGINT NOT NULL DEFAULT 0)",
    "CREATE INDEX IF NOT EXISTS users_ignoring_case ON users (LOWER(user_id))",
    "CREATE INDEX IF NOT EXISTS users_by_creation ON users (creation_ts, user_id)",

    "CREATE TABLE IF NOT EXISTS profiles (user_id TEXT PRIMARY KEY, display_name TEXT, avatar_url TEXT)",

    "CREATE TABLE IF NOT EXISTS devices (user_id TEXT NOT NULL, device_id TEXT NOT NULL, display_name TEXT, "
    "creation_ts BIGINT NOT NULL, PRIMARY KEY (user_id, device_id))",

    // A token is kept as it is, since on_logged_out of modules names the tokens of all devices.
    "CREATE TABLE IF NOT EXISTS access_tokens (token_id BIGINT PRIMARY KEY, token TEXT NOT NULL UNIQUE, user_id TEXT NOT NULL, "
    "device_id TEXT)",
    "CREATE INDEX IF NOT EXISTS access_tokens_of_device ON access_tokens (user_id, device_id)",

    "CREATE TABLE IF NOT EXISTS ui_auth_sessions (session_id TEXT PRIMARY KEY, operation TEXT NOT NULL, parameters TEXT NOT "
    "NULL, "
    "password_hash TEXT, completed TEXT NOT NULL, result TEXT, creation_ts BIGINT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS ui_auth_sessions_by_age ON ui_auth_sessions (creation_ts)",
    "CREATE INDEX IF NOT EXISTS ui_auth_sessions_of_operation ON ui_auth_sessions (operation, creation_ts)",

    // room_id is empty for global data.
    "CREATE TABLE IF NOT EXISTS account_data (user_id TEXT NOT NULL, room_id TEXT NOT NULL, data_type TEXT NOT NULL, "
    "content TEXT NOT NULL, stream_position BIGINT NOT NULL, PRIMARY KEY (user_id, room_id, data_type))",
    "CREATE INDEX IF NOT EXISTS account_data_by_position ON account_data (user_id, stream_position)",

    "CREATE TABLE IF NOT EXISTS presence (user_id TEXT PRIMARY KEY, state TEXT NOT NULL, status_msg TEXT, "
    "last_active_ts BIGINT NOT NULL, last_user_sync_ts BIGINT NOT NULL, currently_active BIGINT NOT NULL, "
    "stream_position BIGINT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS presence_by_position ON presence (stream_position)",
    // What get_users_for_states gave to whom, beyond common rooms.
    "CREATE TABLE IF NOT EXISTS routed_presence (recipient TEXT NOT NULL, user_id TEXT NOT NULL, state TEXT NOT NULL, "
    "status_msg TEXT, last_active_ts BIGINT NOT NULL, currently_active BIGINT NOT NULL, stream_position BIGINT NOT NULL, "
    "PRIMARY KEY (recipient, user_id))",

    // What users changed in their push rules, JSON. Who changed nothing isn't in it.
    "CREATE TABLE IF NOT EXISTS push_rules (user_id TEXT PRIMARY KEY, changes TEXT NOT NULL, stream_position BIGINT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS push_rules_of_stream ON push_rules (stream_position)",
    // One row for each event that the default rules notify everybody in its room of. in_thread: thread_id isn't `main`.
    "CREATE TABLE IF NOT EXISTS notifying_events (room_id TEXT NOT NULL, in_thread BIGINT NOT NULL, stream_position BIGINT NOT "
    "NULL, "
    "event_id TEXT NOT NULL, thread_id TEXT NOT NULL, highlight BIGINT NOT NULL, tweaks TEXT NOT NULL, "
    "PRIMARY KEY (room_id, in_thread, stream_position))",
    // Up to where members have read. thread_id is empty for all of the room, `main` for what is in no thread.
    "CREATE TABLE IF NOT EXISTS read_up_to (room_id TEXT NOT NULL, user_id TEXT NOT NULL, thread_id TEXT NOT NULL, "
    "stream_position "
    "BIGINT NOT NULL, PRIMARY KEY (room_id, user_id, thread_id))",
    // One row for each event of which a user was told something else than everybody in its room, or they alone, and haven't
    // read it; notifies is 0 where others were told and they weren't. Of before there was the other table: for all that a user
    // was notified of. thread_id is `main` outside of threads.
    "CREATE TABLE IF NOT EXISTS unread_notifications (user_id TEXT NOT NULL, room_id TEXT NOT NULL, stream_position BIGINT NOT "
    "NULL, event_id TEXT NOT NULL, thread_id TEXT NOT NULL, highlight BIGINT NOT NULL, tweaks TEXT NOT NULL, "
    "notifies BIGINT NOT NULL DEFAULT 1, PRIMARY KEY (stream_position, user_id))",
    // Down to the thread, as they are deleted: PostgreSQL expects one row then and goes by the index row by row, which forgets
    // the dead ones on the way; for more it would collect all their pages first, those of everything deleted too.
    "CREATE INDEX IF NOT EXISTS unread_notifications_of_thread ON unread_notifications (user_id, room_id, thread_id)",
    "CREATE INDEX IF NOT EXISTS unread_notifications_of_user ON unread_notifications (user_id, stream_position)",
    "CREATE TABLE IF NOT EXISTS pushers (user_id TEXT NOT NULL, app_id TEXT NOT NULL, pushkey TEXT NOT NULL, "
    "app_display_name TEXT NOT NULL, device_display_name TEXT NOT NULL, profile_tag TEXT, lang TEXT NOT NULL, data TEXT NOT "
    "NULL, device_id TEXT, pushkey_ts BIGINT NOT NULL, last_position BIGINT NOT NULL, failing_since BIGINT, "
    "PRIMARY KEY (user_id, app_id, pushkey))",

    // Whose next sync shows everybody who is online: one from before that position.
    "CREATE TABLE IF NOT EXISTS full_presence_due (user_id TEXT PRIMARY KEY, stream_position BIGINT NOT NULL)",

    // From where requests came. device_id and user_agent are empty where there is none.
    "CREATE TABLE IF NOT EXISTS user_ips (user_id TEXT NOT NULL, device_id TEXT NOT NULL, ip TEXT NOT NULL, "
    "user_agent TEXT NOT NULL, last_seen BIGINT NOT NULL, PRIMARY KEY (user_id, device_id, ip, user_agent))",
    "CREATE INDEX IF NOT EXISTS user_ips_by_time ON user_ips (last_seen)",

    "CREATE TABLE IF NOT EXISTS user_threepids (medium TEXT NOT NULL, address TEXT NOT NULL, user_id TEXT NOT NULL, "
    "validated_at BIGINT NOT NULL, added_at BIGINT NOT NULL, PRIMARY KEY (medium, address))",
    "CREATE INDEX IF NOT EXISTS user_threepids_of_user ON user_threepids (user_id)",
    // Which identity servers hold a binding.
    "CREATE TABLE IF NOT EXISTS user_threepid_id_server (user_id TEXT NOT NULL, medium TEXT NOT NULL, address TEXT NOT NULL, "
    "id_server TEXT NOT NULL, PRIMARY KEY (user_id, medium, address, id_server))",
    // Codes that were sent to addresses. validated_at is null until the code is said back.
    "CREATE TABLE IF NOT EXISTS address_validations (sid TEXT PRIMARY KEY, medium TEXT NOT NULL, address TEXT NOT NULL, "
    "client_secret TEXT NOT NULL, token TEXT NOT NULL, next_link TEXT, send_attempt BIGINT NOT NULL, wrong_tries BIGINT NOT "
    "NULL, "
    "creation_ts BIGINT NOT NULL, validated_at BIGINT, is_registration BIGINT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS address_validations_of_address ON address_validations (address, client_secret)",
    "CREATE INDEX IF NOT EXISTS address_validations_by_age ON address_validations (creation_ts)",
    // One row for each code of the last hour.
    "CREATE TABLE IF NOT EXISTS sent_codes (medium TEXT NOT NULL, address TEXT NOT NULL, sent_ts BIGINT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS sent_codes_of_address ON sent_codes (address)",
    "CREATE INDEX IF NOT EXISTS sent_codes_by_time ON sent_codes (sent_ts)",
    "CREATE TABLE IF NOT EXISTS user_external_ids (auth_provider TEXT NOT NULL, external_id TEXT NOT NULL, user_id TEXT NOT "
    "NULL, PRIMARY KEY (auth_provider, external_id))",

    // Who is limited otherwise than by rc_message; messages_per_second 0: not at all.
    "CREATE TABLE IF NOT EXISTS rate_overrides (user_id TEXT PRIMARY KEY, messages_per_second BIGINT NOT NULL, burst_count "
    "BIGINT "
    "NOT NULL)",

    "CREATE TABLE IF NOT EXISTS filters (user_id TEXT NOT NULL, filter_id BIGINT NOT NULL, content TEXT NOT NULL, "
    "PRIMARY KEY (user_id, filter_id))",

    "CREATE TABLE IF NOT EXISTS login_tokens (token TEXT PRIMARY KEY, user_id TEXT NOT NULL, expiry_ts BIGINT NOT NULL, "
    "auth_provider_id TEXT, auth_provider_session_id TEXT)",

    // What other servers' transactions were answered with.
    "CREATE TABLE IF NOT EXISTS federation_transactions (origin TEXT NOT NULL, transaction_id TEXT NOT NULL, answer TEXT NOT "
    "NULL, received_ts BIGINT NOT NULL, PRIMARY KEY (origin, transaction_id))",
    "CREATE INDEX IF NOT EXISTS federation_transactions_by_age ON federation_transactions (received_ts)",

    "CREATE TABLE IF NOT EXISTS registration_nonces (nonce TEXT PRIMARY KEY, creation_ts BIGINT NOT NULL)",

    // As populate_stats_process_rooms last found them.
    "CREATE TABLE IF NOT EXISTS room_stats (room_id TEXT PRIMARY KEY, joined_members BIGINT NOT NULL, invited_members BIGINT "
    "NOT "
    "NULL, left_members BIGINT NOT NULL, banned_members BIGINT NOT NULL, current_state_events BIGINT NOT NULL, "
    "events BIGINT NOT NULL)",

    "CREATE TABLE IF NOT EXISTS user_directory_words (user_id TEXT NOT NULL, word TEXT NOT NULL, PRIMARY KEY (user_id, word))",

    "CREATE TABLE IF NOT EXISTS media (media_id TEXT PRIMARY KEY, content_type TEXT NOT NULL, file_name TEXT NOT NULL, "
    "uploader TEXT NOT NULL, length BIGINT NOT NULL, creation_ts BIGINT NOT NULL)",
    // With the length, so that what a user sent in a time is summed up from the index alone.
    "CREATE INDEX IF NOT EXISTS media_of_uploader ON media (uploader, creation_ts, length)",
    // Ids that were given away, and not uploaded yet.
    "CREATE TABLE IF NOT EXISTS announced_media (media_id TEXT PRIMARY KEY, uploader TEXT NOT NULL, expires_ts BIGINT NOT "
    "NULL)",
    "CREATE INDEX IF NOT EXISTS announced_media_of_uploader ON announced_media (uploader)",
    "CREATE INDEX IF NOT EXISTS announced_media_by_expiry ON announced_media (expires_ts)",
};

/// What older versions of the server made, and this one has another form of.
constexpr const char* outlived[] = {
    "DROP INDEX IF EXISTS unread_notifications_of_room",
    // Address validations of before, when a proof was good for everything: none is kept for longer than two days.
    "DROP TABLE IF EXISTS threepid_validations",
};

bool has_column(modapi::Transaction& transaction, const std::string& table, const std::string& column) {
    const char* const looked_up = transaction.engine() == "sqlite3"
                                      ? "SELECT 1 FROM pragma_table_info(?) WHERE name = ?"
                                      : "SELECT 1 FROM information_schema.columns WHERE table_schema = current_schema() AND "
                                        "table_name = ? AND column_name = ?";
    return transaction.query_one<std::int64_t>(looked_up, table, column).has_value();
}

/// Accounts of before nobody could lock or suspend them.
void upgrade_users(modapi::Transaction& transaction) {
    if (!has_column(transaction, "users", "user_id") || has_column(transaction, "users", "locked")) return;
    transaction.execute("ALTER TABLE users ADD COLUMN locked BIGINT NOT NULL DEFAULT 0");
    transaction.execute("ALTER TABLE users ADD COLUMN suspended BIGINT NOT NULL DEFAULT 0");
}

/// Databases of before what everybody is told was one row: all rows in it are of who was notified.
void upgrade_unread_notifications(modapi::Transaction& transaction) {
    if (!has_column(transaction, "unread_notifications", "user_id") ||
        has_column(transaction, "unread_notifications", "notifies"))
        return;
    transaction.execute("ALTER TABLE unread_notifications ADD COLUMN notifies BIGINT NOT NULL DEFAULT 1");
}

void create_tables(modapi::Transaction& transaction, void*) {
    upgrade_users(transaction);
    upgrade_unread_notifications(transaction);
    for (const char* const statement : outlived) transaction.execute(statement);
    for (const char* const statement : tables) transaction.execute(statement);
    modapi::BackgroundUpdateRows::create(transaction);
    upgrade_rooms(transaction);
    for (const std::string& statement : room_schema()) transaction.execute(statement);
    for (const std::string& statement : schema_of_turns()) transaction.execute(statement);
    queue_what_is_missing(transaction);
}

/// What tells two versions of the tables apart.
std::string fingerprint() {
    constexpr std::uint64_t prime = 0x100000001b3;
    std::uint64_t hash = 0xcbf29ce484222325;
    const auto add = [&](std::string_view statement) {
        for (const char character : statement) hash = (hash ^ static_cast<unsigned char>(character)) * prime;
        hash *= prime;
    };
    for (const char* const statement : outlived) add(statement);
    for (const char* const statement : tables) add(statement);
    for (const std::string& statement : room_schema()) add(statement);
    for (const std::string& statement : schema_of_turns()) add(statement);
    for (const std::string& statement : schema_of_followed_stream()) add(statement);
    return std::to_string(hash);
}

/// Errors: DatabaseError for a server before version 12, which can't be told how to plan.
void require_version(modapi::Transaction& transaction, void*) {
    constexpr int oldest = 12;
    constexpr int of_one = 10'000;
    const auto row = transaction.query_one<std::string, std::string>(
        "SELECT current_setting('server_version_num'), current_setting('server_version')");
    const auto& [number, name] = row.value();
    if (std::stoi(number) / of_one >= oldest) return;
    throw modapi::DatabaseError("the server is PostgreSQL " + name + ", and version " + std::to_string(oldest) +
                                " or later is needed");
}

void create_turn_table(modapi::Transaction& transaction, void*) {
    modapi::lock_schema(transaction);
    transaction.execute(std::string("CREATE TABLE IF NOT EXISTS ") + stream_turn_table + " (unused BIGINT)");
}

/// Where processes serve already that made these tables, nothing is touched: to look whether a column is there would wait for all
/// who use the table, and have them wait.
void create_shared_tables(modapi::Transaction& transaction, void*) {
    // Before the first snapshot, so that it has what a process made that was faster.
    transaction.execute_later(std::string("LOCK TABLE ") + stream_turn_table + " IN SHARE ROW EXCLUSIVE MODE");
    transaction.execute("CREATE TABLE IF NOT EXISTS made_schema (fingerprint TEXT NOT NULL)");
    const std::string wanted = fingerprint();
    const auto made = transaction.query_one<std::string>("SELECT fingerprint FROM made_schema");
    if (made && std::get<0>(*made) == wanted) {
        modapi::BackgroundUpdateRows::create(transaction);
        forget_old_turns(transaction);
        queue_what_is_missing(transaction);
        return;
    }
    create_tables(transaction, nullptr);
    for (const std::string& statement : schema_of_followed_stream()) transaction.execute(statement);
    transaction.execute("DELETE FROM made_schema");
    transaction.execute("INSERT INTO made_schema (fingerprint) VALUES (?)", wanted);
}

/// Several processes may start at once.
void create_shared_schema(modapi::Database& database) {
    database.run_blocking("require_version", &require_version, nullptr);
    database.run_blocking("create_turn_table", &create_turn_table, nullptr);
    database.run_blocking("create_schema", &create_shared_tables, nullptr);
}

}  // namespace

void create_schema(modapi::Database& database) {
    if (database.engine() == "postgresql") {
        create_shared_schema(database);
    } else {
        database.run_blocking("create_schema", &create_tables, nullptr);
    }
}

}  // namespace homeserver
