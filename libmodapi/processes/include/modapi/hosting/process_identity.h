#pragma once

#include <cstdint>
#include <string>

namespace modapi {

/// One start of one process, as the other processes of the server see it.
struct ProcessIdentity {
    std::string name;      ///< `main` for one without a worker_name
    std::string instance;  ///< drawn at this start: 16 hexadecimal digits
    std::string version;   ///< of host and framework: processes of different ones don't run together
    std::string modules;   ///< a digest of its list of modules: names, and each one's configuration and rules
    std::string host;      ///< name of its machine
    std::int64_t pid = 0;

    /// That of the calling process, with a new `instance`.
    [[nodiscard]] static ProcessIdentity of_this_process(std::string name, std::string version, std::string modules);
};

/// A process that was seen within the last 10 s.
struct LivingProcess : ProcessIdentity {
    std::int64_t started_ms = 0;  ///< by the database's clock, as is the next
    std::int64_t seen_ms = 0;
};

}  // namespace modapi
