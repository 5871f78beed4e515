#pragma once

#include "worker_under_test.h"

#include <modapi/hosting/module_host.h>
#include <modapi/hosting/python_modules.h>
#include <modapi/hosting/python_settings.h>

#include <async/callback_frame.h>
#include <async/co_spawn.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include <callbacks/errors.h>

#include <chrono>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// Whether there is what Python needs; else a line that says what to install.
inline std::string missing_for_python() {
    return std::system("/usr/bin/python3 -c 'import twisted, attr, typing_extensions' 2>/dev/null") == 0
               ? ""
               : "these tests need python3-twisted, python3-attr and python3-typing-extensions";
}

inline modapi::PythonSettings python_settings() {
    modapi::PythonSettings settings;
    settings.path = {PYTHON_BRIDGE_PACKAGES, PYTHON_PACKAGES};
    settings.folder = modapi::python_bridge_folder();
    return settings;
}

inline std::shared_ptr<modapi::PythonModules> python_modules(modapi::PythonSettings settings = python_settings()) {
    modapi::PythonModules::Facts facts;
    facts.server_name = "example.org";
    facts.public_baseurl = "http://example.org";
    return std::make_shared<modapi::PythonModules>(std::move(settings), std::move(facts));
}

/// A worker in real time whose loop runs while a test waits for something: Python's processes have no other.
class PythonWorker {
public:
    explicit PythonWorker(modapi::PythonSettings settings = python_settings(),
                          modapi::WorkerSettings how = modapi::WorkerSettings())
        : python(python_modules(std::move(settings))), database(modapi::Database::open(test_database.settings())) {
        where.observer = &mark;
        resolver.emplace(std::vector<std::filesystem::path>());
        resolver->add_last_resort(python);
        worker.emplace(server, where, *database, bus, threads, std::move(how));
    }
    ~PythonWorker() {
        if (worker) stop();
    }

    std::vector<modapi::ConfiguredModule> read(const std::string& entries) {
        const auto file = modapi::ConfigurationFile::parse("modules:\n" + entries, "hs.yaml");
        return modapi::configure_modules(file, *resolver, [this](const std::string& line) { warnings.push_back(line); });
    }
    std::string error_of(const std::string& entries) {
        try {
            static_cast<void>(read(entries));
        } catch (const modapi::ConfigurationError& error) {
            return error.what();
        }
        return "nothing was thrown";
    }
    std::string construction_error_of(const std::string& entries) {
        try {
            build(entries);
        } catch (const modapi::ConfigurationError& error) {
            return error.what();
        }
        return "nothing was thrown";
    }
    void construct(const std::string& entries) {
        build(entries);
        wait(worker->start_modules());
    }
    void build(const std::string& entries) {
        const auto began = std::chrono::steady_clock::now();
        wait(worker->prepare_modules(read(entries)));
        worker->construct_modules();
        time_to_build = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
    }
    void change_to(const std::string& entries) {
        wait(worker->prepare_next(read(entries)));
        worker->build_next();
        wait(worker->start_next());
        worker->hand_over();
        worker->serve_next();
    }
    /// A task on its way.
    template <class T>
    struct Started {
        bool is_done = false;
        std::exception_ptr failure;
        std::optional<T> value;
        boost::asio::cancellation_signal cancellation;
    };
    template <class T>
    std::shared_ptr<Started<T>> start(async::task<T> task) {
        auto started = std::make_shared<Started<T>>();
        const auto ended = [started](std::exception_ptr failure, T value) {
            started->failure = std::move(failure);
            started->value.emplace(std::move(value));
            started->is_done = true;
        };
        async::co_spawn(where, std::move(task), boost::asio::bind_cancellation_slot(started->cancellation.slot(), ended));
        return started;
    }
    /// Runs a task to its end.
    template <class T>
    T wait(async::task<T> task) {
        std::optional<async::detail::ready_value<T>> value;
        std::exception_ptr failure;
        bool done = false;
        if constexpr (std::is_void_v<T>) {
            async::co_spawn(where, std::move(task), [&](std::exception_ptr thrown) {
                failure = std::move(thrown);
                done = true;
            });
        } else {
            async::co_spawn(where, std::move(task), [&](std::exception_ptr thrown, T given) {
                failure = std::move(thrown);
                value.emplace(std::move(given));
                done = true;
            });
        }
        if (!until([&] { return done; })) throw std::runtime_error("it doesn't end");
        if (failure) std::rethrow_exception(failure);
        if constexpr (!std::is_void_v<T>) return std::move(*value);
    }
    /// Lets the worker work until something is so; false: it isn't, after 20 seconds.
    bool until(const std::function<bool()>& is_so) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!is_so()) {
            if (std::chrono::steady_clock::now() > end) return false;
            io.restart();
            io.run_one_for(std::chrono::milliseconds(20));
        }
        return true;
    }
    /// What the modules say of a user who wants a room: "yes", "no", or why nobody could say.
    std::string asked_about(const std::string& localpart) {
        try {
            return wait(judged(*worker, "@" + localpart + ":example.org")) ? "yes" : "no";
        } catch (const std::exception& error) {
            return error.what();
        }
    }
    static async::task<bool> judged(modapi::ModuleHost& worker, std::string user) {
        const callbacks::JsonDict config;
        const callbacks::Verdict verdict = co_await worker.hooks().spam_checker.user_may_create_room(user, config);
        co_return !verdict.is_spam();
    }
    /// What a web resource answers.
    std::string page(const std::string& target) { return wait(body_of(*worker, modapi::Request::of("GET", target))); }
    static async::task<std::string> body_of(modapi::ModuleHost& worker, modapi::Request request) {
        const std::optional<modapi::Response> response = co_await worker.serve(request);
        co_return response ? response->body : "nobody serves it";
    }
    /// The last that knows of it, once there are no modules: what reads configurations ends too.
    void forget_python() {
        resolver.reset();
        python.reset();
    }
    void stop() {
        wait(worker->stop());
        worker.reset();
    }

    std::chrono::milliseconds time_to_build{0};  ///< what starting processes takes here and now
    boost::asio::io_context io{1};
    async::environment where{io.get_executor()};
    async::running_callback_mark mark;
    modapi::BlockingThreads threads{2};
    SmallHomeserver server;
    TestDatabase test_database;
    modapi::InProcessInvalidationBus bus;
    std::shared_ptr<modapi::PythonModules> python;
    std::optional<modapi::ModuleResolver> resolver;
    std::vector<std::string> warnings;
    std::unique_ptr<modapi::Database> database;
    std::optional<modapi::ModuleHost> worker;
};

/// Processes that this one has started and that haven't been waited for, but for those of other purposes that were there
/// before.
std::size_t children();
/// Descriptors that are open.
std::size_t descriptors();
