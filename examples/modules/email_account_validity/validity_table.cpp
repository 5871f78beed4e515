#include "validity_table.h"

namespace account_validity {

namespace {

using async::task;
using modapi::Transaction;

// What run_db_interaction runs: on a database thread, and again if the transaction collided with another.

std::int64_t insert_missing(Transaction& transaction, const std::vector<Expiration>& accounts) {
    std::int64_t inserted = 0;
    for (const Expiration& account : accounts) {
        inserted += transaction.execute(
            "INSERT INTO email_account_validity (user_id, expiration_ts_ms, email_sent) VALUES (?, ?, ?) "
            "ON CONFLICT (user_id) DO NOTHING",
            account.user_id, account.expiration_ts, false);
    }
    return inserted;
}

std::optional<std::int64_t> find_expiration(Transaction& transaction, const std::string& user_id) {
    const auto row =
        transaction.query_one<std::int64_t>("SELECT expiration_ts_ms FROM email_account_validity WHERE user_id = ?", user_id);
    if (!row) return std::nullopt;
    return std::get<0>(*row);
}

std::vector<Expiration> find_due(Transaction& transaction, std::int64_t until) {
    auto rows = transaction.query<std::string, std::int64_t>(
        "SELECT user_id, expiration_ts_ms FROM email_account_validity WHERE email_sent = ? AND expiration_ts_ms <= ? "
        "ORDER BY expiration_ts_ms, user_id",
        false, until);
    std::vector<Expiration> accounts;
    accounts.reserve(rows.size());
    for (auto& [user_id, expiration_ts] : rows) accounts.push_back({std::move(user_id), expiration_ts});
    return accounts;
}

void write_begin(Transaction& transaction, const Expiration& account) {
    transaction.execute(
        "INSERT INTO email_account_validity (user_id, expiration_ts_ms, email_sent) VALUES (?, ?, ?) "
        "ON CONFLICT (user_id) DO UPDATE SET expiration_ts_ms = excluded.expiration_ts_ms, email_sent = excluded.email_sent",
        account.user_id, account.expiration_ts, false);
}

/// The column of the tokens of a kind.
std::string column_of(TokenKind kind) { return kind == TokenKind::link ? "long_renewal_token" : "short_renewal_token"; }

void write_overruled(Transaction& transaction, const Expiration& account, bool send_notice, TokenKind kind, std::int64_t now) {
    transaction.execute(
        "INSERT INTO email_account_validity (user_id, expiration_ts_ms, email_sent, token_used_ts_ms) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (user_id) DO UPDATE SET expiration_ts_ms = excluded.expiration_ts_ms, email_sent = excluded.email_sent, "
        "token_used_ts_ms = excluded.token_used_ts_ms, " +
            column_of(kind) + " = NULL",
        account.user_id, account.expiration_ts, !send_notice, now);
}

/// A used token of the other kind would be unused again if it stayed.
void write_token(Transaction& transaction, const std::string& user_id, const RenewalToken& token) {
    const TokenKind other = token.kind == TokenKind::link ? TokenKind::typed : TokenKind::link;
    transaction.execute("UPDATE email_account_validity SET " + column_of(token.kind) + " = ?, " + column_of(other) +
                            " = NULL, token_used_ts_ms = NULL WHERE user_id = ?",
                        token.text, user_id);
}

void write_sent(Transaction& transaction, const Expiration& account) {
    transaction.execute("UPDATE email_account_validity SET email_sent = ? WHERE user_id = ? AND expiration_ts_ms = ?", true,
                        account.user_id, account.expiration_ts);
}

/// A renewal, and whose.
struct RenewedAccount {
    Renewal renewal;
    std::string user_id;
};

RenewedAccount use_token(Transaction& transaction, const RenewalToken& token, const std::optional<std::string>& user_id,
                         std::int64_t now, std::int64_t expiration_ts) {
    if (token.kind == TokenKind::typed && !user_id) return RenewedAccount();
    const std::string any_account = "SELECT user_id, expiration_ts_ms, token_used_ts_ms FROM email_account_validity WHERE " +
                                    column_of(token.kind) + " = ?";
    auto row = user_id ? transaction.query_one<std::string, std::int64_t, std::optional<std::int64_t>>(
                             any_account + " AND user_id = ?", token.text, *user_id)
                       : transaction.query_one<std::string, std::int64_t, std::optional<std::int64_t>>(any_account, token.text);
    if (!row) return RenewedAccount();
    auto& [owner, current_expiration_ts, used_ts] = *row;
    if (used_ts) return RenewedAccount{{Renewal::Outcome::used_before, current_expiration_ts}, std::move(owner)};
    transaction.execute(
        "UPDATE email_account_validity SET expiration_ts_ms = ?, email_sent = ?, token_used_ts_ms = ? WHERE user_id = ?",
        expiration_ts, false, now, owner);
    return RenewedAccount{{Renewal::Outcome::renewed, expiration_ts}, std::move(owner)};
}

}  // namespace

ValidityTable::ValidityTable(modapi::ModuleApi& api)
    : api_(api), find_expiration_("expiration_of", async::bind<&ValidityTable::read_expiration>(this)) {
    api.register_cached_function(find_expiration_);
}

task<void> ValidityTable::create() {
    modapi::SchemaMigration tables;
    // Where the module ran on another server with this database, the table is there.
    tables.step(
        "table",
        "CREATE TABLE IF NOT EXISTS email_account_validity (user_id TEXT PRIMARY KEY, expiration_ts_ms BIGINT NOT NULL, "
        "email_sent BOOLEAN NOT NULL, long_renewal_token TEXT, short_renewal_token TEXT, token_used_ts_ms BIGINT)");
    tables.step("tokens of links",
                "CREATE UNIQUE INDEX email_account_validity_long_token ON email_account_validity (long_renewal_token)");
    tables.step("typed tokens",
                "CREATE UNIQUE INDEX email_account_validity_short_token ON email_account_validity "
                "(short_renewal_token, user_id)");
    co_await api_.migrate_schema(std::move(tables));
}

task<std::int64_t> ValidityTable::add_missing(std::vector<Expiration> accounts) {
    return api_.run_db_interaction("email_account_validity.add_missing", &insert_missing, std::move(accounts));
}

task<std::optional<std::int64_t>> ValidityTable::read_expiration(const std::string& user_id) {
    return api_.run_db_interaction("email_account_validity.expiration_of", &find_expiration, user_id);
}

task<void> ValidityTable::forget(std::string user_id) { return api_.invalidate_cache(find_expiration_, std::move(user_id)); }

task<std::vector<Expiration>> ValidityTable::due(std::int64_t until) {
    return api_.run_db_interaction("email_account_validity.due", &find_due, until);
}

task<void> ValidityTable::begin(Expiration account) {
    co_await api_.run_db_interaction("email_account_validity.begin", &write_begin, account);
    co_await forget(account.user_id);
}

task<void> ValidityTable::overrule(Expiration account, bool send_notice, TokenKind kind, std::int64_t now) {
    co_await api_.run_db_interaction("email_account_validity.overrule", &write_overruled, account, send_notice, kind, now);
    co_await forget(account.user_id);
}

task<bool> ValidityTable::store_token(std::string user_id, RenewalToken token) {
    try {
        co_await api_.run_db_interaction("email_account_validity.store_token", &write_token, user_id, token);
    } catch (const modapi::ConstraintViolation&) {
        co_return false;
    }
    co_return true;
}

task<void> ValidityTable::note_sent(Expiration account) {
    return api_.run_db_interaction("email_account_validity.note_sent", &write_sent, std::move(account));
}

task<Renewal> ValidityTable::renew(RenewalToken token, std::optional<std::string> user_id, std::int64_t now,
                                   std::int64_t expiration_ts) {
    const RenewedAccount account =
        co_await api_.run_db_interaction("email_account_validity.renew", &use_token, token, user_id, now, expiration_ts);
    if (account.renewal.outcome == Renewal::Outcome::renewed) co_await forget(account.user_id);
    co_return account.renewal;
}

}  // namespace account_validity
