#pragma once

#include <modapi/hosting/decision_recorder.h>

#include <async/observation.h>

#include <optional>

namespace modapi {

/// Writes what callbacks do into the host's log, by module and callback, notes their decisions, and remembers whose failure left the
/// dispatcher last.
class CallbackLog final : public async::dispatch_observer {
public:
    /// From now on decisions are noted there.
    void note_by(const DecisionRecorder& recorder) { decisions_.emplace(recorder); }

    void on_error(const async::observed_run& run, async::error_level level, const std::exception_ptr& failure) noexcept override;
    void on_slow(const async::callback_identity& callback, async::clock::duration took) noexcept override;
    void on_waiting(const async::callback_identity& callback, async::clock::duration so_far,
                    std::size_t runs) noexcept override;
    void on_ruled_failure(const async::observed_run& run, async::failure_outcome outcome, const std::exception_ptr& failure,
                          const std::exception_ptr& leaves) noexcept override;
    void on_breaker_opened(const async::observed_run& run, async::clock::duration open) noexcept override;
    void on_breaker_closed(const async::observed_run& run) noexcept override;
    void on_shadow_run(const async::observed_run& run, const async::shadow_result& result) noexcept override;
    void on_kept_back(const async::callback_identity& callback, std::string_view what) noexcept override;
    void on_decision(const async::observed_run& run) noexcept override;

    [[nodiscard]] const async::callback_identity* origin_of(const std::exception_ptr& failure) const noexcept {
        return failure != nullptr && failure == last_failure_ ? failed_ : nullptr;
    }
    /// Before the callbacks end.
    void forget() noexcept {
        failed_ = nullptr;
        last_failure_ = nullptr;
    }

private:
    std::optional<DecisionRecorder> decisions_;
    const async::callback_identity* failed_ = nullptr;
    std::exception_ptr last_failure_;
};

}  // namespace modapi
