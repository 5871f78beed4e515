#include "account_data/account_data.h"

#include "access/authentication.h"
#include "events/stream.h"
#include "http/requests.h"
#include "push/user_rules.h"

#include <modapi/database.h>

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

/// What is stored in the place of data that was removed: syncs that go on tell of it, those that begin don't.
constexpr const char* removed = "";

/// A sync that begins tells its user of all of it. Errors: SynapseError 400 `M_TOO_LARGE`.
void require_room_for(modapi::Transaction& transaction, const std::string& user_id, const std::string& room_id,
                      const std::string& type, const std::string& content) {
    constexpr std::int64_t max_items = 10'000;
    constexpr std::int64_t max_characters = 10 * 1024 * 1024;
    if (content.empty()) return;
    const auto others = transaction.query_one<std::int64_t, std::int64_t>(
        "SELECT COUNT(*), COALESCE(SUM(LENGTH(content)), 0) FROM account_data WHERE user_id = ? AND NOT (room_id = ? AND "
        "data_type = ?)",
        user_id, room_id, type);
    const auto& [items, characters] = others.value();
    if (items >= max_items || characters + static_cast<std::int64_t>(content.size()) > max_characters)
        throw SynapseError(400, "A user's account data has at most 10000 items and 10 MiB", Codes::TOO_LARGE);
}

void store(modapi::Transaction& transaction, const std::string& user_id, const std::string& room_id, const std::string& type,
           const std::string& content) {
    require_room_for(transaction, user_id, room_id, type, content);
    const std::int64_t position = next_stream_position(transaction);
    transaction.execute(
        "INSERT INTO account_data (user_id, room_id, data_type, content, stream_position) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (user_id, room_id, data_type) DO UPDATE SET content = excluded.content, "
        "stream_position = excluded.stream_position",
        user_id, room_id, type, content, position);
}

using ItemRows = modapi::LaterRows<std::string, std::string, std::string>;

template <class Value>
ItemRows select_items(modapi::Transaction& transaction, const std::string& condition_and_order, const std::string& user_id,
                      const Value& value) {
    return transaction.query_later<std::string, std::string, std::string>(
        "SELECT room_id, data_type, content FROM account_data WHERE user_id = ? AND " + condition_and_order, user_id, value);
}

std::vector<AccountDataItem> items_of(ItemRows rows) {
    std::vector<AccountDataItem> items;
    for (auto& [room_id, type, content] : rows.take()) {
        items.push_back({std::move(room_id), std::move(type), content == removed ? JsonDict() : parsed(content)});
    }
    return items;
}

/// Which data somebody asks for.
struct Target {
    std::string user_id;
    std::string room_id;  ///< empty: global
    std::string type;
    std::optional<callbacks::Requester> requester = {};  ///< whose session asks for it; none: no client does
};

/// What the path names: of a room, or, where it names none, of the account.
Target target_of(const RoutedRequest& request) {
    const std::vector<std::string>& path = request.path_parameters;
    return {path.front(), path.size() == 3 ? path[1] : std::string(), path.back()};
}

async::task<Target> own_target(Authentication& authentication, const RoutedRequest& request, const char* refusal) {
    Target target = target_of(request);
    target.requester = co_await authentication.requester_of(request);
    if (target.requester->user.to_string() != target.user_id) throw SynapseError(403, refusal, Codes::FORBIDDEN);
    if (!target.room_id.empty()) require_room_id(target.room_id);
    co_return target;
}

void store_target(modapi::Transaction& transaction, const Target& target, const std::string& content) {
    if (target.requester) require_session(transaction, *target.requester);
    store(transaction, target.user_id, target.room_id, target.type, content);
}

/// What the server keeps by other means.
void require_settable(const std::string& type) {
    if (type != "m.fully_read" && type != "m.push_rules") return;
    throw SynapseError(405, "Cannot set " + type + " through this API.", Codes::BAD_JSON);
}

/// From the stored data on. None: it is removed, of which modules hear as of an empty object.
async::task<void> change(modapi::Database& database, AccountData& account_data, Target target, std::optional<JsonDict> given) {
    std::string text = removed;
    if (given) text = boost::json::serialize(*given);
    const JsonDict content = given ? std::move(*given) : JsonDict();
    co_await database.run_in_turn("store_account_data", &store_target, target, text);
    co_await account_data.announce(target.user_id, target.room_id, target.type, content);
}

/// None if it was never set.
async::task<std::optional<JsonDict>> known(modapi::Database& database, Target target) {
    if (target.room_id.empty() && target.type == "m.push_rules") {
        JsonDict rules = co_await database.read("push_rules", &push_rules_content, target.user_id);
        co_return rules;
    }
    std::optional<JsonDict> content =
        co_await database.read("find_account_data", &find_account_data, target.user_id, target.room_id, target.type);
    co_return content;
}

