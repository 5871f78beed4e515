#pragma once

#include <modapi/module_api.h>

#include <spdlog/logger.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Two modules that are compiled into the host; those of libraries look no different.

/// Refuses messages that are all capitals, and lets one password in.
class Doorkeeper {
public:
    struct Config {
        std::string password;
    };
    static Config parse_config(const modapi::ConfigSection& config) {
        config.refuse_unknown_keys({"password"});
        Config parsed;
        parsed.password = config.required<std::string>("password");
        return parsed;
    }

    Doorkeeper(Config config, modapi::ModuleApi& api) : config_(std::move(config)) {
        api.register_spam_checker_callbacks({.check_event_for_spam = &check_event_for_spam});
        callbacks::PasswordAuthProvider logins;
        logins.auth_checkers = {
            {callbacks::LoginType("m.login.password", {"password"}), async::bind<&Doorkeeper::check_password>(this)}};
        api.register_password_auth_provider_callbacks(std::move(logins));
    }

private:
    static callbacks::Verdict check_event_for_spam(const callbacks::Event& event) {
        const std::string_view body = event.content_string("body").value_or("");
        const bool is_loud = std::none_of(body.begin(), body.end(), [](char c) { return c >= 'a' && c <= 'z'; });
        if (is_loud && body.size() > 10) return callbacks::Codes::FORBIDDEN;
        return callbacks::NOT_SPAM;
    }
    std::optional<callbacks::AuthResult> check_password(const std::string& user, const std::string&,
                                                        const callbacks::JsonDict& login_dict) {
        if (login_dict.at("password").as_string() != config_.password) return std::nullopt;
        return callbacks::AuthResult(user);
    }

    Config config_;
};

/// Says in the log what happens, adds a field to what clients get, and serves what it counted.
class Chronicler {
public:
    Chronicler(const callbacks::JsonDict&, modapi::ModuleApi& api) : api_(api) {
        api.register_account_validity_callbacks({.on_user_registration = async::bind<&Chronicler::on_user_registration>(this)});
        api.register_account_data_callbacks(
            {.on_account_data_updated = async::bind<&Chronicler::on_account_data_updated>(this)});
        api.register_third_party_rules_callbacks({.on_new_event = async::bind<&Chronicler::on_new_event>(this)});
        api.register_add_extra_fields_to_unsigned_client_event_callbacks({.add_field_to_unsigned_callback = &add_field});
        api.register_presence_router_callbacks(
            {.get_users_for_states = &get_users_for_states, .get_interested_users = &get_interested_users});
        api.register_background_update_controller_callbacks({.on_update = &on_update});
        api.register_web_resource("/_synapse/client/events",
                                  modapi::json_resource({.GET = async::bind<&Chronicler::count_events>(this)}));
    }

private:
    void on_user_registration(const std::string& user) { api_.logger().info("{} is here", user); }
    void on_account_data_updated(const std::string& user_id, const std::optional<std::string>&, const std::string& type,
                                 const callbacks::JsonDict&) {
        api_.logger().info("{} has new data of type {}", user_id, type);
    }
    void on_new_event(const callbacks::Event&, const callbacks::StateMap&) { ++events_; }
    modapi::JsonResponse count_events(const modapi::Request&) {
        callbacks::JsonDict body;
        body["events"] = events_;
        return modapi::JsonResponse(200, std::move(body));
    }
    static callbacks::JsonDict add_field(const callbacks::Event&) {
        callbacks::JsonDict fields;
        fields["org.example.told"] = true;
        return fields;
    }
    static callbacks::UsersForStates get_users_for_states(const std::vector<callbacks::UserPresenceState>&) { return {}; }
    static callbacks::InterestedUsers get_interested_users(const std::string&) { return callbacks::PRESENCE_ALL_USERS; }
    static async::context_manager<int> on_update(const std::string&, const std::string&, bool) { co_yield 100; }

    modapi::ModuleApi& api_;
    int events_ = 0;
};
