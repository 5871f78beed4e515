#include "probe.h"

#include <algorithm>
#include <span>
#include <string_view>

using callbacks::Codes;
using callbacks::Event;
using callbacks::JsonDict;
using callbacks::JsonValue;
using callbacks::localpart_of;
using callbacks::NOT_SPAM;
using callbacks::StateMap;
using callbacks::SynapseError;
using callbacks::Verdict;

namespace {

JsonValue text_or_null(const std::optional<std::string>& text) { return text ? JsonValue(*text) : JsonValue(); }

JsonDict about(const Event& event) { return {{"event_type", event.type()}, {"event_id", text_or_null(event.event_id())}}; }

/// The body of a message; empty for everything else.
std::string_view body_of(const Event& event) {
    if (event.type() != "m.room.message") return {};
    return event.content_string("body").value_or("");
}

bool local_starts(std::string_view identifier, std::string_view beginning) {
    return localpart_of(identifier).starts_with(beginning);
}

Verdict forbidden_if(bool refused) { return callbacks::spam_if(refused); }

std::optional<std::string> string_of(const JsonDict& object, std::string_view key) {
    const JsonValue* const value = object.if_contains(key);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return std::string(value->get_string());
}

/// Looks for the marker in a file that comes in chunks; a marker may lie across two of them.
class MarkerSearch {
public:
    explicit MarkerSearch(std::string_view marker) : marker_(marker) {}
    void operator()(std::span<const std::byte> chunk) {
        tail_.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
        found_ = found_ || tail_.find(marker_) != std::string::npos;
        if (tail_.size() > marker_.size()) tail_.erase(0, tail_.size() - marker_.size());
    }
    [[nodiscard]] bool found() const { return found_; }

private:
    std::string_view marker_;
    std::string tail_;
    bool found_ = false;
};

}  // namespace

/// Serves the journal: GET shows it, GET with `?clear=1` empties it.
class Probe::JournalResource final : public modapi::DirectServeJsonResource {
public:
    explicit JournalResource(Probe& probe) : probe_(probe) {}

protected:
    async::task<modapi::JsonResponse> async_render_GET(const modapi::Request& request) override {
        if (request.argument("clear") == "1") {
            probe_.journal_.clear();
            co_return modapi::JsonResponse(200, JsonDict());
        }
        JsonDict answer;
        answer["name"] = probe_.config_.name;
        answer["journal"] = probe_.journal_;
        co_return modapi::JsonResponse(200, std::move(answer));
    }

private:
    Probe& probe_;
};

Probe::Config Probe::parse_config(const modapi::ConfigSection& config) {
    config.refuse_unknown_keys({"name", "web_path", "unsigned", "auth", "updates"});
    Config parsed;
    parsed.name = config.required<std::string>("name");
    parsed.web_path = config.value_or<std::string>("web_path", "/_synapse/client/probe/" + parsed.name);
    parsed.adds_unsigned = config.value_or<bool>("unsigned", true);
    parsed.checks_auth = config.value_or<bool>("auth", true);
    parsed.controls_updates = config.value_or<bool>("updates", false);
    return parsed;
}

Probe::Probe(Config config, modapi::ModuleApi& api) : config_(std::move(config)), api_(api) {
    api.register_account_data_callbacks({.on_account_data_updated = async::bind<&Probe::on_account_data_updated>(this)});
    api.register_account_validity_callbacks({.is_user_expired = async::bind<&Probe::is_user_expired>(this),
                                             .on_user_registration = async::bind<&Probe::on_user_registration>(this),
                                             .on_user_login = async::bind<&Probe::on_user_login>(this)});
    if (config_.adds_unsigned) {
        api.register_add_extra_fields_to_unsigned_client_event_callbacks(
            {.add_field_to_unsigned_callback = async::bind<&Probe::add_field_to_unsigned>(this)});
    }
    if (config_.controls_updates) {
        api.register_background_update_controller_callbacks(
            {.on_update = async::bind<&Probe::on_update>(this),
             .default_batch_size = async::bind<&Probe::default_batch_size>(this),
             .min_batch_size = async::bind<&Probe::min_batch_size>(this)});
    }
    register_password_callbacks();
    api.register_presence_router_callbacks({.get_users_for_states = async::bind<&Probe::get_users_for_states>(this),
                                            .get_interested_users = async::bind<&Probe::get_interested_users>(this)});
    register_spam_callbacks();
    register_rules();
    register_media_repository_callbacks();
    api.register_ratelimit_callbacks(
        {.get_ratelimit_override_for_user = async::bind<&Probe::get_ratelimit_override_for_user>(this)});
    api.register_web_resource(config_.web_path, std::make_shared<JournalResource>(*this));
}

