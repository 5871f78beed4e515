#pragma once

#include <modapi/hosting/redis_settings.h>

#include <optional>
#include <string>

namespace modapi {

/// Which of the processes of a server this one is, and what holds them together. They share a PostgreSQL database.
struct ProcessSettings {
    std::optional<std::string> worker_name;  ///< none: the main process
    std::string worker_app;                  ///< what kind of program a worker is, for modules
    /// The process that does the background work; none: whoever the processes agree upon.
    std::optional<std::string> run_background_tasks_on;
    std::optional<RedisSettings> redis;  ///< by which they wake each other; none: by the database
};

}  // namespace modapi
