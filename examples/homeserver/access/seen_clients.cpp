#include "access/seen_clients.h"

#include <utility>

namespace homeserver {

namespace {

constexpr std::int64_t pause_ms = 60'000;
constexpr std::int64_t kept_ms = std::int64_t{30} * 24 * 60 * 60 * 1000;
/// More clients within a minute than this are written more often rather than remembered.
constexpr std::size_t max_remembered = 10'000;
/// A longer name of a program is kept as none: rows of it are made by every request that says another one.
constexpr std::size_t max_user_agent = 1024;

}  // namespace

void SeenClients::forget_old(std::int64_t now) {
    std::erase_if(noted_, [now](const auto& entry) { return entry.second + pause_ms <= now; });
    if (noted_.size() >= max_remembered) noted_.clear();
}

void SeenClients::note(SeenClient client) {
    if (client.user_agent.size() > max_user_agent) client.user_agent.clear();
    const std::int64_t now = clock_.wall_time_ms();
    const auto known = noted_.find(client);
    if (known != noted_.end() && now < known->second + pause_ms) return;
    if (known == noted_.end() && noted_.size() >= max_remembered) forget_old(now);
    noted_.insert_or_assign(client, now);
    Sighting sighting;
    sighting.client = std::move(client);
    sighting.time = now;
    pending_.push_back(std::move(sighting));
    if (is_writing_) return;
    is_writing_ = true;
    background_.spawn("seen clients", write_pending());
}

void SeenClients::store(modapi::Transaction& transaction, const std::vector<Sighting>& sightings) {
    transaction.execute("DELETE FROM user_ips WHERE last_seen < ?", sightings.back().time - kept_ms);
    for (const Sighting& sighting : sightings) {
        const SeenClient& client = sighting.client;
        transaction.execute(
            "INSERT INTO user_ips (user_id, device_id, ip, user_agent, last_seen) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (user_id, device_id, ip, user_agent) DO UPDATE SET last_seen = excluded.last_seen",
            client.user_id, client.device_id, client.ip, client.user_agent, sighting.time);
    }
}

async::task<void> SeenClients::write_pending() {
    // Whatever ends this task, the next client starts another one.
    struct Ending {
        SeenClients& clients;
        ~Ending() { clients.is_writing_ = false; }
    } ending{*this};
    while (!pending_.empty()) {
        std::vector<Sighting> batch = std::exchange(pending_, {});
        co_await database_.run("seen_clients", &SeenClients::store, std::move(batch));
    }
}

}  // namespace homeserver
