#include "rooms/aliases.h"

#include "access/authentication.h"
#include "accounts/accounts.h"
#include "events/event_format.h"
#include "events/power_levels.h"
#include "events/room_store.h"
#include "events/visibility.h"
#include "http/requests.h"
#include "text/server_name.h"

#include <modapi/database.h>

#include <callbacks/errors.h>
#include <callbacks/spam_checker.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::Requester;
using callbacks::SynapseError;
using modapi::Response;
using modapi::Transaction;

constexpr std::string_view making_aliases = "make room aliases";

std::string alias_parameter(const RoutedRequest& request) {
    const std::string& alias = request.path_parameters.at(0);
    static_cast<void>(callbacks::RoomAlias(alias));  // throws the 400 for what is none
    return alias;
}

/// What a canonical alias event names: its alias and the alternative ones. Errors: SynapseError 400 `M_INVALID_PARAM`.
std::vector<std::string> named_aliases(const JsonDict& content) {
    std::vector<std::string> aliases;
    const std::string alias = optional_string_member(content, "alias").value_or(std::string());
    if (!alias.empty()) aliases.push_back(alias);
    const callbacks::JsonValue* const others = content.if_contains("alt_aliases");
    if (others != nullptr) {
        if (!others->is_array()) throw SynapseError(400, "'alt_aliases' must be a list", Codes::INVALID_PARAM);
        for (const callbacks::JsonValue& other : others->get_array()) {
            if (!other.is_string()) throw SynapseError(400, "'alt_aliases' must hold room aliases", Codes::INVALID_PARAM);
            aliases.emplace_back(other.get_string());
        }
    }
    for (const std::string& each : aliases) static_cast<void>(callbacks::RoomAlias(each));  // throws the 400 for what is none
    return aliases;
}

[[noreturn]] void refuse_misleading(const std::string& alias) {
    throw SynapseError(400, "Room alias " + alias + " does not point to the room", Codes::BAD_ALIAS);
}

bool has_alias(const JsonDict& content, const std::string& alias) {
    const callbacks::JsonValue wanted(alias);
    const callbacks::JsonValue* const main = content.if_contains("alias");
    if (main != nullptr && *main == wanted) return true;
    const callbacks::JsonValue* const others = content.if_contains("alt_aliases");
    if (others == nullptr || !others->is_array()) return false;
    const JsonArray& list = others->get_array();
    return std::find(list.begin(), list.end(), wanted) != list.end();
}

/// The first of the aliases that doesn't lead to the room; what the room called itself before may stay. Who isn't in the room
/// learns nothing of where aliases lead: sending is refused to them anyway.
std::optional<std::string> misleading_alias(Transaction& transaction, const std::string& room_id, const std::string& user_id,
                                            const std::vector<std::string>& aliases) {
    if (membership_of(transaction, room_id, user_id) != "join") return std::nullopt;
    const auto before = current_state_event(transaction, room_id, "m.room.canonical_alias", "");
    for (const std::string& alias : aliases) {
        const bool stays = before && has_alias(before->content(), alias);
        if (!stays && room_of_alias(transaction, alias) != room_id) return alias;
    }
    return std::nullopt;
}

async::task<Response> get_alias(const RoutedRequest& request, modapi::Database& database, const ServerName& server_name) {
    const std::string alias = alias_parameter(request);
    const std::string room_id = co_await resolved_room(database, alias);
    JsonDict answer;
    answer["room_id"] = room_id;
    JsonArray servers;
    servers.emplace_back(server_name.text());
    answer["servers"] = std::move(servers);
    co_return ok(std::move(answer));
}

