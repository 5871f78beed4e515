#include "reloads.h"
#include "worker_group_state.h"

#include <modapi/hosting/all_processes.h>
#include <modapi/hosting/process_group.h>
#include <modapi/hosting/process_name.h>

#include <boost/asio/post.hpp>

#include <exception>
#include <stdexcept>
#include <utility>

/// What a group's workers hear of other processes, and tell them.
namespace modapi {

ProcessGroup* WorkerGroup::processes() const noexcept { return state_->settings.processes; }
std::string WorkerGroup::process() const {
    if (state_->settings.processes != nullptr) return state_->settings.processes->name();
    return state_->settings.worker_name.value_or(std::string(main_process));
}

void WorkerGroup::join_processes(Database& database) {
    State& state = *state_;
    if (state.settings.processes == nullptr) return;
    ProcessGroup& processes = *state.settings.processes;
    state.broadcasts.connect(processes.messages());
    state.shared_invalidations.emplace(database, processes.messages(), state.bus());
    ProcessGroup::Handlers handlers;
    // The main worker's thread runs what is posted to it once its modules have started.
    handlers.background_term = [this](std::int64_t term) {
        boost::asio::post(state_->threads.front()->io, [this, term] { change_background_term(term); });
    };
    handlers.must_end = [this](const std::string& why) {
        fail(described(HostPhase::serving, nullptr, std::make_exception_ptr(std::runtime_error(why))));
    };
    for (const auto& [topic, answering] : AllProcesses::answers()) answer(processes, topic, answering);
    for (const auto& [topic, answering] : state.settings.answers) answer(processes, topic, answering);
    processes.begin(std::move(handlers));
}

void WorkerGroup::answer(ProcessGroup& processes, const std::string& topic, const ProcessAnswering& answering) {
    processes.questions().answer(topic, [this, answering](callbacks::JsonDict question) {
        if (!state_->answers.load(std::memory_order_acquire)) throw std::runtime_error("it doesn't serve at the moment");
        return answering(*this, std::move(question));
    });
}

void WorkerGroup::change_background_term(std::int64_t term) {
    if (!state_->has_started) {
        state_->term_at_start = term;
        return;
    }
    Thread& main = *state_->threads.front();
    if (term == 0 && main.host->modules().runs_background_tasks()) {
        main.host->modules().end_background_term();
        main.host->background_tasks_changed();
    }
    state_->reloads->begin_term(term);
}

}  // namespace modapi
