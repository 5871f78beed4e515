#pragma once

#include <modapi/module_api.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Answers every callback by what it is asked, and keeps a journal of what it was asked: lets a test drive all callbacks of a
/// running server from outside. Most of its callbacks are plain functions, as in a module ported from a synchronous interface.
class Probe {
public:
    struct Config {
        std::string name;
        std::string web_path;
        bool adds_unsigned = true;
        bool checks_auth = true;
        bool controls_updates = false;
    };
    static Config parse_config(const modapi::ConfigSection& config);

    Probe(Config config, modapi::ModuleApi& api);

private:
    class JournalResource;

    void register_password_callbacks();
    void register_spam_callbacks();
    void register_rules();
    void register_media_repository_callbacks();
    void record(std::string_view callback, callbacks::JsonDict arguments);

    void on_account_data_updated(const std::string& user_id, const std::optional<std::string>& room_id,
                                 const std::string& account_data_type, const callbacks::JsonDict& content);

    std::optional<bool> is_user_expired(const std::string& user);
    void on_user_registration(const std::string& user);
    void on_user_login(const std::string& user_id, const std::optional<std::string>& auth_provider_type,
                       const std::optional<std::string>& auth_provider_id);

    callbacks::JsonDict add_field_to_unsigned(const callbacks::Event& event);

    async::context_manager<int> on_update(std::string update_name, std::string database_name, bool one_shot);
    static async::context_manager<int> iteration(Probe& self);
    int default_batch_size(const std::string& update_name, const std::string& database_name);
    int min_batch_size(const std::string& update_name, const std::string& database_name);

    std::optional<callbacks::JsonDict> get_media_config_for_user(const std::string& user_id);
    bool is_user_allowed_to_upload_media_of_size(const std::string& user_id, std::int64_t size);
    std::optional<std::vector<callbacks::MediaUploadLimit>> get_media_upload_limits_for_user(const std::string& user_id);
    void on_media_upload_limit_exceeded(const std::string& user_id, const callbacks::MediaUploadLimit& limit,
                                        std::int64_t sent_bytes, std::int64_t attempted_bytes);

    std::optional<callbacks::RatelimitOverride> get_ratelimit_override_for_user(const std::string& user_id,
                                                                                const std::string& limiter_name);

    std::optional<callbacks::AuthResult> check_token(const std::string& user, const std::string& login_type,
                                                     const callbacks::JsonDict& login_dict);
    std::optional<callbacks::AuthResult> check_password(const std::string& user, const std::string& login_type,
                                                        const callbacks::JsonDict& login_dict);
    std::optional<callbacks::AuthResult> check_3pid_auth(const std::string& medium, const std::string& address,
                                                         const std::string& password);
    void on_logged_out(const std::string& user_id, const std::optional<std::string>& device_id,
                       const std::string& access_token);
    std::optional<std::string> get_username_for_registration(const callbacks::JsonDict& uia_results,
                                                             const callbacks::JsonDict& params);
    std::optional<std::string> get_displayname_for_registration(const callbacks::JsonDict& uia_results,
                                                                const callbacks::JsonDict& params);
    bool is_3pid_allowed(const std::string& medium, const std::string& address, bool registration);

    callbacks::UsersForStates get_users_for_states(const std::vector<callbacks::UserPresenceState>& state_updates);
    callbacks::InterestedUsers get_interested_users(const std::string& user_id);

    callbacks::EventVerdict check_event_for_spam(const callbacks::Event& event);
    callbacks::Verdict user_may_join_room(const std::string& user, const std::string& room, bool is_invited);
    callbacks::Verdict user_may_invite(const std::string& inviter, const std::string& invitee, const std::string& room_id);
    callbacks::Verdict federated_user_may_invite(const callbacks::Event& event);
    callbacks::Verdict user_may_send_3pid_invite(const std::string& inviter, const std::string& medium,
                                                 const std::string& address, const std::string& room_id);
    callbacks::Verdict user_may_create_room(const std::string& user_id);
    callbacks::Verdict user_may_create_room_alias(const std::string& user_id, const callbacks::RoomAlias& room_alias);
    callbacks::Verdict user_may_publish_room(const std::string& user_id, const std::string& room_id);
    callbacks::StateEventVerdict user_may_send_state_event(const std::string& user_id, const std::string& room_id,
                                                           const std::string& event_type, const std::string& state_key,
                                                           const callbacks::JsonDict& content);
    bool check_username_for_spam(const callbacks::UserProfile& user_profile);
    callbacks::RegistrationBehaviour check_registration_for_spam(const std::optional<callbacks::JsonDict>& email_threepid,
                                                                 const std::optional<std::string>& username,
                                                                 const callbacks::RegistrationRequestInfo& request_info,
                                                                 const std::optional<std::string>& auth_provider_id);
    async::task<callbacks::MediaVerdict> check_media_file_for_spam(callbacks::ReadableFileWrapper& file,
                                                                   const callbacks::FileInfo& info);
    bool should_drop_federated_event(const callbacks::Event& event);
    callbacks::Verdict check_login_for_spam(const std::string& user_id, const std::optional<std::string>& device_id,
                                            const std::optional<std::string>& initial_display_name,
                                            const callbacks::LoginRequestInfo& request_info,
                                            const std::optional<std::string>& auth_provider_id);

    callbacks::EventDecision check_event_allowed(const callbacks::Event& event, const callbacks::StateMap& state_events);
    void on_create_room(const callbacks::Requester& requester, callbacks::JsonDict& request_content, bool is_requester_admin);
    bool check_threepid_can_be_invited(const std::string& medium, const std::string& address,
                                       const callbacks::StateMap& state_events);
    bool check_visibility_can_be_modified(const std::string& room_id, const callbacks::StateMap& state_events,
                                          const std::string& new_visibility);
    void on_new_event(const callbacks::Event& event, const callbacks::StateMap& state_events);
    bool check_can_shutdown_room(const std::optional<std::string>& user_id, const std::string& room_id);
    bool check_can_deactivate_user(const std::string& user_id, bool by_admin);
    void on_profile_update(const std::string& user_id, const callbacks::ProfileInfo& new_profile, bool by_admin,
                           bool deactivation);
    void on_user_deactivation_status_changed(const std::string& user_id, bool deactivated, bool by_admin);
    void on_threepid_bind(const std::string& user_id, const std::string& medium, const std::string& address);
    void on_add_user_third_party_identifier(const std::string& user_id, const std::string& medium, const std::string& address);
    void on_remove_user_third_party_identifier(const std::string& user_id, const std::string& medium,
                                               const std::string& address);

    Config config_;
    modapi::ModuleApi& api_;
    callbacks::JsonArray journal_;
};
