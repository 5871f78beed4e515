#include "rooms/room_operation.h"

#include <async/context.h>

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

/// The state of a room that is being made, without a server.
namespace {

using callbacks::Event;
using callbacks::StateMap;
using homeserver::PendingEvent;
using homeserver::RoomOperation;

constexpr const char* made_room = "!made:hs.test";

class RoomOperationTest : public testing::Test {
protected:
    PendingEvent state_event(const std::string& state_key) {
        callbacks::EventFields fields;
        fields.event_id = "$event" + std::to_string(++events_);
        fields.room_id = made_room;
        fields.type = "org.example.kept";
        fields.sender = "@maker:hs.test";
        fields.state_key = state_key;
        fields.other["prev_events"] = boost::json::array();
        fields.other["depth"] = events_;
        return PendingEvent(Event(std::move(fields)));
    }

    boost::asio::io_context io;
    async::environment where{io.get_executor()};
    async::context here{where};
    RoomOperation making{here, made_room};

private:
    int events_ = 0;
};

TEST_F(RoomOperationTest, CopiesTheStateOnceHoweverManyEventsAreAdded) {
    const std::shared_ptr<const StateMap> founded = making.state();
    int copies = 0;
    for (int number = 0; number < 1000; ++number) {
        const StateMap* const before = making.state().get();
        making.add(state_event(std::to_string(number)));
        if (making.state().get() != before) ++copies;
    }
    EXPECT_EQ(copies, 1);
    EXPECT_EQ(making.state()->size(), 1000U);
    EXPECT_EQ(making.events().size(), 1000U);
    EXPECT_TRUE(founded->empty());
    EXPECT_EQ(making.state_before(), founded);
}

TEST_F(RoomOperationTest, LeavesAStateThatSomebodyKeepsAsItWas) {
    making.add(state_event("one"));
    const std::shared_ptr<const StateMap> kept = making.state();
    making.add(state_event("two"));
    making.add(state_event("three"));
    EXPECT_EQ(kept->size(), 1U);
    EXPECT_EQ(making.state()->size(), 3U);
}

TEST_F(RoomOperationTest, TakesOverTheStateOfAnInnerOneThatBeganWhereItStands) {
    making.add(state_event("one"));
    RoomOperation inner(making.here(), made_room);
    inner.begin(making.head(), making.state());
    inner.add(state_event("two"));
    making.add_all(inner);
    EXPECT_EQ(making.state(), inner.state()) << "there is no copy of it";
    making.add(state_event("three"));
    EXPECT_EQ(inner.state()->size(), 2U);
    EXPECT_EQ(making.state()->size(), 3U);
    EXPECT_EQ(making.events().size(), 3U);
    EXPECT_EQ(making.head().depth, 3);
}

TEST_F(RoomOperationTest, HasTheEventsOfAnInnerOneBehindThoseThatCameMeanwhile) {
    RoomOperation inner(making.here(), made_room);
    inner.begin(making.head(), making.state());
    inner.add(state_event("two"));
    making.add(state_event("one"));
    making.add_all(inner);
    EXPECT_EQ(making.state()->size(), 2U);
    EXPECT_EQ(inner.state()->size(), 1U);
    EXPECT_EQ(making.events().size(), 2U);
}

}  // namespace
