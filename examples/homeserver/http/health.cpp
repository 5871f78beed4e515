#include "http/health.h"

#include "http/router.h"

namespace homeserver {

namespace {

async::task<modapi::Response> health(const RoutedRequest&, const Health& of_process) {
    const std::optional<std::string> reason = of_process.reason();
    modapi::Response response;
    response.status = reason ? 503 : 200;
    response.headers.emplace_back("Content-Type", "text/plain; charset=utf-8");
    response.body = reason.value_or("OK");
    co_return response;
}

}  // namespace

void add_health_endpoint(Router& router) { router.add("GET", "/health", &health); }

}  // namespace homeserver
