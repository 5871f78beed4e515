#include <modapi/testing/host.h>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <utility>

namespace modapi::testing {

/// Takes the place of the program's log.
class Host::Log {
public:
    Log() : sink_(std::make_shared<Sink>()), before_(spdlog::default_logger()) {
        auto logger = std::make_shared<spdlog::logger>("test", sink_);
        logger->set_level(spdlog::level::trace);
        spdlog::set_default_logger(std::move(logger));
    }
    ~Log() { spdlog::set_default_logger(before_); }
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    [[nodiscard]] std::string text() const { return sink_->text(); }

private:
    class Sink final : public spdlog::sinks::base_sink<std::mutex> {
    public:
        [[nodiscard]] std::string text() {
            const std::scoped_lock lock(mutex_);
            return lines_;
        }

    protected:
        void sink_it_(const spdlog::details::log_msg& message) override {
            const auto level = spdlog::level::to_string_view(message.level);
            lines_.append(level.data(), level.size()).append(" ");
            lines_.append(message.payload.data(), message.payload.size()).append("\n");
        }
        void flush_() override {}

    private:
        std::string lines_;
    };

    std::shared_ptr<Sink> sink_;
    std::shared_ptr<spdlog::logger> before_;
};

namespace {

DatabaseSettings in_memory() {
    DatabaseSettings settings;
    settings.database = ":memory:";
    return settings;
}

/// The entry with its configuration, which begins in line 4 for the first one.
std::string entry_of(const std::string& name, std::string_view config) {
    std::string yaml = "  - module: " + name + "\n    config:\n      ";
    for (const char c : config) {
        yaml += c;
        if (c == '\n') yaml += "      ";
    }
    return yaml + "\n";
}

}  // namespace

Host::Host() : Host(WorkerSettings()) {}

Host::Host(WorkerSettings settings)
    : log_(std::make_unique<Log>()),
      database_(Database::open(in_memory())),
      background_(time_.environment(),
                  [](std::string_view what, const std::exception_ptr& failure) {
                      spdlog::error("{} failed: {}", what, callbacks::message_of(failure));
                  }),
      resolver_({}) {
    settings.http_client.transport = &http;
    worker_ = std::make_unique<ModuleHost>(server, time_.environment(), *database_, bus_, threads_, std::move(settings));
}

Host::~Host() {
    if (is_running_) stop();
    end_background();
}

void Host::end_background() {
    background_.cancel();
    time_.run(background_.join());
}

void Host::add_entry(std::string name, const ModuleDefinition& definition, std::string_view config) {
    if (was_loaded_) throw std::logic_error("the modules of a test's host are loaded once");
    entries_.push_back({std::move(name), definition, std::string(config)});
}

std::vector<ConfiguredModule> Host::read_entries() {
    std::string yaml = "modules:\n";
    for (const Entry& entry : entries_) {
        yaml += entry_of(entry.name, entry.config);
        resolver_.add(entry.name, entry.definition);
    }
    const ConfigurationFile file = ConfigurationFile::parse(yaml, "homeserver.yaml");
    return configure_modules(file, resolver_, [](const std::string& warning) { spdlog::warn("{}", warning); });
}

void Host::load_added() { load_configured(read_entries()); }

void Host::load_configured(const std::vector<ConfiguredModule>& modules) {
    if (was_loaded_) throw std::logic_error("the modules of a test's host are loaded once");
    worker_->construct_modules(modules);
    was_loaded_ = is_running_ = true;
    run(worker_->start_modules());
}

void Host::replace_entry(const Definitions& of_class, std::string_view config) {
    const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
        return std::find(of_class.begin(), of_class.end(), entry.definition) != of_class.end();
    });
    if (!is_running_ || found == entries_.end()) throw std::logic_error("no module of this class is loaded, to be replaced");
    const Entry before = *found;
    found->definition = before.definition == of_class.front() ? of_class.back() : of_class.front();
    found->config = config;
    try {
        worker_->build_next(read_entries());
        run(worker_->start_next());
        worker_->hand_over();
    } catch (...) {
        *found = before;
        time_.run(worker_->abandon_next());
        throw;
    }
    worker_->serve_next();
    run_ready();
}

void Host::run_callbacks_for_module_calls() noexcept { server.run_callbacks(hooks(), background_); }

callbacks::Dispatchers& Host::hooks() noexcept { return worker_->hooks(); }

Response Host::request(const std::string& method, const std::string& target, std::string body,
                       const std::string& access_token) {
    if (!boost::urls::parse_origin_form(target))
        throw std::invalid_argument("a request's target begins with a slash and is percent-encoded: " + target);
    Request made = Request::of(method, target);
    if (!access_token.empty()) made.headers.emplace_back("Authorization", "Bearer " + access_token);
    made.body = std::move(body);
    made.client_address = "127.0.0.1";
    WebResource* const resource = worker_->web_resources().find(made.path);
    if (resource == nullptr) {
        return error_response(
            std::make_exception_ptr(callbacks::SynapseError(404, "Unrecognized request", callbacks::Codes::UNRECOGNIZED)));
    }
    return run(resource->handle(made));
}

void Host::stop() {
    is_running_ = false;
    time_.end_all();  // a callback that still runs uses the module
    end_background();
    time_.run(worker_->stop());
}

std::string Host::log() const { return log_->text(); }

}  // namespace modapi::testing
