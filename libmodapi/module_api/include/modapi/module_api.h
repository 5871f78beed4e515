#pragma once

#include <modapi/account_data_manager.h>
#include <modapi/background_call.h>
#include <modapi/background_process.h>
#include <modapi/bound_resource.h>
#include <modapi/config_section.h>
#include <modapi/database.h>
#include <modapi/deferred_call.h>
#include <modapi/event_group.h>
#include <modapi/http_client.h>
#include <modapi/mail_address.h>
#include <modapi/mail_error.h>
#include <modapi/module.h>
#include <modapi/presence_update.h>
#include <modapi/public_room_list_manager.h>
#include <modapi/schema_migration.h>
#include <modapi/shadowed_change.h>
#include <modapi/template.h>
#include <modapi/thread_pool.h>
#include <modapi/user_order.h>
#include <modapi/web_resource.h>
#include <modapi/work_statistics.h>

#include <callbacks/account_data.h>
#include <callbacks/account_validity.h>
#include <callbacks/background_update_controller.h>
#include <callbacks/limits.h>
#include <callbacks/media_repository.h>
#include <callbacks/password_auth_provider.h>
#include <callbacks/power_levels.h>
#include <callbacks/presence_router.h>
#include <callbacks/ratelimit.h>
#include <callbacks/spam_checker.h>
#include <callbacks/state_filter.h>
#include <callbacks/text.h>
#include <callbacks/third_party_rules.h>
#include <callbacks/unsigned.h>
#include <callbacks/user_info.h>

#include <async/bind.h>
#include <async/cached.h>
#include <async/callable.h>
#include <async/hook.h>
#include <async/run_on.h>
#include <async/sleep.h>

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spdlog {
class logger;
}

namespace modapi {

struct ModuleEnvironment;
struct ModuleRegistrations;

/// What a module is handed: one object per module and worker, with the contract's method names.
///
/// Lifetime: outlives the module. Thread: the worker's; none of its methods blocks. Registration belongs into the
/// constructor. Asynchronous methods return a task to await, which does everything, checking its arguments too: nothing is
/// thrown before it is awaited. One await per statement, arguments named: GCC 12 destroys temporaries twice otherwise.
///
/// What is wrong with an argument is found here, on every host alike. Text that isn't UTF-8, or has a NUL character, is a
/// SynapseError 400 `M_INVALID_PARAM` where it is to be kept, and nobody's where it is looked for; JSON with such text, or
/// nested too deeply, 400 `M_BAD_JSON`. What a host doesn't offer is ServiceNotOffered.
///
/// While a callback runs in shadow mode, as an operator may have it, what changes something throws ShadowedChange.
class ModuleApi {
public:
    /// For hosts: a module gets its own.
    ModuleApi(ModuleEnvironment& environment, ModuleRegistrations& registrations);
    ~ModuleApi();
    ModuleApi(const ModuleApi&) = delete;
    ModuleApi& operator=(const ModuleApi&) = delete;

    // Registration (contract: "Registering a callback"). Every slot takes a coroutine or a plain function. They are compiled into
    // the module, so that the host hears how many slots a category had when the module was built: a later version adds more.
    /// Callbacks of <callbacks/account_data.h>, on top of those registered before.
    void register_account_data_callbacks(callbacks::AccountData callbacks) { take(callbacks, sizeof callbacks); }
    /// Callbacks of <callbacks/account_validity.h>, on top of those registered before.
    void register_account_validity_callbacks(callbacks::AccountValidity callbacks) { take(callbacks, sizeof callbacks); }
    /// Callbacks of <callbacks/unsigned.h>, on top of those registered before.
    void register_add_extra_fields_to_unsigned_client_event_callbacks(callbacks::Unsigned callbacks) {
        take(callbacks, sizeof callbacks);
    }
    /// The first module to register wins as a whole; later ones are ignored with a warning. on_update is required.
    void register_background_update_controller_callbacks(callbacks::BackgroundUpdateController callbacks) {
        take(callbacks, sizeof callbacks);
    }
    /// Callbacks of <callbacks/media_repository.h>, on top of those registered before.
    void register_media_repository_callbacks(callbacks::MediaRepository callbacks) { take(callbacks, sizeof callbacks); }
    /// Callbacks of <callbacks/password_auth_provider.h>, on top of those registered before. Errors: RegistrationError for a
    /// login type whose fields another module has registered otherwise.
    void register_password_auth_provider_callbacks(callbacks::PasswordAuthProvider callbacks) {
        take(callbacks, sizeof callbacks);
    }
    /// Errors: RegistrationError for one of the two callbacks without the other.
    void register_presence_router_callbacks(callbacks::PresenceRouter callbacks) { take(callbacks, sizeof callbacks); }
    /// Callbacks of <callbacks/ratelimit.h>, on top of those registered before.
    void register_ratelimit_callbacks(callbacks::Ratelimit callbacks) { take(callbacks, sizeof callbacks); }
    /// Callbacks of <callbacks/spam_checker.h>, on top of those registered before.
    void register_spam_checker_callbacks(callbacks::SpamChecker callbacks) { take(callbacks, sizeof callbacks); }
    /// Callbacks of <callbacks/third_party_rules.h>, on top of those registered before.
    void register_third_party_rules_callbacks(callbacks::ThirdPartyRules callbacks) { take(callbacks, sizeof callbacks); }

