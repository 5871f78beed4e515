#include "events/kept_events.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using homeserver::KeptEvent;
using homeserver::KeptEvents;

std::string pdu_with(const std::string& body) {
    return R"({"room_id":"!r:hs.test","type":"m.room.message","sender":"@a:hs.test","origin_server_ts":1,"content":{"body":")" +
           body + "\"}}";
}

TEST(KeptEventsTest, ARowIsParsedOnce) {
    KeptEvents events;
    const std::shared_ptr<const KeptEvent> first = events.get("$one", pdu_with("hello"), "{}");
    EXPECT_EQ(first->event().content_string("body"), "hello");
    EXPECT_EQ(first->event().event_id(), "$one");
    EXPECT_EQ(events.get("$one", pdu_with("hello"), "{}"), first);
}

TEST(KeptEventsTest, ARedactedEventIsAnotherOne) {
    KeptEvents events;
    const std::shared_ptr<const KeptEvent> before = events.get("$one", pdu_with("secret"), "{}");
    const std::shared_ptr<const KeptEvent> redacted = events.get("$one", pdu_with(""), R"({"redacted_by":"$two"})");
    EXPECT_EQ(redacted->event().content_string("body"), "");
    EXPECT_TRUE(redacted->event().unsigned_fields().contains("redacted_by"));
    EXPECT_EQ(before->event().content_string("body"), "secret") << "who holds it goes on reading it";
    EXPECT_EQ(events.get("$one", pdu_with(""), R"({"redacted_by":"$two"})"), redacted);
    EXPECT_NE(events.get("$one", pdu_with("secret"), "{}"), redacted);
}

TEST(KeptEventsTest, WhereOneTextEndsAndTheOtherBeginsIsLookedAt) {
    KeptEvents events;
    const std::string whole = pdu_with("x");
    static_cast<void>(events.get("$one", whole, "{}"));
    EXPECT_ANY_THROW(static_cast<void>(events.get("$one", whole + "{", "}"))) << "is no JSON";
}

TEST(KeptEventsTest, KeepsNoMoreTextThanItMay) {
    constexpr std::size_t most = 64UL * 1024;
    KeptEvents events(most);
    for (int number = 0; number < 2000; ++number) {
        static_cast<void>(events.get("$" + std::to_string(number), pdu_with(std::string(100, 'x')), "{}"));
        ASSERT_LE(events.text_size(), most) << number;
    }
    EXPECT_GT(events.text_size(), most / 4);
    const std::shared_ptr<const KeptEvent> large = events.get("$large", pdu_with(std::string(most, 'x')), "{}");
    EXPECT_EQ(large->event().content_string("body")->size(), most);
    EXPECT_NE(events.get("$large", pdu_with(std::string(most, 'x')), "{}"), large) << "is too large to be kept";
}

TEST(KeptEventsTest, WhatIsAskedForStaysWhileOthersGo) {
    KeptEvents events(64UL * 1024);
    const std::shared_ptr<const KeptEvent> asked_for = events.get("$asked", pdu_with("x"), "{}");
    for (int number = 0; number < 2000; ++number) {
        static_cast<void>(events.get("$" + std::to_string(number), pdu_with(std::string(100, 'x')), "{}"));
        ASSERT_EQ(events.get("$asked", pdu_with("x"), "{}"), asked_for) << number;
    }
}

TEST(KeptEventsTest, ThreadsThatAskForTheSameEventGetTheSameOne) {
    KeptEvents events;
    const std::shared_ptr<const KeptEvent> kept = events.get("$one", pdu_with("hello"), "{}");
    constexpr std::size_t count = 8;
    std::vector<const callbacks::ClientEvent*> written(count);
    std::vector<std::thread> threads;
    for (std::size_t index = 0; index < count; ++index) {
        threads.emplace_back(
            [&, index] { written[index] = &events.get("$one", pdu_with("hello"), "{}")->for_clients(); });
    }
    for (std::thread& thread : threads) thread.join();
    for (const callbacks::ClientEvent* const one : written) EXPECT_EQ(one, &kept->for_clients());
}

TEST(KeptEventsTest, WhatNoClientCouldReadIsSaidEachTime) {
    KeptEvents events;
    const std::shared_ptr<const KeptEvent> kept = std::make_shared<const KeptEvent>([] {
        callbacks::EventFields fields;
        fields.event_id = "$one";
        fields.content["body"] = "\xff";
        return callbacks::Event(std::move(fields));
    }());
    EXPECT_ANY_THROW(static_cast<void>(kept->for_clients()));
    EXPECT_ANY_THROW(static_cast<void>(kept->for_clients()));
}

}  // namespace
