#include "sessions/ui_authentication.h"

#include "accounts/accounts.h"
#include "accounts/password_hash.h"
#include "addresses/validation_requests.h"
#include "http/requests.h"
#include "mail/mailer.h"
#include "sessions/login_authentication.h"
#include "text/secrets.h"
#include "text/size_limits.h"

#include <async/clock.h>

#include <modapi/database.h>

#include <callbacks/errors.h>
#include <callbacks/password_auth_provider.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <string_view>
#include <tuple>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;
using callbacks::SynapseError;

constexpr std::string_view register_operation = "register";
constexpr std::string_view dummy_stage = "m.login.dummy";
constexpr std::string_view password_stage = "m.login.password";
constexpr std::string_view email_stage = "m.login.email.identity";
constexpr std::string_view phone_stage = "m.login.msisdn";
/// Of what a session was begun with: a registration's is a few names, of other operations a list of devices is the longest.
constexpr std::size_t max_parameters = 64 * 1024;
constexpr std::size_t max_registration = 16 * 1024;
/// Sessions that are kept of one operation of one user; of registrations, which anybody begins, all together. The oldest go.
constexpr std::int64_t max_sessions = 20;
constexpr std::int64_t max_registrations = 5000;
constexpr std::int64_t max_life_ms = std::int64_t{24} * 60 * 60 * 1000;

std::optional<UiAuthSession> load(modapi::Transaction& transaction, const std::string& session_id) {
    auto row =
        transaction.query_one<std::string, std::string, std::optional<std::string>, std::string, std::optional<std::string>>(
            "SELECT operation, parameters, password_hash, completed, result FROM ui_auth_sessions WHERE session_id = ?",
            session_id);
    if (!row) return std::nullopt;
    UiAuthSession session;
    session.session_id = session_id;
    std::string parameters;
    std::string completed;
    std::tie(session.operation, parameters, session.password_hash, completed, session.result) = std::move(*row);
    boost::json::parse_options options;
    options.max_depth = 128;  // what a request may hold, and more
    session.parameters = boost::json::parse(parameters, {}, options).as_object();
    session.completed = boost::json::parse(completed).as_object();
    return session;
}

/// The server's own password, as it was when it completed a stage.
struct ProvedPassword {
    std::string user_id;
    std::string password_hash;
};

/// Old ones go at the same time: nobody ends a session that is given up.
///
/// What other requests of the session came to meanwhile stays; gives the session as it is now.
///
/// Errors: SynapseError 403 `M_FORBIDDEN` if the password that completed a stage is another one by now.
UiAuthSession save(modapi::Transaction& transaction, UiAuthSession session, const std::optional<ProvedPassword>& proved,
                   std::int64_t now) {
    if (proved) require_password(transaction, proved->user_id, proved->password_hash);
    if (const std::optional<UiAuthSession> meanwhile = load(transaction, session.session_id)) {
        for (const auto& [stage, result] : meanwhile->completed) {
            if (!session.completed.contains(stage)) session.completed[stage] = result;
        }
        session.result = meanwhile->result;
    }
    transaction.execute("DELETE FROM ui_auth_sessions WHERE creation_ts < ?", now - max_life_ms);
    const std::int64_t kept = (session.operation == register_operation ? max_registrations : max_sessions) - 1;
    transaction.execute(
        "DELETE FROM ui_auth_sessions WHERE session_id IN (SELECT session_id FROM ui_auth_sessions WHERE operation = ? AND "
        "session_id <> ? ORDER BY creation_ts DESC, session_id LIMIT 1000 OFFSET ?)",
        session.operation, session.session_id, kept);
    transaction.execute(
        "INSERT INTO ui_auth_sessions (session_id, operation, parameters, password_hash, completed, result, creation_ts) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (session_id) DO UPDATE SET parameters = excluded.parameters, "
        "password_hash = excluded.password_hash, completed = excluded.completed",
        session.session_id, session.operation, boost::json::serialize(session.parameters), session.password_hash,
        boost::json::serialize(session.completed), session.result, now);
    return session;
}

using Stages = std::vector<std::string>;

bool has_password(modapi::Transaction& transaction, const std::string& user_id) {
    const std::optional<Account> account = find_account(transaction, user_id);
    return account && account->password_hash;
}

/// The stages of which any one completes an operation: who registers has nothing to prove but an address they want to have,
/// everybody else proves who they are by their password or by a login type of the modules.
async::task<Stages> stages_for(modapi::Database& database, callbacks::PasswordAuthProviderDispatch& password_auth_provider,
                               Mailer& mailer, std::string operation, std::string user_id) {
    Stages stages;
    if (operation == register_operation) {
        stages.emplace_back(dummy_stage);
        if (mailer.can_send()) stages.emplace_back(email_stage);
        if (mailer.can_note()) stages.emplace_back(phone_stage);
        co_return stages;
    }
    Stages registered;
    password_auth_provider.auth_checkers.each_key(
        [&](const callbacks::LoginType& type, const auto&) { registered.push_back(type.type); });
    const auto of_modules = std::find(registered.begin(), registered.end(), password_stage);
    const bool own = co_await database.read("has_password", &has_password, std::move(user_id));
    if (own || of_modules != registered.end() || registered.empty()) stages.emplace_back(password_stage);
    for (std::string& type : registered) {
        if (type != password_stage) stages.push_back(std::move(type));
    }
    co_return stages;
}