void Probe::register_password_callbacks() {
    callbacks::PasswordAuthProvider given{
        .check_3pid_auth = async::bind<&Probe::check_3pid_auth>(this),
        .on_logged_out = async::bind<&Probe::on_logged_out>(this),
        .get_username_for_registration = async::bind<&Probe::get_username_for_registration>(this),
        .get_displayname_for_registration = async::bind<&Probe::get_displayname_for_registration>(this),
        .is_3pid_allowed = async::bind<&Probe::is_3pid_allowed>(this)};
    if (config_.checks_auth) {
        given.auth_checkers = {{{"org.example.probe", {"token"}}, async::bind<&Probe::check_token>(this)},
                               {{"m.login.password", {"password"}}, async::bind<&Probe::check_password>(this)}};
    }
    api_.register_password_auth_provider_callbacks(std::move(given));
}

void Probe::register_spam_callbacks() {
    api_.register_spam_checker_callbacks({.check_event_for_spam = async::bind<&Probe::check_event_for_spam>(this),
                                          .user_may_join_room = async::bind<&Probe::user_may_join_room>(this),
                                          .user_may_invite = async::bind<&Probe::user_may_invite>(this),
                                          .federated_user_may_invite = async::bind<&Probe::federated_user_may_invite>(this),
                                          .user_may_send_3pid_invite = async::bind<&Probe::user_may_send_3pid_invite>(this),
                                          .user_may_create_room = async::bind<&Probe::user_may_create_room>(this),
                                          .user_may_create_room_alias = async::bind<&Probe::user_may_create_room_alias>(this),
                                          .user_may_publish_room = async::bind<&Probe::user_may_publish_room>(this),
                                          .user_may_send_state_event = async::bind<&Probe::user_may_send_state_event>(this),
                                          .check_username_for_spam = async::bind<&Probe::check_username_for_spam>(this),
                                          .check_registration_for_spam = async::bind<&Probe::check_registration_for_spam>(this),
                                          .check_media_file_for_spam = async::bind<&Probe::check_media_file_for_spam>(this),
                                          .should_drop_federated_event = async::bind<&Probe::should_drop_federated_event>(this),
                                          .check_login_for_spam = async::bind<&Probe::check_login_for_spam>(this)});
}

void Probe::register_media_repository_callbacks() {
    api_.register_media_repository_callbacks(
        {.get_media_config_for_user = async::bind<&Probe::get_media_config_for_user>(this),
         .is_user_allowed_to_upload_media_of_size = async::bind<&Probe::is_user_allowed_to_upload_media_of_size>(this),
         .get_media_upload_limits_for_user = async::bind<&Probe::get_media_upload_limits_for_user>(this),
         .on_media_upload_limit_exceeded = async::bind<&Probe::on_media_upload_limit_exceeded>(this)});
}

void Probe::register_rules() {
    api_.register_third_party_rules_callbacks(
        {.check_event_allowed = async::bind<&Probe::check_event_allowed>(this),
         .on_create_room = async::bind<&Probe::on_create_room>(this),
         .check_threepid_can_be_invited = async::bind<&Probe::check_threepid_can_be_invited>(this),
         .check_visibility_can_be_modified = async::bind<&Probe::check_visibility_can_be_modified>(this),
         .on_new_event = async::bind<&Probe::on_new_event>(this),
         .check_can_shutdown_room = async::bind<&Probe::check_can_shutdown_room>(this),
         .check_can_deactivate_user = async::bind<&Probe::check_can_deactivate_user>(this),
         .on_profile_update = async::bind<&Probe::on_profile_update>(this),
         .on_user_deactivation_status_changed = async::bind<&Probe::on_user_deactivation_status_changed>(this),
         .on_threepid_bind = async::bind<&Probe::on_threepid_bind>(this),
         .on_add_user_third_party_identifier = async::bind<&Probe::on_add_user_third_party_identifier>(this),
         .on_remove_user_third_party_identifier = async::bind<&Probe::on_remove_user_third_party_identifier>(this)});
}

