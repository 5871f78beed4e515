#include "accounts/accounts.h"

#include "access/authentication.h"
#include "accounts/user_directory_words.h"
#include "text/server_name.h"

#include <modapi/database.h>

#include <callbacks/errors.h>
#include <callbacks/identifiers.h>
#include <callbacks/limits.h>

#include <algorithm>
#include <tuple>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::max_user_id;
using callbacks::SynapseError;

constexpr const char* account_columns =
    "user_id, password_hash, admin, is_guest, deactivated, shadow_banned, locked, suspended";

using AccountRow = std::tuple<std::string, std::optional<std::string>, bool, bool, bool, bool, bool, bool>;

Account account_of(AccountRow row) {
    Account account;
    std::tie(account.user_id, account.password_hash, account.admin, account.is_guest, account.deactivated,
             account.shadow_banned, account.locked, account.suspended) = std::move(row);
    return account;
}

std::vector<AccountRow> query_accounts(modapi::Transaction& transaction, const std::string& condition,
                                       const std::string& value) {
    const std::string sql = std::string("SELECT ") + account_columns + " FROM users WHERE " + condition;
    return transaction.query<std::string, std::optional<std::string>, bool, bool, bool, bool, bool, bool>(sql, value);
}

bool account_exists(modapi::Transaction& transaction, const std::string& user_id) {
    return find_account(transaction, user_id).has_value();
}

bool is_admin_account(modapi::Transaction& transaction, const std::string& user_id) {
    const std::optional<Account> account = find_account(transaction, user_id);
    return account && account->admin;
}

/// False: the name is taken.
bool insert_account(modapi::Transaction& transaction, const NewAccount& account) {
    const std::int64_t inserted = transaction.execute(
        "INSERT INTO users (user_id, password_hash, admin, is_guest, deactivated, shadow_banned, creation_ts) "
        "VALUES (?, ?, ?, 0, 0, ?, ?) ON CONFLICT DO NOTHING",
        account.user_id, account.password_hash, account.admin, account.shadow_banned, account.creation_ts);
    if (inserted == 0) return false;
    transaction.execute("INSERT INTO profiles (user_id, display_name, avatar_url) VALUES (?, ?, NULL) ON CONFLICT DO NOTHING",
                        account.user_id, account.display_name);
    write_directory_words(transaction, account.user_id, account.display_name);
    if (account.alongside) account.alongside(transaction);
    return true;
}

bool is_localpart_character(char character) {
    const bool is_letter = character >= 'a' && character <= 'z';
    const bool is_digit = character >= '0' && character <= '9';
    return is_letter || is_digit || std::string_view("=_-./+").find(character) != std::string_view::npos;
}

[[noreturn]] void refuse_username(const std::string& text) { throw SynapseError(400, text, Codes::INVALID_USERNAME); }
[[noreturn]] void refuse_taken_username() { throw SynapseError(400, "User ID already taken.", Codes::USER_IN_USE); }

}  // namespace

std::optional<Account> find_account(modapi::Transaction& transaction, const std::string& user_id) {
    std::vector<AccountRow> rows = query_accounts(transaction, "user_id = ?", user_id);
    if (rows.empty()) return std::nullopt;
    return account_of(std::move(rows.front()));
}

std::optional<Account> find_account_ignoring_case(modapi::Transaction& transaction, const std::string& user_id) {
    std::optional<Account> exact = find_account(transaction, user_id);
    if (exact) return exact;
    std::vector<AccountRow> rows = query_accounts(transaction, "LOWER(user_id) = LOWER(?)", user_id);
    if (rows.size() != 1) return std::nullopt;
    return account_of(std::move(rows.front()));
}

async::task<bool> user_exists(modapi::Database& database, std::string user_id) {
    return database.read("user_exists", &account_exists, std::move(user_id));
}

async::task<bool> is_server_admin(modapi::Database& database, std::string user_id) {
    return database.read("is_server_admin", &is_admin_account, std::move(user_id));
}

namespace {

void require_usable(const std::optional<Account>& account) {
    if (!account) throw SynapseError(404, "No row found");
    if (account->deactivated) throw SynapseError(403, "This account has been deactivated", Codes::USER_DEACTIVATED);
}

}  // namespace

async::task<void> require_unlocked_account(modapi::Database& database, std::string user_id) {
    co_await database.read("require_unlocked", &require_unlocked, std::move(user_id));
}

void require_unlocked(modapi::Transaction& transaction, const std::string& user_id) {
    const std::optional<Account> account = find_account(transaction, user_id);
    require_usable(account);
    if (account->locked) refuse_locked_account();
}

void require_usable(modapi::Transaction& transaction, const std::string& user_id) {
    require_usable(find_account(transaction, user_id));
}

void require_password(modapi::Transaction& transaction, const std::string& user_id, const std::string& password_hash) {
    const std::optional<Account> account = find_account(transaction, user_id);
    if (!account || account->password_hash != password_hash)
        throw SynapseError(403, "Invalid username or password", Codes::FORBIDDEN);
}

bool is_deactivated(modapi::Transaction& transaction, const std::string& user_id) {
    return transaction.query_one<std::int64_t>("SELECT 1 FROM users WHERE user_id = ? AND deactivated = 1", user_id).has_value();
}

bool mark_admin(modapi::Transaction& transaction, const std::string& user_id, bool admin) {
    return transaction.execute("UPDATE users SET admin = ? WHERE user_id = ?", admin, user_id) != 0;
}

void mark_locked(modapi::Transaction& transaction, const std::string& user_id, bool locked) {
    transaction.execute("UPDATE users SET locked = ? WHERE user_id = ?", locked, user_id);
    forget_tokens_of(transaction, user_id);
}

bool mark_suspended(modapi::Transaction& transaction, const std::string& user_id, bool suspended) {
    forget_tokens_of(transaction, user_id);
    return transaction.execute("UPDATE users SET suspended = ? WHERE user_id = ?", suspended, user_id) != 0;
}

async::task<void> set_server_admin(modapi::Database& database, std::string user_id, bool admin) {
    const bool exists = co_await database.run("set_server_admin", &mark_admin, std::move(user_id), admin);
    if (!exists) throw SynapseError(404, "No row found");
}

std::optional<callbacks::UserInfo> find_user_info(modapi::Transaction& transaction, const std::string& user_id) {
    const std::string sql = "SELECT " + std::string(user_info_columns) + " FROM users WHERE user_id = ?";
    std::vector<callbacks::UserInfo> found = user_infos(transaction, sql, user_id);
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
}

async::task<void> create_account(modapi::Database& database, NewAccount account) {
    const bool is_new = co_await database.run("create_account", &insert_account, account);
    if (!is_new) refuse_taken_username();
}

async::task<void> check_username(modapi::Database& database, const ServerName& server_name, std::string localpart) {
    if (localpart.empty()) refuse_username("User ID cannot be empty");
    if (!std::all_of(localpart.begin(), localpart.end(), &is_localpart_character)) {
        refuse_username("User ID can only contain characters a-z, 0-9, or '=_-./+'");
    }
    if (localpart.front() == '_') refuse_username("User ID may not begin with _");
    const std::string user_id = server_name.user_id_of(localpart);
    if (user_id.size() > max_user_id) refuse_username("User ID may not be longer than 255 characters");
    if (std::all_of(localpart.begin(), localpart.end(), [](char character) { return character >= '0' && character <= '9'; })) {
        refuse_username("Numeric user IDs are reserved for guest users.");
    }
    const bool is_taken = co_await user_exists(database, user_id);
    if (is_taken) refuse_taken_username();
}

}  // namespace homeserver
