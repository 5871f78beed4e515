#include "account_data.h"

#include "push_rules.h"
#include "requests.h"
#include "stream.h"

#include <callbacks/errors.h>
#include <callbacks/identifiers.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <tuple>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonDict;
using callbacks::SynapseError;

JsonDict parsed(const std::string& content) {
    boost::json::parse_options options;
    options.max_depth = 128;  // what a request may hold, and more
    return std::move(boost::json::parse(content, {}, options).as_object());
}

void store(modapi::Transaction& transaction, const std::string& user_id, const std::string& room_id, const std::string& type,
           const std::string& content) {
    const std::int64_t position = next_stream_position(transaction);
    transaction.execute(
        "INSERT INTO account_data (user_id, room_id, data_type, content, stream_position) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (user_id, room_id, data_type) DO UPDATE SET content = excluded.content, "
        "stream_position = excluded.stream_position",
        user_id, room_id, type, content, position);
}

std::optional<std::string> find(modapi::Transaction& transaction, const std::string& user_id, const std::string& room_id,
                                const std::string& type) {
    auto row = transaction.query_one<std::string>(
        "SELECT content FROM account_data WHERE user_id = ? AND room_id = ? AND data_type = ?", user_id, room_id, type);
    if (!row) return std::nullopt;
    return std::move(std::get<0>(*row));
}

/// Which data a request is about.
struct Target {
    std::string user_id;
    std::string room_id;  ///< empty: global
    std::string type;
};

Target global_target(const RoutedRequest& request) {
    return {request.path_parameters.at(0), {}, request.path_parameters.at(1)};
}

Target room_target(const RoutedRequest& request) {
    return {request.path_parameters.at(0), request.path_parameters.at(1), request.path_parameters.at(2)};
}

void require_room_id(const Target& target) {
    if (target.room_id.empty() || target.room_id.front() == '!') return;
    throw SynapseError(400, target.room_id + " is not a valid room ID", Codes::INVALID_PARAM);
}

async::task<void> require_own(ServerWorker& worker, const RoutedRequest& request, const Target& target, const char* refusal) {
    const callbacks::Requester requester = co_await authenticate(worker, request);
    if (requester.user.to_string() != target.user_id) throw SynapseError(403, refusal, Codes::FORBIDDEN);
    require_room_id(target);
}

/// What the server keeps by other means.
void require_settable(const std::string& type) {
    if (type != "m.fully_read" && type != "m.push_rules") return;
    throw SynapseError(405, "Cannot set " + type + " through this API.", Codes::BAD_JSON);
}

/// From the stored data on.
async::task<void> change(ServerWorker& worker, Target target, JsonDict content) {
    const std::string text = boost::json::serialize(content);
    co_await worker.database().run("store_account_data", &store, target.user_id, target.room_id, target.type, text);
    std::vector<std::string> users;
    users.push_back(target.user_id);
    worker.notifier().wake(std::move(users));
    std::optional<std::string> room_id;
    if (!target.room_id.empty()) room_id = target.room_id;
    co_await worker.hooks().account_data.on_account_data_updated(target.user_id, room_id, target.type, content);
}

/// None if it was never set.
async::task<std::optional<JsonDict>> known(ServerWorker& worker, Target target) {
    if (target.room_id.empty() && target.type == "m.push_rules") co_return push_rules();
    const std::optional<std::string> content =
        co_await worker.database().read("find_account_data", &find, target.user_id, target.room_id, target.type);
    if (!content) co_return std::nullopt;
    co_return parsed(*content);
}

async::task<modapi::Response> put(ServerWorker& worker, const RoutedRequest& request, Target target) {
    co_await require_own(worker, request, target, "Cannot add account data for other users.");
    require_settable(target.type);
    JsonDict content = required_json_body(request);
    co_await to_the_end(change(worker, std::move(target), std::move(content)));
    co_return ok();
}

async::task<modapi::Response> get(ServerWorker& worker, const RoutedRequest& request, Target target) {
    co_await require_own(worker, request, target, "Cannot get account data for other users.");
    std::optional<JsonDict> content = co_await known(worker, std::move(target));
    if (!content) throw SynapseError(404, "Account data not found", Codes::NOT_FOUND);
    co_return ok(std::move(*content));
}

async::task<modapi::Response> put_global(ServerWorker& worker, const RoutedRequest& request) {
    return put(worker, request, global_target(request));
}
async::task<modapi::Response> get_global(ServerWorker& worker, const RoutedRequest& request) {
    return get(worker, request, global_target(request));
}
async::task<modapi::Response> put_of_room(ServerWorker& worker, const RoutedRequest& request) {
    return put(worker, request, room_target(request));
}
async::task<modapi::Response> get_of_room(ServerWorker& worker, const RoutedRequest& request) {
    return get(worker, request, room_target(request));
}

}  // namespace

std::vector<AccountDataItem> account_data_since(modapi::Transaction& transaction, const std::string& user_id,
                                                std::int64_t since) {
    std::vector<AccountDataItem> items;
    auto rows = transaction.query<std::string, std::string, std::string>(
        "SELECT room_id, data_type, content FROM account_data WHERE user_id = ? AND stream_position > ? ORDER BY "
        "stream_position",
        user_id, since);
    for (auto& [room_id, type, content] : rows) items.push_back({std::move(room_id), std::move(type), parsed(content)});
    return items;
}

async::task<std::optional<JsonDict>> global_account_data(ServerWorker& worker, std::string user_id, std::string type) {
    Target target = {std::move(user_id), {}, std::move(type)};
    return known(worker, std::move(target));
}

async::task<void> put_global_account_data(ServerWorker& worker, std::string user_id, std::string type, JsonDict content) {
    require_settable(type);
    Target target = {std::move(user_id), {}, std::move(type)};
    return change(worker, std::move(target), std::move(content));
}

void add_account_data_endpoints(Router& router) {
    add_client(router, "PUT", "/user/{user_id}/account_data/{type}", &put_global);
    add_client(router, "GET", "/user/{user_id}/account_data/{type}", &get_global);
    add_client(router, "PUT", "/user/{user_id}/rooms/{room_id}/account_data/{type}", &put_of_room);
    add_client(router, "GET", "/user/{user_id}/rooms/{room_id}/account_data/{type}", &get_of_room);
}

}  // namespace homeserver