void Probe::record(std::string_view callback, JsonDict arguments) {
    JsonDict entry;
    entry["callback"] = callback;
    for (auto& argument : arguments) entry[argument.key()] = std::move(argument.value());
    journal_.push_back(std::move(entry));
}

// Account data and validity.

void Probe::on_account_data_updated(const std::string& user_id, const std::optional<std::string>& room_id,
                                    const std::string& account_data_type, const JsonDict&) {
    record("on_account_data_updated",
           {{"user_id", user_id}, {"room_id", text_or_null(room_id)}, {"account_data_type", account_data_type}});
}

std::optional<bool> Probe::is_user_expired(const std::string& user) {
    if (local_starts(user, "expired")) return true;
    if (local_starts(user, "valid")) return false;
    return std::nullopt;
}

void Probe::on_user_registration(const std::string& user) { record("on_user_registration", {{"user", user}}); }

void Probe::on_user_login(const std::string& user_id, const std::optional<std::string>& auth_provider_type,
                          const std::optional<std::string>& auth_provider_id) {
    record("on_user_login", {{"user_id", user_id},
                             {"auth_provider_type", text_or_null(auth_provider_type)},
                             {"auth_provider_id", text_or_null(auth_provider_id)}});
}

// Unsigned fields.

JsonDict Probe::add_field_to_unsigned(const Event& event) {
    return {{"org.example.probe", config_.name},
            {"org.example.probe_" + config_.name, event.type()},
            {"age", -1},
            {"transaction_id", "forged"}};
}

// Background updates.

async::context_manager<int> Probe::on_update(std::string update_name, std::string database_name, bool one_shot) {
    record("on_update", {{"update_name", update_name}, {"database_name", database_name}, {"one_shot", one_shot}});
    return iteration(*this);
}

async::context_manager<int> Probe::iteration(Probe& self) {
    try {
        co_yield 100;
    } catch (...) {
        self.record("on_update.exit", {{"failed", true}});
        throw;
    }
    self.record("on_update.exit", {{"failed", false}});
}

int Probe::default_batch_size(const std::string& update_name, const std::string& database_name) {
    record("default_batch_size", {{"update_name", update_name}, {"database_name", database_name}});
    return 10;
}

int Probe::min_batch_size(const std::string& update_name, const std::string& database_name) {
    record("min_batch_size", {{"update_name", update_name}, {"database_name", database_name}});
    return 1;
}

// Media repository and rate limits.

std::optional<JsonDict> Probe::get_media_config_for_user(const std::string& user_id) {
    record("get_media_config_for_user", {{"user_id", user_id}});
    return std::nullopt;
}

bool Probe::is_user_allowed_to_upload_media_of_size(const std::string& user_id, std::int64_t size) {
    constexpr std::int64_t refused = 666;
    record("is_user_allowed_to_upload_media_of_size", {{"user_id", user_id}, {"size", size}});
    return size != refused;
}

std::optional<std::vector<callbacks::MediaUploadLimit>> Probe::get_media_upload_limits_for_user(const std::string& user_id) {
    constexpr std::int64_t bytes = 1000;
    constexpr std::int64_t hour_ms = 3'600'000;
    record("get_media_upload_limits_for_user", {{"user_id", user_id}});
    if (!local_starts(user_id, "limited")) return std::nullopt;
    return std::vector<callbacks::MediaUploadLimit>{{bytes, hour_ms}};
}

void Probe::on_media_upload_limit_exceeded(const std::string& user_id, const callbacks::MediaUploadLimit&,
                                           std::int64_t sent_bytes, std::int64_t attempted_bytes) {
    record("on_media_upload_limit_exceeded",
           {{"user_id", user_id}, {"sent_bytes", sent_bytes}, {"attempted_bytes", attempted_bytes}});
}

