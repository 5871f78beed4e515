#include "synapse_http_antispam.h"

#include <modapi/duration.h>

#include <spdlog/spdlog.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <exception>
#include <fstream>
#include <random>
#include <sstream>
#include <utility>

namespace {

using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;
using callbacks::Verdict;

const std::initializer_list<std::string_view> callback_names = {
    "user_may_join_room",         "user_may_invite",       "user_may_send_3pid_invite", "user_may_create_room",
    "user_may_create_room_alias", "user_may_publish_room", "check_username_for_spam",   "check_login_for_spam",
    "check_event_for_spam"};

constexpr double seconds_between_pings = 5;

std::string checked_url(const modapi::ConfigSection& config) {
    std::string url = config.required<std::string>("base_url");
    if (!url.starts_with("http://") && !url.starts_with("https://")) {
        config.fail("base_url", "must begin with http:// or https://");
    }
    if (url.find_first_of("?#") != std::string::npos) config.fail("base_url", "must have no query and no fragment");
    try {
        modapi::HttpClient(modapi::HttpClientSettings()).allow(url);
    } catch (const modapi::HttpFormatError& error) {
        config.fail("base_url", error.what());
    }
    while (url.ends_with('/')) url.pop_back();
    return url;
}

std::string without_surrounding_space(const std::string& text) {
    constexpr const char* space = " \t\r\n\f\v";
    const std::size_t begin = text.find_first_not_of(space);
    if (begin == std::string::npos) return std::string();
    return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

std::optional<std::string> token_of(const modapi::ConfigSection& config) {
    std::optional<std::string> token = config.optional_secret("authorization");
    const std::optional<std::string> path = config.optional<std::string>("authorization_path");
    std::string key = "authorization";
    if (!token && path) {
        key = "authorization_path";
        std::ifstream file(*path, std::ios::binary);
        std::ostringstream content;
        if (!file || !(content << file.rdbuf())) config.fail(key, "names a file that can't be read or is empty: " + *path);
        token = without_surrounding_space(content.str());
    }
    if (!token) return std::nullopt;
    const bool can_be_sent = !token->empty() && std::none_of(token->begin(), token->end(), [](unsigned char character) {
        return character < 0x20 || character == 0x7f;
    });
    if (!can_be_sent) config.fail(key, "must give a token that a header can hold");
    return token;
}

JsonValue or_null(const std::optional<std::string>& text) { return text ? JsonValue(*text) : JsonValue(nullptr); }

/// As clients see it: without what servers need of it.
JsonDict client_form_of(const callbacks::Event& event) {
    JsonDict form;
    form["room_id"] = event.room_id();
    form["type"] = event.type();
    if (event.event_id()) form["event_id"] = *event.event_id();
    form["sender"] = event.sender();
    form["content"] = event.content();
    if (event.state_key()) form["state_key"] = *event.state_key();
    form["origin_server_ts"] = event.origin_server_ts();
    if (event.redacts()) form["redacts"] = *event.redacts();
    form["unsigned"] = event.unsigned_fields();
    return form;
}

std::optional<std::string> text_at(const JsonDict& object, std::string_view key) {
    const JsonValue* const value = object.if_contains(key);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return std::string(value->get_string());
}

std::optional<JsonDict> object_of(const std::string& body) {
    boost::json::error_code error;
    JsonValue parsed = boost::json::parse(body, error);
    if (error || !parsed.is_object()) return std::nullopt;
    return std::move(parsed.get_object());
}

bool is_success(const modapi::HttpResponse& answer) { return answer.status >= 200 && answer.status <= 299; }

/// Of a request that brought no answer. What the network says has the place in Boost's source behind it.
std::string reason_of(const std::exception& error) {
    const auto* const network = dynamic_cast<const boost::system::system_error*>(&error);
    return network != nullptr ? network->code().message() : error.what();
}

std::string random_letters(int count) {
    std::random_device source;
    std::uniform_int_distribution<int> letter(0, 25);
    std::string letters;
    for (int drawn = 0; drawn < count; ++drawn) letters += static_cast<char>('a' + letter(source));
    return letters;
}

}  // namespace

HTTPAntispam::Config HTTPAntispam::parse_config(const modapi::ConfigSection& config) {
    config.refuse_unknown_keys(
        {"base_url", "authorization", "authorization_path", "enabled_callbacks", "fail_open", "async", "do_ping", "timeout"});
    Config parsed;
    parsed.base_url = checked_url(config);
    parsed.authorization = token_of(config);

    const modapi::ConfigSection fail_open = config.section("fail_open");
    const modapi::ConfigSection is_async = config.section("async");
    fail_open.refuse_unknown_keys(callback_names);
    is_async.refuse_unknown_keys(callback_names);
    std::map<std::string, Handling, std::less<>> all;
    for (const std::string_view name : callback_names) {
        Handling handling;
        handling.fail_open = fail_open.value_or<bool>(name, name == "check_event_for_spam");
        handling.is_async = is_async.value_or<bool>(name, false);
        all.emplace(name, handling);
    }
    const std::optional<std::vector<std::string>> chosen = config.optional<std::vector<std::string>>("enabled_callbacks");
    if (!chosen) {
        parsed.enabled = std::move(all);
    } else {
        for (std::size_t index = 0; index < chosen->size(); ++index) {
            const auto found = all.find((*chosen)[index]);
            if (found == all.end()) {
                throw callbacks::ConfigError("is no callback of this module: " + (*chosen)[index],
                                             {"enabled_callbacks", std::to_string(index)});
            }
            parsed.enabled.insert(*found);
        }
    }

    parsed.do_ping = config.value_or<bool>("do_ping", false);
    parsed.timeout = modapi::optional_duration(config, "timeout").value_or(parsed.timeout);
    if (parsed.timeout.count() == 0) config.fail("timeout", "must be longer than nothing");
    return parsed;
}

HTTPAntispam::HTTPAntispam(Config config, modapi::ModuleApi& api) : config_(std::move(config)), api_(api) {
    // The operator named this service: it may be on this machine.
    api.http_client().allow(config_.base_url);
    callbacks::SpamChecker wanted;
    enable<&HTTPAntispam::check_event_for_spam>(wanted.check_event_for_spam);
    enable<&HTTPAntispam::user_may_join_room>(wanted.user_may_join_room);
    enable<&HTTPAntispam::user_may_invite>(wanted.user_may_invite);
    enable<&HTTPAntispam::user_may_send_3pid_invite>(wanted.user_may_send_3pid_invite);
    enable<&HTTPAntispam::user_may_create_room>(wanted.user_may_create_room);
    enable<&HTTPAntispam::user_may_create_room_alias>(wanted.user_may_create_room_alias);
    enable<&HTTPAntispam::user_may_publish_room>(wanted.user_may_publish_room);
    enable<&HTTPAntispam::check_username_for_spam>(wanted.check_username_for_spam);
    enable<&HTTPAntispam::check_login_for_spam>(wanted.check_login_for_spam);
    api.register_spam_checker_callbacks(std::move(wanted));
    if (config_.do_ping && api.should_run_background_tasks()) {
        api.delayed_background_call(0, async::bind<&HTTPAntispam::ping_until_answered>(this));
    }
}

async::task<Verdict> HTTPAntispam::check_event_for_spam(const callbacks::Event& event) {
    JsonDict question;
    question["event"] = client_form_of(event);
    return decide("check_event_for_spam", std::move(question));
}

async::task<Verdict> HTTPAntispam::user_may_join_room(const std::string& user, const std::string& room, bool is_invited) {
    return decide("user_may_join_room", JsonDict{{"user", user}, {"room", room}, {"is_invited", is_invited}});
}

async::task<Verdict> HTTPAntispam::user_may_invite(const std::string& inviter, const std::string& invitee,
                                                   const std::string& room_id) {
    return decide("user_may_invite", JsonDict{{"inviter", inviter}, {"invitee", invitee}, {"room_id", room_id}});
}

async::task<Verdict> HTTPAntispam::user_may_send_3pid_invite(const std::string& inviter, const std::string& medium,
                                                             const std::string& address, const std::string& room_id) {
    return decide("user_may_send_3pid_invite",
                  JsonDict{{"inviter", inviter}, {"medium", medium}, {"address", address}, {"room_id", room_id}});
}

async::task<Verdict> HTTPAntispam::user_may_create_room(const std::string& user_id) {
    return decide("user_may_create_room", JsonDict{{"user_id", user_id}});
}

async::task<Verdict> HTTPAntispam::user_may_create_room_alias(const std::string& user_id,
                                                              const callbacks::RoomAlias& room_alias) {
    return decide("user_may_create_room_alias", JsonDict{{"user_id", user_id}, {"room_alias", room_alias.to_string()}});
}

async::task<Verdict> HTTPAntispam::user_may_publish_room(const std::string& user_id, const std::string& room_id) {
    return decide("user_may_publish_room", JsonDict{{"user_id", user_id}, {"room_id", room_id}});
}

async::task<bool> HTTPAntispam::check_username_for_spam(const callbacks::UserProfile& profile) {
    JsonDict user_profile;
    user_profile["user_id"] = profile.user_id;
    user_profile["display_name"] = or_null(profile.display_name);
    user_profile["avatar_url"] = or_null(profile.avatar_url);
    JsonDict question;
    question["user_profile"] = std::move(user_profile);
    const Verdict verdict = co_await decide("check_username_for_spam", std::move(question));
    co_return verdict.is_spam();
}

async::task<Verdict> HTTPAntispam::check_login_for_spam(const std::string& user_id, const std::optional<std::string>& device_id,
                                                        const std::optional<std::string>& initial_display_name,
                                                        const callbacks::LoginRequestInfo& request_info,
                                                        const std::optional<std::string>& auth_provider_id) {
    JsonArray requests;
    for (const auto& [user_agent, address] : request_info) {
        JsonArray pair;
        pair.push_back(or_null(user_agent));
        pair.emplace_back(address);
        requests.push_back(std::move(pair));
    }
    JsonDict question;
    question["user_id"] = user_id;
    question["device_id"] = or_null(device_id);
    question["initial_display_name"] = or_null(initial_display_name);
    question["request_info"] = std::move(requests);
    question["auth_provider_id"] = or_null(auth_provider_id);
    return decide("check_login_for_spam", std::move(question));
}

async::task<Verdict> HTTPAntispam::decide(std::string callback, JsonDict question) {
    const Handling& handling = config_.enabled.find(callback)->second;
    if (handling.is_async) {
        api_.delayed_background_call(0, async::bind<&HTTPAntispam::tell>(this), std::move(callback), std::move(question));
        co_return callbacks::NOT_SPAM;
    }
    std::string consequence = handling.fail_open ? "allowed" : "rejected";
    Reply reply = co_await ask(std::move(callback), std::move(question), std::move(consequence));
    if (reply.kind == Reply::Kind::rejected) {
        std::string errcode = text_at(reply.error, "errcode").value_or("M_FORBIDDEN");
        std::optional<std::string> text = text_at(reply.error, "error");
        reply.error.erase("errcode");
        reply.error.erase("error");
        co_return callbacks::reject(std::move(errcode), std::move(text), std::move(reply.error));
    }
    if (reply.kind == Reply::Kind::allowed || handling.fail_open) co_return callbacks::NOT_SPAM;
    const bool was_reached = reply.kind == Reply::Kind::nonsense;
    co_return callbacks::reject("M_UNKNOWN", was_reached ? "The spam check service gave an answer that can't be understood"
                                                         : "The spam check service could not be reached");
}

async::task<void> HTTPAntispam::tell(const std::string& callback, const JsonDict& question) {
    static_cast<void>(co_await ask(callback, question, "nobody waited for it"));
}

async::task<HTTPAntispam::Reply> HTTPAntispam::ask(std::string callback, JsonDict question, std::string consequence) {
    const std::string url = url_of(callback);
    const async::context& here = co_await async::this_context;
    Reply reply;
    try {
        const modapi::HttpResponse answer = co_await post(url, std::move(question));
        if (is_success(answer)) co_return reply;
        std::optional<JsonDict> error = object_of(answer.body);
        if (error) {
            reply.kind = Reply::Kind::rejected;
            reply.error = std::move(*error);
            co_return reply;
        }
        reply.kind = Reply::Kind::nonsense;
        reply.problem = "it answered " + std::to_string(answer.status) + " without a JSON object";
    } catch (const async::deadline_exceeded&) {
        here.throw_if_cancelled();  // the operation's own deadline, not this request's
        reply.kind = Reply::Kind::unreachable;
        reply.problem = "no answer within " + std::to_string(config_.timeout.count()) + " ms";
    } catch (const modapi::HttpFormatError& error) {
        reply.kind = Reply::Kind::nonsense;
        reply.problem = error.what();
    } catch (const std::exception& error) {
        reply.kind = Reply::Kind::unreachable;
        reply.problem = reason_of(error);
    }
    api_.logger().warn("the spam check service failed at {}: {} ({})", url, reply.problem, consequence);
    co_return reply;
}

async::task<modapi::HttpResponse> HTTPAntispam::post(std::string url, JsonDict body) {
    modapi::HttpHeaders headers;
    headers.emplace_back("Content-Type", "application/json");
    if (config_.authorization) headers.emplace_back("Authorization", "Bearer " + *config_.authorization);
    async::task<modapi::HttpResponse> request =
        api_.http_client().request("POST", std::move(url), boost::json::serialize(body), std::move(headers));
    return async::with_deadline(config_.timeout, std::move(request));
}

async::task<void> HTTPAntispam::ping_until_answered() {
    const std::string url = url_of("ping");
    while (true) {
        const std::optional<std::string> problem = co_await ping();
        if (!problem) break;
        api_.logger().warn("the spam check service doesn't answer at {}: {}; asking again in {} s", url, *problem,
                           seconds_between_pings);
        co_await api_.sleep(seconds_between_pings);
    }
    api_.logger().info("the spam check service answers at {}", url);
}

async::task<std::optional<std::string>> HTTPAntispam::ping() {
    const async::context& here = co_await async::this_context;
    const std::string id = random_letters(8);
    JsonDict question;
    question["id"] = id;
    try {
        const modapi::HttpResponse answer = co_await post(url_of("ping"), std::move(question));
        const std::optional<JsonDict> body = object_of(answer.body);
        if (is_success(answer) && body && text_at(*body, "id") == id && text_at(*body, "status") == "ok")
            co_return std::nullopt;
        co_return "its answer, of status " + std::to_string(answer.status) + ", isn't this ping's";
    } catch (const std::exception& error) {
        here.throw_if_cancelled();
        co_return reason_of(error);
    }
}
