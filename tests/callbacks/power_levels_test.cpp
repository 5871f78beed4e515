#include <callbacks/power_levels.h>

#include <gtest/gtest.h>

namespace {

using callbacks::Event;
using callbacks::EventFields;
using callbacks::JsonDict;
using callbacks::PowerLevels;
using callbacks::StateMap;

Event state_of_room(const std::string& type, JsonDict content) {
    EventFields fields;
    fields.type = type;
    fields.sender = "@creator:test";
    fields.state_key = "";
    fields.content = std::move(content);
    return Event(std::move(fields));
}

TEST(PowerLevels, AreWhatTheContentSays) {
    const PowerLevels levels(JsonDict{{"users", {{"@admin:test", 100}}},
                                      {"users_default", 5},
                                      {"events", {{"m.room.name", 30}, {"m.reaction", 1}}},
                                      {"events_default", 2},
                                      {"state_default", 40},
                                      {"invite", 3},
                                      {"kick", 41},
                                      {"ban", 42},
                                      {"redact", 43},
                                      {"notifications", {{"room", 44}}}});
    EXPECT_EQ(levels.of_user("@admin:test"), 100);
    EXPECT_EQ(levels.of_user("@alice:test"), 5);
    EXPECT_EQ(levels.for_state("m.room.name"), 30);
    EXPECT_EQ(levels.for_event("m.reaction"), 1);
    EXPECT_EQ(levels.for_event("m.room.message"), 2);
    EXPECT_EQ(levels.for_state("m.room.topic"), 40);
    EXPECT_EQ(levels.to_invite(), 3);
    EXPECT_EQ(levels.to_kick(), 41);
    EXPECT_EQ(levels.to_ban(), 42);
    EXPECT_EQ(levels.to_redact(), 43);
    EXPECT_EQ(levels.to_notify("room"), 44);
}

TEST(PowerLevels, AreTheSpecifiedDefaultsWhereTheContentSaysNothing) {
    const PowerLevels levels{JsonDict()};
    EXPECT_EQ(levels.of_user("@alice:test"), 0);
    EXPECT_EQ(levels.for_event("m.room.message"), 0);
    EXPECT_EQ(levels.for_state("m.room.name"), 50);
    EXPECT_EQ(levels.to_invite(), 0);
    for (const std::int64_t level : {levels.to_kick(), levels.to_ban(), levels.to_redact(), levels.to_notify("room")})
        EXPECT_EQ(level, 50);
}

TEST(PowerLevels, MayBeTextsAsInOldRoomsAndAreIgnoredIfTheyAreNone) {
    const PowerLevels levels(JsonDict{{"users", {{"@alice:test", "75"}, {"@bob:test", "many"}, {"@carol:test", 1.5}}},
                                      {"users_default", "-1"},
                                      {"events", "none"},
                                      {"ban", nullptr}});
    EXPECT_EQ(levels.of_user("@alice:test"), 75);
    EXPECT_EQ(levels.of_user("@bob:test"), -1);
    EXPECT_EQ(levels.of_user("@carol:test"), -1);
    EXPECT_EQ(levels.for_event("m.room.message"), 0);
    EXPECT_EQ(levels.to_ban(), 50);
}

TEST(PowerLevels, OfARoomWithoutThemAreTheCreators) {
    StateMap state;
    state.set(state_of_room("m.room.create", JsonDict{{"creator", "@alice:test"}}));
    const PowerLevels levels(state);
    EXPECT_EQ(levels.of_user("@alice:test"), 100);
    EXPECT_EQ(levels.of_user("@creator:test"), 0);
    EXPECT_EQ(levels.for_state("m.room.name"), 0);
    EXPECT_EQ(levels.for_event("m.room.message"), 0);
    EXPECT_EQ(levels.to_ban(), 50);
    StateMap later;
    later.set(state_of_room("m.room.create", JsonDict()));
    EXPECT_EQ(PowerLevels(later).of_user("@creator:test"), 100) << "rooms from version 11 on name nobody";
}

TEST(PowerLevels, OfARoomAreThoseOfItsState) {
    StateMap state;
    state.set(state_of_room("m.room.create", JsonDict{{"creator", "@alice:test"}}));
    state.set(state_of_room("m.room.power_levels", JsonDict{{"users", {{"@bob:test", 60}}}}));
    const PowerLevels levels(state);
    EXPECT_EQ(levels.of_user("@alice:test"), 0);
    EXPECT_EQ(levels.of_user("@bob:test"), 60);
    EXPECT_EQ(levels.for_state("m.room.name"), 50);
}

}  // namespace
