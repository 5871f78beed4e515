#include "account_data/room_tags.h"

#include "access/authentication.h"
#include "account_data/account_data.h"
#include "events/notifier.h"
#include "http/requests.h"

#include <modapi/database.h>

#include <callbacks/errors.h>

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
using modapi::Transaction;

const std::string type_of_tags = "m.tag";

/// The tags of a room, by name.
JsonDict tags_of(Transaction& transaction, const std::string& user_id, const std::string& room_id) {
    std::optional<JsonDict> content = find_account_data(transaction, user_id, room_id, type_of_tags);
    if (!content || !content->contains("tags") || !content->at("tags").is_object()) return {};
    return std::move(content->at("tags").get_object());
}

/// Sets a tag, or removes it: none. False: there is nothing to remove.
bool change_tag(Transaction& transaction, const callbacks::Requester& requester, const std::string& room_id,
                const std::string& tag, const std::optional<JsonDict>& about) {
    require_session(transaction, requester);
    const std::string user_id = requester.user.to_string();
    JsonDict tags = tags_of(transaction, user_id, room_id);
    if (!about && tags.erase(tag) == 0) return false;
    if (about) tags[tag] = *about;
    JsonDict content;
    content["tags"] = std::move(tags);
    store_account_data(transaction, user_id, room_id, type_of_tags, content);
    return true;
}

async::task<callbacks::Requester> require_own(Authentication& authentication, const RoutedRequest& request, const char* refusal) {
    callbacks::Requester requester = co_await authentication.requester_of(request);
    if (requester.user.to_string() != request.path_parameters.at(0)) throw SynapseError(403, refusal, Codes::FORBIDDEN);
    require_room_id(request.path_parameters.at(1));
    co_return requester;
}

async::task<modapi::Response> get_tags(const RoutedRequest& request, Authentication& authentication,
                                       modapi::Database& database) {
    const callbacks::Requester requester =
        co_await require_own(authentication, request, "Cannot get tags for other users.");
    JsonDict answer;
    answer["tags"] =
        co_await database.read("room_tags", &tags_of, requester.user.to_string(), request.path_parameters.at(1));
    co_return ok(std::move(answer));
}

async::task<void> change(modapi::Database& database, Notifier& notifier, const RoutedRequest& request,
                         callbacks::Requester requester, std::optional<JsonDict> about) {
    const bool changed = co_await database.run_in_turn("change_room_tag", &change_tag, requester,
                                                       request.path_parameters.at(1), request.path_parameters.at(2), about);
    if (!changed) co_return;
    std::vector<std::string> users;
    users.push_back(requester.user.to_string());
    notifier.wake(std::move(users));
}

async::task<modapi::Response> put_tag(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                      Notifier& notifier) {
    callbacks::Requester requester = co_await require_own(authentication, request, "Cannot add tags for other users.");
    JsonDict about = required_json_body(request);
    const JsonValue* const order = about.if_contains("order");
    if (order != nullptr && !order->is_number()) throw SynapseError(400, "'order' must be a number", Codes::INVALID_PARAM);
    co_await to_the_end(change(database, notifier, request, std::move(requester), std::move(about)));
    co_return ok();
}

async::task<modapi::Response> delete_tag(const RoutedRequest& request, Authentication& authentication,
                                         modapi::Database& database, Notifier& notifier) {
    callbacks::Requester requester = co_await require_own(authentication, request, "Cannot remove tags for other users.");
    const std::optional<JsonDict> nothing;
    co_await to_the_end(change(database, notifier, request, std::move(requester), nothing));
    co_return ok();
}

}  // namespace

void add_room_tag_endpoints(Router& router) {
    add_client(router, "GET", "/user/{user_id}/rooms/{room_id}/tags", &get_tags);
    add_client(router, "PUT", "/user/{user_id}/rooms/{room_id}/tags/{tag}", &put_tag);
    add_client(router, "DELETE", "/user/{user_id}/rooms/{room_id}/tags/{tag}", &delete_tag);
}

}  // namespace homeserver
