#pragma once

#include "events/waiting_syncs.h"
#include "http/bound_endpoints.h"
#include "http/connection.h"
#include "http/host_pool.h"
#include "http/request_statistics.h"
#include "http/services.h"
#include "process/server_configuration.h"

#include <modapi/database.h>
#include <modapi/hosting/inspector_page.h>
#include <modapi/hosting/workers.h>

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace homeserver {

class BackgroundUpdates;
class Health;
class HttpPushers;
class Mailer;
class Notifier;
struct RateLimiters;
struct News;
class PresenceInterests;
class ServerName;
class SigningKey;
class Turns;

/// What all workers of the process share.
struct ProcessContext {
    const ServerConfiguration& configuration;
    const ServerName& server_name;
    modapi::Database& database;
    Notifier& notifier;
    const SigningKey& signing_key;  ///< made by SigningKey::load_or_create (events/signing_key.h) at start
    PresenceInterests& presence_interests;
    Turns& turns;
    Mailer& mailer;
    RateLimiters& rate_limiters;
    HostPool host_pool;
    const Router& router;
    Traffic& traffic;
    const std::optional<modapi::InspectorPage>& inspector_page;  ///< none: its files aren't there
    const Health& health;
    BackgroundUpdates* background_updates = nullptr;  ///< the first worker's; set before any worker starts
};

/// One worker of the server: makes what its endpoints and its modules are served by, holds it together, and serves its part of
/// the clients.
class ServerWorker final : public modapi::HostWorker {
public:
    ServerWorker(ProcessContext& process, const modapi::WorkerContext& place);
    ~ServerWorker() override;

    // modapi::Homeserver
    [[nodiscard]] const std::string& server_name() const noexcept override;
    [[nodiscard]] const std::string& public_baseurl() const noexcept override;
    [[nodiscard]] const std::string& email_app_name() const noexcept override;
    [[nodiscard]] const std::optional<std::string>& custom_template_dir() const noexcept override;
    [[nodiscard]] const std::optional<std::string>& template_dir() const noexcept override;
    [[nodiscard]] modapi::AccountServices& accounts() noexcept override;
    [[nodiscard]] modapi::SessionServices& sessions() noexcept override;
    [[nodiscard]] modapi::RoomServices& rooms() noexcept override;
    [[nodiscard]] modapi::PresenceServices& presence() noexcept override;
    [[nodiscard]] modapi::MailServices& mail() noexcept override;
    [[nodiscard]] modapi::PushServices& push() noexcept override;
    [[nodiscard]] modapi::InternalServices& internals() noexcept override;

    /// Serves a client from now on, whose socket is of this worker's executor; `x_forwarded` as of HttpConnections::add. Thread: any.
    void serve(boost::asio::ip::tcp::socket socket, bool x_forwarded);
    /// Adds this worker's connections. Thread: any.
    void count(ConnectionCounts& counts) const { connections_->count(counts); }

private:
    struct Parts;

    // modapi::HostWorker
    void begin() override;
    void modules_changed() noexcept override;
    void background_tasks_changed() override;
    [[nodiscard]] async::task<void> drain() override;
    void cut() noexcept override;
    [[nodiscard]] async::task<void> end() override;

    void offer_services(modapi::WorkerGroup& workers);
    void set_reads_events(bool reads);
    void hear(const News& news);
    /// Stops the background updates and the pushers, and starts them again, until they run for the term that this worker has.
    [[nodiscard]] static async::task<void> follow_term(ServerWorker& self);
    void start_background_work();
    [[nodiscard]] async::task<void> stop_background_work();

    ProcessContext& process_;
    WaitingSyncs waiting_syncs_;
    std::unique_ptr<Parts> parts_;
    std::optional<std::size_t> attached_;                        ///< to the notifier
    bool reads_events_ = false;                                  ///< as the notifier's audience knows it
    std::unique_ptr<BackgroundUpdates> own_background_updates_;  ///< of the first worker
    std::shared_ptr<HttpPushers> http_pushers_;                  ///< while background tasks are this worker's
    std::int64_t term_of_work_ = 0;                              ///< that these run for; 0: they don't
    bool follows_term_ = false;
    bool is_draining_ = false;
    Services services_;
    std::optional<BoundEndpoints> endpoints_;
    std::optional<HttpConnections> connections_;
};

}  // namespace homeserver
