#pragma once

#include "access/seen_clients.h"
#include "addresses/validation_mail.h"
#include "events/notifier.h"
#include "http/router.h"
#include "module_services/module_services.h"
#include "process/server_configuration.h"

#include <modapi/database.h>
#include <modapi/homeserver.h>
#include <modapi/worker.h>

#include <callbacks/users.h>

#include <async/scope.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace homeserver {

class BackgroundUpdates;
class ClientEventCache;
class Mailer;
class HttpPushers;
class PresenceInterests;
class PushGateway;
class RegistrationTurns;
class RoomDeletions;
class ServerWorker;
class SigningKey;

/// What all workers of the process share.
struct Shared {
    const ServerConfiguration& configuration;
    modapi::Database& database;
    Notifier& notifier;
    const SigningKey& signing_key;  ///< made by SigningKey::load_or_create (rooms/signing_key.h) at start
    PresenceInterests& presence_interests;
    RoomDeletions& room_deletions;
    RegistrationTurns& registration_turns;
    Mailer& mailer;
    boost::asio::any_io_executor blocking_pool;  ///< what modules defer to threads
    boost::asio::any_io_executor host_pool;  ///< the host's own blocking work (passwords, files): a module that fills the other
                                             ///< pool keeps nobody from logging in
    BackgroundUpdates* background_updates = nullptr;  ///< the main worker's; set before any worker starts
    std::vector<ServerWorker*> workers = {};          ///< all, the main one first; complete before any of them starts
};

/// One worker of the server: one thread, one executor, its own module instances. Everything here runs on that thread.
class ServerWorker final : public modapi::Homeserver {
public:
    ServerWorker(Shared& shared, const async::environment& where, modapi::InvalidationBus& bus,
                 modapi::WorkerSettings settings);
    ~ServerWorker() override;

    // modapi::Homeserver
    [[nodiscard]] const std::string& server_name() const noexcept override;
    [[nodiscard]] const std::string& public_baseurl() const noexcept override;
    [[nodiscard]] const std::string& email_app_name() const noexcept override;
    [[nodiscard]] const std::optional<std::string>& custom_template_dir() const noexcept override;
    [[nodiscard]] const std::optional<std::string>& template_dir() const noexcept override;
    [[nodiscard]] modapi::AccountServices& accounts() noexcept override { return services_.accounts; }
    [[nodiscard]] modapi::SessionServices& sessions() noexcept override { return services_.sessions; }
    [[nodiscard]] modapi::RoomServices& rooms() noexcept override { return services_.rooms; }
    [[nodiscard]] modapi::PresenceServices& presence() noexcept override { return services_.presence; }
    [[nodiscard]] modapi::MailServices& mail() noexcept override { return services_.mail; }
    [[nodiscard]] modapi::PushServices& push() noexcept override { return services_.push; }

    [[nodiscard]] const ServerConfiguration& configuration() const noexcept { return shared_.configuration; }
    [[nodiscard]] modapi::Database& database() noexcept { return shared_.database; }
    [[nodiscard]] Notifier& notifier() noexcept { return shared_.notifier; }
    /// Signs the events that this server makes.
    [[nodiscard]] const SigningKey& signing_key() const noexcept { return shared_.signing_key; }
    [[nodiscard]] modapi::Worker& modules() noexcept { return modules_; }
    [[nodiscard]] const modapi::Worker& modules() const noexcept { return modules_; }
    [[nodiscard]] callbacks::Dispatchers& hooks() noexcept { return modules_.hooks(); }
    [[nodiscard]] const async::environment& environment() const noexcept { return where_; }
    [[nodiscard]] PresenceInterests& presence_interests() noexcept { return shared_.presence_interests; }
    [[nodiscard]] RoomDeletions& room_deletions() noexcept { return shared_.room_deletions; }
    [[nodiscard]] RegistrationTurns& registration_turns() noexcept { return shared_.registration_turns; }
    [[nodiscard]] Mailer& mailer() noexcept { return shared_.mailer; }
    /// Only where mail can be sent.
    [[nodiscard]] const ValidationMail& validation_mail() const { return validation_mail_.value(); }
    [[nodiscard]] const boost::asio::any_io_executor& host_pool() const noexcept { return shared_.host_pool; }
    [[nodiscard]] std::int64_t now_ms() const noexcept { return where_.clock->wall_time_ms(); }
    /// Work that goes on after its request was answered (on_new_event).
    [[nodiscard]] async::scope& background() noexcept { return background_; }
    /// From where this worker's requests come.
    [[nodiscard]] SeenClients& seen_clients() noexcept { return seen_clients_; }
    /// This worker's part of the notifier: its waiting syncs.
    [[nodiscard]] WaitingSyncs& waiting_syncs() noexcept { return waiting_syncs_; }

    /// Events as this worker's clients get them.
    [[nodiscard]] ClientEventCache& client_events() noexcept { return *client_events_; }

    /// How outgoing HTTP is sent.
    [[nodiscard]] const modapi::HttpClientSettings& http_client_settings() const noexcept {
        return modules_.settings().http_client;
    }
    /// This worker's way to the gateways of pushers.
    [[nodiscard]] PushGateway& push_gateway() noexcept { return *push_gateway_; }

    /// What the main worker does in the background; asked through its own members, from any worker.
    [[nodiscard]] BackgroundUpdates& background_updates() noexcept { return *shared_.background_updates; }

    /// All workers of the process, this one too, the main one first; each is asked on its own thread.
    [[nodiscard]] const std::vector<ServerWorker*>& all_workers() const noexcept { return shared_.workers; }

    /// Begins to hear of what is new; once, before the first request.
    void attach_to_notifier();
    /// Starts the background updates and the pushers if this is the main worker; on its thread.
    void start_work_of_main();
    [[nodiscard]] async::task<void> stop_work_of_main();

private:
    Shared& shared_;
    const async::environment& where_;
    ModuleServices services_;
    modapi::Worker modules_;
    async::scope background_;
    SeenClients seen_clients_;
    WaitingSyncs waiting_syncs_;
    std::unique_ptr<ClientEventCache> client_events_;
    std::unique_ptr<PushGateway> push_gateway_;
    std::optional<ValidationMail> validation_mail_;
    std::unique_ptr<BackgroundUpdates> own_background_updates_;  ///< of the main worker
    std::unique_ptr<HttpPushers> http_pushers_;                  ///< of the main worker
};

}  // namespace homeserver
