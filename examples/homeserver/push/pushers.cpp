#include "push/pushers.h"

#include "access/authentication.h"
#include "events/stream.h"
#include "http/requests.h"
#include "push/users_among.h"
#include "text/size_limits.h"

#include <async/clock.h>

#include <modapi/database.h>

#include <callbacks/errors.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <tuple>
#include <utility>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::SynapseError;
using modapi::Response;
using modapi::Transaction;

constexpr std::size_t max_app_id = 64;
constexpr std::size_t max_pushkey = 512;
constexpr std::size_t max_pusher_text = 1024;
constexpr std::size_t max_pusher_data = 8 * 1024;
constexpr std::int64_t max_pushers = 100;  ///< of one user: each is told of every notification

template <class... Values>
std::vector<Pusher> select_pushers(Transaction& transaction, const std::string& condition, const Values&... values) {
    auto rows =
        transaction
            .query<std::string, std::string, std::string, std::string, std::string, std::optional<std::string>, std::string,
                   std::string, std::optional<std::string>, std::int64_t, std::int64_t, std::optional<std::int64_t>>(
                "SELECT user_id, app_id, pushkey, app_display_name, device_display_name, profile_tag, lang, data, device_id, "
                "pushkey_ts, last_position, failing_since FROM pushers WHERE " +
                    condition + " ORDER BY pushkey_ts, app_id, pushkey",
                values...);
    std::vector<Pusher> pushers;
    for (auto& row : rows) {
        Pusher pusher;
        std::string data;
        std::tie(pusher.user_id, pusher.app_id, pusher.pushkey, pusher.app_display_name, pusher.device_display_name,
                 pusher.profile_tag, pusher.lang, data, pusher.device_id, pusher.pushkey_ts, pusher.last_position,
                 pusher.failing_since) = std::move(row);
        pusher.data = boost::json::parse(data).as_object();
        pushers.push_back(std::move(pusher));
    }
    return pushers;
}

/// Puts it in the place of the one with its key; unless `append`, other users lose theirs with that key.
void store_pusher(Transaction& transaction, const callbacks::Requester& requester, const Pusher& pusher, bool append) {
    require_session(transaction, requester);
    if (!append) {
        transaction.execute("DELETE FROM pushers WHERE app_id = ? AND pushkey = ? AND user_id <> ?", pusher.app_id,
                            pusher.pushkey, pusher.user_id);
    }
    delete_pusher(transaction, pusher);
    const auto others = transaction.query_one<std::int64_t>("SELECT COUNT(*) FROM pushers WHERE user_id = ?", pusher.user_id);
    if (std::get<0>(others.value()) >= max_pushers)
        throw SynapseError(400, "A user has at most 100 pushers", Codes::TOO_LARGE);
    transaction.execute(
        "INSERT INTO pushers (user_id, app_id, pushkey, app_display_name, device_display_name, profile_tag, lang, data, "
        "device_id, pushkey_ts, last_position, failing_since) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
        pusher.user_id, pusher.app_id, pusher.pushkey, pusher.app_display_name, pusher.device_display_name, pusher.profile_tag,
        pusher.lang, boost::json::serialize(pusher.data), pusher.device_id, pusher.pushkey_ts,
        current_stream_position(transaction));
}

[[noreturn]] void refuse(const std::string& text) { throw SynapseError(400, text, Codes::INVALID_PARAM); }

/// The gateway, its format, and what else the gateway is to be told.
JsonDict checked_data(const JsonDict& body) {
    const callbacks::JsonValue* const given = body.if_contains("data");
    if (given == nullptr || !given->is_object()) refuse("'data' must be an object");
    const JsonDict& data = given->get_object();
    const std::optional<std::string> url = string_member(data, "url");
    if (!url) throw SynapseError(400, "'url' must be set in 'data' of an HTTP pusher", Codes::MISSING_PARAM);
    const auto parsed = boost::urls::parse_uri(*url);
    if (!parsed || (parsed->scheme() != "https" && parsed->scheme() != "http") || parsed->encoded_host().empty() ||
        parsed->has_userinfo())
        refuse("'url' must be a web address");
    if (parsed->encoded_path() != "/_matrix/push/v1/notify") refuse("'url' must have a path of '/_matrix/push/v1/notify'");
    const std::optional<std::string> format = optional_string_member(data, "format");
    if (format && *format != "event_id_only") refuse("'format' must be event_id_only, or left out");
    return data;
}