    /// Serves `path` and everything below it: by functions (json_resource, html_resource) or by a class of the module's. Only
    /// during construction. The first module to claim a path keeps it.
    void register_web_resource(std::string path, std::shared_ptr<WebResource> resource);

    /// Announces a cached function, so that invalidations reach the same function in other workers. `function` is a member
    /// of the module and lives as long as it does. What the operator says under `caches:` takes effect: how many entries it
    /// keeps, and for how long if it says nothing itself. Errors: RegistrationError for a second function of that name.
    void register_cached_function(async::cached_function& function);
    /// Drops the entry for these arguments here at once, and in all other workers soon, also of other processes: it returns when they can
    /// read of it. What changes in a transaction is best invalidated there (Transaction::invalidate_cache): both or neither. The argument
    /// types are checked at compile time. Errors: std::logic_error for a function that wasn't registered; where processes share a
    /// database, DatabaseError, with the entries of this process's workers dropped.
    template <class Signature, std::size_t KeyParts, class... Key>
    [[nodiscard]] async::task<void> invalidate_cache(async::cached<Signature, KeyParts>& function, Key... key) {
        constexpr bool is_key = async::cached<Signature, KeyParts>::template is_key<Key...>;
        refuse_in_shadow(co_await async::this_context, "invalidate_cache");
        static_assert(is_key, "an invalidation names every part of the cached function's key, by values of their types");
        require_registered(function);
        if constexpr (is_key) {
            function.invalidate(key...);
            async::task<void> publishing = publish_invalidation(function, function.key_strings(key...));
            co_await std::move(publishing);
        }
    }
    /// Likewise by the parts of the key as text, as async::cached::key_strings gives them, for a function whose types are only
    /// known at run time. Errors: those of `invalidate_cache`; std::logic_error for another number of parts, and for a part
    /// that is no value of its type.
    [[nodiscard]] async::task<void> invalidate_cache_by_text(async::cached_function& function, std::vector<std::string> key);

    /// What add_field_to_unsigned of this module wrote isn't right any more that was registered with callbacks::once_per_event: it is
    /// asked again about every event, or about this one, here at once, and in all other workers soon, also of other processes: it
    /// returns when they can read of it. A run that is under way meanwhile answers those who wait for it, and isn't remembered.
    /// Errors: std::logic_error where the module registered none with that word; where processes share a database, DatabaseError,
    /// with what the workers of this process remembered dropped. Cost: as of `invalidate_cache`; without an event all events of
    /// the module are asked about anew.
    [[nodiscard]] async::task<void> unsigned_changed();
    /// Likewise of one event.
    [[nodiscard]] async::task<void> unsigned_changed(std::string event_id);

    /// Tells all instances of this module, of this entry of the configuration, on all workers of all processes: also this one, whose
    /// handlers are called as all others. Returns when all can read it, not when they have. Those of one sender come in their order; each
    /// comes at most once, and not at all to a process that dies or starts meanwhile: what must not be lost belongs into a table.
    /// Errors: SynapseError 413 `M_TOO_LARGE` for more than 64 KiB of JSON, 400 as above; DatabaseError.
    [[nodiscard]] async::task<void> broadcast(std::string topic, callbacks::JsonDict content);
    /// Has `handler`, a coroutine or a function that takes `const callbacks::JsonDict&`, called with what instances of this module
    /// broadcast under this topic, once the module has started: one at a time, and the next when it has ended.
    void on_broadcast(std::string topic, async::owned_hook<void(const callbacks::JsonDict& content)> handler);

    [[nodiscard]] const std::string& server_name() const noexcept;
    [[nodiscard]] const std::string& public_baseurl() const noexcept;
    /// What the operator has mails call the service.
    [[nodiscard]] const std::string& email_app_name() const noexcept;
    /// The operator's folder of templates, if there is one.
    [[nodiscard]] const std::optional<std::string>& custom_template_dir() const noexcept;
    /// None on the main worker.
    [[nodiscard]] const std::optional<std::string>& worker_name() const noexcept;
    /// What kind of program runs the worker; none on the main worker.
    [[nodiscard]] const std::optional<std::string>& worker_app() const noexcept;
    /// Whether authentication is another service's: never here.
    [[nodiscard]] static constexpr bool msc3861_oauth_delegation_enabled() noexcept { return false; }
    /// Name of this module in the configuration.
    [[nodiscard]] const std::string& module_name() const noexcept { return module_name_; }
    /// Writes to the host's log, with the module's name: `#include <spdlog/spdlog.h>`, `api.logger().info("{} rows", count)`.
    [[nodiscard]] spdlog::logger& logger() noexcept;
    /// The host's calendar time in milliseconds since 1970, the unit of every timestamp in Matrix; a test's time in a test.
    [[nodiscard]] std::int64_t get_current_time_msec() const noexcept { return now_ms(); }
    /// The same by a shorter name, which the contract hasn't got.
    [[nodiscard]] std::int64_t now_ms() const noexcept;
    /// Makes HTTP requests. Each module has its own: what it lets through with `allow` stays its affair.
    [[nodiscard]] HttpClient& http_client() noexcept { return http_client_; }
    [[nodiscard]] PublicRoomListManager& public_room_list_manager() noexcept { return public_room_list_manager_; }
    [[nodiscard]] AccountDataManager& account_data_manager() noexcept { return account_data_manager_; }

