#include "rooms/directory.h"

#include "access/authentication.h"
#include "accounts/accounts.h"
#include "events/power_levels.h"
#include "events/room_store.h"
#include "http/requests.h"
#include "rooms/aliases.h"

#include <modapi/database.h>

#include <callbacks/errors.h>
#include <callbacks/spam_checker.h>
#include <callbacks/third_party_rules.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::Requester;
using callbacks::StateMap;
using callbacks::SynapseError;
using modapi::Response;
using modapi::Transaction;

constexpr int max_looks_at_listing = 5;
constexpr std::string_view publishing_rooms = "publish rooms";

/// What decides whether a user may change a room's entry.
struct Listing {
    StateMap state;
    std::int64_t state_version = 0;
    bool is_public = false;
    bool may_change = false;
};

std::optional<Listing> find_listing(Transaction& transaction, const std::string& room_id, const std::string& user_id) {
    const std::optional<RoomHead> head = find_head(transaction, room_id);
    if (!head) return std::nullopt;
    Listing listing;
    listing.state_version = head->state_version;
    listing.state = current_state(transaction, room_id);
    listing.is_public = room_is_public(transaction, room_id);
    const PowerLevels levels(listing.state);
    const bool is_member = membership_of(transaction, room_id, user_id) == "join";
    const std::optional<Account> account = find_account(transaction, user_id);
    listing.may_change = (is_member && levels.of_user(user_id) >= levels.for_state("m.room.canonical_alias")) ||
                         (account && account->admin);
    return listing;
}

/// Errors: SynapseError 400 "Unknown room", 403 `M_FORBIDDEN`.
Listing require_listing(Transaction& transaction, const std::string& room_id, const std::string& user_id) {
    std::optional<Listing> listing = find_listing(transaction, room_id, user_id);
    if (!listing) throw SynapseError(400, "Unknown room");
    if (listing->may_change) return std::move(*listing);
    throw SynapseError(403, "This server requires you to be a moderator in the room to edit its room list entry",
                       Codes::FORBIDDEN);
}

/// What the modules were asked about an entry.
struct AskedListing {
    std::string room_id;
    bool is_public = false;
    std::optional<std::int64_t> state_version;  ///< of the state that they judged by; none: they weren't asked
};

/// False: the state is another one by now.
bool set_listing(Transaction& transaction, const Requester& requester, const AskedListing& asked) {
    require_session(transaction, requester, asked.is_public ? publishing_rooms : std::string_view());
    const Listing listing = require_listing(transaction, asked.room_id, requester.user.to_string());
    if (asked.state_version && *asked.state_version != listing.state_version) return false;
    return set_room_public(transaction, asked.room_id, asked.is_public);
}

/// Asks check_visibility_can_be_modified of what is to be published, and once more if it was shown a state that has passed.
async::task<void> change_listing(modapi::Database& database, callbacks::ThirdPartyRulesDispatch& third_party_rules,
                                 const Requester& requester, AskedListing asked) {
    const std::string visibility = "public";
    for (int attempt = 0; attempt < max_looks_at_listing; ++attempt) {
        const Listing listing =
            co_await database.read("room_listing", &require_listing, asked.room_id, requester.user.to_string());
        if (asked.is_public && !third_party_rules.check_visibility_can_be_modified.empty()) {
            asked.state_version = listing.state_version;
            const bool allowed =
                co_await third_party_rules.check_visibility_can_be_modified(asked.room_id, listing.state, visibility);
            if (!allowed) throw SynapseError(403, "Not allowed to publish room");
        }
        const bool is_set = co_await database.run("set_room_public", &set_listing, requester, asked);
        if (is_set) co_return;
    }
    throw SynapseError(503, "The room's state changes too often to publish it; try again");
}

async::task<Response> get_visibility(const RoutedRequest& request, modapi::Database& database) {
    const std::optional<Listing> listing =
        co_await database.read("room_listing", &find_listing, request.path_parameters.at(0), std::string());
    if (!listing) throw SynapseError(404, "Unknown room", Codes::NOT_FOUND);
    JsonDict answer;
    answer["visibility"] = listing->is_public ? "public" : "private";
    co_return ok(std::move(answer));
}

