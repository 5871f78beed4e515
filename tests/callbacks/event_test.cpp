#include <callbacks/errors.h>
#include <callbacks/event.h>

#include <gtest/gtest.h>

namespace {

using callbacks::Event;
using callbacks::EventFields;
using callbacks::JsonDict;
using callbacks::StateMap;

EventFields member_of_alice() {
    EventFields fields;
    fields.event_id = "$event";
    fields.room_id = "!room:test";
    fields.type = "m.room.member";
    fields.sender = "@alice:test";
    fields.state_key = "@alice:test";
    fields.content = JsonDict{{"membership", "join"}, {"list", {1, 2}}};
    fields.origin_server_ts = 1234;
    fields.unsigned_fields = JsonDict{{"age", 5}};
    fields.other = JsonDict{{"depth", 3}};
    return fields;
}

TEST(Event, SharesItsFieldsWithItsCopies) {
    const Event event(member_of_alice());
    const Event copy = event;
    EXPECT_EQ(&copy.content(), &event.content());
}

TEST(Event, GivesTheWholeEventAsADictionary) {
    const JsonDict expected{{"type", "m.room.member"},    {"room_id", "!room:test"},
                            {"sender", "@alice:test"},    {"content", {{"membership", "join"}, {"list", {1, 2}}}},
                            {"state_key", "@alice:test"}, {"origin_server_ts", 1234},
                            {"event_id", "$event"},       {"depth", 3},
                            {"unsigned", {{"age", 5}}}};
    EXPECT_EQ(Event(member_of_alice()).get_dict(), expected);
}

TEST(Event, GivesADictionaryOfItsOwn) {
    const Event event(member_of_alice());
    JsonDict dictionary = event.get_dict();
    dictionary["content"].as_object()["membership"] = "leave";
    EXPECT_EQ(event.membership(), "join");
}

TEST(Event, LeavesOutWhatItDoesNotHave) {
    EventFields fields;
    fields.type = "m.room.message";
    const JsonDict dictionary = Event(std::move(fields)).get_dict();
    EXPECT_FALSE(dictionary.contains("state_key"));
    EXPECT_FALSE(dictionary.contains("event_id"));
    EXPECT_FALSE(dictionary.contains("redacts"));
    EXPECT_TRUE(dictionary.contains("unsigned"));
}

TEST(Event, ReadsStringsFromItsContentOnlyWhereTheyAreStrings) {
    const Event event(member_of_alice());
    EXPECT_EQ(event.content_string("membership"), "join");
    EXPECT_EQ(event.content_string("list"), std::nullopt);
    EXPECT_EQ(event.content_string("missing"), std::nullopt);
}

TEST(Event, FindsWhatIsNestedInItsContentAsWhatItIs) {
    EventFields fields;
    fields.content = JsonDict{{"m.relates_to", {{"rel_type", "m.thread"}, {"order", -3}, {"is_falling_back", true}}},
                              {"text", "plain"},
                              {"half", 1.5},
                              {"large", std::uint64_t(1) << 63U}};
    const Event event(std::move(fields));
    EXPECT_EQ(event.content_at("m.relates_to", "rel_type").text(), "m.thread");
    EXPECT_EQ(event.content_at("m.relates_to", "order").number(), -3);
    EXPECT_EQ(event.content_at("m.relates_to", "is_falling_back").truth(), true);
    EXPECT_EQ(event.content_at("m.relates_to").object()->size(), 3U);
    EXPECT_EQ(event.content_at("m.relates_to", "order").text(), std::nullopt);
    EXPECT_EQ(event.content_at("m.relates_to", "order").truth(), std::nullopt);
    EXPECT_EQ(event.content_at("text").number(), std::nullopt);
    EXPECT_EQ(event.content_at("half").number(), std::nullopt);
    EXPECT_EQ(event.content_at("large").number(), std::nullopt);
    EXPECT_EQ(event.content_at("text").array(), nullptr);
    EXPECT_TRUE(event.content_at("half").exists());
    EXPECT_FALSE(event.content_at("text", "below a text").exists());
    EXPECT_FALSE(event.content_at("missing", "below", "nothing").exists());
}

TEST(Event, HasAMembershipOnlyIfItIsAMemberEvent) {
    EXPECT_EQ(Event(member_of_alice()).membership(), "join");
    EventFields fields = member_of_alice();
    fields.type = "m.room.message";
    EXPECT_EQ(Event(std::move(fields)).membership(), std::nullopt);
}

TEST(StateMap, FindsAnEventByTypeAndKey) {
    StateMap state;
    EXPECT_TRUE(state.empty());
    state.set(Event(member_of_alice()));
    const Event* const found = state.find("m.room.member", "@alice:test");
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->sender(), "@alice:test");
    EXPECT_EQ(state.find("m.room.member"), nullptr);
    EXPECT_EQ(state.find("m.room.member", "@bob:test"), nullptr);
}

TEST(StateMap, KeepsTheLatestEventOfAKey) {
    StateMap state;
    state.set(Event(member_of_alice()));
    EventFields later = member_of_alice();
    later.content["membership"] = "leave";
    state.set(Event(std::move(later)));
    EXPECT_EQ(state.size(), 1U);
    EXPECT_EQ(state.find("m.room.member", "@alice:test")->membership(), "leave");
}

TEST(StateMap, RefusesWhatIsNoState) {
    StateMap state;
    EventFields message = member_of_alice();
    message.type = "m.room.message";
    message.state_key.reset();
    EXPECT_THROW(state.set(Event(std::move(message))), callbacks::NotAStateEvent);
    EXPECT_TRUE(state.empty());
}

}  // namespace
