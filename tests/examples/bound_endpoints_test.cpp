#include "http/bound_endpoints.h"

#include <async/sync_wait.h>

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace {

using namespace homeserver;

struct Greeting {
    std::string text = "hello";
};
struct Counter {
    int calls = 0;
};

async::task<modapi::Response> greet(const RoutedRequest& request, const Greeting& greeting, Counter& counter) {
    ++counter.calls;
    modapi::Response response;
    response.body = greeting.text + " " + request.path_parameters.at(0);
    co_return response;
}

async::task<modapi::Response> be_silent(const RoutedRequest&) { co_return modapi::Response(); }

class BoundEndpointsTest : public testing::Test {
protected:
    modapi::Response answer(const Services& services, const std::string& path) {
        const BoundEndpoints endpoints(router, services);
        const Router::Match match = router.find("GET", path);
        const modapi::Request request;
        const RoutedRequest routed(request, match.parameters);
        return async::sync_wait(io, endpoints.answer(match, routed));
    }
    /// What the server says when it starts.
    std::string refusal(const Services& services) {
        try {
            const BoundEndpoints endpoints(router, services);
        } catch (const std::logic_error& error) {
            return error.what();
        }
        return "";
    }

    boost::asio::io_context io{1};
    Router router;
    Greeting greeting;
    Counter counter;
};

TEST_F(BoundEndpointsTest, AnEndpointIsCalledWithTheServicesThatItsParametersName) {
    router.add("GET", "/silence", &be_silent);
    router.add("GET", "/greet/{name}", &greet);
    Services services;
    services.offer(counter);
    services.offer(greeting);

    EXPECT_EQ(answer(services, "/greet/alice").body, "hello alice");
    EXPECT_EQ(answer(services, "/silence").body, "");
    EXPECT_EQ(counter.calls, 1);
}

TEST_F(BoundEndpointsTest, AMissingServiceIsNamedWithItsEndpointWhenTheServerStarts) {
    router.add("GET", "/silence", &be_silent);
    router.add("GET", "/greet/{name}", &greet);
    Services services;
    services.offer(greeting);

    const std::string said = refusal(services);
    EXPECT_NE(said.find("GET /greet/{name}"), std::string::npos) << said;
    EXPECT_NE(said.find("Counter"), std::string::npos) << said;
}

TEST_F(BoundEndpointsTest, WhatIsOfferedForReadingIsGivenToNobodyWhoWrites) {
    router.add("GET", "/greet/{name}", &greet);
    Services services;
    services.offer(greeting);
    services.offer(static_cast<const Counter&>(counter));

    EXPECT_NE(refusal(services), "");
}

}  // namespace
