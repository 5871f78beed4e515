#pragma once

#include <modapi/hosting/homeserver.h>

#include <callbacks/dispatchers.h>

#include <async/clock.h>
#include <async/scope.h>

#include <concepts>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace modapi::testing {

/// A user of the fake homeserver; change what you like.
struct FakeUser {
    explicit FakeUser(std::string id) : user_id(std::move(id)), access_token("token of " + user_id) {}

    std::string user_id;
    std::string access_token;
    std::optional<std::string> displayname;
    std::optional<std::string> avatar_url;
    std::int64_t creation_ts = 0;  ///< milliseconds since 1970
    bool is_admin = false;
    bool is_guest = false;
    bool is_deactivated = false;
    bool is_expired = false;  ///< get_user_by_req refuses them unless `allow_expired`
    std::vector<callbacks::ThirdPartyID> threepids;
    std::map<std::string, callbacks::JsonDict> account_data;  ///< global, by type
    std::map<std::string, std::string> external_ids;          ///< remote id by provider
};

/// A room of the fake homeserver.
struct FakeRoom {
    std::string room_id;
    callbacks::StateMap state;
    bool is_public = false;
};

/// What a module did, in order.
struct MembershipChange {
    std::string sender;
    std::string target;
    std::string room_id;
    std::string new_membership;
    callbacks::JsonDict content;
};
/// A mail as send_mail was given it.
struct SentMail {
    std::string recipient;
    std::string subject;
    std::string html;
    std::string text;
};

/// A homeserver that is nothing but what a test says of it: `example.org`, users, rooms and their state in memory. What a
/// module changes is changed here and noted; no authorization rule is asked, and no callback runs for it unless
/// Host::run_callbacks_for_module_calls wants it.
///
/// Every service of ModuleApi that this doesn't have throws ServiceNotOffered. Thread: the test's.
class FakeHomeserver final : public Homeserver, AccountServices, SessionServices, RoomServices, PresenceServices, MailServices {
public:
    /// A local user. The reference is valid as long as the server.
    FakeUser& add_user(const std::string& user_id);
    /// Errors: std::out_of_range.
    [[nodiscard]] FakeUser& user(const std::string& user_id) { return users_.at(user_id); }
    /// A room with its create event and its joined creator. The reference is valid as long as the server.
    FakeRoom& add_room(const std::string& room_id, const std::string& creator);
    /// Errors: std::out_of_range.
    [[nodiscard]] FakeRoom& room(const std::string& room_id) { return rooms_.at(room_id); }
    /// Puts a state event into a room, which is there. Gives the event.
    callbacks::Event set_state(const std::string& room_id, const std::string& type, const std::string& state_key,
                               callbacks::JsonDict content, const std::string& sender);
    /// Puts a membership into a room, which is there. Gives the event.
    callbacks::Event set_member(const std::string& room_id, const std::string& user_id, const std::string& membership,
                                const std::string& sender);
    /// Makes an alias known.
    void add_alias(const std::string& alias, const std::string& room_id) { aliases_[alias] = room_id; }

    /// The next call of this method of ModuleApi (`get_room_state`, `get_global`, ...) throws std::runtime_error(why); said
    /// twice, the next two. Errors: std::invalid_argument for a method that this server doesn't have.
    void fail_next(const std::string& method, const std::string& why);
    /// The next calls of the method, so many, throw this: a SynapseError of 429, say. Errors: as above, std::invalid_argument.
    template <class Exception>
    requires std::derived_from<Exception, std::exception>
    void fail_next(const std::string& method, Exception failure, int times = 1) {
        add_failures(method, std::make_exception_ptr(std::move(failure)), times);
    }
    /// Every call of the method from now on answers, or fails, only after that much virtual time. Errors:
    /// std::invalid_argument for a method that this server doesn't have.
    void answer_after(const std::string& method, async::clock::duration time);

    /// What Host::run_callbacks_for_module_calls does: from now on these run for what modules do, in the background where a
    /// host runs them behind its answer. Both outlive every call.
    void run_callbacks(const callbacks::Dispatchers& hooks, async::scope& background) noexcept;

