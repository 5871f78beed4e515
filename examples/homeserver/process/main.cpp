#include "process/built_in_modules.h"
#include "process/module_reading.h"
#include "process/python_loading.h"
#include "process/server.h"
#include "process/server_configuration.h"

#include <modapi/hosting/configuration.h>
#include <modapi/hosting/host_process.h>
#include <modapi/hosting/module_resolver.h>
#include <modapi/version.h>

#include <sodium.h>
#include <spdlog/details/log_msg_buffer.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <boost/program_options.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

namespace program_options = boost::program_options;

constexpr const char* usage = "usage: homeserver --config FILE [--config FILE]... [--check-config]\n";

constexpr const char* own_log = "homeserver";

/// In front of a module's own lines, which it writes by a logger of its name.
class ModuleName final : public spdlog::custom_flag_formatter {
public:
    void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& line) override {
        const std::string_view name(message.logger_name.data(), message.logger_name.size());
        if (name == own_log) return;
        for (const std::string_view part : {std::string_view("module "), name, std::string_view(": ")}) {
            line.append(part.data(), part.data() + part.size());
        }
    }
    [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<ModuleName>(); }
};

/// What a line says. Texts of others come along, of exceptions and of remote servers: they must not begin lines of their own.
class OneLine final : public spdlog::custom_flag_formatter {
public:
    void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& line) override {
        for (const char character : std::string_view(message.payload.data(), message.payload.size())) {
            const bool is_control = static_cast<unsigned char>(character) < 0x20 || character == 0x7F;
            line.push_back(is_control ? ' ' : character);
        }
    }
    [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<OneLine>(); }
};

/// Writes to stderr. If the server doesn't start, what went wrong is one line of its own: what it has to say below a warning is kept
/// back until everything runs. What modules have to say, which begin before that, is theirs to judge.
class StandardError final : public spdlog::sinks::stderr_sink_mt {
public:
    void log(const spdlog::details::log_msg& message) override {
        const std::string_view name(message.logger_name.data(), message.logger_name.size());
        const bool may_wait = message.level < spdlog::level::warn && name == own_log;
        if (may_wait && !everything_runs_.load(std::memory_order_acquire) && keep(message)) return;
        spdlog::sinks::stderr_sink_mt::log(message);
    }
    /// Writes what was kept.
    void everything_runs() {
        const std::lock_guard lock(mutex_of_kept_);
        for (const spdlog::details::log_msg_buffer& message : kept_) spdlog::sinks::stderr_sink_mt::log(message);
        kept_.clear();
        everything_runs_.store(true, std::memory_order_release);
    }

private:
    static constexpr std::size_t most_kept = 1000;

    /// False: it is to be written.
    bool keep(const spdlog::details::log_msg& message) {
        const std::lock_guard lock(mutex_of_kept_);
        if (everything_runs_.load(std::memory_order_relaxed)) return false;
        if (kept_.size() < most_kept) kept_.emplace_back(message);
        return true;
    }

    std::mutex mutex_of_kept_;
    std::vector<spdlog::details::log_msg_buffer> kept_;
    std::atomic<bool> everything_runs_{false};
};

/// Lines on stderr: time, level, text. Modules have loggers of their own, which write where the server's does.
std::shared_ptr<StandardError> set_up_log() {
    auto sink = std::make_shared<StandardError>();
    auto log = std::make_shared<spdlog::logger>(own_log, sink);
    auto form = std::make_unique<spdlog::pattern_formatter>();
    form->add_flag<ModuleName>('*').add_flag<OneLine>('?').set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %*%?");
    log->set_formatter(std::move(form));
    log->flush_on(spdlog::level::trace);
    spdlog::set_default_logger(std::move(log));
    return sink;
}

/// Of an installed server the one that was installed with it; of a built one the build's, beside the program's folder.
std::filesystem::path default_module_path() {
    const std::filesystem::path prefix = std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path();
    const std::filesystem::path installed = prefix / HOMESERVER_INSTALLED_MODULES;
    return std::filesystem::is_directory(installed) ? installed : prefix / "modules";
}

/// The templates that came with the program, likewise.
std::string template_dir() {
    const std::filesystem::path prefix = std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path();
    const std::filesystem::path installed = prefix / HOMESERVER_INSTALLED_TEMPLATES;
    return (std::filesystem::is_directory(installed) ? installed : prefix / "templates").string();
}

