#include "profiles/user_directory.h"

#include "access/authentication.h"
#include "accounts/user_directory_words.h"
#include "http/requests.h"
#include "profiles/user_directory_settings.h"
#include "text/size_limits.h"

#include <modapi/database.h>

#include <callbacks/errors.h>
#include <callbacks/spam_checker.h>
#include <callbacks/users.h>

#include <algorithm>
#include <cstdint>

namespace homeserver {

namespace {

using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::UserProfile;
using modapi::Transaction;

/// More than all that a user's names may have.
constexpr std::size_t max_search_term = 1000;

struct Search {
    std::string searcher;
    std::vector<std::string> words;  ///< lower case
    std::size_t limit = 10;
    bool all_users = false;
};

/// Every word of the term begins a word of the localpart or the display name.
bool matches(const UserProfile& profile, const std::vector<std::string>& term) {
    std::vector<std::string> own = directory_words_of(std::string(callbacks::localpart_of(profile.user_id)));
    for (std::string& word : directory_words_of(profile.display_name.value_or(std::string()))) own.push_back(std::move(word));
    return std::all_of(term.begin(), term.end(), [&](const std::string& wanted) {
        return std::any_of(own.begin(), own.end(), [&](const std::string& word) { return word.starts_with(wanted); });
    });
}

/// The matches, one more than the limit if there are more. A word has neither % nor _ in it. A room is public if it is listed
/// or if anybody may join it.
std::vector<UserProfile> find_users(Transaction& transaction, const Search& search) {
    const std::string open_to_everybody = R"(%"join_rule":"public"%)";
    auto rows = transaction.query<std::string, std::optional<std::string>, std::optional<std::string>>(
        "SELECT u.user_id, p.display_name, p.avatar_url FROM users u LEFT JOIN profiles p ON p.user_id = u.user_id "
        "WHERE u.user_id IN (SELECT w.user_id FROM user_directory_words w WHERE w.word LIKE ?) AND u.deactivated = 0 AND "
        "u.user_id <> ? AND (? = 1 OR EXISTS (SELECT 1 FROM room_memberships m JOIN rooms r "
        "ON r.room_id = m.room_id WHERE m.user_id = u.user_id AND m.membership = 'join' AND (r.is_public = 1 OR EXISTS "
        "(SELECT 1 FROM room_memberships own WHERE own.room_id = m.room_id AND own.user_id = ? AND own.membership = 'join') "
        "OR EXISTS (SELECT 1 FROM current_state s JOIN events e ON e.event_id = s.event_id WHERE s.room_id = m.room_id AND "
        "s.type = 'm.room.join_rules' AND s.state_key = '' AND e.pdu LIKE ?)))) "
        "ORDER BY u.user_id",
        search.words.front() + "%", search.searcher, search.all_users, search.searcher, open_to_everybody);
    std::vector<UserProfile> found;
    for (auto& [user_id, display_name, avatar_url] : rows) {
        UserProfile profile;
        profile.user_id = std::move(user_id);
        profile.display_name = std::move(display_name);
        profile.avatar_url = std::move(avatar_url);
        if (matches(profile, search.words)) found.push_back(std::move(profile));
        if (found.size() > search.limit) break;
    }
    return found;
}

JsonDict written(const UserProfile& profile) {
    JsonDict result;
    result["user_id"] = profile.user_id;
    if (profile.display_name) result["display_name"] = *profile.display_name;
    if (profile.avatar_url) result["avatar_url"] = *profile.avatar_url;
    return result;
}

std::size_t limit_of(const JsonDict& body) {
    constexpr std::int64_t max_count = 50;
    const callbacks::JsonValue* const given = body.if_contains("limit");
    if (given == nullptr) return 10;
    if (!given->is_int64() || given->get_int64() < 0) {
        throw callbacks::SynapseError(400, "'limit' must be a number that isn't negative", callbacks::Codes::INVALID_PARAM);
    }
    return static_cast<std::size_t>(std::min(max_count, given->get_int64()));
}

async::task<modapi::Response> search_users(const RoutedRequest& request, Authentication& authentication,
                                           modapi::Database& database, const UserDirectorySettings& user_directory_settings,
                                           callbacks::SpamCheckerDispatch& spam_checker) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    const JsonDict body = required_json_body(request);
    Search search;
    search.searcher = requester.user.to_string();
    const std::string search_term = required_string_member(body, "search_term");
    require_bytes("search_term", search_term.size(), max_search_term);
    search.words = directory_words_of(search_term);
    search.limit = limit_of(body);
    search.all_users = user_directory_settings.search_all_users;
    std::vector<UserProfile> found;
    const bool searches = user_directory_settings.is_enabled && !search.words.empty();
    if (searches) found = co_await database.read("search_users", &find_users, search);
    const bool limited = found.size() > search.limit;
    if (limited) found.resize(search.limit);
    JsonArray results;
    for (const UserProfile& profile : found) {
        const bool hidden = co_await spam_checker.check_username_for_spam(profile, search.searcher);
        if (!hidden) results.emplace_back(written(profile));
    }
    JsonDict answer;
    answer["results"] = std::move(results);
    answer["limited"] = limited;
    co_return ok(std::move(answer));
}

}  // namespace

void add_user_directory_endpoint(Router& router) { add_client(router, "POST", "/user_directory/search", &search_users); }

}  // namespace homeserver
