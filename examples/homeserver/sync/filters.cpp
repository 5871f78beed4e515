#include "sync/filters.h"

#include "access/authentication.h"
#include "http/requests.h"
#include "sync/sync_filter.h"

#include <modapi/database.h>

#include <callbacks/errors.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <charconv>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonDict;
using callbacks::SynapseError;

constexpr std::int64_t max_filters = 1000;

/// The same filter twice is one filter: clients store theirs at every login. Errors: SynapseError 400 `M_TOO_LARGE`.
std::int64_t store(modapi::Transaction& transaction, const callbacks::Requester& requester, const std::string& content) {
    require_session(transaction, requester);
    const std::string user_id = requester.user.to_string();
    const auto known = transaction.query_one<std::int64_t>("SELECT filter_id FROM filters WHERE user_id = ? AND content = ?",
                                                           user_id, content);
    if (known) return std::get<0>(*known);
    const auto stored = transaction.query_one<std::int64_t>("SELECT COUNT(*) FROM filters WHERE user_id = ?", user_id);
    if (std::get<0>(stored.value()) >= max_filters)
        throw SynapseError(400, "A user has at most 1000 filters", Codes::TOO_LARGE);
    const auto last =
        transaction.query_one<std::int64_t>("SELECT COALESCE(MAX(filter_id), -1) FROM filters WHERE user_id = ?", user_id);
    const std::int64_t filter_id = std::get<0>(last.value()) + 1;
    transaction.execute("INSERT INTO filters (user_id, filter_id, content) VALUES (?, ?, ?)", user_id, filter_id, content);
    return filter_id;
}

async::task<callbacks::Requester> require_own(Authentication& authentication, const RoutedRequest& request,
                                              const char* refusal) {
    callbacks::Requester requester = co_await authentication.requester_of(request);
    if (requester.user.to_string() != request.path_parameters.at(0)) throw SynapseError(403, refusal, Codes::FORBIDDEN);
    co_return requester;
}

async::task<modapi::Response> post_filter(const RoutedRequest& request, Authentication& authentication,
                                          modapi::Database& database) {
    const callbacks::Requester requester =
        co_await require_own(authentication, request, "Cannot create filters for other users");
    const JsonDict filter = required_json_body(request);
    static_cast<void>(SyncFilter(filter));  // throws the 400 that every sync with it would get
    const std::string content = boost::json::serialize(filter);
    require_filter_size(content.size());
    const std::int64_t filter_id = co_await database.run("store_filter", &store, requester, content);
    JsonDict answer;
    answer["filter_id"] = std::to_string(filter_id);
    co_return ok(std::move(answer));
}

std::int64_t filter_id_of(const std::string& text) {
    std::int64_t filter_id = 0;
    const std::from_chars_result read = std::from_chars(text.data(), text.data() + text.size(), filter_id);
    const bool is_number = read.ec == std::errc() && read.ptr == text.data() + text.size();
    if (!is_number) throw SynapseError(400, "Invalid filter_id", Codes::INVALID_PARAM);
    return filter_id;
}

async::task<modapi::Response> get_filter(const RoutedRequest& request, Authentication& authentication,
                                         modapi::Database& database) {
    static_cast<void>(co_await require_own(authentication, request, "Cannot get filters for other users"));
    const std::string user_id = request.path_parameters.at(0);
    const std::int64_t filter_id = filter_id_of(request.path_parameters.at(1));
    std::optional<JsonDict> filter = co_await database.read("find_filter", &find_filter, user_id, filter_id);
    if (!filter) throw SynapseError(404, "No such filter", Codes::NOT_FOUND);
    co_return ok(std::move(*filter));
}

}  // namespace

std::optional<JsonDict> find_filter(modapi::Transaction& transaction, const std::string& user_id, std::int64_t filter_id) {
    const auto row = transaction.query_one<std::string>("SELECT content FROM filters WHERE user_id = ? AND filter_id = ?",
                                                        user_id, filter_id);
    if (!row) return std::nullopt;
    boost::json::parse_options options;
    options.max_depth = 128;  // what a request may hold, and more
    return std::move(boost::json::parse(std::get<0>(*row), {}, options).as_object());
}

void add_filter_endpoints(Router& router) {
    add_client(router, "POST", "/user/{user_id}/filter", &post_filter);
    add_client(router, "GET", "/user/{user_id}/filter/{filter_id}", &get_filter);
}

}  // namespace homeserver