std::optional<callbacks::RatelimitOverride> Probe::get_ratelimit_override_for_user(const std::string& user_id,
                                                                                   const std::string& limiter_name) {
    record("get_ratelimit_override_for_user", {{"user_id", user_id}, {"limiter_name", limiter_name}});
    if (local_starts(user_id, "unlimited")) return callbacks::RatelimitOverride(0, 0);
    if (local_starts(user_id, "inviting")) return callbacks::RatelimitOverride(0.0001, 6);
    return std::nullopt;
}

// Password auth provider.

std::optional<callbacks::AuthResult> Probe::check_token(const std::string& user, const std::string& login_type,
                                                        const JsonDict& login_dict) {
    record("check_auth", {{"user", user}, {"login_type", login_type}});
    if (string_of(login_dict, "token") != "open sesame") return std::nullopt;
    std::string user_id = api_.get_qualified_user_id(user);
    const auto journal_response = [this, user_id](callbacks::LoginResponse&) { record("on_response", {{"user_id", user_id}}); };
    return callbacks::AuthResult(user_id, journal_response);
}

std::optional<callbacks::AuthResult> Probe::check_password(const std::string& user, const std::string& login_type,
                                                           const JsonDict& login_dict) {
    record("check_auth", {{"user", user}, {"login_type", login_type}});
    if (string_of(login_dict, "password") != "probe-password") return std::nullopt;
    return callbacks::AuthResult(api_.get_qualified_user_id(user));
}

std::optional<callbacks::AuthResult> Probe::check_3pid_auth(const std::string& medium, const std::string& address,
                                                            const std::string& password) {
    static constexpr std::string_view domain = "@probe.example";
    record("check_3pid_auth", {{"medium", medium}, {"address", address}});
    if (password != "probe-password" || !address.ends_with(domain) || address.size() == domain.size()) return std::nullopt;
    return callbacks::AuthResult(api_.get_qualified_user_id(address.substr(0, address.size() - domain.size())));
}

void Probe::on_logged_out(const std::string& user_id, const std::optional<std::string>& device_id, const std::string&) {
    record("on_logged_out", {{"user_id", user_id}, {"device_id", text_or_null(device_id)}});
}

std::optional<std::string> Probe::get_username_for_registration(const JsonDict&, const JsonDict& params) {
    record("get_username_for_registration", {});
    std::optional<std::string> username = string_of(params, "org.example.username");
    if (username == "explode") throw std::runtime_error("exploded as asked");
    return username;
}

std::optional<std::string> Probe::get_displayname_for_registration(const JsonDict&, const JsonDict& params) {
    record("get_displayname_for_registration", {});
    return string_of(params, "org.example.displayname");
}

bool Probe::is_3pid_allowed(const std::string& medium, const std::string& address, bool registration) {
    record("is_3pid_allowed", {{"medium", medium}, {"address", address}, {"registration", registration}});
    return !address.ends_with("@blocked.example");
}

// Presence router.

callbacks::UsersForStates Probe::get_users_for_states(const std::vector<callbacks::UserPresenceState>& state_updates) {
    record("get_users_for_states", {});
    callbacks::UsersForStates users;
    for (const callbacks::UserPresenceState& state : state_updates) {
        if (local_starts(state.user_id, "star")) users["@fan:" + api_.server_name()].insert(state);
    }
    return users;
}

callbacks::InterestedUsers Probe::get_interested_users(const std::string& user_id) {
    if (local_starts(user_id, "watcher")) return callbacks::PRESENCE_ALL_USERS;
    return {};
}

// Spam checker.

callbacks::EventVerdict Probe::check_event_for_spam(const Event& event) {
    record("check_event_for_spam", about(event));
    const std::string_view body = body_of(event);
    if (body == "spam code") return Codes::FORBIDDEN;
    if (body == "spam consent") return Codes::CONSENT_NOT_GIVEN;
    if (body == "spam fields") return Verdict(Codes::FORBIDDEN, {{"org.example.by", config_.name}});
    if (body == "spam throw") throw std::runtime_error("spam throw");
    if (body == "spam error") throw SynapseError(418, "teapot", "ORG_EXAMPLE_TEAPOT");
    if (body == "spam only b" && config_.name == "b") return Codes::FORBIDDEN;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    if (body == "spam text") return "no thanks from " + config_.name;
    if (body == "spam true") return true;
#pragma GCC diagnostic pop
    return NOT_SPAM;
}