    // Users. Where a method takes a user's id, what is none is a SynapseError 400 `M_INVALID_PARAM`, unless it says otherwise;
    // "no such user" is a SynapseError 404 "No row found". Where a method wants a user of this server, a foreign one is always
    // a ForeignUserError, which is a SynapseError with a status and text of the method's own.

    /// `alice` becomes `@alice:server`; what starts with `@` is left as it is.
    [[nodiscard]] std::string get_qualified_user_id(std::string_view username) const;
    /// Whether an identifier belongs to this server: what is after its first colon.
    [[nodiscard]] bool is_mine(std::string_view identifier) const noexcept;
    /// The same of a parsed one.
    [[nodiscard]] bool is_mine(const callbacks::Identifier& identifier) const noexcept;
    /// The canonical id of a local user, whatever the case of the letters; none if there is none, or several differ by case.
    [[nodiscard]] async::task<std::optional<std::string>> check_user_exists(std::string user_id);
    /// None for whatever is no local user's id.
    [[nodiscard]] async::task<std::optional<callbacks::UserInfo>> get_userinfo_by_id(std::string user_id);
    /// The ids of at most `limit` local users, guests and deactivated ones too: those that follow `after` in the host's order,
    /// the first ones if that is empty. Fewer than `limit`: there are no more. Errors: std::invalid_argument for a limit
    /// below 1.
    [[nodiscard]] async::task<std::vector<std::string>> get_local_users(std::string after, int limit);
    /// At most `limit` local users in that order with what is known of each (creation_ts, is_deactivated, is_admin, is_guest),
    /// guests and deactivated ones too; those after `after`, the last one of the page before. Fewer than `limit`: there are no
    /// more. A user who registers meanwhile is listed where the order has it. The contract has no such method. Errors:
    /// std::invalid_argument for a limit below 1.
    [[nodiscard]] async::task<std::vector<callbacks::UserInfo>> list_local_users(
        UserOrder order, int limit, std::optional<callbacks::UserInfo> after = std::nullopt);
    /// False for an unknown user.
    [[nodiscard]] async::task<bool> is_user_admin(std::string user_id);
    /// Errors: no such user.
    [[nodiscard]] async::task<void> set_user_admin(std::string user_id, bool admin);
    /// Throws for a localpart that can't be registered: SynapseError 400 `M_INVALID_USERNAME` or `M_USER_IN_USE`.
    [[nodiscard]] async::task<void> check_username(std::string username);
    /// Makes an account without password; gives its user id. All callbacks of a registration run, check_registration_for_spam
    /// without request; each e-mail address counts as validated and is told to on_add_user_third_party_identifier. No
    /// `displayname`: the localpart. Errors: those of check_username; 429 when a module denies it; 400 `M_THREEPID_IN_USE` for
    /// an address that belongs to somebody, and then there is no account.
    [[nodiscard]] async::task<std::string> register_user(std::string localpart,
                                                         std::optional<std::string> displayname = std::nullopt,
                                                         std::vector<std::string> emails = std::vector<std::string>(),
                                                         bool admin = false);
    /// The contract's `register`, which is a keyword here: user id and access token.
    [[deprecated("register_user and then register_device")]] [[nodiscard]] async::task<std::pair<std::string, std::string>>
    register_(std::string localpart, std::optional<std::string> displayname = std::nullopt,
              std::vector<std::string> emails = std::vector<std::string>());
    /// Makes a device and its token; an existing device loses the tokens it had. Neither check_login_for_spam nor on_user_login
    /// runs. Errors: no such user; 403 `M_USER_DEACTIVATED`; 400 `M_INVALID_PARAM` for a device id over 512 characters.
    [[nodiscard]] async::task<callbacks::RegisteredDevice> register_device(
        std::string user_id, std::optional<std::string> device_id = std::nullopt,
        std::optional<std::string> initial_display_name = std::nullopt);
    /// Notes that an authentication provider knows a local user by another id. Errors: ExternalIDReuseException if it is noted
    /// already, for whomever; ForeignUserError.
    [[nodiscard]] async::task<void> record_user_external_id(std::string auth_provider_id, std::string remote_user_id,
                                                            std::string registered_user_id);
    /// A token that logs in once, by `m.login.token`. Errors: no such user, ForeignUserError; std::invalid_argument for a
    /// duration below 1 ms.
    [[nodiscard]] async::task<std::string> create_login_token(
        std::string user_id, std::int64_t duration_in_ms = 120'000, std::optional<std::string> auth_provider_id = std::nullopt,
        std::optional<std::string> auth_provider_session_id = std::nullopt);
    /// Ends a session: the token's device goes with all its tokens, or just the token if it has none; on_logged_out runs.
    /// Errors: SynapseError 401 `M_UNKNOWN_TOKEN`.
    [[nodiscard]] async::task<void> invalidate_access_token(std::string access_token);
    /// The response that ends a login by an authentication provider: a page for a deactivated account (403), a redirect with a
    /// `loginToken` for a client that the operator listed, else a page to confirm. on_user_login runs. Errors: no such user;
    /// 400 `M_INVALID_PARAM` for a URL that no client has.
    [[nodiscard]] async::task<Response> complete_sso_login_async(std::string registered_user_id, const Request& request,
                                                                 std::string client_redirect_url, bool new_user = false,
                                                                 std::string auth_provider_id = "<unknown>");
    /// Who makes a request to the module's own web resource. Errors: SynapseError 401 `M_MISSING_TOKEN` or `M_UNKNOWN_TOKEN`;
    /// 403 `M_GUEST_ACCESS_FORBIDDEN` unless `allow_guest`; 403 `ORG_MATRIX_EXPIRED_ACCOUNT` unless `allow_expired`, which
    /// keeps is_user_expired from being asked. `request` outlives the task.
    [[nodiscard]] async::task<callbacks::Requester> get_user_by_req(const Request& request, bool allow_guest = false,
                                                                    bool allow_expired = false);
    /// The profile of the local user with this localpart; nothing in it for an unknown one.
    [[nodiscard]] async::task<callbacks::ProfileInfo> get_profile_for_user(std::string localpart);
    /// As an admin would: on_profile_update runs, then the name goes into the user's rooms. Empty: no name. Errors:
    /// ForeignUserError 400 "User is not hosted on this homeserver"; 400 for over 256 bytes; 404 `M_NOT_FOUND` for an unknown
    /// user.
    [[nodiscard]] async::task<void> set_displayname(callbacks::UserID user_id, std::string new_displayname);
    /// `deactivation` has no effect, and is an error in the log.
    [[deprecated("set_displayname without `deactivation`, which has no effect")]] [[nodiscard]] async::task<void>
    set_displayname(callbacks::UserID user_id, std::string new_displayname, bool deactivation);
    /// Empty for whatever is no local user's id.
    [[nodiscard]] async::task<std::vector<callbacks::ThirdPartyID>> get_threepids_for_user(std::string user_id);
    /// Notes that an identity server holds the binding of an address to a local user. Errors: ForeignUserError.
    [[nodiscard]] async::task<void> store_remote_3pid_association(std::string user_id, std::string medium, std::string address,
                                                                  std::string id_server);
    /// From where a local user's requests came since `since_ts` (milliseconds since 1970), each pair once. Empty for whatever
    /// is no local user's id.
    [[nodiscard]] async::task<std::vector<callbacks::UserIpAndAgent>> get_user_ip_and_agents(std::string user_id,
                                                                                             std::int64_t since_ts = 0);
    /// Pairs of service (`native` for ordinary users) and user id: who was last seen between the two times (milliseconds since
    /// 1970, inclusive). No start: 30 days ago; no end: none.
    [[nodiscard]] async::task<std::vector<std::pair<std::string, std::string>>> get_monthly_active_users_by_service(
        std::optional<std::int64_t> start_timestamp = std::nullopt, std::optional<std::int64_t> end_timestamp = std::nullopt);
    /// As an admin would, with all callbacks of a deactivation; `erase` takes the profile away. Errors: no such user; 403 when
    /// a module forbids it.
    [[nodiscard]] async::task<void> deactivate_user(std::string user_id, bool erase = false);

