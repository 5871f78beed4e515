#pragma once

#include <modapi/database.h>
#include <modapi/hosting/log.h>

#include <spdlog/spdlog.h>

#include <string_view>

namespace modapi {

/// The transaction failed for a reason that may be gone the next time: a serialization failure, a lock held for too long, a
/// lost connection.
class TransientDatabaseError : public DatabaseError {
public:
    using DatabaseError::DatabaseError;
};

/// Runs `attempt`, a whole transaction, again after a transient failure: up to 5 times, each behind `before_retry`.
template <class Attempt, class BeforeRetry>
void with_retries(std::string_view desc, Attempt&& attempt, BeforeRetry&& before_retry) {
    constexpr int most_retries = 5;
    for (int retry = 0;; ++retry) {
        try {
            attempt();
            return;
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
