#include "x_matrix.h"

#include "../rooms/canonical_json.h"
#include "verify_keys.h"

#include <callbacks/errors.h>

#include <async/run_on.h>

#include <boost/beast/core/string.hpp>

#include <map>
#include <utility>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonDict;
using callbacks::SynapseError;

[[noreturn]] void refuse(const std::string& text) { throw SynapseError(401, text, Codes::UNAUTHORIZED); }

void skip_blanks(std::string_view& rest) {
    while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) rest.remove_prefix(1);
}

/// What stands before the first of `ends`, which stays.
std::string_view take_until(std::string_view& rest, std::string_view ends) {
    const std::string_view taken = rest.substr(0, rest.find_first_of(ends));
    rest.remove_prefix(taken.size());
    return taken;
}

/// A value in quotes, where a backslash makes the next character plain, or one without. None: the quotes aren't closed.
std::optional<std::string> take_value(std::string_view& rest) {
    if (!rest.starts_with('"')) return std::string(take_until(rest, ", \t"));
    rest.remove_prefix(1);
    std::string value;
    while (!rest.empty() && rest.front() != '"') {
        if (rest.front() == '\\') rest.remove_prefix(1);
        if (rest.empty()) return std::nullopt;
        value += rest.front();
        rest.remove_prefix(1);
    }
    if (rest.empty()) return std::nullopt;
    rest.remove_prefix(1);
    return value;
}

bool is_signed(const PublicKey& key, const JsonDict& request, const std::string& signature) {
    return key.verifies(canonical_json(request), signature);
}

}  // namespace

std::optional<XMatrix> parse_x_matrix(std::string_view header) {
    std::string_view rest = header;
    if (!boost::beast::iequals(take_until(rest, " "), "X-Matrix")) return std::nullopt;
    std::map<std::string, std::string, std::less<>> values;
    skip_blanks(rest);
    while (!rest.empty()) {
        const std::string name(take_until(rest, "="));
        if (name.empty() || rest.empty()) return std::nullopt;
        rest.remove_prefix(1);
        std::optional<std::string> value = take_value(rest);
        if (!value || !values.emplace(name, std::move(*value)).second) return std::nullopt;
        skip_blanks(rest);
        if (rest.empty()) break;
        if (rest.front() != ',') return std::nullopt;
        rest.remove_prefix(1);
        skip_blanks(rest);
        if (rest.empty()) return std::nullopt;
    }
    XMatrix given;
    for (const auto& [name, target] :
         {std::pair("origin", &given.origin), std::pair("key", &given.key_id), std::pair("sig", &given.signature)}) {
        const auto found = values.find(name);
        if (found == values.end() || found->second.empty()) return std::nullopt;
        *target = found->second;
    }
    const auto destination = values.find("destination");
    if (destination != values.end()) given.destination = destination->second;
    return given;
}

async::task<std::string> authenticate_server(ServerWorker& worker, const RoutedRequest& request) {
    const std::optional<std::string> header = request.http.header("Authorization");
    if (!header) refuse("Missing Authorization headers");
    const std::optional<XMatrix> given = parse_x_matrix(*header);
    if (!given) refuse("Malformed Authorization header");
    if (given->destination && *given->destination != worker.server_name()) refuse("Destination mismatch in auth header");
    const PublicKey* const key = worker.configuration().federation_verify_keys.find(given->origin, given->key_id);
    if (key == nullptr) refuse("No key " + given->key_id + " of " + given->origin + " is known");
    JsonDict covered;
    covered["method"] = request.http.method;
    covered["uri"] = request.http.target;
    covered["origin"] = given->origin;
    covered["destination"] = worker.server_name();
    if (!request.http.body.empty()) covered["content"] = request.http.json_object();
    const bool verified = co_await async::run_on(worker.host_pool(), &is_signed, *key, std::move(covered), given->signature);
    if (!verified) refuse("Invalid signature for server " + given->origin + " with key " + given->key_id);
    co_return given->origin;
}

}  // namespace homeserver
