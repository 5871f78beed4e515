#pragma once

#include "sql_placeholders.h"

#include <modapi/database.h>
#include <modapi/hosting/log.h>
#include <modapi/hosting/transient_database_error.h>

#include <spdlog/spdlog.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace modapi {

/// The server has ended the connection since nothing came for too long inside the transaction, which therefore was never
/// committed.
class IdleTransactionEnded : public TransientDatabaseError {
public:
    using TransientDatabaseError::TransientDatabaseError;
};

/// When an interaction is over its time limit; begins when it is made.
class InteractionDeadline {
public:
    explicit InteractionDeadline(InteractionLimit limit) : limit_(limit) {
        if (limit) at_ = std::chrono::steady_clock::now() + *limit;
    }
    [[nodiscard]] const InteractionLimit& limit() const noexcept { return limit_; }
    [[nodiscard]] const std::optional<std::chrono::steady_clock::time_point>& at() const noexcept { return at_; }
    [[nodiscard]] bool has_passed() const noexcept { return at_ && std::chrono::steady_clock::now() >= *at_; }
    /// Errors: InteractionTimeout.
    void require_time(std::string_view sql) const {
        if (has_passed()) refuse(sql);
    }
    [[noreturn]] void refuse(std::string_view sql) const {
        const std::string limit = limit_ ? std::to_string(limit_->count()) : std::string();
        throw InteractionTimeout("the interaction took longer than its " + limit +
                                 " ms and was cut at: " + statement_on_one_line(sql));
    }

private:
    InteractionLimit limit_;
    std::optional<std::chrono::steady_clock::time_point> at_;
};

inline void log_cut(std::string_view desc, const InteractionTimeout& error) {
    framework_log().warn("database interaction {} was cut: {}", desc, error.what());
}

/// Runs `attempt`, a whole transaction, again after a transient failure: up to 5 times, each behind `before_retry`.
template <class Attempt, class BeforeRetry>
void with_retries(std::string_view desc, Attempt&& attempt, BeforeRetry&& before_retry) {
    constexpr int most_retries = 5;
    for (int retry = 0;; ++retry) {
        try {
            attempt();
            return;
        } catch (const InteractionTimeout& error) {
            log_cut(desc, error);
            throw;
        } catch (const TransientDatabaseError& error) {
            if (retry == most_retries) throw;
            // That two collide once is nothing to look into.
            const spdlog::level::level_enum level = retry == 0 ? spdlog::level::info : spdlog::level::warn;
            framework_log().log(level, "database interaction {} is tried again ({} of {}): {}", desc, retry + 1, most_retries,
                                error.what());
            before_retry();
        }
    }
}

}  // namespace modapi
