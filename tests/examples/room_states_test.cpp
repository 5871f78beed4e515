#include "rooms/room_states.h"
#include "events/room_store.h"
#include "events/stream.h"
#include "process/schema.h"
#include "rooms/appended_event.h"
#include "server_process.h"

#include <modapi/database.h>

#include <async/sync_wait.h>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

/// What is remembered of the rooms' states, beside the database that it is remembered of. No server is needed.
namespace {

using namespace homeserver_test;

using callbacks::Event;
using callbacks::EventFields;
using callbacks::StateMap;
using homeserver::RoomStates;
using modapi::Transaction;

constexpr const char* states_room = "!states:hs.test";
constexpr const char* states_owner = "@owner:hs.test";

class RoomStatesTest : public testing::Test {
protected:
    RoomStatesTest() { homeserver::create_schema(*database); }

    void run(const std::function<void(Transaction&)>& work) { async::sync_wait(database->run("test", work)); }
    void make_room(const std::string& room_id) {
        run([&](Transaction& transaction) { homeserver::insert_room(transaction, room_id, states_owner, false); });
    }
    void add(const std::string& room_id, EventFields fields) {
        fields.event_id = "$event" + std::to_string(++events_);
        fields.room_id = room_id;
        fields.sender = states_owner;
        fields.other["prev_events"] = boost::json::array();
        fields.other["auth_events"] = boost::json::array();
        fields.other["depth"] = events_;
        const Event event(std::move(fields));
        run([&](Transaction& transaction) {
            homeserver::RoomHead head = homeserver::find_head(transaction, room_id).value();
            StateMap state = homeserver::current_state(transaction, room_id);
            if (event.is_state()) state.set(event);
            const std::int64_t position = homeserver::next_stream_position(transaction);
            homeserver::append_event(transaction, event, position, std::nullopt, head, state);
        });
    }
    void set_topic(const std::string& room_id, const std::string& topic) {
        EventFields fields;
        fields.type = "m.room.topic";
        fields.state_key = "";
        fields.content["topic"] = topic;
        add(room_id, std::move(fields));
    }
    [[nodiscard]] std::string last_event() const { return "$event" + std::to_string(events_); }

    std::shared_ptr<const StateMap> state_of(const std::string& room_id, RoomStates& from) {
        std::shared_ptr<const StateMap> state;
        const auto get = [&](Transaction& transaction) {
            const std::optional<homeserver::RoomHead> head = homeserver::find_head(transaction, room_id);
            state = from.get(transaction, room_id, head.value().state_version);
        };
        async::sync_wait(database->read("state", get));
        return state;
    }
    /// "none" without an event, "" without a topic in it.
    static std::string topic_in(const StateMap& state) {
        const Event* const event = state.find("m.room.topic");
        if (event == nullptr) return "none";
        const callbacks::JsonValue* const topic = event->content().if_contains("topic");
        return topic == nullptr ? "" : std::string(topic->as_string());
    }

    TemporaryFolder folder;
    std::unique_ptr<modapi::Database> database = modapi::Database::open(database_in(folder.path()));
    RoomStates states;

private:
    std::int64_t events_ = 0;
};

TEST_F(RoomStatesTest, AStateIsReadOnceUntilItChanges) {
    make_room(states_room);
    set_topic(states_room, "cats");
    const std::shared_ptr<const StateMap> first = state_of(states_room, states);
    EXPECT_EQ(topic_in(*first), "cats");
    EventFields message;
    message.type = "m.room.message";
    add(states_room, std::move(message));
    EXPECT_EQ(state_of(states_room, states), first) << "a message changes no state";

    set_topic(states_room, "dogs");
    EXPECT_EQ(topic_in(*state_of(states_room, states)), "dogs");
    EXPECT_EQ(topic_in(*first), "cats") << "who has a state keeps it as it was";
}

TEST_F(RoomStatesTest, ARedactedEventIsInTheStateWithWhatIsLeftOfIt) {
    make_room(states_room);
    set_topic(states_room, "a secret");
    const std::string secret = last_event();
    EXPECT_EQ(topic_in(*state_of(states_room, states)), "a secret");
    EventFields redaction;
    redaction.type = "m.room.redaction";
    redaction.redacts = secret;
    add(states_room, std::move(redaction));
    EXPECT_EQ(topic_in(*state_of(states_room, states)), "");
}

TEST_F(RoomStatesTest, ARoomThatWasPurgedAndIsThereAgainDoesNotShowItsOldState) {
    make_room(states_room);
    set_topic(states_room, "before");
    EXPECT_EQ(topic_in(*state_of(states_room, states)), "before");
    run([](Transaction& transaction) { homeserver::delete_room(transaction, states_room); });
    make_room(states_room);
    EXPECT_EQ(topic_in(*state_of(states_room, states)), "none");
    set_topic(states_room, "after");
    EXPECT_EQ(topic_in(*state_of(states_room, states)), "after");
}

TEST_F(RoomStatesTest, OnlyTheRoomsThatWereUsedLatelyAreKept) {
    RoomStates few(4);
    make_room(states_room);
    set_topic(states_room, "often");
    const std::shared_ptr<const StateMap> used = state_of(states_room, few);
    for (int number = 0; number < 10; ++number) {
        const std::string other = "!other" + std::to_string(number) + ":hs.test";
        make_room(other);
        set_topic(other, "once");
        static_cast<void>(state_of(other, few));
        EXPECT_EQ(state_of(states_room, few), used);
    }
    const std::shared_ptr<const StateMap> once = state_of("!other0:hs.test", few);
    EXPECT_EQ(topic_in(*once), "once");
    for (int number = 1; number < 10; ++number)
        static_cast<void>(state_of("!other" + std::to_string(number) + ":hs.test", few));
    EXPECT_NE(state_of("!other0:hs.test", few), once) << "it went, and was read again";
}

}  // namespace
