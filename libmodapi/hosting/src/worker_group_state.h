#pragma once

#include <modapi/hosting/blocking_threads.h>
#include <modapi/hosting/broadcasts.h>
#include <modapi/hosting/decision_keeper.h>
#include <modapi/hosting/decisions.h>
#include <modapi/hosting/invalidation_bus.h>
#include <modapi/hosting/shared_invalidations.h>
#include <modapi/hosting/shutdown_deadline.h>
#include <modapi/hosting/watchdog.h>
#include <modapi/hosting/workers.h>

#include <async/callback_frame.h>
#include <async/context.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace modapi {

using WorkGuard = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;

/// A worker with the thread that runs it.
struct WorkerGroup::Thread {
    explicit Thread(std::string own_name);

    std::string name;
    boost::asio::io_context io{1};
    WorkGuard works;
    std::shared_ptr<async::running_callback_mark> on_stack = std::make_shared<async::running_callback_mark>();
    async::environment where;
    std::unique_ptr<HostWorker> host;
    std::unique_ptr<DecisionKeeper> decision_keeper;  ///< of the main worker, where decisions are kept
    std::thread thread;
};

/// The members are destroyed from the last to the first: workers before what they run on, the front before the workers.
struct WorkerGroup::State {
    explicit State(WorkerGroupSettings how);
    ~State();
    [[nodiscard]] InvalidationBus& bus() noexcept { return settings.bus != nullptr ? *settings.bus : own_bus; }
    [[nodiscard]] ShutdownDeadline& deadline() noexcept {
        return settings.process != nullptr ? settings.process->deadline() : *own_deadline;
    }

    WorkerGroupSettings settings;
    std::optional<ShutdownDeadline> own_deadline;
    BlockingThreads blocking_threads;
    InProcessInvalidationBus own_bus;
    Broadcasts broadcasts;
    std::optional<SharedInvalidations> shared_invalidations;  ///< where there are other processes
    Watchdog watchdog;
    Decisions decisions;
    std::vector<std::unique_ptr<Thread>> threads;
    std::unique_ptr<Reloads> reloads;  ///< null: the modules can't be changed
    std::mutex telling_all;            ///< what is said to all workers under it reaches each of them in the same order
    boost::asio::io_context front{1};
    WorkGuard front_works;
    boost::asio::signal_set signals;
    boost::asio::signal_set reload_signals;
    bool has_started = false;                   ///< the modules have
    std::optional<std::int64_t> term_at_start;  ///< of background tasks, that came before that
    bool is_to_stop = false;
    bool was_stopped = false;
    std::atomic<bool> stops{false};
    std::atomic<bool> answers{false};  ///< to other processes: the workers serve
    std::mutex mutex;
    std::optional<HostError> failure;  ///< the first; under the mutex
    const int exceptions_before = std::uncaught_exceptions();
};

}  // namespace modapi