    // Rooms and events.

    /// Sends an event as a local user: keys type, room_id, sender, content, state_key for state, and `redacts` for an
    /// m.room.redaction: the id of the event that it takes back. Goes through check_event_allowed and check_event_for_spam like
    /// any other: mind recursion. State that says nothing new: the event that said it. Errors: SynapseError 500 for a membership;
    /// 403 `M_FORBIDDEN` for a sender who isn't in the room, or who may not take back the event (it is somebody else's, and they
    /// haven't the power level for that); 404 `M_NOT_FOUND` for a redaction of an event that isn't in the room; 400
    /// `M_BAD_JSON` for text that isn't UTF-8; ForeignUserError for the sender; std::invalid_argument for a missing key or one
    /// of another kind; std::runtime_error for the 51st call within another, as of every method that callbacks run for.
    ///
    /// In the same room, from inside check_event_allowed, it belongs to the event that is asked about: both are stored, this one
    /// first, or neither is; until then only this module's call and what lies in it see it. Its id is final, unless the room's
    /// state changes before both are stored: then the callback is asked again, and what it made before is forgotten.
    [[nodiscard]] async::task<callbacks::Event> create_and_send_event_into_room(callbacks::JsonDict event_dict);
    /// Sends several events of one room, all or none: each goes through the callbacks as create_and_send_event_into_room sends
    /// it, on the state that those before it make, and they are stored in one transaction, with nothing in between. Gives the
    /// events in their order; state that says nothing new is the event that said it. Errors: those of
    /// create_and_send_event_into_room for any of them; std::invalid_argument for an event of another room. The contract has no
    /// such method.
    [[nodiscard]] async::task<std::vector<callbacks::Event>> send_events(EventGroup group);
    /// Sends an event only as long as the room's state event of that `type` and `state_key` is `expected`: the id of an event, or
    /// none for "it isn't set". None: it is another one by now, and nothing was sent. Errors: those of
    /// create_and_send_event_into_room. The contract has no such method.
    [[nodiscard]] async::task<std::optional<callbacks::Event>> send_event_if(callbacks::JsonDict event_dict, std::string type,
                                                                             std::string state_key,
                                                                             std::optional<std::string> expected);
    /// Current state, of all types or of those that an entry wants; an empty filter wants all. Empty for an unknown room.
    [[nodiscard]] async::task<callbacks::StateMap> get_room_state(std::string room_id);
    /// Current state of the types that an entry wants; an empty filter wants all.
    [[nodiscard]] async::task<callbacks::StateMap> get_room_state(std::string room_id, callbacks::StateFilter event_filter);
    /// The state event of that type and state key; none if there is none, and for an unknown room. The contract has no such
    /// method. Cost: of that one event, not of the room's state.
    [[nodiscard]] async::task<std::optional<callbacks::Event>> get_state_event(std::string room_id, std::string type,
                                                                               std::string state_key = std::string());
    /// The state events that `types` wants, as a list; an empty filter: an empty list, where get_room_state gives all.
    [[nodiscard]] async::task<std::vector<callbacks::Event>> get_state_events_in_room(std::string room_id,
                                                                                      callbacks::StateFilter types);
    /// An event that this server has, whatever the room; none.
    [[nodiscard]] async::task<std::optional<callbacks::Event>> get_event(std::string event_id);
    /// Who is in a room; nobody in an unknown one.
    [[nodiscard]] async::task<std::vector<std::string>> get_members(std::string room_id, std::string membership = "join");
    /// The rooms in which a user has this membership; none for an unknown one.
    [[nodiscard]] async::task<std::vector<std::string>> get_rooms_for_user(std::string user_id,
                                                                           std::string membership = "join");
    /// Changes a membership as a client of `sender` would: join, leave, invite, ban, knock, kick, unban; the same callbacks and
    /// rules apply. The target's profile is filled into `content` where that says nothing. Gives the member event. Errors:
    /// ForeignUserError, std::runtime_error for a sender of this server that is no user; SynapseError 400 "Invalid membership
    /// key"; those of the change: 404 for an unknown room, 403.
    [[nodiscard]] async::task<callbacks::Event> update_room_membership(
        std::string sender, std::string target, std::string room_id, std::string new_membership,
        callbacks::JsonDict content = callbacks::JsonDict(),
        std::vector<std::string> remote_room_hosts = std::vector<std::string>());
    /// Creates a room as a client of `user_id` would: `config` is a createRoom body. Gives room id and alias.
    /// `creator_join_profile` is what the creator's member event says instead of their profile. `ratelimit`: it counts as if
    /// the user did it. Errors: ForeignUserError, std::runtime_error for who of this server is no user; the SynapseErrors of
    /// createRoom, with `ratelimit` 429 `M_LIMIT_EXCEEDED` as well.
    [[nodiscard]] async::task<std::pair<std::string, std::optional<std::string>>> create_room(
        std::string user_id, callbacks::JsonDict config, bool ratelimit = true,
        std::optional<callbacks::JsonDict> creator_join_profile = std::nullopt);
    /// Has a room shut down and purged, in the background; check_can_shutdown_room may still keep it. A room that is being
    /// deleted, or isn't there: nothing happens. Errors: SynapseError 400 for what is no room id.
    [[nodiscard]] async::task<void> delete_room(std::string room_id);
    /// None for an unknown room and one without.
    [[nodiscard]] async::task<std::optional<callbacks::RoomAlias>> get_canonical_room_alias(callbacks::RoomID room_id);
    /// Room id and servers. Errors: SynapseError 400 for what is no alias, 404 `M_NOT_FOUND` "Room alias A not found".
    [[nodiscard]] async::task<std::pair<std::string, std::vector<std::string>>> lookup_room_alias(std::string room_alias);

