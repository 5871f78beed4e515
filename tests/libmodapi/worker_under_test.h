#pragma once

#include "test_database.h"

#include <modapi/hosting/module_host.h>
#include <modapi/hosting/module_resolver.h>
#include <modapi/module_api.h>

#include <async/testing/virtual_time.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// The smallest host there is: it has a name, and it remembers what modules send.
class SmallHomeserver final : public modapi::Homeserver, modapi::AccountServices, modapi::RoomServices {
public:
    [[nodiscard]] const std::string& server_name() const noexcept override { return name_; }
    [[nodiscard]] const std::string& public_baseurl() const noexcept override { return url_; }
    [[nodiscard]] modapi::AccountServices& accounts() noexcept override { return *this; }
    [[nodiscard]] modapi::RoomServices& rooms() noexcept override { return *this; }
    [[nodiscard]] async::task<callbacks::Event> create_and_send_event(callbacks::JsonDict event) override {
        sent.push_back(event);
        if (while_sending) {
            async::task<void> asked = while_sending();
            co_await std::move(asked);
        }
        callbacks::EventFields fields;
        fields.type = std::string(event.at("type").as_string());
        co_return callbacks::Event(std::move(fields));
    }
    [[nodiscard]] async::task<std::optional<std::string>> check_user_exists(std::string user_id) override {
        if (user_id == "@alice:example.org") co_return user_id;
        co_return std::nullopt;
    }
    [[nodiscard]] async::task<callbacks::StateMap> get_room_state(std::string room_id,
                                                                 std::optional<callbacks::StateFilter> filter) override {
        if (room_state) co_return *room_state;
        async::task<callbacks::StateMap> not_offered = RoomServices::get_room_state(std::move(room_id), std::move(filter));
        co_return co_await std::move(not_offered);
    }

    std::vector<callbacks::JsonDict> sent;
    std::optional<callbacks::StateMap> room_state;  ///< of any room; none: it doesn't offer to look into rooms
    std::function<async::task<void>()> while_sending;

private:
    std::string name_ = "example.org";
    std::string url_ = "http://example.org/";
};

/// One worker with everything it needs, in virtual time.
class WorkerUnderTest {
public:
    explicit WorkerUnderTest(modapi::WorkerSettings settings = modapi::WorkerSettings(),
                             modapi::InvalidationBus* shared_bus = nullptr)
        : database(modapi::Database::open(test_database.settings())),
          worker(server, time.environment(), *database, shared_bus != nullptr ? *shared_bus : own_bus, threads,
                 std::move(settings)) {}
    ~WorkerUnderTest() {
        if (!stopped_) stop();
    }

    /// Builds and starts modules of these classes, all with the same configuration.
    template <class... Modules>
    void construct(std::string_view config = "{}") {
        std::string yaml = "modules:\n";
        int number = 0;
        modapi::ModuleResolver resolver({TEST_MODULES});
        const auto add = [&]<class Module>() {
            const std::string name = "test.Module" + std::to_string(number++);
            resolver.add<Module>(name);
            yaml += "  - module: " + name + "\n    config: " + std::string(config) + "\n";
        };
        (add.template operator()<Modules>(), ...);
        construct_from(yaml, resolver);
    }
    void construct_from(std::string_view yaml, modapi::ModuleResolver& resolver) {
        const auto file = modapi::ConfigurationFile::parse(yaml, "hs.yaml");
        const auto configured = modapi::configure_modules(file, resolver, [](const std::string&) {});
        if (std::any_of(configured.begin(), configured.end(), [](const auto& module) { return module.has_to_be_prepared(); })) {
            wait(worker.prepare_modules(configured));
            worker.construct_modules();
        } else {
            worker.construct_modules(configured);
        }
        wait(worker.start_modules());
    }
    /// Runs a task to its end.
    template <class T>
    T wait(async::task<T> task) {
        return time.run(std::move(task));
    }
    /// Of one entry's callback; nothing for one that isn't registered.
    [[nodiscard]] modapi::CallbackCounts counts(std::size_t module, std::string_view callback) const {
        const std::vector<modapi::ModuleStatistics> modules = worker.module_statistics();
        for (const modapi::CallbackCounts& each : modules.at(module).callbacks)
            if (each.callback == callback) return each;
        return {};
    }
    void advance(async::clock::duration length) { time.advance(length); }
    void run_ready() { time.run_ready(); }
    void stop() {
        stopped_ = true;
        wait(worker.stop());
    }

    async::testing::simulation time;
    modapi::BlockingThreads threads{2};
    SmallHomeserver server;
    TestDatabase test_database;
    modapi::InProcessInvalidationBus own_bus;
    std::unique_ptr<modapi::Database> database;
    modapi::ModuleHost worker;

private:
    bool stopped_ = false;
};
