#include "federation/receiving.h"

#include "events/event_format.h"
#include "events/room_store.h"
#include "federation/authorised_join.h"
#include "federation/incoming_event.h"
#include "federation/received_pdu.h"
#include "federation/verify_keys.h"
#include "federation/x_matrix.h"
#include "http/host_pool.h"
#include "http/requests.h"

#include <modapi/database.h>

#include <callbacks/errors.h>
#include <callbacks/spam_checker.h>

#include <async/cancellation.h>
#include <async/clock.h>
#include <async/run_on.h>

#include <spdlog/spdlog.h>
#include <boost/json/serialize.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonDict;
using callbacks::JsonValue;
using callbacks::SynapseError;
using modapi::Response;
using modapi::Transaction;

constexpr std::size_t max_pdus = 50;
constexpr std::size_t max_edus = 100;
/// How long a transaction's answer is kept: servers repeat what wasn't answered for days.
constexpr std::int64_t answer_life_ms = std::int64_t{7} * 24 * 60 * 60 * 1000;

/// What is answered to a transaction that was answered before.
std::optional<std::string> find_answer(Transaction& transaction, const std::string& origin, const std::string& transaction_id) {
    auto row = transaction.query_one<std::string>(
        "SELECT answer FROM federation_transactions WHERE origin = ? AND transaction_id = ?", origin, transaction_id);
    if (!row) return std::nullopt;
    return std::move(std::get<0>(*row));
}

void store_answer(Transaction& transaction, const std::string& origin, const std::string& transaction_id,
                  const std::string& answer, std::int64_t now) {
    transaction.execute("DELETE FROM federation_transactions WHERE received_ts < ?", now - answer_life_ms);
    transaction.execute(
        "INSERT INTO federation_transactions (origin, transaction_id, answer, received_ts) VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        origin, transaction_id, answer, now);
}

std::size_t size_of_list(const JsonDict& body, std::string_view key) {
    const JsonValue* const list = body.if_contains(key);
    if (list == nullptr) return 0;
    if (!list->is_array()) throw SynapseError(400, "'" + std::string(key) + "' must be a list", Codes::BAD_JSON);
    return list->get_array().size();
}

/// The transaction's events; its other news (typing, presence) isn't for this server.
std::vector<JsonDict> pdus_of(JsonDict body) {
    if (size_of_list(body, "pdus") > max_pdus || size_of_list(body, "edus") > max_edus)
        throw SynapseError(400, "A transaction has at most 50 PDUs and 100 EDUs", Codes::TOO_LARGE);
    std::vector<JsonDict> pdus;
    if (!body.contains("pdus")) return pdus;
    for (JsonValue& pdu : body.at("pdus").get_array()) {
        if (!pdu.is_object()) throw SynapseError(400, "'pdus' must be a list of events", Codes::BAD_JSON);
        pdus.push_back(std::move(pdu.get_object()));
    }
    return pdus;
}

std::vector<ReceivedPdu> check_all(std::vector<JsonDict> pdus, const VerifyKeys* keys, const std::string& origin) {
    std::vector<ReceivedPdu> received;
    received.reserve(pdus.size());
    for (JsonDict& pdu : pdus) received.push_back(check_pdu(std::move(pdu), keys, origin));
    return received;
}

async::task<void> receive(callbacks::SpamCheckerDispatch& spam_checker, IncomingEvents& incoming_events,
                          AuthorisedJoins& authorised_joins, ReceivedPdu received) {
    if (received.refusal) throw SynapseError(403, *received.refusal, Codes::FORBIDDEN);
    authorised_joins.require_signature(received.pdu);
    const ArrivedPdu arrived = co_await incoming_events.arrive(received);
    if (arrived.is_known) co_return;
    EvaluatedPdu evaluated = co_await incoming_events.evaluated(std::move(received));
    const bool dropped = co_await spam_checker.should_drop_federated_event(evaluated.event);
    if (dropped) co_return;
    static_cast<void>(co_await incoming_events.take_into_room(std::move(evaluated)));
}

/// What the sender is told of an event that failed; a module's own words stay in the log.
std::string told_of(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const SynapseError& error) {
        return error.what();
    } catch (...) {
        return "Internal server error";
    }
}

/// The result of one event: an empty object, or the error. Errors: TryAgainLater, which is the whole transaction's.
async::task<JsonDict> result_of(callbacks::SpamCheckerDispatch& spam_checker, IncomingEvents& incoming_events,
                                AuthorisedJoins& authorised_joins, ReceivedPdu received) {
    const std::string event_id = received.event_id;
    std::exception_ptr failure;
    try {
        co_await receive(spam_checker, incoming_events, authorised_joins, std::move(received));
    } catch (const async::operation_cancelled&) {
        throw;
    } catch (const callbacks::TryAgainLater&) {
        throw;  // the other server repeats the transaction, in which the events that were taken by then are known
    } catch (...) {
        failure = std::current_exception();
    }
    JsonDict result;
    if (!failure) co_return result;
    spdlog::info("an event of another server isn't taken: event_id={} reason=\"{}\"", event_id, callbacks::message_of(failure));
    result["error"] = told_of(failure);
    co_return result;
}

async::task<std::string> receive_all(modapi::Database& database, const async::clock& clock,
                                     callbacks::SpamCheckerDispatch& spam_checker, IncomingEvents& incoming_events,
                                     AuthorisedJoins& authorised_joins, std::string origin, std::string transaction_id,
                                     std::vector<ReceivedPdu> received) {
    JsonDict results;
    for (ReceivedPdu& pdu : received) {
        const std::string event_id = pdu.event_id;
        results[event_id] = co_await result_of(spam_checker, incoming_events, authorised_joins, std::move(pdu));
    }
    JsonDict answer;
    answer["pdus"] = std::move(results);
    std::string text = boost::json::serialize(answer);
    const std::int64_t now = clock.wall_time_ms();
    co_await database.run("store_transaction_answer", &store_answer, std::move(origin), std::move(transaction_id), text, now);
    co_return text;
}

async::task<Response> put_transaction(const RoutedRequest& request, ServerAuthentication& server_authentication,
                                      modapi::Database& database, const async::clock& clock, const VerifyKeys& verify_keys,
                                      const HostPool& host_pool, callbacks::SpamCheckerDispatch& spam_checker,
                                      IncomingEvents& incoming_events, AuthorisedJoins& authorised_joins) {
    const std::string origin = co_await server_authentication.origin_of(request);
    const std::string& transaction_id = request.path_parameters.at(0);
    std::optional<std::string> answer = co_await database.read("find_transaction_answer", &find_answer, origin, transaction_id);
    if (!answer) {
        std::vector<JsonDict> pdus = pdus_of(required_json_body(request));
        const VerifyKeys* const keys = &verify_keys;
        std::vector<ReceivedPdu> received =
            co_await async::run_on(host_pool.executor, &check_all, std::move(pdus), keys, origin);
        answer = co_await to_the_end(receive_all(database, clock, spam_checker, incoming_events, authorised_joins, origin,
                                                 transaction_id, std::move(received)));
    }
    Response response = ok();
    response.body = std::move(*answer);
    co_return response;
}

}  // namespace

void add_receiving_endpoint(Router& router) {
    router.add("PUT", "/_matrix/federation/v1/send/{transaction_id}", &put_transaction);
}

}  // namespace homeserver
