#include "http/router.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace {

using homeserver::Router;

// Endpoints are only told apart here, never run.
async::task<modapi::Response> first(const homeserver::RoutedRequest&) { co_return modapi::Response(); }
async::task<modapi::Response> second(const homeserver::RoutedRequest&) { co_return modapi::Response(); }

/// None: no endpoint.
homeserver::Endpoint endpoint_of(const Router::Match& match) {
    return match.endpoint == nullptr ? homeserver::Endpoint() : *match.endpoint;
}

TEST(RouterTest, FindsTheEndpointOfAMethodAndPath) {
    Router router;
    router.add("GET", "/a/b", &first);
    router.add("PUT", "/a/b", &second);

    EXPECT_EQ(endpoint_of(router.find("GET", "/a/b")), homeserver::Endpoint(&first));
    EXPECT_EQ(endpoint_of(router.find("PUT", "/a/b")), homeserver::Endpoint(&second));
}

TEST(RouterTest, TellsAnUnknownPathFromAnUnknownMethod) {
    Router router;
    router.add("GET", "/a/b", &first);

    const Router::Match other_method = router.find("DELETE", "/a/b");
    EXPECT_TRUE(other_method.path_exists);
    EXPECT_EQ(other_method.endpoint, nullptr);
    for (const char* const path : {"/a", "/a/b/", "/a/b/c", "/a//b", "//a/b", "", "a/b"}) {
        EXPECT_FALSE(router.find("GET", path).path_exists) << path;
    }
}

TEST(RouterTest, ServesHeadByTheEndpointOfGet) {
    Router router;
    router.add("GET", "/a", &first);

    EXPECT_EQ(endpoint_of(router.find("HEAD", "/a")), homeserver::Endpoint(&first));
}

TEST(RouterTest, TakesAnEncodedSlashForPartOfASegment) {
    Router router;
    router.add("GET", "/user/{user_id}/data/{type}", &first);

    const Router::Match match = router.find("GET", "/user/%40a%2Fb%3Ahs/data/x.y");
    ASSERT_EQ(endpoint_of(match), homeserver::Endpoint(&first));
    ASSERT_EQ(match.parameters.size(), 2U);
    EXPECT_EQ(match.parameters[0], "@a/b:hs");
    EXPECT_EQ(match.parameters[1], "x.y");
}

TEST(RouterTest, PrefersALiteralSegmentAndTriesTheParameterWhenThatLeadsNowhere) {
    Router router;
    router.add("GET", "/rooms/{room_id}/state", &first);
    router.add("GET", "/rooms/mine", &second);

    EXPECT_EQ(endpoint_of(router.find("GET", "/rooms/mine")), homeserver::Endpoint(&second));
    const Router::Match named_like_the_literal = router.find("GET", "/rooms/mine/state");
    ASSERT_EQ(endpoint_of(named_like_the_literal), homeserver::Endpoint(&first));
    EXPECT_EQ(named_like_the_literal.parameters, std::vector<std::string>{"mine"});
}

TEST(RouterTest, MatchesAnEmptySegmentOnlyWhereThePatternSaysSo) {
    Router router;
    router.add("GET", "/state/{type}/{state_key?}", &first);

    const Router::Match empty_key = router.find("GET", "/state/m.room.name/");
    ASSERT_EQ(endpoint_of(empty_key), homeserver::Endpoint(&first));
    EXPECT_EQ(empty_key.parameters[1], "");
    EXPECT_FALSE(router.find("GET", "/state//key").path_exists);
}

TEST(RouterTest, RefusesASecondEndpointForTheSameMethodAndPath) {
    Router router;
    router.add("GET", "/a", &first);
    EXPECT_THROW(router.add("GET", "/a", &second), std::invalid_argument);
}

}  // namespace
