#include <async/limiter.h>

#include <async/callback_frame.h>

#include <algorithm>
#include <utility>

namespace async {

namespace {

/// How far the coarse time of two moments may be off: two ticks of a clock that ticks a hundred times a second.
constexpr clock::duration coarse_error = std::chrono::milliseconds(20);

clock::duration late_after(const std::optional<clock::duration>& deadline) {
    if (!deadline || deadline->count() == 0) return clock::duration::max();
    return *deadline > clock::duration::max() - coarse_error ? clock::duration::max() : *deadline + coarse_error;
}

/// Where a run has no deadline of its own it has that of all callbacks, which no dispatcher sees to here.
clock::duration late_after_in_shadow(std::optional<clock::duration> own, const dispatch_settings* settings) {
    if (!own && settings != nullptr) own = settings->callback_deadline;
    return late_after(own);
}

}  // namespace

limiter::limiter(call_limits limits, clock& time, const dispatch_settings* settings)
    : limits_(std::move(limits)),
      time_(time),
      settings_(settings),
      bounds_{limits_.breaker.get(), limits_.places.get(), late_after(limits_.deadline)},
      shadow_bounds_{limits_.shadow_breaker.get(), limits_.shadow_places.get(),
                     late_after_in_shadow(limits_.deadline, settings)},
      is_shadowed_(std::make_shared<bool>(false)) {
    set_mode(limits_.mode);
}

void limiter::set_mode(call_mode mode) noexcept {
    limits_.mode = mode;
    *is_shadowed_ = mode == call_mode::shadow;
    set_share(limits_.share);
}

void limiter::set_share(std::uint32_t share) noexcept {
    ++*changes_;
    limits_.share = share;
    asked_below_ = limits_.mode == call_mode::off ? 0 : share;
    asks_all_ = limits_.mode == call_mode::enforce && share == call_limits::whole;
}

void limiter::failed(const detail::call_bounds& within, const context& here, const std::exception_ptr& failure, bool is_probe) {
    if (within.breaker == nullptr || is_refusal_of_breaker(failure)) return;
    if (!within.breaker->failed(time_.now(), is_probe)) return;
    if (settings_ != nullptr && settings_->observer != nullptr)
        settings_->observer->on_breaker_opened(observed_run(*running_callback(here), here), within.breaker->limits().open);
}

void limiter::probe_succeeded(const detail::call_bounds& within, const context& here) {
    within.breaker->succeeded();
    if (settings_ != nullptr && settings_->observer != nullptr) settings_->observer->on_breaker_closed(observed_run(*running_callback(here), here));
}

bool limited_run::has_or_takes_place() {
    call_places& places = *within_.places;
    if (is_nested()) return true;
    if (!places.has_free()) return false;
    take_place();
    return true;
}

bool limited_run::is_nested() const noexcept {
    for (const operation* around = outer(); around != nullptr; around = around->outer()) {
        const auto* const run = dynamic_cast<const limited_run*>(around);
        if (run != nullptr && run->has_place_ && run->within_.places == within_.places) return true;
    }
    return false;
}

task<void> limited_run::wait_for_place(limited_run& self) {
    call_places& places = *self.within_.places;
    call_places::turn next(places);
    try {
        co_await next;
    } catch (const deadline_exceeded&) {
        throw no_free_place(places.max_runs());
    }
    self.has_place_ = true;
    // It came when the time was over.
    if (self.is_expired_) throw no_free_place(places.max_runs());
}

void limited_run::suspended() {
    if (!within_.has_deadline() || expiry_ != nullptr) return;
    if (surroundings_.cancellation != nullptr) {
        ends_by_->end_with(*surroundings_.cancellation, surroundings_.shielded ? cancel_reason::deadline : cancel_reason::caller_gone);
    }
    // Coarse time says nothing of less; what kept the thread for longer counts.
    const clock::duration took = by_.time_.coarse_now() - began_;
    const clock::duration before = took > coarse_error ? took : clock::duration(0);
    const clock::duration left = std::max(within_.late_after - coarse_error - before, clock::duration(0));
    expiry_ = surroundings_.clock().call_at(
        surroundings_.clock().after(left), surroundings_.executor(), [](void* self) { static_cast<limited_run*>(self)->expire(); }, this);
}

void limited_run::expire() {
    is_expired_ = true;
    ends_by_->request(cancel_reason::deadline);
}

}  // namespace async
