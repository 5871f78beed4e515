#pragma once

#include <modapi/module_api.h>
#include <modapi/module_resolver.h>
#include <modapi/worker.h>

#include <async/sync_wait.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// Time that a test moves. Timers fire, in order, while it is moved; each fired handler is posted to its executor.
class ManualClock final : public async::clock {
public:
    [[nodiscard]] time_point now() const noexcept override { return now_; }
    [[nodiscard]] std::chrono::system_clock::time_point wall_time() const noexcept override {
        return std::chrono::system_clock::time_point(
            std::chrono::duration_cast<std::chrono::system_clock::duration>(now_.time_since_epoch()));
    }
    [[nodiscard]] std::unique_ptr<async::timer> call_at(time_point when, const boost::asio::any_io_executor&,
                                                        void (*fire)(void*), void* argument) override {
        const auto number = next_++;
        waiting_.emplace(std::pair(when, number), std::pair(fire, argument));
        return std::make_unique<Timer>(*this, std::pair(when, number));
    }
    /// Lets `duration` pass, running what `io` has to do before and after each timer.
    void advance(boost::asio::io_context& io, duration length) {
        const time_point end = now_ + length;
        run(io);
        while (!waiting_.empty() && waiting_.begin()->first.first <= end) {
            const auto due = waiting_.begin()->first;
            const auto [fire, argument] = waiting_.begin()->second;
            waiting_.erase(waiting_.begin());
            now_ = std::max(now_, due.first);
            fire(argument);
            run(io);
        }
        now_ = end;
    }

private:
    using Key = std::pair<time_point, int>;
    struct Timer final : async::timer {
        Timer(ManualClock& clock, Key which) : owner(clock), key(which) {}
        ~Timer() override { owner.waiting_.erase(key); }
        ManualClock& owner;
        Key key;
    };
    static void run(boost::asio::io_context& io) {
        io.restart();
        io.poll();
    }

    time_point now_{};
    int next_ = 0;
    std::map<Key, std::pair<void (*)(void*), void*>> waiting_;
};

/// The smallest host there is: it has a name, and it remembers what modules send.
class SmallHomeserver final : public modapi::Homeserver {
public:
    [[nodiscard]] const std::string& server_name() const noexcept override { return name_; }
    [[nodiscard]] const std::string& public_baseurl() const noexcept override { return url_; }
    [[nodiscard]] async::task<callbacks::Event> create_and_send_event(callbacks::JsonDict event) override {
        sent.push_back(event);
        callbacks::EventFields fields;
        fields.type = std::string(event.at("type").as_string());
        co_return callbacks::Event(std::move(fields));
    }
    [[nodiscard]] async::task<std::optional<std::string>> check_user_exists(std::string user_id) override {
        if (user_id == "@alice:example.org") co_return user_id;
        co_return std::nullopt;
    }

    std::vector<callbacks::JsonDict> sent;

private:
    std::string name_ = "example.org";
    std::string url_ = "http://example.org/";
};

/// One worker with everything it needs, on an executor that the test runs.
class WorkerUnderTest {
public:
    explicit WorkerUnderTest(modapi::WorkerSettings settings = modapi::WorkerSettings(),
                             modapi::InvalidationBus* shared_bus = nullptr)
        : environment(io.get_executor(), clock),
          database(modapi::Database::open(in_memory())),
          worker(server, environment, *database, shared_bus != nullptr ? *shared_bus : own_bus, pool.get_executor(),
                 std::move(settings)) {}
    ~WorkerUnderTest() {
        if (!stopped_) stop();
    }

    /// Builds modules of these classes, all with the same configuration.
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
        worker.construct_modules(file, configured);
    }
    template <class T>
    T wait(async::task<T> task) {
        return async::sync_wait(io, std::move(task), clock);
    }
    void advance(async::clock::duration length) { clock.advance(io, length); }
    void stop() {
        stopped_ = true;
        wait(worker.stop());
    }

    static modapi::DatabaseSettings in_memory() {
        modapi::DatabaseSettings settings;
        settings.database = ":memory:";
        return settings;
    }

    boost::asio::io_context io{1};
    ManualClock clock;
    async::environment environment;
    boost::asio::thread_pool pool{1};
    SmallHomeserver server;
    modapi::InProcessInvalidationBus own_bus;
    std::unique_ptr<modapi::Database> database;
    modapi::Worker worker;

private:
    bool stopped_ = false;
};
