#pragma once

#include <modapi/database.h>

#include <async/clock.h>
#include <async/scope.h>
#include <async/task.h>

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace homeserver {

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
    SeenClients(modapi::Database& database, const async::clock& clock, async::scope& background) noexcept
        : database_(database), clock_(clock), background_(background) {}

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

    modapi::Database& database_;
    const async::clock& clock_;
    async::scope& background_;
    std::map<SeenClient, std::int64_t> noted_;  // when each was last noted
    std::vector<Sighting> pending_;
    bool is_writing_ = false;
};

}  // namespace homeserver
