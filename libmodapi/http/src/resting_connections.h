#pragma once

#include "outgoing_connection.h"

#include <algorithm>
#include <chrono>
#include <list>
#include <memory>
#include <utility>

namespace modapi {

/// Connections that are open and wait for their server's next request: a few, for half a minute.
class RestingConnections {
public:
    /// One to the URL's server that is still good; null if there is none.
    [[nodiscard]] std::unique_ptr<OutgoingConnection> take(const HttpUrl& url, async::clock::time_point now) {
        // Those of other servers too: one that was closed holds a descriptor.
        std::erase_if(resting_, [&](const Resting& one) {
            return now - one.connection->rests_since > longest_rest || !one.connection->is_quiet();
        });
        const auto found =
            std::find_if(resting_.begin(), resting_.end(), [&](const Resting& one) { return one.url.same_origin(url); });
        if (found == resting_.end()) return nullptr;
        std::unique_ptr<OutgoingConnection> taken = std::move(found->connection);
        resting_.erase(found);
        return taken;
    }
    void add(const HttpUrl& url, std::unique_ptr<OutgoingConnection> connection, async::clock::time_point now) {
        connection->rests_since = now;
        resting_.push_front({url, std::move(connection)});
        if (resting_.size() > most) resting_.pop_back();
    }

private:
    static constexpr std::size_t most = 16;
    static constexpr std::chrono::seconds longest_rest{30};

    struct Resting {
        HttpUrl url;
        std::unique_ptr<OutgoingConnection> connection;
    };
    std::list<Resting> resting_;  ///< the last one used first
};

}  // namespace modapi
