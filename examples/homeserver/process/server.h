#pragma once

#include "accounts/turns.h"
#include "events/notifier.h"
#include "events/signing_key.h"
#include "http/health.h"
#include "http/request_statistics.h"
#include "http/router.h"
#include "mail/mailer.h"
#include "presence/presence_interests.h"
#include "process/acceptor.h"
#include "process/client_distribution.h"
#include "process/metrics_server.h"
#include "process/other_processes.h"
#include "process/server_configuration.h"
#include "process/server_worker.h"
#include "rate_limits/rate_limiter.h"
#include "text/server_name.h"

#include <modapi/hosting/configuration.h>
#include <modapi/hosting/inspector_page.h>
#include <modapi/hosting/process_group.h>
#include <modapi/hosting/workers.h>

#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace homeserver {

class ModuleReading;

/// The whole server: database, workers with their modules, listeners. Thread: the program's main one, which accepts clients and
/// hears of signals, so that no module can keep it from either.
class Server {
public:
    /// Builds everything and listens. Errors: modapi::ConfigurationError, modapi::HostError; nothing is left half-started. All
    /// outlive it.
    Server(const modapi::ConfigurationFile& file, const ServerConfiguration& configuration,
           const std::vector<modapi::ConfiguredModule>& modules, const ModuleReading& reading, modapi::HostProcess& process);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// The addresses it listens on.
    [[nodiscard]] std::vector<std::string> addresses() const;
    /// One line for each module: what it registered. Before `run`.
    void log_modules() const;
    /// Serves until SIGTERM or SIGINT, then ends everything.
    void run();

private:
    [[nodiscard]] modapi::WorkerGroupSettings workers_settings(modapi::HostProcess& process) const;
    void listen();
    [[nodiscard]] ConnectionCounts clients();
    void close();

    const modapi::ConfigurationFile& file_;
    const ServerConfiguration& configuration_;
    const std::string instance_;  ///< of this program, among those over one database
    Turns turns_;  // outlives every executor on which somebody waits for one
    boost::asio::thread_pool host_pool_;
    std::unique_ptr<modapi::Database> database_;
    std::unique_ptr<modapi::ProcessGroup> processes_;  ///< null: this one is alone
    SigningKey signing_key_;
    Notifier notifier_;
    PresenceInterests presence_interests_;
    Mailer mailer_;
    RateLimiters rate_limiters_;
    ServerName server_name_;
    Router router_;
    Traffic traffic_;
    std::optional<modapi::InspectorPage> inspector_page_;
    Health health_;
    ProcessContext context_;
    std::optional<OtherProcesses> other_processes_;  ///< on PostgreSQL
    std::optional<modapi::Workers<ServerWorker>> workers_;
    std::optional<MetricsServer> metrics_server_;
    std::vector<std::unique_ptr<Acceptor>> acceptors_;  ///< of the configuration's listeners, in their order
    std::optional<ClientDistribution> distribution_;
};

}  // namespace homeserver