/// Throws for a room where the user may make no alias. Errors: SynapseError 404 `M_NOT_FOUND`, 403 `M_FORBIDDEN`.
void require_place(Transaction& transaction, const std::string& room_id, const std::string& user_id) {
    if (!find_head(transaction, room_id)) throw SynapseError(404, "Room " + room_id + " not found", Codes::NOT_FOUND);
    if (membership_of(transaction, room_id, user_id) == "join") return;
    const std::optional<Account> account = find_account(transaction, user_id);
    if (account && account->admin) return;
    throw SynapseError(403, "You must be in the room to create an alias for it", Codes::FORBIDDEN);
}

/// False: the alias is taken.
bool insert_if_allowed(Transaction& transaction, const Requester& requester, const std::string& alias,
                       const std::string& room_id) {
    const std::string user_id = requester.user.to_string();
    require_session(transaction, requester, making_aliases);
    require_place(transaction, room_id, user_id);
    return insert_alias(transaction, alias, room_id, user_id);
}

async::task<Response> put_alias(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                const ServerName& server_name, callbacks::SpamCheckerDispatch& spam_checker) {
    const Requester requester = co_await authentication.requester_of(request, making_aliases);
    const std::string alias = alias_parameter(request);
    const JsonDict body = required_json_body(request);
    const std::string room_id = required_string_member(body, "room_id");
    const std::string user_id = requester.user.to_string();
    require_alias_length(alias);
    if (!server_name.owns(alias)) throw SynapseError(400, "Room alias must be local");
    co_await database.read("alias_place", &require_place, room_id, user_id);
    co_await require_alias_allowed(spam_checker, user_id, alias);
    const bool inserted = co_await database.run("create_alias", &insert_if_allowed, requester, alias, room_id);
    if (!inserted) throw SynapseError(409, "Room alias " + alias + " already exists");
    co_return ok();
}

enum class Deletion { done, no_such_alias, refused };

/// Who made an alias may delete it, and who may set the room's canonical alias.
Deletion delete_if_allowed(Transaction& transaction, const std::string& alias, const Requester& requester) {
    require_session(transaction, requester);
    const std::string user_id = requester.user.to_string();
    const bool is_admin = find_account(transaction, user_id).value().admin;
    const auto row =
        transaction.query_one<std::string, std::string>("SELECT room_id, creator FROM room_aliases WHERE alias = ?", alias);
    if (!row) return Deletion::no_such_alias;
    const auto& [room_id, creator] = *row;
    if (creator != user_id && !is_admin) {
        const callbacks::StateMap state = current_state(transaction, room_id);
        const PowerLevels levels(state);
        const bool is_member = membership_of(transaction, room_id, user_id) == "join";
        if (!is_member || levels.of_user(user_id) < levels.for_state("m.room.canonical_alias")) return Deletion::refused;
    }
    transaction.execute("DELETE FROM room_aliases WHERE alias = ?", alias);
    return Deletion::done;
}

async::task<Response> delete_alias(const RoutedRequest& request, Authentication& authentication, modapi::Database& database) {
    const Requester requester = co_await authentication.requester_of(request);
    const std::string alias = alias_parameter(request);
    const Deletion deletion = co_await database.run("delete_alias", &delete_if_allowed, alias, requester);
    if (deletion == Deletion::no_such_alias) throw SynapseError(404, "Unknown room alias", Codes::NOT_FOUND);
    if (deletion == Deletion::refused) {
        throw SynapseError(403, "You don't have permission to delete the alias.", Codes::FORBIDDEN);
    }
    co_return ok();
}

std::optional<std::vector<std::string>> visible_aliases(Transaction& transaction, const std::string& room_id,
                                                        const std::string& user_id) {
    const Visibility visibility(transaction, room_id, user_id);
    if (!visibility.shows_anything()) return std::nullopt;
    return aliases_of_room(transaction, room_id);
}