    std::vector<callbacks::JsonDict> sent;      ///< create_and_send_event_into_room, send_events, send_event_if
    std::vector<MembershipChange> memberships;  ///< update_room_membership, those that failed too
    std::vector<SentMail> mails;
    PresenceUpdates presence_set;               ///< set_presence_for_users
    std::vector<std::string> presence_sent_to;  ///< send_local_online_presence_to
    std::vector<std::string> rooms_deleted;     ///< delete_room
    std::vector<std::string> access_tokens_invalidated;
    /// For the constructor of a module that asks.
    std::string baseurl = "http://example.org/";
    std::string app_name = "Matrix";
    std::optional<std::string> template_dir;

    [[nodiscard]] const std::string& server_name() const noexcept override { return name_; }
    [[nodiscard]] const std::string& public_baseurl() const noexcept override { return baseurl; }
    [[nodiscard]] const std::string& email_app_name() const noexcept override { return app_name; }
    [[nodiscard]] const std::optional<std::string>& custom_template_dir() const noexcept override { return template_dir; }
    [[nodiscard]] AccountServices& accounts() noexcept override { return *this; }
    [[nodiscard]] SessionServices& sessions() noexcept override { return *this; }
    [[nodiscard]] RoomServices& rooms() noexcept override { return *this; }
    [[nodiscard]] PresenceServices& presence() noexcept override { return *this; }
    [[nodiscard]] MailServices& mail() noexcept override { return *this; }

private:
    // AccountServices
    async::task<std::optional<std::string>> check_user_exists(std::string user_id) override;
    async::task<std::optional<callbacks::UserInfo>> get_userinfo_by_id(std::string user_id) override;
    async::task<std::vector<std::string>> get_local_users(std::string after, int limit) override;
    async::task<std::vector<callbacks::UserInfo>> list_local_users(UserOrder order, std::optional<callbacks::UserInfo> after,
                                                                   int limit) override;
    async::task<bool> is_user_admin(callbacks::UserID user) override;
    async::task<void> set_user_admin(callbacks::UserID user, bool admin) override;
    async::task<void> check_username(std::string username) override;
    async::task<std::string> register_user(std::string localpart, std::optional<std::string> displayname,
                                           std::vector<std::string> emails, bool admin) override;
    async::task<void> deactivate_user(callbacks::UserID user, bool erase) override;
    async::task<callbacks::ProfileInfo> get_profile_for_user(std::string localpart) override;
    async::task<void> set_displayname(callbacks::UserID user, std::string new_displayname) override;
    async::task<std::vector<callbacks::ThirdPartyID>> get_threepids_for_user(std::string user_id) override;
    async::task<void> record_user_external_id(std::string auth_provider_id, std::string remote_user_id,
                                              callbacks::UserID registered_user) override;
    async::task<std::shared_ptr<const callbacks::JsonDict>> get_global_account_data(callbacks::UserID user,
                                                                                    std::string data_type) override;
    async::task<void> put_global_account_data(callbacks::UserID user, std::string data_type,
                                              callbacks::JsonDict new_data) override;
    // SessionServices
    async::task<callbacks::Requester> get_user_by_req(const Request& request, bool allow_guest, bool allow_expired) override;
    async::task<callbacks::RegisteredDevice> register_device(callbacks::UserID user, std::optional<std::string> device_id,
                                                             std::optional<std::string> initial_display_name) override;
    async::task<void> invalidate_access_token(std::string access_token) override;
    // RoomServices
    async::task<callbacks::Event> create_and_send_event(callbacks::JsonDict event) override;
    async::task<std::vector<callbacks::Event>> send_events(std::vector<callbacks::JsonDict> events) override;
    async::task<std::optional<callbacks::Event>> send_event_if(callbacks::JsonDict event, std::string type, std::string state_key,
                                                               std::optional<std::string> expected) override;
    async::task<callbacks::Event> update_room_membership(callbacks::UserID sender, callbacks::UserID target,
                                                         std::string room_id, std::string new_membership,
                                                         callbacks::JsonDict content,
                                                         std::vector<std::string> remote_room_hosts) override;
    async::task<std::pair<std::string, std::optional<std::string>>> create_room(
        callbacks::UserID user, callbacks::JsonDict config, bool ratelimit,
        std::optional<callbacks::JsonDict> creator_join_profile) override;
    async::task<void> delete_room(callbacks::RoomID room) override;
    async::task<callbacks::StateMap> get_room_state(std::string room_id, std::optional<callbacks::StateFilter> filter) override;
    async::task<std::optional<callbacks::Event>> get_event(std::string event_id) override;
    async::task<std::vector<std::string>> get_members(std::string room_id, std::string membership) override;
    async::task<std::vector<std::string>> get_rooms_for_user(std::string user_id, std::string membership) override;
    async::task<std::pair<std::string, std::vector<std::string>>> lookup_room_alias(callbacks::RoomAlias alias) override;
    async::task<bool> room_is_in_public_room_list(std::string room_id) override;
    async::task<void> set_room_is_in_public_room_list(std::string room_id, bool is_in_list) override;
    // PresenceServices
    async::task<void> send_local_online_presence_to(std::vector<callbacks::UserID> users) override;
    async::task<void> set_presence_for_users(PresenceUpdates users) override;
    // MailServices
    async::task<void> send_mail(std::string recipient, std::string subject, std::string html, std::string text) override;

