#include "process/metrics_server.h"

#include "admin/admin_metrics.h"

#include <async/sync_wait.h>

namespace homeserver {

MetricsServer::MetricsServer(boost::asio::io_context& io, const modapi::WorkerGroup& workers, Traffic& traffic)
    : io_(io), where_(io.get_executor()) {
    add_open_metrics_endpoint(router_);
    services_.offer(workers);
    services_.offer(std::as_const(traffic));
    endpoints_.emplace(router_, services_);
    connections_.emplace(where_, *endpoints_, nullptr, traffic.of("metrics", router_));
}

MetricsServer::~MetricsServer() {
    connections_->finish();
    connections_->cancel();
    async::sync_wait(io_, where_, connections_->join());
}

}  // namespace homeserver
