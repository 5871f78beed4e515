#include "process/worker_thread.h"

#include <async/co_spawn.h>
#include <async/sync_wait.h>

#include <spdlog/spdlog.h>
#include <boost/asio/post.hpp>

namespace homeserver {

namespace {

void log_failure(const std::exception_ptr& failure, std::string_view what) {
    if (!failure) return;
    try {
        std::rethrow_exception(failure);
    } catch (const async::operation_cancelled&) {
    } catch (...) {
        spdlog::error("{} failed: {}", what, callbacks::message_of(failure));
    }
}

}  // namespace

WorkerThread::WorkerThread(ProcessContext& process, modapi::InvalidationBus& bus, modapi::WorkerSettings settings,
                           const Router& router)
    : name_(settings.worker_name.value_or("main")),
      keeps_running_(io_.get_executor()),
      on_stack_(std::make_shared<async::running_callback_mark>()),
      where_([&] {
          async::environment where(io_.get_executor());
          where.observer = on_stack_.get();
          return where;
      }()),
      worker_(process, where_, bus, std::move(settings)),
      endpoints_(router, worker_.services()),
      connections_(where_, endpoints_, worker_.modules().web_resources()) {}

WorkerThread::~WorkerThread() = default;

void WorkerThread::construct_modules(const modapi::ConfigurationFile& file,
                                     const std::vector<modapi::ConfiguredModule>& modules) {
    worker_.modules().construct_modules(file, modules);
}

void WorkerThread::start_modules(const modapi::ConfigurationFile& file) {
    async::sync_wait(io_, where_, worker_.modules().start_modules(file));
}

std::vector<modapi::ModuleStatistics> WorkerThread::module_statistics() const { return worker_.modules().module_statistics(); }

void WorkerThread::start() {
    worker_.attach_to_notifier();
    boost::asio::post(io_, [this] { worker_.start_work_of_main(); });
    thread_ = std::thread([this] { io_.run(); });
}

void WorkerThread::serve(boost::asio::ip::tcp::socket socket) {
    boost::asio::post(io_, [this, socket = std::move(socket)]() mutable { connections_.add(std::move(socket)); });
}

void WorkerThread::cut(void* self) {
    WorkerThread& worker = *static_cast<WorkerThread*>(self);
    worker.connections_.cancel();
    worker.worker_.background().cancel(async::cancel_reason::stopping);
}

async::task<void> WorkerThread::drain_here(WorkerThread& self, std::chrono::milliseconds grace) {
    self.connections_.finish();
    self.worker_.waiting_syncs().wake_all();
    async::clock& time = *self.where_.clock;
    const std::unique_ptr<async::timer> patience =
        time.call_at(time.now() + grace, self.where_.executor, &WorkerThread::cut, &self);
    co_await self.worker_.stop_work_of_main();
    co_await self.connections_.join();
    co_await self.worker_.background().join();
}

async::task<void> WorkerThread::stop_modules(WorkerThread& self) {
    self.worker_.detach_from_notifier();
    self.worker_.background().cancel(async::cancel_reason::stopping);
    co_await self.worker_.stop_work_of_main();
    co_await self.worker_.background().join();
    co_await self.worker_.modules().stop();
}

void WorkerThread::drain(std::chrono::milliseconds grace, std::function<void()> done) {
    boost::asio::post(io_, [this, grace, done = std::move(done)] {
        async::co_spawn(where_, drain_here(*this, grace), [done](const std::exception_ptr& failure) {
            log_failure(failure, "ending the requests");
            done();
        });
    });
}

void WorkerThread::end(std::function<void()> done) {
    boost::asio::post(io_, [this, done = std::move(done)] {
        async::co_spawn(where_, stop_modules(*this), [this, done](const std::exception_ptr& failure) {
            log_failure(failure, "stopping the modules");
            done();
            io_.stop();
        });
    });
}

void WorkerThread::abandon() {
    try {
        async::sync_wait(io_, where_, stop_modules(*this));
    } catch (...) {
        log_failure(std::current_exception(), "stopping the modules");
    }
}

void WorkerThread::join() {
    if (thread_.joinable()) thread_.join();
}

}  // namespace homeserver