    static void require_method(const std::string& method);
    void add_failures(const std::string& method, const std::exception_ptr& failure, int times);
    /// What every method begins with: takes the time, and throws, as a test wants it.
    async::task<void> asked(std::string method);
    /// Errors: SynapseError 404 "No row found".
    [[nodiscard]] FakeUser& existing_user(const callbacks::UserID& user);
    [[nodiscard]] FakeUser* find_user(const std::string& user_id);
    callbacks::Event add_event(callbacks::EventFields fields);
    async::task<callbacks::Event> take_sent(callbacks::JsonDict event);
    [[nodiscard]] callbacks::Event numbered(callbacks::EventFields fields);
    void store_event(const callbacks::Event& event);
    [[nodiscard]] callbacks::StateMap state_of(const std::string& room_id) const;
    [[nodiscard]] bool is_admin(const std::string& user_id) const;

    // In fake_callbacks.cpp. All but send_event and found_room do nothing while no callbacks are to run.
    async::task<callbacks::Event> send_event(callbacks::EventFields fields);
    async::task<void> found_room(std::string room_id, std::string creator);
    /// `config` outlives the task; a module may change it.
    async::task<void> ask_before_creation(callbacks::UserID user, std::string room_id, callbacks::JsonDict& config);
    async::task<void> ask_before_membership(std::string sender, std::string target, std::string room_id, std::string membership,
                                            callbacks::JsonDict content);
    async::task<void> change_in_every_room(std::string user_id, std::vector<std::string> present, std::string membership,
                                           callbacks::JsonDict content);
    async::task<void> tell_of_profile(std::string user_id, bool deactivation);
    async::task<void> show_profile_in_rooms(std::string user_id);
    async::task<void> tell_of_registration(std::string user_id);
    async::task<void> begin_deactivation(std::string user_id);
    async::task<void> end_deactivation(std::string user_id);
    async::task<void> tell_of_logout(std::string access_token);
    async::task<void> tell_of_account_data(std::string user_id, std::string type, callbacks::JsonDict content);
    async::task<void> route_presence(std::string user_id, PresenceUpdate update);
    void shut_down(const async::context& here, const std::string& room_id);
    async::task<void> empty_room(std::string room_id);

    const std::string name_ = "example.org";
    std::map<std::string, FakeUser> users_;
    std::map<std::string, FakeRoom> rooms_;
    std::map<std::string, std::string> aliases_;
    std::map<std::string, callbacks::Event> events_;
    std::multimap<std::string, std::exception_ptr> failures_;
    std::map<std::string, async::clock::duration> times_;
    int numbered_ = 0;
    const callbacks::Dispatchers* hooks_ = nullptr;  ///< null: none run for what modules do
    async::scope* background_ = nullptr;
};

}  // namespace modapi::testing