bool has_any(const JsonDict& completed, const Stages& stages) {
    return std::any_of(stages.begin(), stages.end(), [&](const std::string& stage) { return completed.contains(stage); });
}

JsonDict auth_of(const JsonDict& body) {
    const JsonValue* const auth = body.if_contains("auth");
    if (auth == nullptr || auth->is_null()) return {};
    if (!auth->is_object()) throw SynapseError(400, "'auth' must be an object", Codes::INVALID_PARAM);
    return auth->get_object();
}

modapi::Response challenge(const UiAuthSession& session, const Stages& stages) {
    JsonArray flows;
    for (const std::string& stage : stages) {
        JsonArray only;
        only.emplace_back(stage);
        JsonDict flow;
        flow["stages"] = std::move(only);
        flows.emplace_back(std::move(flow));
    }
    JsonDict body;
    body["session"] = session.session_id;
    body["flows"] = std::move(flows);
    body["params"] = JsonDict();
    if (!session.completed.empty()) {
        JsonArray completed;
        for (const auto& [stage, result] : session.completed) completed.emplace_back(stage);
        body["completed"] = std::move(completed);
    }
    return modapi::json_response(401, std::move(body));
}

/// The challenge once more, with the reason why the last attempt was none.
modapi::Response refused_stage(const UiAuthSession& session, const Stages& stages, const std::string& errcode,
                               const std::string& reason) {
    modapi::Response response = challenge(session, stages);
    JsonDict body = boost::json::parse(response.body).as_object();
    body["errcode"] = errcode;
    body["error"] = reason;
    return modapi::json_response(401, std::move(body));
}

/// What a stage came to.
struct TriedStage {
    JsonValue result = true;  ///< what modules are told of it
    std::string errcode = "M_FORBIDDEN";
    std::optional<std::string> refusal;
    std::optional<ProvedPassword> proved;  ///< none: it was completed otherwise
};

/// Whether `auth` proves to be this user, by modules' checkers or the server's own password. Errors:
/// SynapseError 403 `M_FORBIDDEN` "Invalid auth" when it proves to be another one; 400 for what is no login.
async::task<TriedStage> try_login(LoginAuthentication& login_authentication, JsonDict auth, std::string stage,
                                  std::string user_id) {
    TriedStage tried;
    std::string proved;
    try {
        const ProvedUser who = co_await login_authentication.authenticated(std::move(stage), std::move(auth));
        proved = who.accepted.user_id;
        if (who.password_hash) tried.proved = ProvedPassword{proved, *who.password_hash};
    } catch (const SynapseError& error) {
        if (error.status() != 403) throw;
        tried.refusal = error.what();
    }
    if (tried.refusal) co_return tried;
    if (proved != user_id) throw SynapseError(403, "Invalid auth", Codes::FORBIDDEN);
    co_return tried;
}

/// The address of a validated session. Errors: 400 `M_MISSING_PARAM`, `M_INVALID_PARAM`.
async::task<TriedStage> try_address(modapi::Database& database, const async::clock& clock, JsonDict auth, std::string medium) {
    const JsonValue* credentials = auth.if_contains("threepid_creds");
    if (credentials == nullptr) credentials = auth.if_contains("threepidCreds");
    if (credentials == nullptr) throw SynapseError(400, "Missing param threepid_creds", Codes::MISSING_PARAM);
    if (!credentials->is_object()) throw SynapseError(400, "'threepid_creds' must be an object", Codes::INVALID_PARAM);
    const bool is_registration = true;  // the only operation that has these stages
    const ValidationProof proof =
        co_await validation_proof(database, clock, credentials->get_object(), is_registration);
    TriedStage tried;
    if (!proof.address || proof.address->medium != medium) {
        tried.errcode = "M_UNAUTHORIZED";
        tried.refusal = proof.address ? "Expecting threepid of type '" + medium + "', got '" + proof.address->medium + "'"
                                      : "Unable to get validated threepid";
        co_return tried;
    }
    JsonDict result;
    result["medium"] = proof.address->medium;
    result["address"] = proof.address->address;
    result["validated_at"] = proof.address->validated_at;
    result["threepid_creds"] = *credentials;
    tried.result = std::move(result);
    co_return tried;
}

async::task<TriedStage> try_stage(modapi::Database& database, const async::clock& clock,
                                  LoginAuthentication& login_authentication, JsonDict auth, std::string stage,
                                  std::string user_id) {
    TriedStage tried;
    if (stage == dummy_stage) co_return tried;
    if (stage == email_stage || stage == phone_stage) {
        std::string medium(stage == email_stage ? "email" : "msisdn");
        tried = co_await try_address(database, clock, std::move(auth), std::move(medium));
    } else {
        tried = co_await try_login(login_authentication, std::move(auth), std::move(stage), std::move(user_id));
    }
    co_return tried;
}

}  // namespace

