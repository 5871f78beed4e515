#pragma once

#include <modapi/module_api.h>

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>

/// Lets an HTTP service decide about spam: each callback is a POST to `<base_url>/<callback name>`. An answer of 2xx allows;
/// any other with a JSON object rejects, and the client gets that object as its error. What else happens is a failure of the
/// service, and for each callback the operator says whether it allows or rejects.
class HTTPAntispam {
public:
    /// What happens with one callback.
    struct Handling {
        bool fail_open = false;  ///< a failure of the service allows
        bool is_async = false;   ///< the service is told, and not waited for
    };
    struct Config {
        std::string base_url;                      ///< without a slash at its end
        std::optional<std::string> authorization;  ///< token
        std::map<std::string, Handling, std::less<>> enabled;
        bool do_ping = false;
        std::chrono::milliseconds timeout{10'000};
    };
    static Config parse_config(const modapi::ConfigSection& config);

    HTTPAntispam(Config config, modapi::ModuleApi& api);

private:
    /// What came of a request.
    struct Reply {
        enum class Kind : unsigned char { allowed, rejected, unreachable, nonsense };
        Kind kind = Kind::allowed;
        callbacks::JsonDict error;  ///< of a rejection
        std::string problem;        ///< of a failure, for the log
    };

    async::task<callbacks::Verdict> check_event_for_spam(const callbacks::Event& event);
    async::task<callbacks::Verdict> user_may_join_room(const std::string& user, const std::string& room, bool is_invited);
    async::task<callbacks::Verdict> user_may_invite(const std::string& inviter, const std::string& invitee,
                                                    const std::string& room_id);
    async::task<callbacks::Verdict> user_may_send_3pid_invite(const std::string& inviter, const std::string& medium,
                                                              const std::string& address, const std::string& room_id);
    async::task<callbacks::Verdict> user_may_create_room(const std::string& user_id);
    async::task<callbacks::Verdict> user_may_create_room_alias(const std::string& user_id,
                                                               const callbacks::RoomAlias& room_alias);
    async::task<callbacks::Verdict> user_may_publish_room(const std::string& user_id, const std::string& room_id);
    async::task<bool> check_username_for_spam(const callbacks::UserProfile& profile);
    async::task<callbacks::Verdict> check_login_for_spam(const std::string& user_id,
                                                         const std::optional<std::string>& device_id,
                                                         const std::optional<std::string>& initial_display_name,
                                                         const callbacks::LoginRequestInfo& request_info,
                                                         const std::optional<std::string>& auth_provider_id);

    /// Puts a callback into its place if the operator wants it.
    template <auto Callback, class Slot>
    void enable(Slot& slot) {
        if (config_.enabled.contains(Slot::callback_name)) slot = async::bind<Callback>(this);
    }
    async::task<callbacks::Verdict> decide(std::string callback, callbacks::JsonDict question);
    /// For who doesn't wait for the answer.
    async::task<void> tell(const std::string& callback, const callbacks::JsonDict& question);
    /// Asks the service; a failure is logged with what is made of it.
    async::task<Reply> ask(std::string callback, callbacks::JsonDict question, std::string consequence);
    async::task<modapi::HttpResponse> post(std::string url, callbacks::JsonDict body);
    async::task<void> ping_until_answered();
    /// The reason why it didn't answer as it should; none if it did.
    async::task<std::optional<std::string>> ping();
    [[nodiscard]] std::string url_of(std::string_view name) const { return config_.base_url + "/" + std::string(name); }

    Config config_;
    modapi::ModuleApi& api_;
};
