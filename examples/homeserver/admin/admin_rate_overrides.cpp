#include "admin/admin_rate_overrides.h"

#include "access/authentication.h"
#include "accounts/accounts.h"
#include "admin/admin_authentication.h"
#include "http/requests.h"
#include "rate_limits/rate_overrides.h"
#include "text/server_name.h"

#include <modapi/database.h>

#include <callbacks/errors.h>

#include <limits>
#include <optional>
#include <string>
#include <utility>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonDict;
using callbacks::JsonValue;
using callbacks::Requester;
using callbacks::SynapseError;
using modapi::Response;

/// The user that the path names, who is there.
async::task<std::string> limited_user(modapi::Database& database, const ServerName& server_name, const RoutedRequest& request) {
    std::string user_id = user_parameter(request, 0).to_string();
    if (!server_name.owns(user_id)) throw SynapseError(400, "Only the rates of local users are limited");
    const bool exists = co_await user_exists(database, user_id);
    if (!exists) throw SynapseError(404, "User not found", Codes::NOT_FOUND);
    co_return user_id;
}

std::int64_t count_member(const JsonDict& body, std::string_view key) {
    const JsonValue* const value = body.if_contains(key);
    if (value == nullptr) return 0;
    if (!value->is_int64() || value->get_int64() < 0)
        throw SynapseError(400, "'" + std::string(key) + "' must be an integer, 0 or more", Codes::INVALID_PARAM);
    return value->get_int64();
}

Response described(const RateOverride& limits) {
    JsonDict answer;
    answer["messages_per_second"] = limits.messages_per_second;
    answer["burst_count"] = limits.burst_count;
    return ok(std::move(answer));
}

async::task<Response> get_override(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                   const ServerName& server_name, RateOverrides& overrides) {
    static_cast<void>(co_await authenticate_admin(authentication, database, request));
    std::string user_id = co_await limited_user(database, server_name, request);
    const std::optional<RateOverride> limits = co_await overrides.stored(std::move(user_id));
    co_return limits ? described(*limits) : ok();
}

async::task<Response> post_override(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                    const ServerName& server_name, RateOverrides& overrides) {
    const Requester requester = co_await authenticate_admin(authentication, database, request);
    std::string user_id = co_await limited_user(database, server_name, request);
    const JsonDict body = required_json_body(request);
    RateOverride limits;
    limits.messages_per_second = count_member(body, "messages_per_second");
    limits.burst_count = count_member(body, "burst_count");
    co_await overrides.store(std::move(user_id), limits, while_admin(requester));
    co_return described(limits);
}

async::task<Response> delete_override(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                      const ServerName& server_name, RateOverrides& overrides) {
    const Requester requester = co_await authenticate_admin(authentication, database, request);
    std::string user_id = co_await limited_user(database, server_name, request);
    const std::optional<RateOverride> none;
    co_await overrides.store(std::move(user_id), none, while_admin(requester));
    co_return ok();
}

}  // namespace

void add_rate_override_endpoints(Router& router) {
    const char* const path = "/_synapse/admin/v1/users/{user_id}/override_ratelimit";
    router.add("GET", path, &get_override);
    router.add("POST", path, &post_override);
    router.add("DELETE", path, &delete_override);
}

}  // namespace homeserver