async::task<Response> get_aliases(const RoutedRequest& request, Authentication& authentication, modapi::Database& database) {
    const Requester requester = co_await authentication.requester_of(request);
    const std::string& room_id = request.path_parameters.at(0);
    const std::string user_id = requester.user.to_string();
    const std::optional<std::vector<std::string>> aliases =
        co_await database.read("room_aliases", &visible_aliases, room_id, user_id);
    if (!aliases) throw SynapseError(403, "User " + user_id + " not in room " + room_id, Codes::FORBIDDEN);
    JsonDict answer;
    answer["aliases"] = JsonArray(aliases->begin(), aliases->end());
    co_return ok(std::move(answer));
}

}  // namespace

std::optional<std::string> room_of_alias(Transaction& transaction, const std::string& alias) {
    auto row = transaction.query_one<std::string>("SELECT room_id FROM room_aliases WHERE alias = ?", alias);
    if (!row) return std::nullopt;
    return std::move(std::get<0>(*row));
}

std::vector<std::string> aliases_of_room(Transaction& transaction, const std::string& room_id) {
    std::vector<std::string> aliases;
    auto rows = transaction.query<std::string>("SELECT alias FROM room_aliases WHERE room_id = ? ORDER BY alias", room_id);
    for (auto& [alias] : rows) aliases.push_back(std::move(alias));
    return aliases;
}

bool insert_alias(Transaction& transaction, const std::string& alias, const std::string& room_id, const std::string& creator) {
    return transaction.execute(
               "INSERT INTO room_aliases (alias, room_id, creator) VALUES (?, ?, ?) ON CONFLICT (alias) DO NOTHING", alias,
               room_id, creator) != 0;
}

async::task<void> require_alias_allowed(callbacks::SpamCheckerDispatch& spam_checker, std::string user_id, std::string alias) {
    const callbacks::RoomAlias asked(std::move(alias));
    const callbacks::Verdict verdict = co_await spam_checker.user_may_create_room_alias(user_id, asked);
    deny_if_spam(verdict, "This user is not permitted to create this alias");
}

void require_alias_length(const std::string& alias) {
    if (alias.size() > max_identifier) throw SynapseError(400, "A room alias has at most 255 bytes", Codes::INVALID_PARAM);
}

std::function<bool(Transaction&)> while_aliases_lead(std::string room_id, std::string user_id, const JsonDict& content) {
    return [room_id = std::move(room_id), user_id = std::move(user_id),
            aliases = named_aliases(content)](Transaction& transaction) {
        return !misleading_alias(transaction, room_id, user_id, aliases);
    };
}

async::task<void> require_leading_aliases(modapi::Database& database, std::string room_id, std::string user_id,
                                          JsonDict content) {
    const std::vector<std::string> aliases = named_aliases(content);
    const std::optional<std::string> misleading =
        co_await database.read("misleading_alias", &misleading_alias, room_id, user_id, aliases);
    if (misleading) refuse_misleading(*misleading);
}

void require_own_alias(const JsonDict& content, const std::optional<std::string>& own) {
    for (const std::string& alias : named_aliases(content)) {
        if (alias != own) refuse_misleading(alias);
    }
}

async::task<std::string> resolved_room(modapi::Database& database, std::string room_id_or_alias) {
    if (room_id_or_alias.starts_with('!')) co_return room_id_or_alias;
    if (!room_id_or_alias.starts_with('#')) {
        throw SynapseError(400, room_id_or_alias + " was not legal room ID or room alias", Codes::INVALID_PARAM);
    }
    const std::optional<std::string> room_id = co_await database.read("room_of_alias", &room_of_alias, room_id_or_alias);
    if (!room_id) throw SynapseError(404, "Room alias " + room_id_or_alias + " not found", Codes::NOT_FOUND);
    co_return *room_id;
}

void add_alias_endpoints(Router& router) {
    add_client(router, "GET", "/directory/room/{alias}", &get_alias);
    add_client(router, "PUT", "/directory/room/{alias}", &put_alias);
    add_client(router, "DELETE", "/directory/room/{alias}", &delete_alias);
    add_client(router, "GET", "/rooms/{room_id}/aliases", &get_aliases);
}

}  // namespace homeserver
