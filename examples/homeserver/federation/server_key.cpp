#include "federation/server_key.h"

#include "events/signing_key.h"
#include "http/requests.h"
#include "process/server_worker.h"

namespace homeserver {

namespace {

/// How long others may believe the key without asking again.
constexpr std::int64_t validity_ms = std::int64_t{24} * 60 * 60 * 1000;

async::task<modapi::Response> get_server_key(ServerWorker& worker, const RoutedRequest&) {
    const SigningKey& signing_key = worker.signing_key();
    callbacks::JsonDict key;
    key["key"] = signing_key.public_key();
    callbacks::JsonDict keys;
    keys[signing_key.key_id()] = std::move(key);
    callbacks::JsonDict answer;
    answer["server_name"] = worker.server_name();
    answer["verify_keys"] = std::move(keys);
    answer["old_verify_keys"] = callbacks::JsonDict();
    answer["valid_until_ts"] = worker.now_ms() + validity_ms;
    signing_key.sign_json(answer, worker.server_name());
    co_return ok(std::move(answer));
}

}  // namespace

void add_server_key_endpoint(Router& router) {
    router.add("GET", "/_matrix/key/v2/server", &get_server_key);
    router.add("GET", "/_matrix/key/v2/server/{key_id?}", &get_server_key);  // as older servers ask
}

}  // namespace homeserver
