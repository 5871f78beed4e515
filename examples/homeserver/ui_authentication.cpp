#include "ui_authentication.h"

#include "authentication.h"
#include "password_hash.h"
#include "requests.h"
#include "secrets.h"

#include <callbacks/errors.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <tuple>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;
using callbacks::SynapseError;

constexpr std::string_view dummy_stage = "m.login.dummy";
constexpr std::string_view password_stage = "m.login.password";
constexpr std::int64_t longest_life_ms = std::int64_t{24} * 60 * 60 * 1000;

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

/// Old ones go at the same time: nobody ends a session that is given up.
void save(modapi::Transaction& transaction, const UiAuthSession& session, std::int64_t now) {
    transaction.execute("DELETE FROM ui_auth_sessions WHERE creation_ts < ?", now - longest_life_ms);
    transaction.execute(
        "INSERT INTO ui_auth_sessions (session_id, operation, parameters, password_hash, completed, result, creation_ts) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (session_id) DO UPDATE SET parameters = excluded.parameters, "
        "password_hash = excluded.password_hash, completed = excluded.completed",
        session.session_id, session.operation, boost::json::serialize(session.parameters), session.password_hash,
        boost::json::serialize(session.completed), session.result, now);
}

void save_result(modapi::Transaction& transaction, const std::string& session_id, const std::string& result) {
    transaction.execute("UPDATE ui_auth_sessions SET result = ? WHERE session_id = ?", result, session_id);
}

/// Each operation has one flow of one stage: who registers has nothing to prove yet, everybody else their password.
std::string_view stage_of(const UiAuthSession& session) {
    return session.operation == "register" ? dummy_stage : password_stage;
}

JsonDict auth_of(const JsonDict& body) {
    const JsonValue* const auth = body.if_contains("auth");
    if (auth == nullptr || auth->is_null()) return {};
    if (!auth->is_object()) throw SynapseError(400, "'auth' must be an object", Codes::INVALID_PARAM);
    return auth->get_object();
}

modapi::Response challenge(const UiAuthSession& session) {
    JsonArray stages;
    stages.emplace_back(stage_of(session));
    JsonDict flow;
    flow["stages"] = std::move(stages);
    JsonArray flows;
    flows.emplace_back(std::move(flow));
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
modapi::Response refused_stage(const UiAuthSession& session, const std::string& errcode, const std::string& reason) {
    modapi::Response response = challenge(session);
    JsonDict body = boost::json::parse(response.body).as_object();
    body["errcode"] = errcode;
    body["error"] = reason;
    return modapi::json_response(401, std::move(body));
}

/// Whether `auth` proves to be this user, by modules' checkers or the server's own password.
async::task<bool> proves_to_be(ServerWorker& worker, JsonDict auth, std::string user_id) {
    try {
        const callbacks::AuthResult proved = co_await authenticate_login(worker, std::string(password_stage), auth);
        co_return proved.user_id == user_id;
    } catch (const SynapseError&) {
        co_return false;
    }
}

}  // namespace

async::task<std::optional<UiAuthSession>> find_ui_auth_session(ServerWorker& worker, std::string operation, JsonDict body) {
    const JsonDict auth = auth_of(body);
    const std::optional<std::string> session_id = string_member(auth, "session");
    if (!session_id) co_return std::nullopt;
    std::optional<UiAuthSession> session = co_await worker.database().read("find_ui_auth_session", &load, *session_id);
    if (!session) throw SynapseError(400, "Unknown session ID: " + *session_id);
    if (session->operation != operation) {
        throw SynapseError(403, "Requested operation has changed during the UI authentication session.", Codes::FORBIDDEN);
    }
    co_return session;
}

async::task<std::variant<UiAuthSession, modapi::Response>> authenticate_interactively(ServerWorker& worker,
                                                                                      std::string operation, JsonDict body,
                                                                                      std::optional<UiAuthSession> known,
                                                                                      std::string user_id) {
    const JsonDict auth = auth_of(body);
    const std::optional<std::string> stage = string_member(auth, "type");
    const std::optional<std::string> password = string_member(body, "password");
    UiAuthSession session;
    if (known) session = std::move(*known);
    if (session.session_id.empty()) session.session_id = new_session_id();
    session.operation = operation;
    body.erase("auth");
    body.erase("password");
    // A request of `auth` alone goes on with what the first one asked for.
    if (!body.empty()) session.parameters = std::move(body);
    if (password) session.password_hash = co_await hash_password(worker, *password);
    const std::string_view wanted = stage_of(session);
    const bool is_known_stage = stage && *stage == wanted;
    bool is_proved = is_known_stage;
    if (is_known_stage && wanted == password_stage) is_proved = co_await proves_to_be(worker, auth, user_id);
    if (is_proved) session.completed[wanted] = true;
    const bool is_complete = session.completed.contains(wanted);
    const std::int64_t now = worker.now_ms();
    co_await worker.database().run("save_ui_auth_session", &save, session, now);
    if (is_complete) co_return session;
    if (is_known_stage) co_return refused_stage(session, "M_FORBIDDEN", "Invalid username or password");
    if (stage) co_return refused_stage(session, "M_UNRECOGNIZED", "Unknown authentication type " + *stage);
    co_return challenge(session);
}

async::task<void> finish_ui_auth_session(ServerWorker& worker, std::string session_id, std::string result) {
    return worker.database().run("finish_ui_auth_session", &save_result, std::move(session_id), std::move(result));
}

}  // namespace homeserver