std::optional<std::string> ui_auth_session_id(const JsonDict& body) { return string_member(auth_of(body), "session"); }

bool asks_anew(const JsonDict& body) {
    return std::any_of(body.begin(), body.end(),
                       [](const auto& member) { return member.key() != "auth" && member.key() != "password"; });
}

async::task<std::optional<UiAuthSession>> UiAuthentication::find_session(std::string operation, JsonDict body) {
    const std::optional<std::string> session_id = ui_auth_session_id(body);
    if (!session_id) co_return std::nullopt;
    std::optional<UiAuthSession> session = co_await database_.read("find_ui_auth_session", &load, *session_id);
    if (!session) throw SynapseError(400, "Unknown session ID: " + *session_id);
    if (session->operation != operation) {
        throw SynapseError(403, "Requested operation has changed during the UI authentication session.", Codes::FORBIDDEN);
    }
    co_return session;
}

async::task<std::variant<UiAuthSession, modapi::Response>> UiAuthentication::authenticate(std::string operation, JsonDict body,
                                                                                          std::optional<UiAuthSession> known,
                                                                                          std::string user_id) {
    const JsonDict auth = auth_of(body);
    const std::optional<std::string> stage = string_member(auth, "type");
    const std::optional<std::string> password = secret_member(body, "password");
    UiAuthSession session;
    if (known) session = std::move(*known);
    if (session.session_id.empty()) session.session_id = new_session_id();
    session.operation = operation;
    if (asks_anew(body)) {
        body.erase("auth");
        body.erase("password");
        const std::size_t max_bytes = operation == register_operation ? max_registration : max_parameters;
        require_bytes("body", boost::json::serialize(body).size(), max_bytes);
        session.parameters = std::move(body);
    }
    if (password) session.password_hash = co_await hash_next(*password);
    const Stages stages = co_await stages_for(database_, password_auth_provider_, mailer_, operation, user_id);
    const bool is_known_stage = stage && std::find(stages.begin(), stages.end(), *stage) != stages.end();
    TriedStage tried;
    if (is_known_stage) tried = co_await try_stage(database_, clock_, login_authentication_, auth, *stage, std::move(user_id));
    const UiAuthSession before = session;
    if (is_known_stage && !tried.refusal) session.completed[*stage] = std::move(tried.result);
    const std::int64_t now = clock_.wall_time_ms();
    try {
        session = co_await database_.run("save_ui_auth_session", &save, session, tried.proved, now);
    } catch (const SynapseError& error) {
        if (error.status() != 403) throw;
        tried.refusal = error.what();
    }
    if (tried.refusal && tried.proved) {
        const std::optional<ProvedPassword> nothing;
        session = co_await database_.run("save_ui_auth_session", &save, before, nothing, now);
    }
    if (has_any(session.completed, stages)) co_return session;
    if (tried.refusal) co_return refused_stage(session, stages, tried.errcode, *tried.refusal);
    if (stage) co_return refused_stage(session, stages, "M_UNRECOGNIZED", "Unknown authentication type " + *stage);
    co_return challenge(session, stages);
}

async::task<std::string> UiAuthentication::hash_next(std::string password) {
    std::string what("password of a session");
    const Turns::Turn turn = co_await turns_.take(std::move(what));
    std::string hash = co_await hash_password(host_pool_, std::move(password));
    co_return hash;
}

async::task<std::optional<modapi::Response>> UiAuthentication::prove_again(std::string operation, JsonDict body,
                                                                           std::string user_id) {
    // What one user proved is no other's proof.
    operation += " by " + user_id;
    std::optional<UiAuthSession> known = co_await find_session(operation, body);
    std::variant<UiAuthSession, modapi::Response> outcome =
        co_await authenticate(std::move(operation), std::move(body), std::move(known), std::move(user_id));
    if (std::holds_alternative<UiAuthSession>(outcome)) co_return std::nullopt;
    co_return std::get<modapi::Response>(std::move(outcome));
}

void finish_session(modapi::Transaction& transaction, const std::string& session_id, const std::string& result) {
    const std::int64_t finished = transaction.execute(
        "UPDATE ui_auth_sessions SET result = ? WHERE session_id = ? AND result IS NULL", result, session_id);
    if (finished > 0) return;
    const auto made = transaction.query_one<std::optional<std::string>>(
        "SELECT result FROM ui_auth_sessions WHERE session_id = ?", session_id);
    if (!made) return;  // given up and forgotten
    SynapseError::Headers headers;
    headers.emplace_back("Retry-After", "1");
    throw SynapseError(503, "Another request of this session was faster; try again",
                       std::string(callbacks::errcode_of(Codes::UNKNOWN)), JsonDict(), std::move(headers));
}

}  // namespace homeserver