void print_findings(const homeserver::ServerConfiguration& configuration,
                    const std::vector<modapi::ConfiguredModule>& modules) {
    std::cout << "server_name: " << configuration.server_name << "\n";
    for (const homeserver::Listener& listener : configuration.listeners)
        std::cout << "listener: " << listener.to_string() << (listener.is_for_metrics ? " (metrics)" : "") << "\n";
    const bool is_sqlite = configuration.database.name == "sqlite3";
    std::cout << "database: " << configuration.database.name << (is_sqlite ? " " + configuration.database.database : "")
              << "\n";
    std::cout << "workers: " << configuration.workers << "\n";
    if (configuration.process.worker_name) std::cout << "worker_name: " << *configuration.process.worker_name << "\n";
    for (const modapi::ConfiguredModule& module : modules) {
        const std::string library = module.library.empty() ? "compiled in" : module.library.string();
        std::cout << "module: " << module.name << " (" << library << ")\n";
    }
    std::cout << "the configuration is fine" << std::endl;
}

void serve(const modapi::ConfigurationFile& file, const homeserver::ServerConfiguration& configuration,
           const std::vector<modapi::ConfiguredModule>& modules, const homeserver::ModuleReading& reading,
           modapi::HostProcess& process, StandardError& log) {
    homeserver::Server server(file, configuration, modules, reading, process);
    log.everything_runs();
    spdlog::info("started: server_name={} workers={} modules={}", configuration.server_name, configuration.workers,
                 modules.size());
    server.log_modules();
    for (const std::string& address : server.addresses()) std::cout << "listening on " << address << std::endl;
    server.run();
    spdlog::info("stopped");
}

void run(const std::vector<std::filesystem::path>& files, bool only_check, modapi::HostProcess& process, StandardError& log) {
    const modapi::ConfigurationFile file = modapi::ConfigurationFile::load(files);
    const auto warn = [](const std::string& line) { spdlog::warn("{}", line); };
    homeserver::ServerConfiguration configuration = homeserver::read_server_configuration(file, default_module_path(), warn);
    configuration.template_dir = template_dir();
    process.watch_start(std::chrono::milliseconds(configuration.module_start_timeout_ms));
    modapi::ModuleResolver resolver(configuration.module_path);
    homeserver::add_built_in_modules(resolver);
    homeserver::add_python_modules(resolver, file, configuration);
    const homeserver::KnownWorkers workers = homeserver::known_workers(configuration);
    const std::vector<modapi::ConfiguredModule> modules = homeserver::configure_all_modules(file, resolver, workers, warn);
    if (only_check) {
        print_findings(configuration, modules);
    } else {
        const homeserver::ModuleReading reading(file, files, default_module_path(), workers, resolver);
        serve(file, configuration, modules, reading, process, log);
    }
}

int run_program(int argument_count, char** arguments, modapi::HostProcess& process, StandardError& log) {
    program_options::options_description options("Options");
    options.add_options()("config", program_options::value<std::vector<std::string>>()->value_name("FILE"),
                          "the configuration, a YAML file; given several times, a later file's top-level keys take the place of "
                          "those of the files before it")(
        "check-config", "read the configuration and those of all modules, say what was found, start nothing")(
        "version", "say which version this is")("help", "say this");
    program_options::variables_map given;
    program_options::store(program_options::parse_command_line(argument_count, arguments, options), given);
    if (given.contains("help")) {
        std::cout << usage << "\nA small Matrix homeserver, extended by modules.\n\n" << options;
        return EXIT_SUCCESS;
    }
    if (given.contains("version")) {
        std::cout << "homeserver " MODAPI_VERSION "\n";
        return EXIT_SUCCESS;
    }
    if (!given.contains("config")) {
        std::cerr << "homeserver: --config FILE is required (--help says more)\n";
        return EXIT_FAILURE;
    }
    if (sodium_init() < 0) throw std::runtime_error("libsodium can't be used");
    const auto& files = given["config"].as<std::vector<std::string>>();
    run({files.begin(), files.end()}, given.contains("check-config"), process, log);
    return EXIT_SUCCESS;
}

}  // namespace

int main(int argument_count, char** arguments) {
    constexpr mode_t nothing_for_others = 0077;
    ::umask(nothing_for_others);    // tokens are in the database, codes in the mails
    std::signal(SIGXFSZ, SIG_IGN);  // NOLINT: a file that may not grow is an error of a write
    modapi::HostProcess& process = modapi::HostProcess::take_over();
    std::signal(SIGPIPE, SIG_IGN);  // NOLINT: a client that goes away is an error of a write, not the end of the program
    try {
        const std::shared_ptr<StandardError> log = set_up_log();
        return run_program(argument_count, arguments, process, *log);
    } catch (const modapi::ConfigurationError& error) {
        std::cerr << error.what() << std::endl;
    } catch (const modapi::HostError& error) {
        std::cerr << error.what() << std::endl;
    } catch (const std::exception& error) {
        std::cerr << "homeserver: " << error.what() << std::endl;
    }
    return EXIT_FAILURE;
}
