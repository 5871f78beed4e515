#include "forbidden_words.h"
#include "test_server.h"

#include <gtest/gtest.h>

namespace {

using Server = TestServer<ForbiddenWords>;

callbacks::Verdict verdict_on(Server& server, const std::string& text) {
    callbacks::EventFields fields;
    fields.type = "m.room.message";
    fields.sender = "@alice:example.org";
    fields.content["body"] = text;
    const callbacks::Event event(std::move(fields));
    return server.wait(server.worker().hooks().spam_checker.check_event_for_spam(event));
}

std::string answer(Server& server) {
    modapi::Request request;
    request.method = "GET";
    request.path = "/_synapse/client/forbidden_words";
    return server.wait(server.worker().web_resources().find(request.path)->handle(request)).body;
}

TEST(ForbiddenWordsTest, RefusesAndCountsMessagesWithAForbiddenWordWhateverItsCase) {
    Server server("{words: [Spam, 'buy now']}");
    EXPECT_FALSE(verdict_on(server, "hello").is_spam());
    EXPECT_EQ(answer(server), R"({"refused":0})");
    EXPECT_EQ(verdict_on(server, "Lovely SPAM!").errcode(), "M_FORBIDDEN");
    EXPECT_TRUE(verdict_on(server, "you can Buy Now").is_spam());
    EXPECT_EQ(answer(server), R"({"refused":2})");
}

TEST(ForbiddenWordsTest, RefusesAConfigurationWithoutWords) {
    EXPECT_THROW(Server("{}"), modapi::ConfigurationError);
    EXPECT_THROW(Server("{words: ['']}"), modapi::ConfigurationError);
}

}  // namespace
