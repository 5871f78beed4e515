#include "worker_group_state.h"

#include <modapi/hosting/log.h>

#include <async/notification.h>
#include <async/run_on.h>
#include <async/sleep.h>

#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <future>
#include <memory>
#include <optional>
#include <utility>

namespace modapi {

namespace {

std::vector<ModuleStatistics> statistics_of_host(const HostWorker* host) { return host->modules().module_statistics(); }

/// What comes back from workers that were asked for their statistics. Thread: that of who asks.
struct AskedWorkers {
    explicit AskedWorkers(std::size_t workers) : answers(workers) {}

    std::vector<std::optional<std::vector<ModuleStatistics>>> answers;
    async::notification arrived;
};

async::task<void> all_answers(std::shared_ptr<AskedWorkers> asked) {
    const auto is_missing = [](const auto& answer) { return !answer.has_value(); };
    while (std::any_of(asked->answers.begin(), asked->answers.end(), is_missing)) co_await asked->arrived.wait();
}

}  // namespace

async::task<std::vector<ModuleStatistics>> WorkerGroup::module_statistics() const {
    std::vector<ModuleStatistics> together;
    for (const std::unique_ptr<Thread>& thread : state_->threads) {
        const HostWorker* const host = thread->host.get();
        const std::vector<ModuleStatistics> of_worker =
            co_await async::run_on(thread->where.executor, &statistics_of_host, host);
        add_up(together, of_worker);
    }
    co_return together;
}

async::task<AnsweredStatistics> WorkerGroup::module_statistics_within(std::chrono::milliseconds limit) const {
    async::task<AnsweredWorkers> asking = statistics_by_worker_within(limit);
    AnsweredWorkers each = co_await std::move(asking);
    AnsweredStatistics answered;
    for (const WorkerStatistics& worker : each.workers) add_up(answered.modules, worker.modules);
    answered.silent = std::move(each.silent);
    co_return answered;
}

async::task<AnsweredWorkers> WorkerGroup::statistics_by_worker_within(std::chrono::milliseconds limit) const {
    const async::context& here = co_await async::this_context;
    const auto asked = std::make_shared<AskedWorkers>(state_->threads.size());
    for (std::size_t index = 0; index < state_->threads.size(); ++index) {
        const Thread& thread = *state_->threads[index];
        boost::asio::post(thread.where.executor, [asked, index, host = thread.host.get(), home = here.executor()] {
            // A worker that answers late still has somebody to answer to.
            boost::asio::post(home, [asked, index, answer = statistics_of_host(host)]() mutable {
                asked->answers[index] = std::move(answer);
                asked->arrived.notify_all();
            });
        });
    }
    try {
        async::task<void> waiting = async::with_deadline(limit, all_answers(asked));
        co_await std::move(waiting);
    } catch (const async::deadline_exceeded&) {  // NOLINT: who is missing is told
    }
    AnsweredWorkers answered;
    answered.decisions = state_->decisions.counts();
    for (std::size_t index = 0; index < state_->threads.size(); ++index) {
        const Thread& thread = *state_->threads[index];
        if (asked->answers[index]) {
            answered.workers.push_back({thread.name, std::move(*asked->answers[index])});
            continue;
        }
        SilentWorker silent;
        silent.worker = thread.name;
        if (const auto holder = state_->watchdog.on_stack_of(thread.on_stack->identity())) {
            silent.module = holder->first;
            silent.callback = holder->second;
        }
        answered.silent.push_back(std::move(silent));
    }
    co_return answered;
}

std::vector<ModuleStatistics> WorkerGroup::wait_for_module_statistics() const {
    std::vector<ModuleStatistics> together;
    for (const std::unique_ptr<Thread>& thread : state_->threads) {
        const HostWorker* const host = thread->host.get();
        if (state_->was_stopped) {
            add_up(together, statistics_of_host(host));
            continue;
        }
        const auto asked = std::make_shared<std::promise<std::vector<ModuleStatistics>>>();
        std::future<std::vector<ModuleStatistics>> answer = asked->get_future();
        boost::asio::post(thread->io, [asked, host] { asked->set_value(statistics_of_host(host)); });
        add_up(together, answer.get());
    }
    return together;
}

void WorkerGroup::log_modules() const {
    for (const ModuleStatistics& module : wait_for_module_statistics())
        framework_log().info("module {} registered {}", module.module, registrations_of(module));
}

}  // namespace modapi
