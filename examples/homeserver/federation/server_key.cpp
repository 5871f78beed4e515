#include "federation/server_key.h"

#include "events/signing_key.h"
#include "http/requests.h"
#include "text/server_name.h"

#include <async/clock.h>

namespace homeserver {

namespace {

/// How long others may believe the key without asking again.
constexpr std::int64_t validity_ms = std::int64_t{24} * 60 * 60 * 1000;

async::task<modapi::Response> get_server_key(const RoutedRequest&, const async::clock& clock, const ServerName& server_name,
                                             const SigningKey& signing_key) {
    callbacks::JsonDict key;
    key["key"] = signing_key.public_key();
    callbacks::JsonDict keys;
    keys[signing_key.key_id()] = std::move(key);
    callbacks::JsonDict answer;
    answer["server_name"] = server_name.text();
    answer["verify_keys"] = std::move(keys);
    answer["old_verify_keys"] = callbacks::JsonDict();
    answer["valid_until_ts"] = clock.wall_time_ms() + validity_ms;
    signing_key.sign_json(answer, server_name.text());
    co_return ok(std::move(answer));
}

}  // namespace

void add_server_key_endpoint(Router& router) {
    router.add("GET", "/_matrix/key/v2/server", &get_server_key);
    router.add("GET", "/_matrix/key/v2/server/{key_id?}", &get_server_key);  // as older servers ask
}

}  // namespace homeserver
