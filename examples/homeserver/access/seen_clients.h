#pragma once

#include <modapi/database.h>

#include <async/task.h>

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace homeserver {

class ServerWorker;

/// From where a user makes requests.
struct SeenClient {
    std::string user_id;
    std::string device_id;  ///< empty: a token without a device
    std::string ip;
    std::string user_agent;  ///< empty: the client names none

    auto operator<=>(const SeenClient&) const = default;
};

/// Writes down, behind the requests, from where users make them: each client at most once a minute, all that are due in one
/// transaction. What is older than 30 days is dropped. One per worker, on its thread.
class SeenClients {
public:
    explicit SeenClients(ServerWorker& worker) noexcept : worker_(worker) {}

    /// An authenticated request came from there just now. Cost: a look into a map; waits for nothing.
    void note(SeenClient client);

private:
    struct Sighting {
        SeenClient client;
        std::int64_t time = 0;
    };
    static void store(modapi::Transaction& transaction, const std::vector<Sighting>& sightings);
    async::task<void> write_pending();
    void forget_old(std::int64_t now);

    ServerWorker& worker_;
    std::map<SeenClient, std::int64_t> noted_;  // when each was last noted
    std::vector<Sighting> pending_;
    bool is_writing_ = false;
};

}  // namespace homeserver
