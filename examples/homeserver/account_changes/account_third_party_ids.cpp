#include "account_changes/account_third_party_ids.h"

#include "access/authentication.h"
#include "account_changes/third_party_id_changes.h"
#include "addresses/login_identifier.h"
#include "addresses/third_party_ids.h"
#include "addresses/validation_requests.h"
#include "http/requests.h"
#include "sessions/ui_authentication.h"

#include <async/clock.h>

#include <modapi/database.h>

#include <callbacks/errors.h>

#include <functional>
#include <utility>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonDict;
using callbacks::SynapseError;
using modapi::Response;

async::task<Response> list_ids(const RoutedRequest& request, Authentication& authentication, modapi::Database& database) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    const std::vector<callbacks::ThirdPartyID> ids =
        co_await database.read("third_party_ids_of", &third_party_ids_of, requester.user.to_string());
    JsonDict answer;
    answer["threepids"] = described(ids);
    co_return ok(std::move(answer));
}

async::task<Response> add_proved(modapi::Database& database, const async::clock& clock,
                                 ThirdPartyIdChanges& third_party_id_changes, callbacks::Requester requester,
                                 JsonDict credentials) {
    const bool is_registration = false;
    const ValidationProof proof = co_await validation_proof(database, clock, std::move(credentials), is_registration);
    if (!proof.address) throw SynapseError(400, "No validated 3pid session found", Codes::THREEPID_AUTH_FAILED);
    NewThirdPartyId added;
    added.medium = proof.address->medium;
    added.address = proof.address->address;
    added.validated_at = proof.address->validated_at;
    added.sid = proof.sid;
    added.require = while_session_stands(requester);
    co_await to_the_end(third_party_id_changes.add(requester.user.to_string(), std::move(added)));
    co_return ok();
}

async::task<Response> add_id(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                             const async::clock& clock, UiAuthentication& ui_authentication,
                             ThirdPartyIdChanges& third_party_id_changes) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    const JsonDict body = required_json_body(request);
    const std::string user_id = requester.user.to_string();
    std::optional<Response> challenge = co_await ui_authentication.prove_again("add a third-party id", body, user_id);
    if (challenge) co_return std::move(*challenge);
    Response response = co_await add_proved(database, clock, third_party_id_changes, requester, body);
    co_return response;
}

/// The older form, which asks for no password.
async::task<Response> add_id_by_credentials(const RoutedRequest& request, Authentication& authentication,
                                            modapi::Database& database, const async::clock& clock,
                                            ThirdPartyIdChanges& third_party_id_changes) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    const JsonDict body = required_json_body(request);
    const callbacks::JsonValue* credentials = body.if_contains("three_pid_creds");
    if (credentials == nullptr) credentials = body.if_contains("threePidCreds");
    if (credentials == nullptr) throw SynapseError(400, "Missing param three_pid_creds", Codes::MISSING_PARAM);
    if (!credentials->is_object()) throw SynapseError(400, "'three_pid_creds' must be an object", Codes::INVALID_PARAM);
    Response response =
        co_await add_proved(database, clock, third_party_id_changes, requester, credentials->get_object());
    co_return response;
}

async::task<Response> delete_id(const RoutedRequest& request, Authentication& authentication,
                                ThirdPartyIdChanges& third_party_id_changes) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    const JsonDict body = required_json_body(request);
    const std::string medium = required_string_member(body, "medium");
    std::string address = required_string_member(body, "address");
    if (medium == "email") {
        address = canonical_email(address);
    } else if (medium != "msisdn") {
        throw SynapseError(400, "'medium' must be email or msisdn", Codes::INVALID_PARAM);
    }
    co_await to_the_end(third_party_id_changes.remove(requester.user.to_string(), medium, std::move(address),
                                                       while_session_stands(requester)));
    JsonDict answer;
    answer["id_server_unbind_result"] = "no-support";  // nothing is sent to identity servers
    co_return ok(std::move(answer));
}

}  // namespace

void add_account_third_party_id_endpoints(Router& router) {
    add_client(router, "GET", "/account/3pid", &list_ids);
    add_client(router, "POST", "/account/3pid", &add_id_by_credentials);
    add_client(router, "POST", "/account/3pid/add", &add_id);
    add_client(router, "POST", "/account/3pid/delete", &delete_id);
}

}  // namespace homeserver