async::task<Response> put_visibility(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                     callbacks::SpamCheckerDispatch& spam_checker,
                                     callbacks::ThirdPartyRulesDispatch& third_party_rules) {
    const Requester requester = co_await authentication.requester_of(request);
    const std::string& room_id = request.path_parameters.at(0);
    const std::string user_id = requester.user.to_string();
    const JsonDict body = json_body(request);
    const std::string visibility = string_member(body, "visibility").value_or("public");
    if (visibility != "public" && visibility != "private")
        throw SynapseError(400, "Invalid visibility setting", Codes::INVALID_PARAM);
    const bool is_public = visibility == "public";
    if (is_public) co_await database.read("require_session", &require_session, requester, publishing_rooms);

    const callbacks::Verdict verdict = co_await spam_checker.user_may_publish_room(user_id, room_id);
    deny_if_spam(verdict, "This user is not permitted to publish rooms to the room list");
    AskedListing asked;
    asked.room_id = room_id;
    asked.is_public = is_public;
    co_await change_listing(database, third_party_rules, requester, std::move(asked));
    co_return ok();
}

/// One page of the list.
struct ListRequest {
    std::string search_term;  ///< lower case; empty: all
    std::size_t begin = 0;
    std::size_t limit = 100;
};

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char character) { return static_cast<char>(std::tolower(character)); });
    return text;
}

void copy_text(const StateMap& state, std::string_view type, std::string_view key, JsonDict& entry, std::string_view as) {
    const callbacks::Event* const event = state.find(type);
    if (event == nullptr) return;
    if (const auto text = event->content_string(key)) entry[as] = *text;
}

JsonDict list_entry(Transaction& transaction, const std::string& room_id, std::int64_t joined_members) {
    const StateMap state = state_without_keys(transaction, room_id);
    JsonDict entry;
    entry["room_id"] = room_id;
    entry["num_joined_members"] = joined_members;
    copy_text(state, "m.room.name", "name", entry, "name");
    copy_text(state, "m.room.topic", "topic", entry, "topic");
    copy_text(state, "m.room.canonical_alias", "alias", entry, "canonical_alias");
    copy_text(state, "m.room.avatar", "url", entry, "avatar_url");
    copy_text(state, "m.room.join_rules", "join_rule", entry, "join_rule");
    const callbacks::Event* const history = state.find("m.room.history_visibility");
    entry["world_readable"] = history != nullptr && history->content_string("history_visibility") == "world_readable";
    const callbacks::Event* const guests = state.find("m.room.guest_access");
    entry["guest_can_join"] = guests != nullptr && guests->content_string("guest_access") == "can_join";
    return entry;
}

bool matches(const JsonDict& entry, const std::string& search_term) {
    if (search_term.empty()) return true;
    for (const char* key : {"name", "topic", "canonical_alias"}) {
        const callbacks::JsonValue* const value = entry.if_contains(key);
        if (value != nullptr && lower(std::string(value->as_string())).find(search_term) != std::string::npos) return true;
    }
    return false;
}

struct ListPage {
    std::vector<JsonDict> entries;
    std::size_t all = 0;  ///< entries on all pages
};

/// Cost: of all public rooms only those are looked into that may be on the page; of a search, all.
ListPage find_page(Transaction& transaction, const ListRequest& wanted) {
    auto rows = transaction.query<std::string, std::int64_t>(
        "SELECT r.room_id, COUNT(m.user_id) FROM rooms r JOIN room_memberships m ON m.room_id = r.room_id AND "
        "m.membership = 'join' WHERE r.is_public = 1 GROUP BY r.room_id ORDER BY COUNT(m.user_id) DESC, r.room_id");
    ListPage page;
    for (const auto& [room_id, joined_members] : rows) {
        const bool is_on_page = page.all >= wanted.begin && page.entries.size() < wanted.limit;
        if (wanted.search_term.empty() && !is_on_page) {
            ++page.all;
            continue;
        }
        JsonDict entry = list_entry(transaction, room_id, joined_members);
        if (!matches(entry, wanted.search_term)) continue;
        if (is_on_page) page.entries.push_back(std::move(entry));
        ++page.all;
    }
    return page;
}

