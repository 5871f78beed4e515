#include <async/waiting_runs.h>

#include <async/context.h>
#include <async/observation.h>

#include <algorithm>
#include <vector>

namespace async {

namespace {

constexpr clock::duration between_looks = std::chrono::seconds(1);

}  // namespace

void waiting_runs::look_later(const context& here) {
    if (!looks_) return;
    clock_ = &here.clock();
    executor_ = here.executor();
    look_later();
}

void waiting_runs::look_later() {
    next_look_ = clock_->call_at(
        clock_->after(between_looks), executor_, [](void* self) { static_cast<waiting_runs*>(self)->look(); }, this);
}

bool waiting_runs::has_ended(std::uint32_t generation) const noexcept {
    for (const waiting_run* run = first_; run != nullptr; run = run->next_) {
        if (run->generation_ <= generation) return false;
    }
    return true;
}

task<void> waiting_runs::ended(waiting_runs& self, std::uint32_t generation) {
    while (!self.has_ended(generation)) co_await self.one_has_left_.wait();
}

void waiting_runs::look() {
    next_look_.reset();
    const clock::time_point now = clock_->now();
    name_late(now);
    cut_expired(now);
    // Also for those that were cut: they end after this.
    if (first_ != nullptr && next_look_ == nullptr) look_later();
}

void waiting_runs::cut_expired(clock::time_point now) {
    // A run's beginning is coarse, and may lie before the real one by this: none is cut too early.
    const clock::duration uncertain = clock_->coarse_resolution();
    for (waiting_run* run = first_; run != nullptr; run = looked_at_next_) {
        looked_at_next_ = run->next_;
        if (run->waits() && run->deadline_ > clock::duration(0) && now - run->since_ - uncertain >= run->deadline_)
            run->ends_by_->request(cancel_reason::deadline);
    }
    looked_at_next_ = nullptr;
}

void waiting_runs::name_late(clock::time_point now) {
    if (settings_.observer == nullptr) return;
    // One line for each callback, whatever the number of its runs.
    std::vector<late_callback> late;
    for (waiting_run* run = first_; run != nullptr; run = run->next_) {
        if (!run->waits() || now - run->since_ <= settings_.slow) continue;
        auto known = std::find_if(late.begin(), late.end(),
                                  [&](const late_callback& each) { return each.callback == run->callback_; });
        if (known == late.end()) known = late.insert(late.end(), late_callback{run->callback_, run->since_, 0, false});
        known->longest_since = std::min(known->longest_since, run->since_);
        ++known->runs;
        if (now - run->named_ < settings_.slow) continue;
        known->is_due = true;
        run->named_ = now;
    }
    for (const late_callback& each : late) {
        if (each.is_due) settings_.observer->on_waiting(*each.callback, now - each.longest_since, each.runs);
    }
}

}  // namespace async
