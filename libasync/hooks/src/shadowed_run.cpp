#include <async/shadowed_run.h>

#include <async/cancellation.h>
#include <async/failure.h>

#include <memory>
#include <string>
#include <utility>

namespace async {

bool limiter::may_shadow(const callback_identity& callback) {
    const bool has_place = limits_.shadow_places == nullptr || limits_.shadow_places->has_free();
    if (has_place && settings_ != nullptr && settings_->shadow_runs != nullptr) return true;
    ended_in_shadow(observed_run(shadow_of(callback)), {shadow_end::skipped, {}, {}});
    return false;
}

const callback_identity& limiter::shadow_of(const callback_identity& callback) {
    if (shadow_ == nullptr) shadow_ = std::make_unique<callback_identity>(callback.module, callback.callback);
    return *shadow_;
}

void limiter::ended_in_shadow(const observed_run& run, const shadow_result& result) noexcept {
    if (result.end == shadow_end::skipped) ++shadow_counts_.skipped;
    if (result.end == shadow_end::failed) ++shadow_counts_.failed;
    if (result.end == shadow_end::differed) ++shadow_counts_.differed;
    if (settings_ != nullptr && settings_->observer != nullptr) settings_->observer->on_shadow_run(run, result);
}

void shadowed_run::keep_back(std::string_view what) {
    was_kept_back_ = true;
    ++by_.shadow_counts_.kept_back;
    if (by_.settings_ != nullptr && by_.settings_->observer != nullptr) by_.settings_->observer->on_kept_back(callback(), what);
}

namespace detail {

shadow_frame::shadow_frame(const context& root, limiter& by, const callback_identity& callback, clock::time_point began)
    : frame_(root), root_(root), by_(by) {
    frame_.enter(callback);
    mark_.emplace(frame_.here(), by);
    limits_.emplace(by, by.shadow_bounds_, mark_->here(), began);
}

bool shadow_frame::admit() {
    try {
        if (!limits_->admit()) return false;
    } catch (const breaker_is_open&) {
        return false;
    }
    ++by_.shadow_counts_.runs;
    // What is on the stack from here on runs in shadow mode.
    if (chain_observer* const observer = root_.environment->observer) observer->resumed(limits_->here());
    return true;
}

bool shadow_frame::failed(const std::exception_ptr& failure) {
    if (root_.cancel_requested() == cancel_reason::stopping && is_cancellation(failure)) return true;
    // It says nothing of the callable that it was kept from something.
    if (!was_kept_back()) by_.failed(by_.shadow_bounds_, mark_->here(), failure, limits_->take_probe());
    return false;
}

}  // namespace detail

}  // namespace async
