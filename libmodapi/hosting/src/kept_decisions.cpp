#include "worker_group_state.h"

#include <modapi/hosting/process_group.h>

#include <boost/asio/ip/host_name.hpp>
#include <boost/asio/post.hpp>

#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

/// What the modules of a group's workers decided: where it is noted, kept and found.
namespace modapi {

std::string WorkerGroup::process_name_of(const WorkerGroupSettings& settings) {
    if (!settings.process_name.empty()) return settings.process_name;
    if (settings.processes != nullptr) return settings.processes->name();
    boost::system::error_code unnamed;
    return boost::asio::ip::host_name(unnamed) + "/" + std::to_string(::getpid());
}

void WorkerGroup::open_decision_store(Database& database) {
    WorkerGroupSettings& settings = state_->settings;
    if (!settings.decisions.keep_ms) return;
    if (settings.decision_store == nullptr) settings.decision_store = std::make_shared<DecisionRows>(database);
    settings.decision_store->open();
}

void WorkerGroup::start_to_keep_decisions() {
    const WorkerGroupSettings& settings = state_->settings;
    if (!settings.decisions.keep_ms) return;
    Thread& main = *state_->threads.front();
    main.decision_keeper =
        std::make_unique<DecisionKeeper>(state_->decisions, settings.decision_store, *settings.decisions.keep_ms, main.where);
    boost::asio::post(main.io, [keeper = main.decision_keeper.get()] { keeper->start(); });
}

Decisions& WorkerGroup::decisions() noexcept { return state_->decisions; }

async::task<DecisionPage> WorkerGroup::find_decisions(DecisionFilter filter, std::optional<DecisionPlace> from, std::size_t limit) {
    DecisionKeeper* const keeper = state_->threads.front()->decision_keeper.get();
    if (keeper != nullptr) {
        async::task<DecisionPage> finding = keeper->find(std::move(filter), std::move(from), limit);
        co_return co_await std::move(finding);
    }
    co_return state_->decisions.find(filter, from ? &*from : nullptr, limit);
}

}  // namespace modapi
