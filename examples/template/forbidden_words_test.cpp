#include "forbidden_words.h"

#include <modapi/testing/assertions.h>
#include <modapi/testing/host.h>

#include <gtest/gtest.h>

namespace {

using modapi::testing::Host;

auto verdict_on(Host& host, const std::string& text) {
    const callbacks::Event event = modapi::testing::message("@alice:example.org", "!hall:example.org", text);
    return host.call(host.hooks().spam_checker.check_event_for_spam, event);
}

std::string answer(Host& host) { return host.request("GET", "/_synapse/client/forbidden_words").body; }

TEST(ForbiddenWordsTest, RefusesAndCountsMessagesWithAForbiddenWordWhateverItsCase) {
    Host host;
    host.load<ForbiddenWords>("{words: [Spam, 'buy now']}");
    EXPECT_TRUE(is_not_spam(verdict_on(host, "hello")));
    EXPECT_EQ(answer(host), R"({"refused":0})");
    EXPECT_TRUE(is_spam(verdict_on(host, "Lovely SPAM!"), "M_FORBIDDEN"));
    EXPECT_TRUE(is_spam(verdict_on(host, "you can Buy Now"), "M_FORBIDDEN"));
    EXPECT_EQ(answer(host), R"({"refused":2})");
}

TEST(ForbiddenWordsTest, RefusesAConfigurationWithoutWords) {
    Host host;
    EXPECT_THROW(host.load<ForbiddenWords>("{}"), modapi::ConfigurationError);
    EXPECT_THROW(host.load<ForbiddenWords>("{words: ['']}"), modapi::ConfigurationError);
}

}  // namespace
