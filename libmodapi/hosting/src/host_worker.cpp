#include <modapi/hosting/host_worker.h>
#include <modapi/hosting/log.h>

#include <callbacks/errors.h>

#include <spdlog/spdlog.h>

#include <utility>

namespace modapi {

namespace {

async::task<void> tell_of_event(callbacks::ThirdPartyRulesDispatch& third_party_rules, callbacks::Event event,
                                std::shared_ptr<const callbacks::StateMap> state) {
    static const callbacks::StateMap nothing;
    const callbacks::StateMap& current = state ? *state : nothing;
    co_await third_party_rules.on_new_event(event, current);
}

}  // namespace

HostWorker::HostWorker(const WorkerContext& place)
    : name_(place.name),
      where_(place.where),
      modules_(*this, place.where, place.database, place.bus, place.blocking_pool, place.settings),
      background_(place.where, [](std::string_view name, const std::exception_ptr& failure) {
          framework_log().error("background work failed: name={} error={}", name, callbacks::message_of(failure));
      }) {}

HostWorker::~HostWorker() = default;

void HostWorker::run_on_new_event(callbacks::Event event, std::shared_ptr<const callbacks::StateMap> state) {
    callbacks::ThirdPartyRulesDispatch& third_party_rules = hooks().third_party_rules;
    if (third_party_rules.on_new_event.empty()) return;
    background_.spawn("on_new_event", tell_of_event(third_party_rules, std::move(event), std::move(state)));
}

async::task<void> HostWorker::drain() { co_return; }
async::task<void> HostWorker::end() { co_return; }

}  // namespace modapi