    // Presence. On any worker.

    /// Has the next sync of these users show every online user whose presence they may see. Users of other servers are told
    /// nothing by a host that sends nothing there.
    [[nodiscard]] async::task<void> send_local_online_presence_to(std::vector<std::string> users);
    /// Sets the presence of local or remote users, and tells who may see it even if it is the same again. Errors: SynapseError
    /// 400 `M_INVALID_PARAM` "Invalid presence state"; then nothing is set.
    [[nodiscard]] async::task<void> set_presence_for_users(PresenceUpdates users);

    // Push.

    /// Sends a notification of the module's own to a local user's HTTP pushers, or to those of one device: `content` is the
    /// notification (its `devices` is overwritten), `tweaks` are the device's, `default_payload` is merged over the pusher's
    /// own. By device id, whether its gateway accepted; a device without a pusher, and an unknown user's, isn't in it. A pusher
    /// that the gateway rejects is removed. Takes as long as the gateways do, 10 s at most for each.
    [[nodiscard]] async::task<std::map<std::string, bool>> send_http_push_notification(
        std::string user_id, std::optional<std::string> device_id, callbacks::JsonDict content,
        std::optional<callbacks::JsonDict> tweaks = std::nullopt,
        std::optional<callbacks::JsonDict> default_payload = std::nullopt);
    /// Errors: InvalidRuleException for an action that no push rule may have: neither `notify`, `dont_notify`, `coalesce` nor
    /// an object with `set_tweak`.
    void check_push_rule_actions(const callbacks::JsonArray& actions) const;
    /// Sets the actions of a push rule that the user has, an own or a default one. Errors: std::runtime_error for another scope
    /// than `global`; ForeignUserError; InvalidRuleException; RuleNotFoundException, also for an unknown user.
    [[nodiscard]] async::task<void> set_push_rule_action(std::string user_id, std::string scope, std::string kind,
                                                         std::string rule_id, callbacks::JsonArray actions);

