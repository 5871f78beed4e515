#pragma once

#include <modapi/worker.h>

#include <async/sync_wait.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <memory>
#include <string>
#include <utility>

/// The least that a module runs on: a server without users, rooms and network, with a database in memory.
template <class Module>
class TestServer : public modapi::Homeserver {
public:
    /// Builds and starts the module; `config` is its section, in YAML. Errors: modapi::ConfigurationError.
    explicit TestServer(const std::string& config)
        : environment_(io_.get_executor()),
          database_(modapi::Database::open(in_memory())),
          worker_(*this, environment_, *database_, bus_, pool_.get_executor(), modapi::WorkerSettings()) {
        modapi::ModuleResolver resolver({});
        resolver.add<Module>("test.Module");
        const std::string yaml = "modules:\n  - module: test.Module\n    config: " + config + "\n";
        const auto file = modapi::ConfigurationFile::parse(yaml, "homeserver.yaml");
        worker_.construct_modules(file, modapi::configure_modules(file, resolver, [](const std::string&) {}));
        wait(worker_.start_modules(file));
    }
    ~TestServer() override { wait(worker_.stop()); }

    [[nodiscard]] modapi::Worker& worker() { return worker_; }
    /// Runs a task to its end.
    template <class T>
    T wait(async::task<T> task) {
        return async::sync_wait(io_, std::move(task));
    }

    // modapi::Homeserver
    [[nodiscard]] const std::string& server_name() const noexcept override { return name_; }
    [[nodiscard]] const std::string& public_baseurl() const noexcept override { return url_; }

private:
    static modapi::DatabaseSettings in_memory() {
        modapi::DatabaseSettings settings;
        settings.database = ":memory:";
        return settings;
    }

    std::string name_ = "example.org";
    std::string url_ = "http://example.org/";
    boost::asio::io_context io_{1};
    async::environment environment_;
    boost::asio::thread_pool pool_{1};
    modapi::InProcessInvalidationBus bus_;
    std::unique_ptr<modapi::Database> database_;
    modapi::Worker worker_;
};
