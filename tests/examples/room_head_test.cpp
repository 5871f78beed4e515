#include "events/room_store.h"
#include "process/schema.h"
#include "rooms/appended_event.h"
#include "rooms/event_building.h"

#include <modapi/database.h>

#include <async/sync_wait.h>

#include <gtest/gtest.h>

#include <boost/json/array.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Where a room stands, in a database that an older version of the server made too. No server is needed.
namespace {

using homeserver::RoomHead;
using modapi::Transaction;

constexpr const char* older_room = "!older:hs.test";

/// One row for each extremity, in the order in which nobody sent them.
void make_older_tables(Transaction& transaction) {
    homeserver::insert_room(transaction, older_room, "@owner:hs.test", false);
    transaction.execute("ALTER TABLE rooms DROP COLUMN extremities");
    transaction.execute(
        "CREATE TABLE forward_extremities (room_id TEXT NOT NULL, event_id TEXT NOT NULL, PRIMARY KEY (room_id, event_id))");
    int position = 3;
    for (const char* const event_id : {"$a_newer", "$b_older"}) {
        transaction.execute(
            "INSERT INTO events (event_id, room_id, stream_position, type, sender, pdu, unsigned_fields) "
            "VALUES (?, ?, ?, 'm.room.message', '@owner:hs.test', '{}', '{}')",
            event_id, older_room, position--);
        transaction.execute("INSERT INTO forward_extremities (room_id, event_id) VALUES (?, ?)", older_room, event_id);
    }
}

TEST(RoomHeadTest, RoomsOfAnOlderVersionKeepTheEventsThatTheNextOneFollows) {
    modapi::DatabaseSettings settings;
    settings.database = ":memory:";
    const std::unique_ptr<modapi::Database> database = modapi::Database::open(settings);
    homeserver::create_schema(*database);
    async::sync_wait(database->run("make older tables", &make_older_tables));

    homeserver::create_schema(*database);
    homeserver::create_schema(*database);  // the next start finds nothing to do

    std::optional<RoomHead> head;
    const auto look = [&](Transaction& transaction) { head = homeserver::find_head(transaction, older_room); };
    async::sync_wait(database->read("look", look));
    EXPECT_EQ(head.value().extremities, (std::vector<std::string>{"$b_older", "$a_newer"}));
}

/// One that follows all that there are, or none of them.
callbacks::Event event_behind(const RoomHead& head, int number, bool all) {
    callbacks::EventFields fields;
    fields.event_id = "$event" + std::to_string(number);
    fields.room_id = older_room;
    fields.type = "m.room.message";
    fields.sender = "@owner:hs.test";
    boost::json::array followed;
    if (all) followed = boost::json::array(head.extremities.begin(), head.extremities.end());
    fields.other["prev_events"] = std::move(followed);
    fields.other["depth"] = number;
    return callbacks::Event(std::move(fields));
}

TEST(RoomHeadTest, OfEventsThatFollowNothingThatAnyoneHasOnlyAThousandAreKeptTheNewest) {
    constexpr std::size_t max_extremities = 1'000;
    RoomHead head;
    for (int number = 1; number <= 1'005; ++number) homeserver::follow(head, event_behind(head, number, false));
    EXPECT_EQ(head.extremities.size(), max_extremities);
    EXPECT_EQ(head.extremities.front(), "$event6");
    EXPECT_EQ(head.extremities.back(), "$event1005");
    homeserver::follow(head, event_behind(head, 1'006, true));
    EXPECT_EQ(head.extremities, std::vector<std::string>{"$event1006"});
    EXPECT_EQ(head.depth, 1'006);
}

}  // namespace
