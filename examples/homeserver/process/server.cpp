#include "process/server.h"

#include "admin/admin_metrics.h"
#include "background/updates_of_processes.h"
#include "events/stream.h"
#include "events/stream_page.h"
#include "media/incoming_file.h"
#include "process/endpoints.h"
#include "process/module_reading.h"
#include "process/schema.h"
#include "text/secrets.h"

#include <modapi/hosting/joined_processes.h>
#include <modapi/version.h>

#include <spdlog/spdlog.h>

#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

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
                                                const modapi::DatabaseSettings& settings, const std::string& instance) {
    modapi::ConfigurationPath place = {"database", "args"};
    if (settings.name == "sqlite3") place.emplace_back("database");
    try {
        modapi::DatabaseSettings with_turns = settings;
        with_turns.turn_table = stream_turn_table;
        with_turns.postgresql_options = options_of_process(instance);
        with_turns.is_alone = true;
        std::unique_ptr<modapi::Database> database = modapi::Database::open(with_turns);
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

/// None, and a line of the log, if its files aren't there: everything else works without them.
std::optional<modapi::InspectorPage> load_inspector_page() {
    try {
        return modapi::InspectorPage();
    } catch (const std::exception& error) {
        spdlog::warn("/_synapse/admin/modules/ isn't served: {}", error.what());
    }
    return std::nullopt;
}

}  // namespace

Server::Server(const modapi::ConfigurationFile& file, const ServerConfiguration& configuration,
               const std::vector<modapi::ConfiguredModule>& modules, const ModuleReading& reading, modapi::HostProcess& process)
    : file_(file),
      configuration_(configuration),
      instance_(new_media_id()),
      host_pool_(host_threads),
      database_(open_database(file, configuration.database, instance_)),
      processes_(modapi::join_processes(*database_, configuration.database, configuration.process, file, modules,
                                        configuration.server_name, MODAPI_VERSION)),
      signing_key_(open_signing_key(file, configuration.signing_key_path)),
      mailer_(configuration.mail, configuration.server_name),
      rate_limiters_(configuration.rate_limits, async::real_clock()),
      server_name_(configuration.server_name),
      inspector_page_(load_inspector_page()),
      context_{configuration,   server_name_,
               *database_,      notifier_,
               signing_key_,    presence_interests_,
               turns_,          mailer_,
               rate_limiters_,  HostPool{host_pool_.get_executor()},
               router_,         traffic_,
               inspector_page_, health_} {
    require_writable(file, {"media_store_path"}, configuration.media.store_path);
    // What isn't there when a module's process starts, that can't read later.
    if (configuration.python) std::filesystem::create_directories(configuration.media.store_path);
    end_incoming_files(*database_, configuration.media);
    if (configuration.mail.sink) require_writable(file, {"email", "sink_path"}, *configuration.mail.sink);
    if (processes_) other_processes_.emplace(*database_, notifier_, presence_interests_, instance_, *processes_);
    if (processes_) health_.ask([registry = &processes_->registry()] { return registry->unhealthy(); });
    add_endpoints(router_);
    modapi::WorkerGroupSettings settings = workers_settings(process);
    settings.read_modules = [&reading] { return reading.read(); };
    settings.answers[topic_of_metrics] = [this](modapi::WorkerGroup& workers, const callbacks::JsonDict&) {
        return tell_metrics(workers, traffic_);
    };
    settings.answers[UpdatesOfProcesses::topic] = [this](modapi::WorkerGroup&, callbacks::JsonDict question) {
        return UpdatesOfProcesses::tell(*context_.background_updates, std::move(question));
    };
    workers_.emplace(std::move(settings), *database_, modules,
                     [this](const modapi::WorkerContext& place) { return std::make_unique<ServerWorker>(context_, place); });
    listen();
}

Server::~Server() {
    acceptors_.clear();
    distribution_.reset();
    metrics_server_.reset();
    workers_.reset();
    host_pool_.join();
}

modapi::WorkerGroupSettings Server::workers_settings(modapi::HostProcess& process) const {
    modapi::WorkerGroupSettings settings;
    settings.count = configuration_.workers;
    settings.worker_name = configuration_.process.worker_name;
    settings.worker_app = configuration_.process.worker_app;
    settings.each.reserved_paths.emplace_back("/health");
    settings.each.start_deadline = std::chrono::milliseconds(configuration_.module_start_timeout_ms);
    settings.each.stop_deadline = time_for_modules;
    settings.each.limit(configuration_.callback_limits);
    settings.each.http_client = configuration_.http_client;
    settings.each.http_client.user_agent = "modapi-homeserver/" MODAPI_VERSION;
    settings.each.caches = configuration_.caches;
    settings.decisions = configuration_.decisions;
    settings.blocking_threads = blocking_threads;
    settings.grace = grace_for_requests;
    settings.time_to_stop = time_to_stop;
    settings.process = &process;
    settings.processes = processes_.get();
    return settings;
}

void Server::listen() {
    std::vector<ClientDistribution::Worker> all;
    for (std::size_t index = 0; index < workers_->size(); ++index) {
        ServerWorker& worker = (*workers_)[index];
        all.push_back(
            {worker.where().executor, [&worker](boost::asio::ip::tcp::socket client, bool x_forwarded) {
                 worker.serve(std::move(client), x_forwarded);
             }});
    }
    distribution_.emplace(workers_->front(), std::move(all));
    for (const Listener& listener : configuration_.listeners) {
        acceptors_.push_back(std::make_unique<Acceptor>(workers_->front(), listener, file_));
        if (listener.is_for_metrics && !metrics_server_) metrics_server_.emplace(workers_->front(), *workers_, traffic_);
    }
}

std::vector<std::string> Server::addresses() const {
    std::vector<std::string> addresses;
    for (const std::unique_ptr<Acceptor>& acceptor : acceptors_) addresses.push_back(acceptor->address());
    return addresses;
}

void Server::log_modules() const { workers_->log_modules(); }

ConnectionCounts Server::clients() {
    ConnectionCounts counts;
    for (std::size_t index = 0; index < workers_->size(); ++index) (*workers_)[index].count(counts);
    if (metrics_server_) metrics_server_->count(counts);
    return counts;
}

void Server::run() {
    for (std::size_t index = 0; index < acceptors_.size(); ++index) {
        const Listener& listener = configuration_.listeners[index];
        const auto give = [this, &listener](boost::asio::ip::tcp::socket client) {
            if (listener.is_for_metrics) {
                metrics_server_->serve(std::move(client));
            } else {
                distribution_->give(std::move(client), listener.x_forwarded);
            }
        };
        acceptors_[index]->start(give, [this] { return clients(); });
    }
    workers_->serve([this] { close(); });
}

void Server::close() {
    mailer_.end_within(grace_for_requests);
    for (const std::unique_ptr<Acceptor>& acceptor : acceptors_) acceptor->stop();
    distribution_->stop();
    if (metrics_server_) metrics_server_->finish();
}

}  // namespace homeserver
