#pragma once

#include "http/connection.h"
#include "http/incoming_body.h"

#include <modapi/hosting/peer_watch.h>

#include <async/cancellation.h>

#include <cstdint>
#include <optional>
#include <string>

namespace homeserver {

/// What an endpoint reads of the request that its connection answers. Nobody watches the client meanwhile: the reading does.
class HttpConnection::Body final : public IncomingBody {
public:
    /// `watch` is the connection's, over `source` and `waits`. All outlive it.
    Body(HttpConnection& connection, async::cancellation_source& source, async::cancellation_source& waits,
         std::optional<modapi::PeerWatch>& watch)
        : connection_(connection), source_(source), waits_(waits), watch_(watch) {}

    [[nodiscard]] std::optional<std::uint64_t> announced_size() const override;
    [[nodiscard]] async::task<std::string> read() override;

private:
    HttpConnection& connection_;
    async::cancellation_source& source_;
    async::cancellation_source& waits_;
    std::optional<modapi::PeerWatch>& watch_;
};

}  // namespace homeserver
