#include "federation/x_matrix.h"

#include "events/canonical_json.h"
#include "federation/verify_keys.h"
#include "federation/x_matrix_header.h"

#include <callbacks/errors.h>

#include <async/run_on.h>

#include <utility>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonDict;
using callbacks::SynapseError;

[[noreturn]] void refuse(const std::string& text) { throw SynapseError(401, text, Codes::UNAUTHORIZED); }

bool is_signed(const PublicKey& key, const JsonDict& request, const std::string& signature) {
    return key.verifies(canonical_json(request), signature);
}

}  // namespace

async::task<std::string> ServerAuthentication::origin_of(const RoutedRequest& request) {
    const std::optional<std::string> header = request.http.header("Authorization");
    if (!header) refuse("Missing Authorization headers");
    const std::optional<XMatrix> given = parse_x_matrix(*header);
    if (!given) refuse("Malformed Authorization header");
    if (given->destination && *given->destination != server_name_.text()) refuse("Destination mismatch in auth header");
    const PublicKey* const key = verify_keys_.find(given->origin, given->key_id);
    if (key == nullptr) refuse("No key " + given->key_id + " of " + given->origin + " is known");
    JsonDict covered;
    covered["method"] = request.http.method;
    covered["uri"] = request.http.target;
    covered["origin"] = given->origin;
    covered["destination"] = server_name_.text();
    if (!request.http.body.empty()) covered["content"] = request.http.json_object();
    const bool verified = co_await async::run_on(host_pool_.executor, &is_signed, *key, std::move(covered), given->signature);
    if (!verified) refuse("Invalid signature for server " + given->origin + " with key " + given->key_id);
    co_return given->origin;
}

}  // namespace homeserver