Pusher checked_pusher(const JsonDict& body) {
    constexpr const char* required[] = {"kind", "app_id", "app_display_name", "device_display_name", "pushkey", "lang", "data"};
    std::string missing;
    for (const char* const key : required) {
        if (!body.contains(key)) missing.append(missing.empty() ? "" : ",").append(key);
    }
    if (!missing.empty()) throw SynapseError(400, "Missing parameters: " + missing, Codes::MISSING_PARAM);
    if (required_string_member(body, "kind") != "http") refuse("'kind' must be http, or null to remove a pusher");
    Pusher pusher;
    pusher.app_id = required_string_member(body, "app_id");
    pusher.pushkey = required_string_member(body, "pushkey");
    if (pusher.app_id.empty() || pusher.app_id.size() > max_app_id) refuse("'app_id' must have 1 to 64 bytes");
    if (pusher.pushkey.empty() || pusher.pushkey.size() > max_pushkey) refuse("'pushkey' must have 1 to 512 bytes");
    pusher.app_display_name = required_string_member(body, "app_display_name");
    pusher.device_display_name = required_string_member(body, "device_display_name");
    pusher.profile_tag = optional_string_member(body, "profile_tag");
    pusher.lang = required_string_member(body, "lang");
    pusher.data = checked_data(body);
    for (const char* const key : {"app_display_name", "device_display_name", "profile_tag", "lang"}) {
        const std::optional<std::string> text = optional_string_member(body, key);
        if (text) require_bytes(key, text->size(), max_pusher_text);
    }
    require_bytes("data", boost::json::serialize(pusher.data).size(), max_pusher_data);
    return pusher;
}

JsonDict described(const Pusher& pusher) {
    JsonDict told;
    told["app_display_name"] = pusher.app_display_name;
    told["app_id"] = pusher.app_id;
    told["data"] = pusher.data;
    told["device_display_name"] = pusher.device_display_name;
    told["kind"] = "http";
    told["lang"] = pusher.lang;
    told["profile_tag"] = pusher.profile_tag.value_or(std::string());
    told["pushkey"] = pusher.pushkey;
    return told;
}

async::task<Response> get_pushers(const RoutedRequest& request, Authentication& authentication, modapi::Database& database) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    const std::vector<Pusher> pushers = co_await database.read("pushers_of", &pushers_of, requester.user.to_string());
    JsonArray list;
    for (const Pusher& pusher : pushers) list.emplace_back(described(pusher));
    JsonDict answer;
    answer["pushers"] = std::move(list);
    co_return ok(std::move(answer));
}

void delete_own_pusher(Transaction& transaction, const callbacks::Requester& requester, const Pusher& pusher) {
    require_session(transaction, requester);
    delete_pusher(transaction, pusher);
}

async::task<Response> set_pusher(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                 const async::clock& clock) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    const JsonDict body = required_json_body(request);
    const callbacks::JsonValue* const kind = body.if_contains("kind");
    if (kind != nullptr && kind->is_null()) {
        Pusher gone;
        gone.user_id = requester.user.to_string();
        gone.app_id = required_string_member(body, "app_id");
        gone.pushkey = required_string_member(body, "pushkey");
        co_await database.run("delete_pusher", &delete_own_pusher, requester, gone);
        co_return ok();
    }
    const bool append = flag_member(body, "append", false);
    Pusher pusher = checked_pusher(body);
    pusher.user_id = requester.user.to_string();
    pusher.device_id = requester.device_id;
    pusher.pushkey_ts = clock.wall_time_ms();
    co_await database.run("store_pusher", &store_pusher, requester, pusher, append);
    co_return ok();
}

}  // namespace

std::vector<std::string> users_with_pushers(Transaction& transaction, const std::set<std::string>& users) {
    return users_among(transaction, "SELECT DISTINCT user_id FROM pushers WHERE user_id IN", users);
}

std::vector<Pusher> pushers_of(Transaction& transaction, const std::string& user_id) {
    return select_pushers(transaction, "user_id = ?", user_id);
}

std::optional<Pusher> find_pusher(Transaction& transaction, const Pusher& pusher) {
    std::vector<Pusher> found = select_pushers(transaction, "user_id = ? AND app_id = ? AND pushkey = ?", pusher.user_id,
                                               pusher.app_id, pusher.pushkey);
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
}

void delete_pusher(Transaction& transaction, const Pusher& pusher) {
    transaction.execute("DELETE FROM pushers WHERE user_id = ? AND app_id = ? AND pushkey = ?", pusher.user_id, pusher.app_id,
                        pusher.pushkey);
}

void add_pusher_endpoints(Router& router) {
    add_client(router, "GET", "/pushers", &get_pushers);
    add_client(router, "POST", "/pushers/set", &set_pusher);
}

}  // namespace homeserver
