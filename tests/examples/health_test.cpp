#include "http/health.h"
#include "http/bound_endpoints.h"
#include "http/router.h"

#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace {

modapi::Response ask_for_health(homeserver::Health& health) {
    homeserver::Router router;
    homeserver::add_health_endpoint(router);
    homeserver::Services services;
    services.offer(health);
    const homeserver::BoundEndpoints endpoints(router, services);
    const modapi::Request request = modapi::Request::of("GET", "/health");
    const homeserver::Router::Match match = router.find(request.method, request.path);
    const homeserver::RoutedRequest routed(request, match.parameters);
    async::testing::simulation time;
    return time.run(endpoints.answer(match, routed));
}

TEST(HealthTest, IsGoodUntilSomebodySaysWhyNotAndAgainAfterIt) {
    homeserver::Health health;
    EXPECT_EQ(ask_for_health(health).status, 200);
    EXPECT_EQ(ask_for_health(health).body, "OK");
    health.is_unfit("modules differ from those of process sync");
    EXPECT_EQ(ask_for_health(health).status, 503);
    EXPECT_EQ(ask_for_health(health).body, "modules differ from those of process sync");
    health.is_fit();
    EXPECT_EQ(ask_for_health(health).status, 200);
}

TEST(HealthTest, IsAsGoodAsWhoIsAskedEachTimeSays) {
    homeserver::Health health;
    std::optional<std::string> known;
    health.ask([&] { return known; });
    EXPECT_EQ(ask_for_health(health).status, 200);
    known = "modules of process sync differ from this one's for more than 10 minutes";
    EXPECT_EQ(ask_for_health(health).status, 503);
    EXPECT_EQ(ask_for_health(health).body, *known);
    health.is_unfit("it stops");
    EXPECT_EQ(ask_for_health(health).body, "it stops");
    health.is_fit();
    known.reset();
    EXPECT_EQ(ask_for_health(health).body, "OK");
}

}  // namespace