async::task<Response> answer_list(modapi::Database& database, ListRequest wanted) {
    ListPage page = co_await database.read("public_rooms", &find_page, wanted);
    const std::size_t begin = std::min(wanted.begin, page.all);
    const std::size_t end = begin + page.entries.size();
    JsonArray chunk;
    for (JsonDict& entry : page.entries) chunk.emplace_back(std::move(entry));
    JsonDict answer;
    answer["chunk"] = std::move(chunk);
    answer["total_room_count_estimate"] = static_cast<std::int64_t>(page.all);
    if (end < page.all) answer["next_batch"] = std::to_string(end);
    if (begin > 0) answer["prev_batch"] = std::to_string(begin > wanted.limit ? begin - wanted.limit : 0);
    co_return ok(std::move(answer));
}

std::size_t position_of(const std::optional<std::string>& since) {
    if (!since) return 0;
    std::size_t position = 0;
    const char* const end = since->data() + since->size();
    const auto [stopped, error] = std::from_chars(since->data(), end, position);
    if (error != std::errc() || stopped != end) throw SynapseError(400, "Invalid since token", Codes::INVALID_PARAM);
    return position;
}

std::size_t checked_limit(std::optional<std::int64_t> limit) {
    constexpr std::int64_t max_rooms = 1000;
    if (!limit) return 100;
    if (*limit < 0) throw SynapseError(400, "'limit' must not be negative", Codes::INVALID_PARAM);
    return static_cast<std::size_t>(*limit == 0 ? max_rooms : std::min(*limit, max_rooms));
}

async::task<Response> get_public_rooms(const RoutedRequest& request, modapi::Database& database) {
    ListRequest wanted;
    wanted.begin = position_of(request.http.argument("since"));
    wanted.limit = checked_limit(integer_argument(request, "limit"));
    Response response = co_await answer_list(database, std::move(wanted));
    co_return response;
}

async::task<Response> post_public_rooms(const RoutedRequest& request, Authentication& authentication,
                                        modapi::Database& database) {
    const Requester requester = co_await authentication.requester_of(request);
    const JsonDict body = json_body(request);
    ListRequest wanted;
    wanted.begin = position_of(string_member(body, "since"));
    std::optional<std::int64_t> limit;
    if (const callbacks::JsonValue* const value = body.if_contains("limit")) {
        if (!value->is_int64()) throw SynapseError(400, "'limit' must be an integer", Codes::INVALID_PARAM);
        limit = value->get_int64();
    }
    wanted.limit = checked_limit(limit);
    if (const callbacks::JsonValue* const filter = body.if_contains("filter")) {
        if (!filter->is_object()) throw SynapseError(400, "'filter' must be an object", Codes::INVALID_PARAM);
        wanted.search_term = lower(string_member(filter->get_object(), "generic_search_term").value_or(std::string()));
    }
    Response response = co_await answer_list(database, std::move(wanted));
    co_return response;
}

}  // namespace

bool set_room_public(Transaction& transaction, const std::string& room_id, bool is_public) {
    return transaction.execute("UPDATE rooms SET is_public = ? WHERE room_id = ?", is_public, room_id) != 0;
}

void add_directory_endpoints(Router& router) {
    add_client(router, "GET", "/directory/list/room/{room_id}", &get_visibility);
    add_client(router, "PUT", "/directory/list/room/{room_id}", &put_visibility);
    add_client(router, "GET", "/publicRooms", &get_public_rooms);
    add_client(router, "POST", "/publicRooms", &post_public_rooms);
}

}  // namespace homeserver
