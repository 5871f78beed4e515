#pragma once

#include "http/bound_endpoints.h"
#include "http/connection.h"
#include "http/request_statistics.h"
#include "http/router.h"
#include "http/services.h"

#include <modapi/hosting/workers.h>

#include <async/context.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace homeserver {

/// Serves Prometheus: `GET /_synapse/metrics` to whoever asks, and nothing else. Not on a worker's thread, so that it answers
/// while something blocks all of them.
///
/// Thread: that of `io`, which is run by who destroys it. Lifetime: all outlive it.
class MetricsServer {
public:
    MetricsServer(boost::asio::io_context& io, const modapi::WorkerGroup& workers, Traffic& traffic);
    ~MetricsServer();
    MetricsServer(const MetricsServer&) = delete;
    MetricsServer& operator=(const MetricsServer&) = delete;

    void serve(boost::asio::ip::tcp::socket client) { connections_->add(std::move(client)); }
    /// Takes nobody any more; who waits for an answer gets it.
    void finish() { connections_->finish(); }
    void count(ConnectionCounts& counts) const { connections_->count(counts); }

private:
    boost::asio::io_context& io_;
    async::environment where_;
    Router router_;
    Services services_;
    std::optional<BoundEndpoints> endpoints_;
    std::optional<HttpConnections> connections_;
};

}  // namespace homeserver
