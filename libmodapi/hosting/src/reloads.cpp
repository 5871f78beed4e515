#include "reloads.h"

#include <modapi/hosting/joined_processes.h>
#include <modapi/hosting/log.h>
#include <modapi/hosting/process_group.h>
#include <modapi/hosting/start_step.h>

#include <callbacks/errors.h>

#include <async/context.h>
#include <async/sleep.h>

#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>

#include <chrono>
#include <utility>

namespace modapi {

namespace {

void append(std::string& line, std::string_view what, const std::vector<std::string>& modules) {
    if (modules.empty()) return;
    if (!line.empty()) line += "; ";
    line.append(what);
    for (const std::string& module : modules) line.append(&module == &modules.front() ? " " : ", ").append(module);
}

std::string in_words(const ModuleChanges& changes) {
    std::string line;
    append(line, "kept", changes.kept);
    append(line, "replaced", changes.replaced);
    append(line, "added", changes.added);
    append(line, "removed", changes.removed);
    return line.empty() ? "there are none" : line;
}

}  // namespace

/// What one change has on its way through the workers.
struct WorkerGroup::Reloads::Pass {
    std::vector<ConfiguredModule> modules;
    const BackgroundTerm* term = nullptr;  ///< of the main worker; null: that which it has
    ModuleChanges changes;  ///< on the first worker
};

/// Something that is done on another thread.
struct WorkerGroup::Reloads::Away {
    bool is_back = false;
    std::exception_ptr failure;
    std::vector<ConfiguredModule> modules;
    async::notification back;