Verdict Probe::user_may_join_room(const std::string& user, const std::string& room, bool is_invited) {
    record("user_may_join_room", {{"user", user}, {"room", room}, {"is_invited", is_invited}});
    return forbidden_if(local_starts(user, "nojoin"));
}

Verdict Probe::user_may_invite(const std::string& inviter, const std::string& invitee, const std::string& room_id) {
    record("user_may_invite", {{"inviter", inviter}, {"invitee", invitee}, {"room_id", room_id}});
    if (!local_starts(invitee, "noinvite")) return NOT_SPAM;
    return Verdict(Codes::FORBIDDEN, {{"org.example.by", config_.name}});
}

Verdict Probe::federated_user_may_invite(const Event& event) {
    record("federated_user_may_invite", about(event));
    return forbidden_if(local_starts(event.sender(), "noinvite"));
}

Verdict Probe::user_may_send_3pid_invite(const std::string& inviter, const std::string& medium, const std::string& address,
                                         const std::string& room_id) {
    record("user_may_send_3pid_invite", {{"inviter", inviter}, {"medium", medium}, {"address", address}, {"room_id", room_id}});
    return forbidden_if(address.starts_with("noinvite"));
}

Verdict Probe::user_may_create_room(const std::string& user_id) {
    record("user_may_create_room", {{"user_id", user_id}});
    return forbidden_if(local_starts(user_id, "nocreate"));
}

Verdict Probe::user_may_create_room_alias(const std::string& user_id, const callbacks::RoomAlias& room_alias) {
    record("user_may_create_room_alias", {{"user_id", user_id}, {"room_alias", room_alias.to_string()}});
    return forbidden_if(room_alias.localpart().starts_with("noalias"));
}

Verdict Probe::user_may_publish_room(const std::string& user_id, const std::string& room_id) {
    record("user_may_publish_room", {{"user_id", user_id}, {"room_id", room_id}});
    return forbidden_if(local_starts(user_id, "nopublish"));
}

callbacks::StateEventVerdict Probe::user_may_send_state_event(const std::string& user_id, const std::string& room_id,
                                                              const std::string& event_type, const std::string& state_key,
                                                              const JsonDict&) {
    record("user_may_send_state_event",
           {{"user_id", user_id}, {"room_id", room_id}, {"event_type", event_type}, {"state_key", state_key}});
    return forbidden_if(event_type == "org.example.nostate");
}

bool Probe::check_username_for_spam(const callbacks::UserProfile& user_profile) {
    record("check_username_for_spam", {});
    return local_starts(user_profile.user_id, "hidden");
}

callbacks::RegistrationBehaviour Probe::check_registration_for_spam(const std::optional<JsonDict>& email_threepid,
                                                                    const std::optional<std::string>& username,
                                                                    const callbacks::RegistrationRequestInfo&,
                                                                    const std::optional<std::string>& auth_provider_id) {
    JsonDict arguments{{"username", text_or_null(username)}, {"auth_provider_id", text_or_null(auth_provider_id)}};
    if (!email_threepid) arguments["email_threepid"] = nullptr;
    record("check_registration_for_spam", std::move(arguments));
    const std::string_view name = username ? std::string_view(*username) : std::string_view();
    if (name.starts_with("denied")) return callbacks::RegistrationBehaviour::DENY;
    if (name.starts_with("shadow")) return callbacks::RegistrationBehaviour::SHADOW_BAN;
    return callbacks::RegistrationBehaviour::ALLOW;
}

async::task<callbacks::MediaVerdict> Probe::check_media_file_for_spam(callbacks::ReadableFileWrapper& file,
                                                                      const callbacks::FileInfo&) {
    record("check_media_file_for_spam", {});
    MarkerSearch search("EICAR-PROBE");
    co_await callbacks::write_chunks_to(file, search);
    co_return forbidden_if(search.found());
}

bool Probe::should_drop_federated_event(const Event& event) {
    record("should_drop_federated_event", about(event));
    return event.content_string("body") == "drop me";
}