    // Mail.

    /// Sends a mail in both forms to one recipient, `a@example.org` or `Name <a@example.org>`, and returns when the mail server
    /// has taken it, or its time is over. Errors: std::runtime_error for what is no mail address; MailError.
    [[nodiscard]] async::task<void> send_mail(std::string recipient, std::string subject, std::string html, std::string text);
    /// Reads templates, for the constructor: each from the first folder that has it of the operator's, the module's own
    /// (`custom_template_directory`) and the server's. Errors: ConfigError for a folder that isn't there; TemplateNotFound;
    /// TemplateError. Blocks.
    [[nodiscard]] std::vector<Template> read_templates(
        const std::vector<std::string>& filenames, std::optional<std::string> custom_template_directory = std::nullopt) const;

    /// Runs `f(transaction, args...)` in a database transaction; see Database::run. Errors: those of Database::run, and
    /// InteractionTimeout after the operator's `interaction_deadline`, once all modules have started: what is at work holds up
    /// whoever else writes. In shadow mode it only reads: ShadowedChange for a statement that writes.
    template <class Function, class... Arguments>
    [[nodiscard]] auto run_db_interaction(std::string desc, Function&& f, Arguments&&... args) {
        if (is_in_shadow()) [[unlikely]] {
            return without_writes(run_db_read(std::move(desc), std::forward<Function>(f), std::forward<Arguments>(args)...));
        }
        return WorkStatistics::counted(database_statistics(),
                                       database().run_under(lease_of_call(), interaction_limit(), interaction_name(desc),
                                                            std::forward<Function>(f), std::forward<Arguments>(args)...));
    }
    /// Runs `f(transaction, args...)` in a transaction that only reads; see Database::read. It doesn't wait for who writes, and
    /// sees what was committed when it began. Errors: WriteRefused for a statement that writes.
    template <class Function, class... Arguments>
    [[nodiscard]] auto run_db_read(std::string desc, Function&& f, Arguments&&... args) {
        return WorkStatistics::counted(
            database_statistics(),
            database().read(interaction_name(desc), std::forward<Function>(f), std::forward<Arguments>(args)...));
    }
    /// Brings this module's own tables up to date in the host's database: applies the steps that it hasn't got yet. For
    /// start(); all workers may do it at once. Errors: DatabaseError that names the step.
    [[nodiscard]] async::task<void> migrate_schema(SchemaMigration migration);