    void come_back(std::exception_ptr with) {
        failure = std::move(with);
        is_back = true;
        back.notify_all();
    }
    [[nodiscard]] static async::task<void> until_back(std::shared_ptr<Away> away) {
        while (!away->is_back) co_await away->back.wait();
    }
};

namespace {

async::task<void> prepare_on(ModuleHost& modules, const std::vector<ConfiguredModule>& entries, const BackgroundTerm* term,
                             ModuleChanges& changes) {
    const bool is_first = modules.settings().place.index == 0;
    const BackgroundTerm& of_all = is_first && term != nullptr ? *term : modules.background_term();
    async::task<ModuleChanges> preparing = modules.prepare_next(entries, of_all);
    ModuleChanges made = co_await std::move(preparing);
    // The first one runs what any of them does.
    if (is_first) changes = std::move(made);
}
async::task<void> build_on(ModuleHost& modules) {
    modules.build_next();
    co_return;
}
async::task<void> hand_over_on(ModuleHost& modules) {
    modules.hand_over();
    co_return;
}

}  // namespace

WorkerGroup::Reloads::Reloads(std::vector<std::unique_ptr<Thread>>& threads, std::mutex& telling_all, Read read,
                              ProcessGroup* processes)
    : threads_(threads), telling_all_(telling_all), read_(std::move(read)), processes_(processes) {}

WorkerGroup::Reloads::~Reloads() {
    if (reader_) reader_->join();
}

void WorkerGroup::Reloads::add(const std::shared_ptr<Request>& request, const boost::asio::any_io_executor& home) {
    waiting_.push_back({request, home});
    if (std::exchange(is_at_work_, true)) return;
    threads_.front()->host->background().spawn("changing modules", perform_all());
}

async::task<void> WorkerGroup::Reloads::perform_all() {
    const async::context& here = co_await async::this_context;
    while (!waiting_.empty()) {
        const Waiting next = std::move(waiting_.front());
        waiting_.pop_front();
        std::optional<ModuleChanges> changes;
        std::exception_ptr failure;
        try {
            if (here.cancel_requested() != async::cancel_reason::none) throw ReloadRefused();
            async::task<ModuleChanges> performing = perform(next.request->is_for_term);
            changes = co_await std::move(performing);
        } catch (...) {
            failure = std::current_exception();
        }
        if (here.cancel_requested() != async::cancel_reason::none && failure) failure = std::make_exception_ptr(ReloadRefused());
        if (failure) {
            framework_log().error("modules stay as they were (change asked for by {}): {}", next.request->by,
                                  callbacks::message_of(failure));
        } else {
            framework_log().info("modules were changed (asked for by {}): {}", next.request->by, in_words(*changes));
        }
        boost::asio::post(next.home, [request = next.request, changes = std::move(changes), failure]() mutable {
            request->changes = std::move(changes);
            request->failure = failure;
            request->has_ended.notify_all();
        });
    }
    is_at_work_ = false;
}

async::task<ModuleChanges> WorkerGroup::Reloads::perform(bool is_for_term) {
    Pass pass;
    if (is_for_term) {
        pass.modules = served_;
    } else {
        async::task<std::vector<ConfiguredModule>> reading = read_modules();
        pass.modules = co_await std::move(reading);
    }
    const BackgroundTerm term = next_term();
    if (has_terms_) pass.term = &term;
    std::exception_ptr failure;
    try {
        async::task<void> preparing = on_each(
            [](ModuleHost& modules, Pass& on) { return prepare_on(modules, on.modules, on.term, on.changes); }, pass);
        co_await std::move(preparing);
        async::task<void> building = on_each([](ModuleHost& modules, Pass&) { return build_on(modules); }, pass);
        co_await std::move(building);
        async::task<void> starting = on_each([](ModuleHost& modules, Pass&) { return modules.start_next(); }, pass);
        co_await std::move(starting);
        async::task<void> handing_over = on_each([](ModuleHost& modules, Pass&) { return hand_over_on(modules); }, pass);
        co_await std::move(handing_over);
    } catch (...) {
        failure = std::current_exception();
    }
    const async::context& here = co_await async::this_context;
    if (failure && here.cancel_requested() != async::cancel_reason::none) std::rethrow_exception(failure);  // the stop abandons it
    if (failure) {
        async::task<void> abandoning = on_each([](ModuleHost& modules, Pass&) { return modules.abandon_next(); }, pass);
        co_await std::move(abandoning);
        std::rethrow_exception(failure);
    }
    async::task<void> serving = serve();
    co_await std::move(serving);
    served_ = std::move(pass.modules);
    if (processes_ != nullptr) processes_->registry().modules_are(digest_of(served_));
    co_return std::move(pass.changes);
}

async::task<std::vector<ConfiguredModule>> WorkerGroup::Reloads::read_modules() {
    if (!reading_.expired()) {
        throw ReloadRefused("an earlier change is still being read: " + StartStep::running() +
                            " has not ended; nothing can be changed until it has");
    }
    const async::context& here = co_await async::this_context;
    if (!reader_) reader_.emplace(1);
    const auto away = std::make_shared<Away>();
    boost::asio::post(*reader_, [away, home = here.executor(), &read = read_] {
        std::exception_ptr failure;
        std::vector<ConfiguredModule> modules;
        try {
            modules = read();
        } catch (...) {
            failure = std::current_exception();
        }
        boost::asio::post(home, [away, modules = std::move(modules), failure]() mutable {
            away->modules = std::move(modules);
            away->come_back(failure);
        });
    });
    const std::chrono::milliseconds patience = threads_.front()->host->modules().settings().start_deadline;
    bool is_over = false;
    try {
        async::task<void> waiting = async::with_deadline(patience, Away::until_back(away));
        co_await std::move(waiting);
    } catch (const async::deadline_exceeded&) {
        is_over = true;
    }
    if (is_over && !away->is_back) {
        reading_ = away;
        throw ReloadRefused(StartStep::running() + " has not ended within " + std::to_string(patience.count()) +
                            " ms; nothing can be changed until it has");
    }
    if (away->failure) std::rethrow_exception(away->failure);
    co_return std::move(away->modules);
}

async::task<void> WorkerGroup::Reloads::on_each(Step step, Pass& pass) {
    for (const std::unique_ptr<Thread>& thread : threads_) {
        async::task<void> one = on(*thread, step, pass);
        co_await std::move(one);
    }
}

async::task<void> WorkerGroup::Reloads::serve() {
    const async::context& here = co_await async::this_context;
    std::vector<std::shared_ptr<Away>> all;
    {
        // A change of rules that comes at the same time is for the old list on all workers, or for the new one on all.
        const std::scoped_lock lock(telling_all_);
        for (const std::unique_ptr<Thread>& thread : threads_) {
            all.push_back(std::make_shared<Away>());
            boost::asio::post(thread->io, [away = all.back(), home = here.executor(), host = thread->host.get()] {
                std::exception_ptr failure;
                try {
                    host->modules().serve_next();
                    host->modules_changed();
                } catch (...) {
                    failure = std::current_exception();
                }
                boost::asio::post(home, [away, failure] { away->come_back(failure); });
            });
        }
    }
    // All of them, whoever is cancelled meanwhile.
    async::context uncut = here;
    uncut.cancellation = nullptr;
    for (const std::shared_ptr<Away>& away : all) {
        async::task<void> one = Away::until_back(away);
        co_await std::move(one).in(uncut);
        if (away->failure) std::rethrow_exception(away->failure);
    }
}

void WorkerGroup::Reloads::begin_term(std::int64_t term) {
    has_terms_ = true;
    term_ = term;
    if (std::exchange(is_building_for_term_, true)) return;
    threads_.front()->host->background().spawn("changing modules for background tasks", build_for_term());
}

BackgroundTerm WorkerGroup::Reloads::next_term() const {
    BackgroundTerm term;
    term.number = term_;
    if (term_ != 0) term.lease = ProcessGroup::lease_of(term_);
    return term;
}

async::task<void> WorkerGroup::Reloads::build_for_term() {
    constexpr std::chrono::seconds before_another_try{5};
    const async::context& here = co_await async::this_context;
    HostWorker& main = *threads_.front()->host;
    for (std::int64_t built_for = -1; built_for != term_;) {
        const std::int64_t wanted = term_;
        const auto request = std::make_shared<Request>();
        request->by = wanted != 0 ? "the lease of background work, which this process has now"
                                  : "the lease of background work, which another process has now";
        request->is_for_term = true;
        add(request, here.executor());
        while (!request->changes && !request->failure) co_await request->has_ended.wait();
        if (!request->failure) {
            built_for = wanted;
        } else {
            co_await async::sleep_for(before_another_try);
        }
    }
    is_building_for_term_ = false;
    if (main.is_main()) main.background_tasks_changed();
}

async::task<void> WorkerGroup::Reloads::on(Thread& thread, Step step, Pass& pass) {
    const async::context& here = co_await async::this_context;
    here.throw_if_cancelled();
    const auto away = std::make_shared<Away>();
    const auto perform = [](std::shared_ptr<Away> reported, boost::asio::any_io_executor home, HostWorker& host, Step made,
                            Pass& with) -> async::task<void> {
        std::exception_ptr failure;
        try {
            async::task<void> running = made(host.modules(), with);
            co_await std::move(running);
        } catch (...) {
            failure = std::current_exception();
        }
        boost::asio::post(home, [reported, failure] { reported->come_back(failure); });
    };
    boost::asio::post(thread.io, [&, home = here.executor()] {
        thread.host->background().spawn("changing modules", perform(away, home, *thread.host, step, pass));
    });
    bool is_to_end = false;
    try {
        async::task<void> waiting = Away::until_back(away);
        co_await std::move(waiting);
    } catch (const async::operation_cancelled&) {
        is_to_end = true;
    }
    if (is_to_end) {
        // The workers stop. That one may be through with its requests, and cuts nothing any more; what it was given is used there.
        boost::asio::post(thread.io, [host = thread.host.get()] { host->background().cancel(async::cancel_reason::stopping); });
        async::context uncut = here;
        uncut.cancellation = nullptr;
        async::task<void> last = Away::until_back(away);
        co_await std::move(last).in(uncut);
    }
    if (away->failure) std::rethrow_exception(away->failure);
}

async::task<ModuleChanges> WorkerGroup::reload(std::string by) {
    if (!state_->settings.read_modules) throw ReloadRefused("these modules can't be changed while they are asked");
    if (state_->stops.load(std::memory_order_relaxed)) throw ReloadRefused();
    const async::context& here = co_await async::this_context;
    const auto request = std::make_shared<Reloads::Request>();
    request->by = std::move(by);
    boost::asio::post(state_->threads.front()->io, [this, request, home = here.executor()] { state_->reloads->add(request, home); });
    while (!request->changes && !request->failure) co_await request->has_ended.wait();
    if (request->failure) std::rethrow_exception(request->failure);
    co_return std::move(*request->changes);
}

void WorkerGroup::request_reload(std::string by) {
    if (!state_->settings.read_modules || state_->stops.load(std::memory_order_relaxed)) {
        framework_log().warn("modules stay as they were (change asked for by {}): {}", by,
                             !state_->settings.read_modules ? "they can't be changed" : ReloadRefused().what());
        return;
    }
    const auto request = std::make_shared<Reloads::Request>();
    request->by = std::move(by);
    boost::asio::io_context& main = state_->threads.front()->io;
    boost::asio::post(main, [this, request, &main] { state_->reloads->add(request, main.get_executor()); });
}

}  // namespace modapi