async::task<modapi::Response> put(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                  AccountData& account_data) {
    Target target = co_await own_target(authentication, request, "Cannot add account data for other users.");
    require_settable(target.type);
    JsonDict content = required_json_body(request);
    co_await to_the_end(change(database, account_data, std::move(target), std::move(content)));
    co_return ok();
}

async::task<modapi::Response> get(const RoutedRequest& request, Authentication& authentication, modapi::Database& database) {
    Target target = co_await own_target(authentication, request, "Cannot get account data for other users.");
    std::optional<JsonDict> content = co_await known(database, std::move(target));
    if (!content) throw SynapseError(404, "Account data not found", Codes::NOT_FOUND);
    co_return ok(std::move(*content));
}

async::task<modapi::Response> remove(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                     AccountData& account_data) {
    Target target = co_await own_target(authentication, request, "Cannot delete account data for other users.");
    require_settable(target.type);
    const std::optional<JsonDict> nothing;
    co_await to_the_end(change(database, account_data, std::move(target), nothing));
    co_return ok();
}

}  // namespace

LaterAccountData::LaterAccountData(modapi::Transaction& transaction, const std::string& user_id, std::int64_t since)
    : transaction_(transaction),
      user_id_(user_id),
      since_(since),
      // A sync that begins isn't told of what was removed.
      items_(since == 0 ? select_items(transaction, "content <> ? ORDER BY stream_position", user_id, std::string(removed))
                        : select_items(transaction, "stream_position > ? ORDER BY stream_position", user_id, since)),
      rules_position_(push_rules_position(transaction, user_id)) {}

std::vector<AccountDataItem> LaterAccountData::take() {
    std::vector<AccountDataItem> items = items_of(std::move(items_));
    const auto changed = rules_position_.take_one();
    if (since_ == 0 || (changed && std::get<0>(*changed) > since_)) {
        items.push_back({std::string(), "m.push_rules", push_rules_content(transaction_, user_id_)});
    }
    return items;
}

std::vector<AccountDataItem> account_data_of_room(modapi::Transaction& transaction, const std::string& user_id,
                                                  const std::string& room_id) {
    return items_of(select_items(transaction, "room_id = ? AND content <> '' ORDER BY data_type", user_id, room_id));
}

void require_room_id(const std::string& room_id) {
    if (room_id.starts_with('!')) return;
    throw SynapseError(400, room_id + " is not a valid room ID", Codes::INVALID_PARAM);
}

std::optional<JsonDict> find_account_data(modapi::Transaction& transaction, const std::string& user_id,
                                          const std::string& room_id, const std::string& type) {
    const auto row = transaction.query_one<std::string>(
        "SELECT content FROM account_data WHERE user_id = ? AND room_id = ? AND data_type = ?", user_id, room_id, type);
    if (!row || std::get<0>(*row) == removed) return std::nullopt;
    return parsed(std::get<0>(*row));
}

void store_account_data(modapi::Transaction& transaction, const std::string& user_id, const std::string& room_id,
                        const std::string& type, const JsonDict& content) {
    store(transaction, user_id, room_id, type, boost::json::serialize(content));
}

async::task<void> AccountData::announce(std::string user_id, std::string room_id, std::string type, JsonDict content) {
    std::vector<std::string> users;
    users.push_back(user_id);
    notifier_.wake(std::move(users));
    std::optional<std::string> of_room;
    if (!room_id.empty()) of_room = std::move(room_id);
    co_await account_data_callbacks_.on_account_data_updated(user_id, of_room, type, content);
}

async::task<std::optional<JsonDict>> global_account_data(modapi::Database& database, std::string user_id, std::string type) {
    Target target = {std::move(user_id), {}, std::move(type)};
    return known(database, std::move(target));
}

async::task<void> AccountData::put_global(std::string user_id, std::string type, JsonDict content) {
    require_settable(type);
    Target target = {std::move(user_id), {}, std::move(type)};
    return change(database_, *this, std::move(target), std::move(content));
}

void add_account_data_endpoints(Router& router) {
    add_client(router, "PUT", "/user/{user_id}/account_data/{type}", &put);
    add_client(router, "GET", "/user/{user_id}/account_data/{type}", &get);
    add_client(router, "PUT", "/user/{user_id}/rooms/{room_id}/account_data/{type}", &put);
    add_client(router, "GET", "/user/{user_id}/rooms/{room_id}/account_data/{type}", &get);
    // Matrix has no stable way of removing account data yet.
    const std::string unstable = "/_matrix/client/unstable/org.matrix.msc3391/user/{user_id}";
    router.add("DELETE", unstable + "/account_data/{type}", &remove);
    router.add("DELETE", unstable + "/rooms/{room_id}/account_data/{type}", &remove);
}

}  // namespace homeserver
