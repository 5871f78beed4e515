#include <modapi/hosting/host_worker.h>
#include <modapi/hosting/log.h>

#include <callbacks/errors.h>

#include <async/driven_task.h>

#include <spdlog/spdlog.h>

#include <utility>

namespace modapi {

namespace {

/// Ends the telling of an event when the modules returned or suspended.
class Telling {
public:
    explicit Telling(NewEvent& event) noexcept : event_(&event) {}
    ~Telling() { end(); }
    Telling(const Telling&) = delete;
    Telling& operator=(const Telling&) = delete;
    void end() {
        if (NewEvent* const told = std::exchange(event_, nullptr)) told->end();
    }

private:
    NewEvent* event_;
};

async::task<void> tell_of_event(callbacks::ThirdPartyRulesDispatch& third_party_rules, std::shared_ptr<NewEvent> event) {
    const async::context& outer = co_await async::this_context;
    Telling telling(*event);
    const CausedWork caused(outer, event->cause());
    async::task<void> told = third_party_rules.on_new_event(event->event(), event->state());
    const bool has_ended = async::detail::driven_task<void>::start(told, caused.here());
    telling.end();
    if (!has_ended) {
        async::detail::driven_task<void> rest(told);
        co_await rest;
    }
    async::detail::driven_task<void>::take(told);
}

}  // namespace

HostWorker::HostWorker(const WorkerContext& place)
    : name_(place.name),
      where_(place.where),
      modules_(*this, place.where, place.database, place.bus, place.blocking_threads, place.settings),
      background_(place.where, [](std::string_view name, const std::exception_ptr& failure) {
          framework_log().error("background work failed: name={} error={}", name, callbacks::message_of(failure));
      }) {}

HostWorker::~HostWorker() = default;

void HostWorker::run_on_new_event(callbacks::Event event, std::shared_ptr<const callbacks::StateMap> state) {
    Cause nothing_led_to_it;
    nothing_led_to_it.budget = std::make_shared<EventBudget>();
    run_on_new_event(std::make_shared<NewEvent>(std::move(event), std::move(state), std::move(nothing_led_to_it)));
}

void HostWorker::run_on_new_event(std::shared_ptr<NewEvent> event) {
    if (hooks().third_party_rules.on_new_event.empty()) return;
    new_events_.push_back(std::move(event));
    if (!waits_for_another_worker_) tell_of_next_events();
}

void HostWorker::tell_of_next_events() {
    const auto again = [this] {
        waits_for_another_worker_ = false;
        tell_of_next_events();
    };
    while (!new_events_.empty()) {
        waits_for_another_worker_ = !new_events_.front()->begin(where_.executor, again);
        if (waits_for_another_worker_) return;
        std::shared_ptr<NewEvent> next = std::move(new_events_.front());
        new_events_.pop_front();
        background_.spawn("on_new_event", tell_of_event(hooks().third_party_rules, std::move(next)));
    }
    all_told_.notify_all();
}

async::task<void> HostWorker::told_of_all_events() {
    while (!new_events_.empty()) co_await all_told_.wait();
}

void HostWorker::forget_events() {
    new_events_.clear();
    all_told_.notify_all();
}

async::task<void> HostWorker::drain() { co_return; }
async::task<void> HostWorker::end() { co_return; }

}  // namespace modapi
