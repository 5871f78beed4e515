#pragma once

#include "worker_group_state.h"

#include <modapi/hosting/module_host.h>
#include <modapi/hosting/workers.h>

#include <async/notification.h>
#include <async/task.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/thread_pool.hpp>

#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace modapi {

/// The changes of a worker group's modules, one after another, each in the steps of ModuleHost.
///
/// Thread: the main worker's, on which it is destroyed too or after that has ended. Lifetime: the threads and what is read outlive it.
class WorkerGroup::Reloads {
public:
    using Read = std::function<std::vector<ConfiguredModule>()>;

    /// `processes`: those that are told which modules this one has; null: none.
    Reloads(std::vector<std::unique_ptr<Thread>>& threads, std::mutex& telling_all, Read read, ProcessGroup* processes);
    ~Reloads();
    Reloads(const Reloads&) = delete;
    Reloads& operator=(const Reloads&) = delete;

    /// The list that is served at the start.
    void serve_first(const std::vector<ConfiguredModule>& modules) { served_ = modules; }
    /// The main worker's modules are built anew, for this term of background tasks, unless they are for it already; 0: these are another
    /// process's. Goes on until they are, or another term begins.
    void begin_term(std::int64_t term);

    /// What somebody asked for, and what came of it. Thread: that of who asks, but for `by`.
    struct Request {
        std::string by;
        bool is_for_term = false;  ///< the list stays as it is
        std::optional<ModuleChanges> changes;
        std::exception_ptr failure;
        async::notification has_ended;
    };
    /// `home`: where who asks waits.
    void add(const std::shared_ptr<Request>& request, const boost::asio::any_io_executor& home);

private:
    struct Pass;
    struct Away;
    struct Waiting {
        std::shared_ptr<Request> request;
        boost::asio::any_io_executor home;
    };
    using Step = async::task<void> (*)(ModuleHost& modules, Pass& pass);

    async::task<void> perform_all();
    async::task<ModuleChanges> perform(bool is_for_term);
    async::task<void> build_for_term();
    [[nodiscard]] BackgroundTerm next_term() const;
    async::task<std::vector<ConfiguredModule>> read_modules();
    async::task<void> on_each(Step step, Pass& pass);
    async::task<void> serve();
    async::task<void> on(Thread& thread, Step step, Pass& pass);

    std::vector<std::unique_ptr<Thread>>& threads_;
    std::mutex& telling_all_;
    const Read read_;
    ProcessGroup* const processes_;
    std::deque<Waiting> waiting_;
    bool is_at_work_ = false;
    std::vector<ConfiguredModule> served_;  ///< the list
    std::int64_t term_ = 0;                 ///< that the main worker is to have
    bool has_terms_ = false;                ///< another process may have the next one
    bool is_building_for_term_ = false;
    std::weak_ptr<Away> reading_;                    ///< that was given up, and goes on
    std::optional<boost::asio::thread_pool> reader_;  ///< begins with the first
};

}  // namespace modapi