Verdict Probe::check_login_for_spam(const std::string& user_id, const std::optional<std::string>& device_id,
                                    const std::optional<std::string>& initial_display_name, const callbacks::LoginRequestInfo&,
                                    const std::optional<std::string>& auth_provider_id) {
    record("check_login_for_spam", {{"user_id", user_id},
                                    {"device_id", text_or_null(device_id)},
                                    {"initial_display_name", text_or_null(initial_display_name)},
                                    {"auth_provider_id", text_or_null(auth_provider_id)}});
    return forbidden_if(initial_display_name == "bad device");
}

// Third-party rules.

callbacks::EventDecision Probe::check_event_allowed(const Event& event, const StateMap&) {
    record("check_event_allowed", about(event));
    const std::string_view body = body_of(event);
    if (body == "deny rule") return false;
    if (body == "throw rule") throw std::runtime_error("throw rule");
    if (body == "error rule") throw SynapseError(451, "gone", "ORG_EXAMPLE_GONE");
    if (body != "replace rule") return true;
    JsonDict replacement = event.get_dict();
    replacement["content"] = JsonDict{{"msgtype", "m.text"}, {"body", "replaced by " + config_.name}};
    return callbacks::EventDecision(true, std::move(replacement));
}

void Probe::on_create_room(const callbacks::Requester&, JsonDict& request_content, bool is_requester_admin) {
    record("on_create_room", {{"is_requester_admin", is_requester_admin}});
    const std::optional<std::string> name = string_of(request_content, "name");
    if (name == "forbidden") throw SynapseError(403, "no such rooms", "ORG_EXAMPLE_NO_ROOM");
    if (name == "broken") throw std::runtime_error("broken");
    if (name == "stamped") request_content["topic"] = "stamped by " + config_.name;
}

bool Probe::check_threepid_can_be_invited(const std::string& medium, const std::string& address, const StateMap&) {
    record("check_threepid_can_be_invited", {{"medium", medium}, {"address", address}});
    return !address.starts_with("unruly");
}

bool Probe::check_visibility_can_be_modified(const std::string& room_id, const StateMap& state_events,
                                             const std::string& new_visibility) {
    record("check_visibility_can_be_modified", {{"room_id", room_id}, {"new_visibility", new_visibility}});
    const Event* const topic = state_events.find("m.room.topic");
    return new_visibility != "public" || topic == nullptr || topic->content_string("topic") != "unlisted";
}

void Probe::on_new_event(const Event& event, const StateMap&) { record("on_new_event", about(event)); }

bool Probe::check_can_shutdown_room(const std::optional<std::string>& user_id, const std::string& room_id) {
    record("check_can_shutdown_room", {{"user_id", text_or_null(user_id)}, {"room_id", room_id}});
    return !user_id || !local_starts(*user_id, "noshutdown");
}

bool Probe::check_can_deactivate_user(const std::string& user_id, bool by_admin) {
    record("check_can_deactivate_user", {{"user_id", user_id}, {"by_admin", by_admin}});
    return !local_starts(user_id, "nodeactivate");
}

void Probe::on_profile_update(const std::string& user_id, const callbacks::ProfileInfo&, bool by_admin, bool deactivation) {
    record("on_profile_update", {{"user_id", user_id}, {"by_admin", by_admin}, {"deactivation", deactivation}});
}

void Probe::on_user_deactivation_status_changed(const std::string& user_id, bool deactivated, bool by_admin) {
    record("on_user_deactivation_status_changed", {{"user_id", user_id}, {"deactivated", deactivated}, {"by_admin", by_admin}});
}

void Probe::on_threepid_bind(const std::string& user_id, const std::string& medium, const std::string& address) {
    record("on_threepid_bind", {{"user_id", user_id}, {"medium", medium}, {"address", address}});
}

void Probe::on_add_user_third_party_identifier(const std::string& user_id, const std::string& medium,
                                               const std::string& address) {
    record("on_add_user_third_party_identifier", {{"user_id", user_id}, {"medium", medium}, {"address", address}});
}

void Probe::on_remove_user_third_party_identifier(const std::string& user_id, const std::string& medium,
                                                  const std::string& address) {
    record("on_remove_user_third_party_identifier", {{"user_id", user_id}, {"medium", medium}, {"address", address}});
}

MODAPI_MODULE(Probe)
