#pragma once

#include <modapi/database.h>

#include <callbacks/json.h>

#include <cstdint>
#include <span>
#include <string>

namespace homeserver {

/// What does the work of one background update.
struct BackgroundWork {
    const char* name;
    bool one_shot;
    /// One batch in one transaction, with the update's progress, or the removal of its row, in the same transaction: a kill in
    /// the middle loses and repeats nothing. Gives the number of items done.
    std::int64_t (*batch)(modapi::Transaction& transaction, const std::string& name, const callbacks::JsonDict& progress,
                          std::int64_t batch_size);
};

/// All background updates of this server: the statistics of rooms, the four steps that fill the user directory's words anew,
/// and one index.
[[nodiscard]] std::span<const BackgroundWork> background_work();

/// Queues a job that admins start by name. Errors: 400 `M_UNKNOWN` "Invalid job_name", "Job NAME is already in queue of
/// background updates."
void queue_job(modapi::Transaction& transaction, const std::string& job_name);

/// Queues what a database made by an older version, or a new one, lacks. At start.
void queue_what_is_missing(modapi::Transaction& transaction);

}  // namespace homeserver
