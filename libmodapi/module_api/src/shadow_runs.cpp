#include <modapi/hosting/shadow_runs.h>

#include <modapi/hosting/log.h>
#include <modapi/shadowed_change.h>

#include <callbacks/errors.h>

#include <spdlog/spdlog.h>

#include <array>
#include <string>
#include <utility>

namespace modapi {

namespace {

constexpr std::array members = {
    ModuleApiMember{"register_account_data_callbacks", true},
    ModuleApiMember{"register_account_validity_callbacks", true},
    ModuleApiMember{"register_add_extra_fields_to_unsigned_client_event_callbacks", true},
    ModuleApiMember{"register_background_update_controller_callbacks", true},
    ModuleApiMember{"register_media_repository_callbacks", true},
    ModuleApiMember{"register_password_auth_provider_callbacks", true},
    ModuleApiMember{"register_presence_router_callbacks", true},
    ModuleApiMember{"register_ratelimit_callbacks", true},
    ModuleApiMember{"register_spam_checker_callbacks", true},
    ModuleApiMember{"register_third_party_rules_callbacks", true},
    ModuleApiMember{"register_web_resource", true},
    ModuleApiMember{"register_cached_function", true},
    ModuleApiMember{"invalidate_cache", true},
    ModuleApiMember{"invalidate_cache_by_text", true},
    ModuleApiMember{"unsigned_changed", true},
    ModuleApiMember{"broadcast", true},
    ModuleApiMember{"on_broadcast", true},
    ModuleApiMember{"server_name", false},
    ModuleApiMember{"public_baseurl", false},
    ModuleApiMember{"email_app_name", false},
    ModuleApiMember{"custom_template_dir", false},
    ModuleApiMember{"worker_name", false},
    ModuleApiMember{"worker_app", false},
    ModuleApiMember{"msc3861_oauth_delegation_enabled", false},
    ModuleApiMember{"module_name", false},
    ModuleApiMember{"logger", false},
    ModuleApiMember{"get_current_time_msec", false},
    ModuleApiMember{"now_ms", false},
    ModuleApiMember{"http_client", false},  // services that judge are asked by POST: what it changes elsewhere nobody knows
    ModuleApiMember{"public_room_list_manager", false},
    ModuleApiMember{"account_data_manager", false},
    ModuleApiMember{"get_qualified_user_id", false},
    ModuleApiMember{"is_mine", false},
    ModuleApiMember{"check_user_exists", false},
    ModuleApiMember{"get_userinfo_by_id", false},
    ModuleApiMember{"get_local_users", false},
    ModuleApiMember{"list_local_users", false},
    ModuleApiMember{"is_user_admin", false},
    ModuleApiMember{"set_user_admin", true},
    ModuleApiMember{"check_username", false},
    ModuleApiMember{"register_user", true},
    ModuleApiMember{"register_", true},
    ModuleApiMember{"register_device", true},
    ModuleApiMember{"record_user_external_id", true},
    ModuleApiMember{"create_login_token", true},
    ModuleApiMember{"invalidate_access_token", true},
    ModuleApiMember{"complete_sso_login_async", true},
    ModuleApiMember{"get_user_by_req", false},
    ModuleApiMember{"get_profile_for_user", false},
    ModuleApiMember{"set_displayname", true},
    ModuleApiMember{"get_threepids_for_user", false},
    ModuleApiMember{"store_remote_3pid_association", true},
    ModuleApiMember{"get_user_ip_and_agents", false},
    ModuleApiMember{"get_monthly_active_users_by_service", false},
    ModuleApiMember{"deactivate_user", true},
    ModuleApiMember{"create_and_send_event_into_room", true},
    ModuleApiMember{"send_events", true},
    ModuleApiMember{"send_event_if", true},
    ModuleApiMember{"get_room_state", false},
    ModuleApiMember{"get_state_event", false},
    ModuleApiMember{"get_state_events_in_room", false},
    ModuleApiMember{"get_event", false},
    ModuleApiMember{"get_members", false},
    ModuleApiMember{"get_rooms_for_user", false},
    ModuleApiMember{"update_room_membership", true},
    ModuleApiMember{"create_room", true},
    ModuleApiMember{"delete_room", true},
    ModuleApiMember{"get_canonical_room_alias", false},
    ModuleApiMember{"lookup_room_alias", false},
    ModuleApiMember{"send_local_online_presence_to", true},
    ModuleApiMember{"set_presence_for_users", true},
    ModuleApiMember{"send_http_push_notification", true},
    ModuleApiMember{"check_push_rule_actions", false},
    ModuleApiMember{"set_push_rule_action", true},
    ModuleApiMember{"send_mail", true},
    ModuleApiMember{"read_templates", false},
    ModuleApiMember{"run_db_interaction", false},
    ModuleApiMember{"run_db_read", false},
    ModuleApiMember{"migrate_schema", true},
    ModuleApiMember{"looping_background_call", true},
    ModuleApiMember{"looping_background_call_on_all_instances", true},
    ModuleApiMember{"delayed_background_call", true},
    ModuleApiMember{"run_as_background_process", true},
    ModuleApiMember{"should_run_background_tasks", false},
    ModuleApiMember{"sleep", false},
    ModuleApiMember{"defer_to_thread", false},
    ModuleApiMember{"defer_to_threadpool", false},
    ModuleApiMember{"account_data_manager.get_global", false},
    ModuleApiMember{"account_data_manager.put_global", true},
    ModuleApiMember{"public_room_list_manager.room_is_in_public_room_list", false},
    ModuleApiMember{"public_room_list_manager.add_room_to_public_room_list", true},
    ModuleApiMember{"public_room_list_manager.remove_room_from_public_room_list", true},
};

async::environment observed_by(const async::environment& where, async::chain_observer& observer) {
    async::environment own = where;
    own.observer = &observer;
    return own;
}

void log_failed_run(std::string_view callback, const std::exception_ptr& failure) {
    framework_log().error("{}: a run in shadow mode failed: {}", callback, callbacks::message_of(failure));
}

}  // namespace

std::span<const ModuleApiMember> module_api_members() noexcept { return members; }

ShadowRuns::ShadowRuns(const async::environment& where)
    : further_(where.observer),
      where_(observed_by(where, *this)),
      scope_(std::make_unique<async::scope>(where_, &log_failed_run)) {}

std::unique_ptr<async::scope> ShadowRuns::begin_another_scope() {
    return std::exchange(scope_, std::make_unique<async::scope>(where_, &log_failed_run));
}

void ShadowRuns::resumed(const async::context& here) noexcept {
    on_stack_ = async::innermost<async::shadowed_run>(here);
    if (further_ != nullptr) further_->resumed(here);
}

void ShadowRuns::suspended() noexcept {
    on_stack_ = nullptr;
    if (further_ != nullptr) further_->suspended();
}

void ShadowRuns::began_elsewhere(const async::context& here) noexcept {
    if (further_ != nullptr) further_->began_elsewhere(here);
}

void ShadowRuns::ended_elsewhere() noexcept {
    if (further_ != nullptr) further_->ended_elsewhere();
}

void refuse_in_shadow(async::shadowed_run* run, std::string_view member) {
    if (run == nullptr) return;
    const async::callback_identity& callback = run->callback();
    const std::string message = "module " + callback.module + ": " + std::string(callback.callback) +
                                " runs in shadow mode, in which " + std::string(member) + " changes nothing";
    run->keep_back(member);
    throw ShadowedChange(message);
}

void refuse_in_shadow(const async::context& here, std::string_view member) {
    refuse_in_shadow(async::innermost<async::shadowed_run>(here), member);
}

}  // namespace modapi
