#pragma once

#include "admin/admin_modules.h"
#include "events/waiting_syncs.h"
#include "http/host_pool.h"
#include "http/services.h"
#include "process/server_configuration.h"

#include <modapi/database.h>
#include <modapi/homeserver.h>
#include <modapi/invalidation_bus.h>
#include <modapi/worker.h>

#include <async/scope.h>

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <optional>
#include <string>

namespace homeserver {

class BackgroundUpdates;
class HttpPushers;
class Mailer;
class Notifier;
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
    boost::asio::any_io_executor blocking_pool;  ///< what modules defer to threads
    HostPool host_pool;
    BackgroundUpdates* background_updates = nullptr;  ///< the main worker's; set before any worker starts
    ModuleWorkers module_workers = {};
};

/// One worker of the server: one thread, one executor, its own module instances. Makes what its endpoints and its modules are
/// served by, and holds it together. Everything here runs on that thread.
class ServerWorker final : public modapi::Homeserver {
public:
    ServerWorker(ProcessContext& process, const async::environment& where, modapi::InvalidationBus& bus,
                 modapi::WorkerSettings settings);
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

    /// What endpoints may ask for.
    [[nodiscard]] const Services& services() const noexcept { return services_; }
    [[nodiscard]] modapi::Worker& modules() noexcept { return modules_; }
    [[nodiscard]] const modapi::Worker& modules() const noexcept { return modules_; }
    /// Work that goes on after its request was answered (on_new_event).
    [[nodiscard]] async::scope& background() noexcept { return background_; }
    /// This worker's part of the notifier: its waiting syncs.
    [[nodiscard]] WaitingSyncs& waiting_syncs() noexcept { return waiting_syncs_; }

    /// Begins to hear of what is new; once, before the first request.
    void attach_to_notifier();
    /// Hears of nothing new from now on; before the modules stop. On its thread.
    void detach_from_notifier();
    /// Starts the background updates and the pushers if this is the main worker; on its thread.
    void start_work_of_main();
    [[nodiscard]] async::task<void> stop_work_of_main();

private:
    struct Parts;

    void offer_services();

    ProcessContext& process_;
    const async::environment& where_;
    modapi::Worker modules_;
    async::scope background_;
    WaitingSyncs waiting_syncs_;
    std::unique_ptr<Parts> parts_;
    std::optional<std::size_t> attached_;                        ///< to the notifier
    std::unique_ptr<BackgroundUpdates> own_background_updates_;  ///< of the main worker
    std::unique_ptr<HttpPushers> http_pushers_;                  ///< of the main worker
    Services services_;
};

}  // namespace homeserver
