#include "process/server.h"

#include "admin/admin_modules.h"
#include "process/endpoints.h"
#include "process/schema.h"

#include <spdlog/spdlog.h>
#include <unistd.h>
#include <boost/asio/post.hpp>

#include <cerrno>
#include <csignal>
#include <system_error>

namespace homeserver {

namespace {

constexpr std::size_t blocking_threads = 8;
constexpr std::size_t host_threads = 2;  // each hash takes 64 MiB while it is made
/// The server ends within 5 s of a signal: first requests may end by themselves, then they are cut, then modules may stop, then
/// nothing is waited for.
constexpr auto grace_for_requests = std::chrono::milliseconds(1500);
constexpr auto time_for_modules = std::chrono::milliseconds(2000);
constexpr auto time_to_stop = std::chrono::milliseconds(4500);

std::unique_ptr<modapi::Database> open_database(const modapi::ConfigurationFile& file,
                                                const modapi::DatabaseSettings& settings) {
    modapi::ConfigurationPath place = {"database", "args"};
    if (settings.name == "sqlite3") place.emplace_back("database");
    try {
        std::unique_ptr<modapi::Database> database = modapi::Database::open(settings);
        create_schema(*database);
        return database;
    } catch (const modapi::DatabaseError& error) {
        file.fail(place, error.what());
    }
}

SigningKey open_signing_key(const modapi::ConfigurationFile& file, const std::filesystem::path& path) {
    try {
        return SigningKey::load_or_create(path);
    } catch (const std::exception& error) {
        file.fail({"signing_key_path"}, error.what());
    }
}

/// Why nothing can be written at `place`, which needn't be there yet: its nearest folder that is takes no new entries.
std::error_code refusal_to_write(const std::filesystem::path& wanted) {
    std::filesystem::path place = std::filesystem::absolute(wanted);
    bool is_there = std::filesystem::exists(place);
    while (!is_there && place.has_relative_path()) {
        place = place.parent_path();
        is_there = std::filesystem::exists(place);
        if (is_there && !std::filesystem::is_directory(place)) return std::make_error_code(std::errc::not_a_directory);
    }
    if (::access(place.c_str(), W_OK) != 0) return {errno, std::generic_category()};
    return {};
}

/// What the server writes to later is looked at when it starts, so that nobody's first upload or mail finds out.
void require_writable(const modapi::ConfigurationFile& file, const modapi::ConfigurationPath& key,
                      const std::filesystem::path& place) {
    const std::error_code refusal = refusal_to_write(place);
    if (refusal) file.fail(key, place.string() + " can't be written to: " + refusal.message());
}

modapi::HttpClientSettings http_client_settings(const ServerConfiguration& configuration) {
    modapi::HttpClientSettings settings;
    settings.user_agent = "modapi-homeserver/" HOMESERVER_VERSION;
    if (configuration.ip_range_blocklist) settings.ip_range_blocklist = *configuration.ip_range_blocklist;
    settings.ip_range_allowlist = configuration.ip_range_allowlist;
    settings.http_proxy = configuration.http_proxy;
    settings.https_proxy = configuration.https_proxy;
    settings.no_proxy_hosts = configuration.no_proxy_hosts;
    return settings;
}

void append(std::string& list, std::string_view kind, const std::string& names) {
    if (names.empty()) return;
    if (!list.empty()) list += "; ";
    list.append(kind).append(" ").append(names);
}

template <class Entries, class Name>
std::string joined(const Entries& entries, Name name_of) {
    std::string list;
    for (const auto& entry : entries) {
        if (!list.empty()) list += ", ";
        list += name_of(entry);
    }
    return list;
}

/// What a module registered, in a line of the log.
std::string registrations_of(const modapi::ModuleStatistics& module) {
    std::string list;
    append(list, "callbacks", joined(module.callbacks, [](const modapi::CallbackCounts& counts) { return counts.callback; }));
    append(list, "web resources", joined(module.web_resources, [](const std::string& path) { return path; }));
    append(list, "cached functions", joined(module.caches, [](const modapi::CacheCounts& counts) { return counts.function; }));
    return list.empty() ? "no callbacks" : list;
}

}  // namespace

Server::Server(const modapi::ConfigurationFile& file, const ServerConfiguration& configuration,
               const std::vector<modapi::ConfiguredModule>& modules, ShutdownDeadline& deadline)
    : file_(file),
      configuration_(configuration),
      deadline_(deadline),
      keeps_running_(io_.get_executor()),
      signals_(io_),
      blocking_pool_(blocking_threads),
      host_pool_(host_threads),
      database_(open_database(file, configuration.database)),
      signing_key_(open_signing_key(file, configuration.signing_key_path)),
      mailer_(configuration.mail, configuration.server_name),
      server_name_(configuration.server_name),
      context_{configuration,
               server_name_,
               *database_,
               notifier_,
               signing_key_,
               presence_interests_,
               turns_,
               mailer_,
               blocking_pool_.get_executor(),
               HostPool{host_pool_.get_executor()}} {
    require_writable(file, {"media_store_path"}, configuration.media.store_path);
    if (configuration.mail.sink) require_writable(file, {"email", "sink_path"}, *configuration.mail.sink);
    add_endpoints(router_);
    try {
        build_workers(modules);
        for (const std::unique_ptr<WorkerThread>& worker : workers_) worker->start_modules(file_);
        listen();
    } catch (...) {
        abandon();
        throw;
    }
}

Server::~Server() {
    workers_.clear();
    host_pool_.join();
    blocking_pool_.join();
}

void Server::build_workers(const std::vector<modapi::ConfiguredModule>& modules) {
    for (int index = 0; index < configuration_.workers; ++index) {
        modapi::WorkerSettings settings;
        if (index > 0) {
            settings.worker_name = "worker" + std::to_string(index);
            settings.worker_app = "homeserver.worker";
        }
        settings.run_background_tasks = index == 0;
        settings.start_deadline = std::chrono::milliseconds(configuration_.module_start_timeout_ms);
        settings.stop_deadline = time_for_modules;
        settings.http_client = http_client_settings(configuration_);
        settings.caches = configuration_.caches;
        settings.watchdog = &watchdog_;
        workers_.push_back(std::make_unique<WorkerThread>(context_, invalidations_, std::move(settings), router_));
        workers_.back()->construct_modules(file_, modules);
    }
}

void Server::listen() {
    for (const Listener& listener : configuration_.listeners)
        acceptors_.push_back(std::make_unique<Acceptor>(io_, listener, file_));
    signals_.add(SIGTERM);
    signals_.add(SIGINT);
}

void Server::abandon() {
    acceptors_.clear();
    for (const std::unique_ptr<WorkerThread>& worker : workers_) worker->abandon();
    workers_.clear();
    host_pool_.join();
    blocking_pool_.join();
}

std::vector<std::string> Server::addresses() const {
    std::vector<std::string> addresses;
    for (const std::unique_ptr<Acceptor>& acceptor : acceptors_) addresses.push_back(acceptor->address());
    return addresses;
}

void Server::log_modules() const {
    std::vector<modapi::ModuleStatistics> together;
    for (const std::unique_ptr<WorkerThread>& worker : workers_) add_up(together, worker->module_statistics());
    for (const modapi::ModuleStatistics& module : together)
        spdlog::info("module {} registered {}", module.module, registrations_of(module));
}

WorkerThread& Server::next_worker() { return *workers_[next_worker_++ % workers_.size()]; }

void Server::run() {
    signals_.async_wait([this](const boost::system::error_code& error, int) {
        if (!error) stop();
    });
    for (const std::unique_ptr<WorkerThread>& worker : workers_) worker->start();
    for (const std::unique_ptr<Acceptor>& acceptor : acceptors_) {
        acceptor->start([this]() -> WorkerThread& { return next_worker(); });
    }
    io_.run();
    for (const std::unique_ptr<WorkerThread>& worker : workers_) worker->join();
}

void Server::stop() {
    spdlog::info("stopping");
    std::vector<std::pair<std::string, WorkerThread::OnStack>> held;
    for (const std::unique_ptr<WorkerThread>& worker : workers_) held.emplace_back(worker->name(), worker->on_stack());
    deadline_.arm(time_to_stop, std::move(held));
    mailer_.end_within(grace_for_requests);
    for (const std::unique_ptr<Acceptor>& acceptor : acceptors_) acceptor->stop();
    const std::function<void()> drained = when_all_report([this] { end_workers(); });
    for (const std::unique_ptr<WorkerThread>& worker : workers_) worker->drain(grace_for_requests, drained);
}

void Server::end_workers() {
    const std::function<void()> ended = when_all_report([this] { io_.stop(); });
    for (const std::unique_ptr<WorkerThread>& worker : workers_) worker->end(ended);
}

std::function<void()> Server::when_all_report(std::function<void()> next) {
    reported_ = 0;
    return [this, next = std::move(next)] {
        boost::asio::post(io_, [this, next] {
            if (++reported_ == workers_.size()) next();
        });
    };
}

}  // namespace homeserver
