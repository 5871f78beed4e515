#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace homeserver {

/// Whether this process is fit to be given clients, as whoever balances them asks by `GET /health`. It is, until somebody says
/// otherwise. Thread: any.
class Health {
public:
    /// Asked each time what it may know; none: nothing is wrong. On any thread, after this was called, which is before the first question.
    using Asking = std::function<std::optional<std::string>()>;
    void ask(Asking asking) { asking_ = std::move(asking); }

    /// From now on the answer is 503 with this text, a line for an operator.
    void is_unfit(std::string because) {
        const std::scoped_lock lock(mutex_);
        reason_ = std::move(because);
    }
    void is_fit() {
        const std::scoped_lock lock(mutex_);
        reason_.reset();
    }
    /// Why it isn't fit; none: it is.
    [[nodiscard]] std::optional<std::string> reason() const {
        {
            const std::scoped_lock lock(mutex_);
            if (reason_) return reason_;
        }
        return asking_ ? asking_() : std::nullopt;
    }

private:
    Asking asking_;
    mutable std::mutex mutex_;
    std::optional<std::string> reason_;
};

class Router;
/// `GET /health`, for whoever asks: 200 `OK`, or 503 with the reason.
void add_health_endpoint(Router& router);

}  // namespace homeserver
