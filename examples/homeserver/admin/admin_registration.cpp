#include "admin/admin_registration.h"

#include "account_changes/new_user.h"
#include "accounts/password_hash.h"
#include "accounts/registration_settings.h"
#include "accounts/shared_time.h"
#include "http/host_pool.h"
#include "http/requests.h"
#include "sessions/devices.h"
#include "text/secrets.h"
#include "text/server_name.h"
#include "text/utf8.h"

#include <async/clock.h>

#include <modapi/database.h>

#include <callbacks/account_validity.h>
#include <callbacks/errors.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cstdint>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonDict;
using callbacks::SynapseError;
using modapi::Transaction;

constexpr std::int64_t nonce_life_ms = 60'000;

const std::string& require_secret(const RegistrationSettings& registration_settings) {
    if (!registration_settings.shared_secret) throw SynapseError(404, "Unrecognized request", Codes::UNRECOGNIZED);
    return *registration_settings.shared_secret;
}

void insert_nonce(Transaction& transaction, const std::string& nonce, std::int64_t own_now) {
    const std::int64_t now = shared_time_ms(transaction, own_now);
    transaction.execute("DELETE FROM registration_nonces WHERE creation_ts < ?", now - nonce_life_ms);
    transaction.execute("INSERT INTO registration_nonces (nonce, creation_ts) VALUES (?, ?)", nonce, now);
}

/// A nonce is good for one attempt. False: it isn't known, or too old.
bool use_nonce(Transaction& transaction, const std::string& nonce, std::int64_t own_now) {
    const std::int64_t now = shared_time_ms(transaction, own_now);
    const auto row = transaction.query_one<std::int64_t>("SELECT creation_ts FROM registration_nonces WHERE nonce = ?", nonce);
    transaction.execute("DELETE FROM registration_nonces WHERE nonce = ?", nonce);
    return row && std::get<0>(*row) >= now - nonce_life_ms;
}

/// Hexadecimal HMAC-SHA1.
std::string mac_of(const std::string& secret, const std::string& text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned int size = 0;
    HMAC(EVP_sha1(), secret.data(), static_cast<int>(secret.size()), reinterpret_cast<const unsigned char*>(text.data()),
         text.size(), bytes.data(), &size);
    std::string mac;
    for (unsigned int at = 0; at < size; ++at) {
        mac += digits[bytes[at] >> 4];
        mac += digits[bytes[at] & 15];
    }
    return mac;
}

bool same_secret(const std::string& first, const std::string& second) {
    return first.size() == second.size() && CRYPTO_memcmp(first.data(), second.data(), first.size()) == 0;
}

/// A text of the body that goes into the mac: NUL bytes would let one mac stand for two requests.
std::string mac_part(const JsonDict& body, std::string_view key) {
    std::optional<std::string> part = secret_member(body, key);
    if (!part) throw SynapseError(400, "Missing key '" + std::string(key) + "'", Codes::MISSING_PARAM);
    if (part->find('\0') != std::string::npos) throw SynapseError(400, "Invalid " + std::string(key));
    return std::move(*part);
}

async::task<modapi::Response> get_nonce(const RoutedRequest&, modapi::Database& database, const async::clock& clock,
                                        const RegistrationSettings& registration_settings) {
    static_cast<void>(require_secret(registration_settings));
    const std::string nonce = new_session_id();
    const std::int64_t now = clock.wall_time_ms();
    co_await database.run("store_nonce", &insert_nonce, nonce, now);
    JsonDict answer;
    answer["nonce"] = nonce;
    co_return ok(std::move(answer));
}

async::task<JsonDict> make_account(const ServerName& server_name, callbacks::AccountValidityDispatch& account_validity,
                                   Sessions& sessions, UserCreation& user_creation, NewUser user) {
    const std::string user_id = co_await user_creation.register_user(std::move(user));
    const std::optional<std::string> nothing;
    const NewSession session = co_await sessions.start(user_id, nothing, nothing, nothing);
    JsonDict answer;
    answer["user_id"] = user_id;
    answer["home_server"] = server_name.text();
    answer["access_token"] = session.access_token;
    answer["device_id"] = session.device_id;
    co_await account_validity.on_user_login(user_id, nothing, nothing);
    co_return answer;
}

async::task<modapi::Response> post_registration(const RoutedRequest& request, modapi::Database& database,
                                                const async::clock& clock, const ServerName& server_name,
                                                const RegistrationSettings& registration_settings, const HostPool& host_pool,
                                                callbacks::AccountValidityDispatch& account_validity, Sessions& sessions,
                                                UserCreation& user_creation) {
    const std::string& secret = require_secret(registration_settings);
    const JsonDict body = required_json_body(request);
    const std::string nonce = required_string_member(body, "nonce");
    const std::int64_t now = clock.wall_time_ms();
    const bool is_good = co_await database.run("use_nonce", &use_nonce, nonce, now);
    if (!is_good) throw SynapseError(400, "unrecognised nonce");
    const std::string username = mac_part(body, "username");
    const std::string password = mac_part(body, "password");
    check_new_password(password);
    const bool is_admin = flag_member(body, "admin", false);
    const std::string given = required_string_member(body, "mac");
    std::string text = nonce;
    for (const std::string& part : {username, password, std::string(is_admin ? "admin" : "notadmin")}) {
        text += '\0';
        text += part;
    }
    if (!same_secret(given, mac_of(secret, text))) throw SynapseError(403, "HMAC incorrect");

    NewUser user;
    user.localpart = ascii_lower_case(username);
    user.password_hash = co_await hash_password(host_pool, password);
    user.display_name = string_member(body, "displayname");
    user.admin = is_admin;
    user.request_info = registration_request_info(request);
    JsonDict answer =
        co_await to_the_end(make_account(server_name, account_validity, sessions, user_creation, std::move(user)));
    co_return ok(std::move(answer));
}

}  // namespace

void add_admin_registration_endpoints(Router& router) {
    router.add("GET", "/_synapse/admin/v1/register", &get_nonce);
    router.add("POST", "/_synapse/admin/v1/register", &post_registration);
}

}  // namespace homeserver