    /// Runs `f(args...)` (a function or coroutine) every `msec` milliseconds, first after `msec`; a run in progress delays the
    /// next. An exception is logged and the loop goes on. Only on the worker that runs background tasks; on others a warning
    /// and nothing else. Errors: std::invalid_argument for a time that isn't positive.
    template <class Function, class... Arguments>
    void looping_background_call(Function&& f, double msec, Arguments&&... args) {
        loop(Every(msec, msec), LoopsOn::one_worker_with_warning,
             detail::erased_call(std::forward<Function>(f), std::forward<Arguments>(args)...));
    }
    /// Runs `f(args...)` again and again, `Every(1h).first_after(5s)` or every `5min`, on the worker that runs background
    /// tasks, and does nothing on the others. A run in progress delays the next; an exception is logged and the loop goes on.
    template <class Function, class... Arguments>
    void looping_background_call(Function&& f, Every every, Arguments&&... args) {
        loop(every, LoopsOn::one_worker, detail::erased_call(std::forward<Function>(f), std::forward<Arguments>(args)...));
    }
    /// Runs `f(args...)` every `msec` milliseconds as `looping_background_call` does, on every worker.
    template <class Function, class... Arguments>
    void looping_background_call_on_all_instances(Function&& f, double msec, Arguments&&... args) {
        loop(Every(msec, msec), LoopsOn::all_workers,
             detail::erased_call(std::forward<Function>(f), std::forward<Arguments>(args)...));
    }
    /// Runs `f(args...)` again and again, `Every(1h).first_after(5s)` or every `5min`, on every worker.
    template <class Function, class... Arguments>
    void looping_background_call_on_all_instances(Function&& f, Every every, Arguments&&... args) {
        loop(every, LoopsOn::all_workers, detail::erased_call(std::forward<Function>(f), std::forward<Arguments>(args)...));
    }
    /// Runs `f(args...)` once, after `msec` milliseconds, on this worker. Not persistent.
    template <class Function, class... Arguments>
    DelayedCall delayed_background_call(double msec, Function&& f, Arguments&&... args) {
        return delay(After(msec), detail::erased_call(std::forward<Function>(f), std::forward<Arguments>(args)...));
    }
    /// Runs `f(args...)` once, after a duration, `10s`, on this worker; `After(10s).on_one_worker()`: only on the worker that
    /// runs background tasks, nothing happens where another one asks. Not persistent.
    template <class Function, class... Arguments>
    DelayedCall delayed_background_call(After after, Function&& f, Arguments&&... args) {
        return delay(after, detail::erased_call(std::forward<Function>(f), std::forward<Arguments>(args)...));
    }
    /// Starts `f(args...)`, a function or a coroutine, beside whatever runs now, and returns: what is returned may be dropped,
    /// or awaited for the result, which is none if `f` throws. That is logged with `desc`, which also names the process to the
    /// metrics, as the first 64 names of a module are. Of what runs now nothing goes along: neither its deadline nor its
    /// request, in whose place the log has an id of the process's own. It ends with the module, as background calls do; what a
    /// constructor or start() starts begins when the module is asked, and can't be awaited there. Errors: none of `f`;
    /// std::logic_error where awaiting it would never end.
    template <class Function, class... Arguments>
    auto run_as_background_process(std::string desc, Function&& f, Arguments&&... args) {
        async::detail::require_safe_callable<Function>();
        constexpr bool fits = std::is_invocable_v<std::decay_t<Function>&, std::decay_t<Arguments>&...>;
        static_assert(fits,
                      "a background process is f(args...) with the arguments that stand after it: they are others, or more or "
                      "fewer, than its parameters");
        using Returned = async::detail::result_of<std::decay_t<Function>&, std::decay_t<Arguments>&...>;
        using Result = std::conditional_t<std::is_void_v<Returned>, bool, Returned>;
        using Call = detail::ProcessCall<Result, std::decay_t<Function>, std::decay_t<Arguments>...>;
        auto process = std::make_shared<detail::ProcessResult<Result>>();
        begin_process(std::move(desc), process,
                      std::make_shared<Call>(process, std::forward<Function>(f), std::forward<Arguments>(args)...));
        return BackgroundProcess<Result>(std::move(process));
    }
    [[nodiscard]] bool should_run_background_tasks() const noexcept;

