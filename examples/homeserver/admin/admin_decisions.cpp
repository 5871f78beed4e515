#include "admin/admin_decisions.h"

#include "access/authentication.h"
#include "admin/admin_authentication.h"
#include "admin/admin_modules.h"
#include "admin/silent_processes.h"
#include "http/requests.h"

#include <modapi/database.h>
#include <modapi/hosting/all_processes.h>
#include <modapi/hosting/decision.h>
#include <modapi/hosting/workers.h>

#include <callbacks/errors.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace homeserver {

namespace {

using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;
using modapi::Response;

constexpr std::int64_t usual_limit = 100;
constexpr std::int64_t most_at_once = 1000;

[[noreturn]] void refuse(std::string_view parameter, std::string_view wanted) {
    throw callbacks::SynapseError(400, "Query parameter '" + std::string(parameter) + "' must be " + std::string(wanted),
                                  callbacks::Codes::INVALID_PARAM);
}

std::optional<std::int64_t> time_argument(const RoutedRequest& request, std::string_view name) {
    const std::optional<std::int64_t> time = integer_argument(request, name);
    if (time && *time < 0) refuse(name, "a time in milliseconds since 1970");
    return time;
}

/// An id of that kind, or nothing.
std::string id_argument(const RoutedRequest& request, std::string_view name, char sigil, std::string_view what) {
    std::string id = request.http.argument(name).value_or(std::string());
    const bool needs_server = sigil == '@';
    if (!id.empty() && (id.front() != sigil || id.size() < 2 || (needs_server && id.find(':') == std::string::npos))) refuse(name, what);
    return id;
}

std::string hexadecimal_argument(const RoutedRequest& request, std::string_view name, std::string_view what) {
    std::string id = request.http.argument(name).value_or(std::string());
    const bool is_one = std::all_of(id.begin(), id.end(), [](char letter) {
        return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'f');
    });
    if (!is_one) refuse(name, what);
    return id;
}

modapi::DecisionFilter filter_of(const RoutedRequest& request) {
    modapi::DecisionFilter filter;
    filter.module = request.http.argument("module").value_or(std::string());
    filter.callback = request.http.argument("callback").value_or(std::string());
    filter.user_id = id_argument(request, "user_id", '@', "a user id");
    filter.room_id = id_argument(request, "room_id", '!', "a room id");
    filter.request_id = hexadecimal_argument(request, "request_id", "the id of a request, as its line of the log has it");
    filter.id = hexadecimal_argument(request, "id", "the id of a decision, as the header X-Modapi-Decision has it");
    filter.since_ms = time_argument(request, "since");
    filter.until_ms = time_argument(request, "until");
    if (const std::optional<std::string> word = request.http.argument("outcome"); word && !word->empty()) {
        filter.outcome = modapi::outcome_of(*word);
        if (!filter.outcome) {
            std::string words;
            for (const std::string_view known : modapi::decision_outcomes) words.append(words.empty() ? "" : ", ").append(known);
            refuse("outcome", "one of " + words);
        }
    }
    return filter;
}

std::size_t limit_of(const RoutedRequest& request) {
    const std::int64_t limit = integer_argument(request, "limit").value_or(usual_limit);
    if (limit < 1) refuse("limit", "at least 1");
    return static_cast<std::size_t>(std::min(limit, most_at_once));
}

JsonValue text_or_null(const std::string& text) { return text.empty() ? JsonValue(nullptr) : JsonValue(text); }

JsonDict described(const modapi::Decision& decision) {
    JsonDict row;
    row["id"] = decision.id;
    row["time_ms"] = decision.time_ms;
    row["process"] = decision.process;
    row["worker"] = decision.worker;
    row["request_id"] = text_or_null(decision.request_id);
    row["module"] = decision.module;
    row["callback"] = decision.callback;
    row["outcome"] = modapi::word_of(decision.outcome);
    row["errcode"] = text_or_null(decision.errcode);
    row["text"] = text_or_null(decision.text);
    row["user_id"] = text_or_null(decision.user_id);
    row["room_id"] = text_or_null(decision.room_id);
    row["event_id"] = text_or_null(decision.event_id);
    row["address"] = text_or_null(decision.address);
    row["duration_ms"] = decision.duration_ms;
    return row;
}

async::task<Response> get_decisions(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                    modapi::WorkerGroup& workers) {
    static_cast<void>(co_await authenticate_admin(authentication, database, request));
    modapi::DecisionFilter filter = filter_of(request);
    const std::size_t limit = limit_of(request);
    std::optional<modapi::DecisionPlace> from;
    if (const std::optional<std::string> token = request.http.argument("from"); token && !token->empty()) {
        from = modapi::DecisionPlace::read(*token);
        if (!from) refuse("from", "a next_batch of this endpoint");
    }
    const modapi::AllProcesses all(workers);
    async::task<modapi::DecisionsOfProcesses> finding =
        all.find_decisions(std::move(filter), std::move(from), limit, patience_with_processes);
    const modapi::DecisionsOfProcesses page = co_await std::move(finding);
    JsonArray decisions;
    for (const modapi::Decision& decision : page.decisions) decisions.emplace_back(described(decision));
    JsonDict answer;
    answer["decisions"] = std::move(decisions);
    answer["next_batch"] = nullptr;
    if (page.has_more && !page.decisions.empty()) answer["next_batch"] = modapi::DecisionPlace::of(page.decisions.back()).token();
    if (page.is_incomplete) answer["incomplete"] = true;
    name_silent(answer, page.silent);
    co_return ok(std::move(answer));
}

}  // namespace

void add_decision_endpoints(Router& router) { router.add("GET", "/_synapse/admin/v1/modules/decisions", &get_decisions); }

}  // namespace homeserver
