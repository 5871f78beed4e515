#include "events/room_store.h"
#include "process/schema.h"
#include "rooms/appended_event.h"
#include "rooms/event_building.h"

#include <modapi/database.h>

#include <async/sync_wait.h>

#include <gtest/gtest.h>

#include <boost/json/array.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <set>
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

TEST(RoomHeadTest, OfManyEventsThatAreBuiltAtOnceNoneIsLeftThatNobodyFollows) {
    constexpr std::size_t at_once = 40;
    constexpr std::size_t most_followed = 20;
    const homeserver::SigningKey key("ed25519:1", "YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA0");
    const homeserver::ServerName name("hs.test");
    RoomHead head;
    std::size_t most = 0;
    int number = 0;
    for (int round = 0; round < 100; ++round) {
        const RoomHead all_see = head;
        for (std::size_t index = 0; index < at_once; ++index) {
            homeserver::Draft draft;
            draft.room_id = older_room;
            draft.type = "m.room.message";
            draft.sender = "@owner:hs.test";
            draft.transaction.emplace();
            draft.transaction->transaction_id = "t" + std::to_string(++number);
            const callbacks::Event event = homeserver::build_event({key, name, number}, draft, all_see, callbacks::StateMap());
            const boost::json::array& followed = event.other().at("prev_events").as_array();
            const std::set<boost::json::string_view> different = [&] {
                std::set<boost::json::string_view> ids;
                for (const boost::json::value& id : followed) ids.insert(id.as_string());
                return ids;
            }();
            ASSERT_EQ(different.size(), followed.size());
            ASSERT_EQ(followed.size(), std::min(most_followed, all_see.extremities.size()));
            if (!followed.empty()) {
                ASSERT_EQ(followed.front(), boost::json::value(all_see.extremities.back()));
            }
            homeserver::follow(head, event);
        }
        most = std::max(most, head.extremities.size());
    }
    EXPECT_LE(most, 2 * at_once);
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