    /// Resumes after `seconds`.
    [[nodiscard]] async::task<void> sleep(double seconds);
    /// Runs the blocking call `f(args...)` on a thread of this module's and resumes here. The module has a few such threads, 8
    /// in the homeserver, shared by its instances on all workers; further calls queue.
    ///
    /// After the operator's `interaction_deadline`, once all modules have started, the caller gives up and the call goes on: it
    /// counts against the module's threads until it returns. It therefore works on copies of `f` and the arguments; what these
    /// point to must live that long too. The module does: a stop waits for its calls. Cancel: a call that began is waited for;
    /// one that didn't begin isn't made. Errors: what `f` throws; DeferredCallTimeout. Cost: an allocation and two hops.
    template <class Function, class... Arguments>
    [[nodiscard]] auto defer_to_thread(Function&& f, Arguments&&... args) {
        async::detail::require_safe_callable<Function>();
        using Call = detail::DeferredCallOf<std::decay_t<Function>, std::decay_t<Arguments>...>;
        return detail::result_of_deferred(std::make_shared<Call>(std::forward<Function>(f), std::forward<Arguments>(args)...),
                                          deferral());
    }
    /// Likewise, on a thread of this pool, which is the module's own, too: what fills it doesn't keep calls of defer_to_thread
    /// waiting. Errors: also std::logic_error for a pool too many.
    template <class Function, class... Arguments>
    [[nodiscard]] auto defer_to_threadpool(const ThreadPool& pool, Function&& f, Arguments&&... args) {
        async::detail::require_safe_callable<Function>();
        using Call = detail::DeferredCallOf<std::decay_t<Function>, std::decay_t<Arguments>...>;
        detail::Deferral how = deferral();
        how.pool = pool;
        return detail::result_of_deferred(std::make_shared<Call>(std::forward<Function>(f), std::forward<Arguments>(args)...),
                                          std::move(how));
    }

private:
    // What the registrations above were given, as large as the module knows it.
    void take(const callbacks::AccountData& given, std::size_t size);
    void take(const callbacks::AccountValidity& given, std::size_t size);
    void take(const callbacks::Unsigned& given, std::size_t size);
    void take(const callbacks::BackgroundUpdateController& given, std::size_t size);
    void take(const callbacks::MediaRepository& given, std::size_t size);
    void take(const callbacks::PasswordAuthProvider& given, std::size_t size);
    void take(const callbacks::PresenceRouter& given, std::size_t size);
    void take(const callbacks::Ratelimit& given, std::size_t size);
    void take(const callbacks::SpamChecker& given, std::size_t size);
    void take(const callbacks::ThirdPartyRules& given, std::size_t size);

    friend ModuleEnvironment& environment_of(ModuleApi& api) noexcept;
    friend ModuleRegistrations& registrations_of(ModuleApi& api) noexcept;
    friend const TransactionCondition* lease_of_call(const ModuleApi& api) noexcept;

    /// Milliseconds as the clock counts them; negative ones are none.
    static async::clock::duration background_duration(double msec);
    /// One run of a call in the name of `background`, with its exceptions logged: `what` is what failed then.
    async::task<void> run_background(detail::BackgroundCall& call, async::callback_identity& background, std::string what);
    async::task<void> run_background(detail::BackgroundCall& call, bool is_of_one_worker);
    async::task<void> run_process(std::string desc, std::shared_ptr<detail::ProcessEnd> ending,
                                  std::shared_ptr<detail::BackgroundCall> call);
    void begin_process(std::string desc, std::shared_ptr<detail::ProcessState> state,
                       std::shared_ptr<detail::BackgroundCall> call);
    async::task<void> run_loop(Every every, std::shared_ptr<detail::BackgroundCall> call, bool is_of_one_worker);
    async::task<void> run_delayed(After after, std::shared_ptr<detail::BackgroundCall> call,
                                  std::shared_ptr<DelayedCall::State> state);
    async::task<void> wait_then_run(After after, detail::BackgroundCall& call);
    enum class LoopsOn : unsigned char { one_worker, one_worker_with_warning, all_workers };
    void loop(Every every, LoopsOn workers, std::shared_ptr<detail::BackgroundCall> call);
    DelayedCall delay(After after, std::shared_ptr<detail::BackgroundCall> call);
    void require_registered(const async::cached_function& function) const;
    [[nodiscard]] async::task<void> tell_of_changed_unsigned(std::vector<std::string> key);
    [[nodiscard]] async::task<void> publish_invalidation(const async::cached_function& function, std::vector<std::string> key);
    [[nodiscard]] Database& database() noexcept;
    [[nodiscard]] WorkStatistics& database_statistics() noexcept;
    /// Whether a run in shadow mode is on the stack.
    [[nodiscard]] bool is_in_shadow() const noexcept;
    static void refuse_in_shadow(const async::context& here, const char* member);
    /// What a run in shadow mode does with the database; a refused statement is a change that it wanted to make.
    template <class T>
    static async::task<T> without_writes(async::task<T> interaction) {
        const async::context& here = co_await async::this_context;
        try {
            co_return co_await std::move(interaction);
        } catch (const WriteRefused&) {
            refuse_in_shadow(here, "run_db_interaction");
            throw;
        }
    }
    /// What a transaction of a background call needs that is one process's; null: no such call is on the stack, or there is one process.
    [[nodiscard]] const TransactionCondition* lease_of_call() const noexcept;
    [[nodiscard]] InteractionLimit interaction_limit() const noexcept;
    /// What the log calls it: `desc of module NAME`.
    [[nodiscard]] std::string interaction_name(const std::string& desc) const;
    [[nodiscard]] detail::Deferral deferral() const noexcept;

    ModuleEnvironment& environment_;
    ModuleRegistrations& registrations_;
    std::string module_name_;
    std::shared_ptr<spdlog::logger> logger_;
    HttpClient http_client_;
    PublicRoomListManager public_room_list_manager_;
    AccountDataManager account_data_manager_;
};

}  // namespace modapi
