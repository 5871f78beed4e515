#pragma once

#include "http_connection.h"
#include "server_worker.h"

#include <modapi/configuration.h>
#include <modapi/invalidation_bus.h>
#include <modapi/module_resolver.h>

#include <async/callback_frame.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace homeserver {

/// A worker with the thread that runs it and the connections it serves.
///
/// Made, started and ended by the program's main thread, in that order; `end` was done before it is destroyed.
class WorkerThread {
public:
    /// Whose callback is on the thread's stack; may be looked at when the worker is gone.
    using OnStack = std::shared_ptr<async::running_callback_mark>;

    WorkerThread(Shared& shared, modapi::InvalidationBus& bus, modapi::WorkerSettings settings, const Router& router);
    ~WorkerThread();
    WorkerThread(const WorkerThread&) = delete;
    WorkerThread& operator=(const WorkerThread&) = delete;

    /// Builds the modules, on the calling thread. Errors: modapi::ConfigurationError.
    void construct_modules(const modapi::ConfigurationFile& file, const std::vector<modapi::ConfiguredModule>& modules);
    /// Awaits their start(), on the calling thread. Errors: modapi::ConfigurationError.
    void start_modules(const modapi::ConfigurationFile& file);
    /// Before start(): what the modules registered, and did so far.
    [[nodiscard]] std::vector<modapi::ModuleStatistics> module_statistics() const;
    void start();
    /// Where an accepted socket belongs to.
    [[nodiscard]] boost::asio::any_io_executor executor() noexcept { return io_.get_executor(); }
    /// Serves a client from now on.
    void serve(boost::asio::ip::tcp::socket socket);

    /// Lets what runs end, cuts what still runs after `grace`, and then calls `done` on this worker's thread.
    void drain(std::chrono::milliseconds grace, std::function<void()> done);
    /// Stops the modules, calls `done` and ends the thread. All workers were drained before.
    void end(std::function<void()> done);
    /// Stops the modules of a worker whose thread was never started.
    void abandon();
    void join();

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] const OnStack& on_stack() const noexcept { return on_stack_; }

private:
    static async::task<void> drain_here(WorkerThread& self, std::chrono::milliseconds grace);
    static async::task<void> stop_modules(WorkerThread& self);
    static void cut(void* self);

    std::string name_;
    boost::asio::io_context io_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keeps_running_;
    OnStack on_stack_;
    async::environment where_;
    ServerWorker worker_;
    HttpConnections connections_;
    std::thread thread_;
};

}  // namespace homeserver
