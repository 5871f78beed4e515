#include "forbidden_words.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <string_view>
#include <utility>

namespace {

std::string lower_case(std::string_view text) {
    std::string lower(text);
    for (char& character : lower) character = static_cast<char>(std::tolower(static_cast<unsigned char>(character)));
    return lower;
}

// What run_db_interaction runs: on a database thread, and again if the transaction collided with another.

void count_refusal(modapi::Transaction& transaction, const std::string& user_id) {
    transaction.execute(
        "INSERT INTO forbidden_words_refused (user_id, messages) VALUES (?, 1) "
        "ON CONFLICT (user_id) DO UPDATE SET messages = forbidden_words_refused.messages + 1",
        user_id);
}

std::int64_t all_refusals(modapi::Transaction& transaction) {
    const auto row = transaction.query_one<std::int64_t>("SELECT COALESCE(SUM(messages), 0) FROM forbidden_words_refused");
    return std::get<0>(row.value());
}

}  // namespace

ForbiddenWords::Config ForbiddenWords::parse_config(const modapi::ConfigSection& config) {
    config.refuse_unknown_keys({"words"});
    Config parsed;
    for (const std::string& word : config.required<std::vector<std::string>>("words")) {
        if (word.empty()) config.fail("words", "must not have an empty word");
        parsed.words.push_back(lower_case(word));
    }
    return parsed;
}

ForbiddenWords::ForbiddenWords(Config config, modapi::ModuleApi& api) : config_(std::move(config)), api_(api) {
    api.register_spam_checker_callbacks({.check_event_for_spam = async::bind<&ForbiddenWords::check_event_for_spam>(this)});
    api.register_web_resource("/_synapse/client/forbidden_words",
                              modapi::json_resource({.GET = async::bind<&ForbiddenWords::count>(this)}));
}

async::task<void> ForbiddenWords::start() {
    modapi::SchemaMigration tables;
    tables.step("refused", "CREATE TABLE forbidden_words_refused (user_id TEXT PRIMARY KEY, messages BIGINT NOT NULL)");
    co_await api_.migrate_schema(std::move(tables));
}

async::task<modapi::JsonResponse> ForbiddenWords::count(const modapi::Request&) {
    const std::int64_t refused = co_await api_.run_db_interaction("forbidden_words.refused", &all_refusals);
    callbacks::JsonDict answer;
    answer["refused"] = refused;
    co_return modapi::JsonResponse(200, std::move(answer));
}

async::task<callbacks::Verdict> ForbiddenWords::check_event_for_spam(const callbacks::Event& event) {
    const std::string body = lower_case(event.content_string("body").value_or(""));
    const bool is_forbidden = std::any_of(config_.words.begin(), config_.words.end(),
                                          [&](const std::string& word) { return body.find(word) != std::string::npos; });
    if (!is_forbidden) co_return callbacks::NOT_SPAM;
    const std::string sender = event.sender();
    co_await api_.run_db_interaction("forbidden_words.count", &count_refusal, sender);
    co_return callbacks::Codes::FORBIDDEN;
}
