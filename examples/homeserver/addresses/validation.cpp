#include "addresses/validation.h"

#include "text/secrets.h"

#include <sodium.h>

#include <tuple>
#include <utility>

namespace homeserver {

namespace {

using modapi::Transaction;

constexpr std::int64_t minute_ms = 60 * 1000;
constexpr std::int64_t life_of_code_ms = 60 * minute_ms;
constexpr std::int64_t life_of_validation_ms = 24 * 60 * minute_ms;
constexpr std::int64_t max_wrong_tries = 5;
constexpr std::int64_t max_codes_an_hour = 5;
/// Of one address, waiting for their codes: clients choose their secrets, so each request may begin one more.
constexpr std::int64_t max_waiting = 20;

/// A link's token is never typed; a phone's code is.
std::string new_token(const std::string& medium) {
    return medium == "email" ? random_text(32, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
                             : random_text(6, "0123456789");
}

bool is_same(const std::string& one, const std::string& other) {
    return one.size() == other.size() && sodium_memcmp(one.data(), other.data(), one.size()) == 0;
}

/// Whether the address may get one more code now, which counts as sent then.
bool takes_code(Transaction& transaction, const ValidationRequest& request, std::int64_t now) {
    transaction.execute("DELETE FROM sent_codes WHERE sent_ts <= ?", now - 60 * minute_ms);
    const auto sent = transaction.query_one<std::int64_t>("SELECT COUNT(*) FROM sent_codes WHERE medium = ? AND address = ?",
                                                          request.medium, request.address);
    if (std::get<0>(sent.value()) >= max_codes_an_hour) return false;
    transaction.execute("INSERT INTO sent_codes (medium, address, sent_ts) VALUES (?, ?, ?)", request.medium, request.address,
                        now);
    return true;
}

}  // namespace

Validation begin_validation(Transaction& transaction, const ValidationRequest& request, std::int64_t now) {
    transaction.execute("DELETE FROM address_validations WHERE creation_ts < ?", now - 2 * life_of_validation_ms);
    Validation validation;
    auto known = transaction.query_one<std::string, std::string, std::int64_t>(
        "SELECT sid, token, send_attempt FROM address_validations WHERE medium = ? AND address = ? AND client_secret = ? AND "
        "is_registration = ? AND validated_at IS NULL AND creation_ts > ? AND wrong_tries < ? ORDER BY creation_ts DESC LIMIT 1",
        request.medium, request.address, request.client_secret, request.is_registration, now - life_of_code_ms, max_wrong_tries);
    if (known) {
        std::int64_t sent = 0;
        std::tie(validation.sid, validation.token, sent) = std::move(*known);
        validation.is_to_be_sent = request.send_attempt > sent && takes_code(transaction, request, now);
        if (validation.is_to_be_sent)
            transaction.execute("UPDATE address_validations SET next_link = ? WHERE sid = ?", request.next_link,
                                validation.sid);
        return validation;
    }
    validation.sid = new_session_id();
    validation.token = new_token(request.medium);
    validation.is_to_be_sent = takes_code(transaction, request, now);
    transaction.execute(
        "DELETE FROM address_validations WHERE sid IN (SELECT sid FROM address_validations WHERE medium = ? AND address = ? AND "
        "validated_at IS NULL ORDER BY creation_ts DESC, sid LIMIT 1000 OFFSET ?)",
        request.medium, request.address, max_waiting - 1);
    const std::int64_t nothing_sent = -1;
    const std::int64_t no_tries = 0;
    transaction.execute(
        "INSERT INTO address_validations (sid, medium, address, client_secret, token, next_link, send_attempt, wrong_tries, "
        "creation_ts, is_registration) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        validation.sid, request.medium, request.address, request.client_secret, validation.token, request.next_link,
        nothing_sent, no_tries, now, request.is_registration);
    return validation;
}

void note_sent(Transaction& transaction, const std::string& sid, std::int64_t send_attempt) {
    transaction.execute("UPDATE address_validations SET send_attempt = ? WHERE sid = ? AND send_attempt < ?", send_attempt,
                        sid, send_attempt);
}

SubmittedCode submit_code(Transaction& transaction, const std::string& medium, const std::string& sid,
                          const std::string& client_secret, const std::string& token, std::int64_t now) {
    SubmittedCode submitted;
    auto row = transaction.query_one<std::string, std::string, std::optional<std::string>, std::int64_t, std::int64_t,
                                     std::optional<std::int64_t>>(
        "SELECT client_secret, token, next_link, wrong_tries, creation_ts, validated_at FROM address_validations "
        "WHERE sid = ? AND medium = ?",
        sid, medium);
    if (!row) return submitted;
    auto& [secret, right_token, next_link, wrong_tries, creation_ts, validated_at] = *row;
    if (!is_same(secret, client_secret)) return submitted;
    if (wrong_tries >= max_wrong_tries) {
        submitted.outcome = CodeOutcome::TOO_MANY_TRIES;
    } else if (!is_same(right_token, token)) {
        transaction.execute("UPDATE address_validations SET wrong_tries = wrong_tries + 1 WHERE sid = ?", sid);
        submitted.outcome = CodeOutcome::WRONG;
    } else if (validated_at) {
        submitted.outcome = CodeOutcome::USED_ALREADY;
    } else if (creation_ts <= now - life_of_code_ms) {
        submitted.outcome = CodeOutcome::EXPIRED;
    } else {
        transaction.execute("UPDATE address_validations SET validated_at = ? WHERE sid = ?", now, sid);
        submitted.outcome = CodeOutcome::VALIDATED;
        submitted.next_link = std::move(next_link);
    }
    return submitted;
}

std::optional<ValidatedAddress> validated_address(Transaction& transaction, const std::string& sid,
                                                  const std::string& client_secret, std::int64_t now,
                                                  bool is_registration) {
    auto row = transaction.query_one<std::string, std::string, std::string, std::int64_t>(
        "SELECT client_secret, medium, address, validated_at FROM address_validations WHERE sid = ? AND "
        "is_registration = ? AND validated_at > ?",
        sid, is_registration, now - life_of_validation_ms);
    if (!row || !is_same(std::get<0>(*row), client_secret)) return std::nullopt;
    ValidatedAddress validated;
    std::tie(std::ignore, validated.medium, validated.address, validated.validated_at) = std::move(*row);
    return validated;
}

void end_validation(Transaction& transaction, const std::string& sid) {
    transaction.execute("DELETE FROM address_validations WHERE sid = ?", sid);
}

}  // namespace homeserver
