#pragma once

#include "accounts/turns.h"
#include "events/notifier.h"
#include "events/signing_key.h"
#include "http/router.h"
#include "mail/mailer.h"
#include "presence/presence_interests.h"
#include "process/acceptor.h"
#include "process/server_configuration.h"
#include "process/server_worker.h"
#include "process/shutdown_deadline.h"
#include "process/worker_thread.h"
#include "text/server_name.h"

#include <modapi/configuration.h>
#include <modapi/invalidation_bus.h>
#include <modapi/module_resolver.h>
#include <modapi/watchdog.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <vector>

namespace homeserver {

/// The whole server: database, workers with their modules, listeners. Thread: the program's main one, which accepts clients and
/// hears of signals, so that no module can keep it from either.
class Server {
public:
    /// Builds everything and listens. Errors: modapi::ConfigurationError; nothing is left half-started. All outlive it.
    Server(const modapi::ConfigurationFile& file, const ServerConfiguration& configuration,
           const std::vector<modapi::ConfiguredModule>& modules, ShutdownDeadline& deadline);
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
    void build_workers(const std::vector<modapi::ConfiguredModule>& modules);
    void listen();
    void abandon();
    [[nodiscard]] WorkerThread& next_worker();
    void stop();
    void end_workers();
    /// Calls `next` here when every worker has reported back.
    [[nodiscard]] std::function<void()> when_all_report(std::function<void()> next);

    const modapi::ConfigurationFile& file_;
    const ServerConfiguration& configuration_;
    ShutdownDeadline& deadline_;
    Turns turns_;  // outlives every executor on which somebody waits for one
    boost::asio::io_context io_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keeps_running_;  // while workers end, too
    boost::asio::signal_set signals_;
    boost::asio::thread_pool blocking_pool_;
    boost::asio::thread_pool host_pool_;
    std::unique_ptr<modapi::Database> database_;
    SigningKey signing_key_;
    Notifier notifier_;
    PresenceInterests presence_interests_;
    Mailer mailer_;
    modapi::InProcessInvalidationBus invalidations_;
    modapi::Watchdog watchdog_;
    ServerName server_name_;
    ProcessContext context_;
    Router router_;
    std::vector<std::unique_ptr<WorkerThread>> workers_;
    std::vector<std::unique_ptr<Acceptor>> acceptors_;
    std::size_t next_worker_ = 0;
    std::size_t reported_ = 0;
};

}  // namespace homeserver
