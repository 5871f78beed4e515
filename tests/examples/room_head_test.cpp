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

/// What 64 events of one sender that are built at once differ by.
enum class Differ : unsigned char { by_what_they_say, by_their_transactions };

/// The most events that nothing follows yet, when that happens again and again.
std::size_t most_extremities(Differ differ) {
    constexpr int at_once = 64;
    const homeserver::SigningKey key("ed25519:1", "YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA0");
    const homeserver::ServerName name("hs.test");
    RoomHead head;
    std::set<std::string> stored;
    std::size_t most = 0;
    for (int number = 1; number <= 50 * at_once;) {
        const RoomHead all_see = head;
        for (int each = 0; each < at_once; ++each, ++number) {
            homeserver::Draft draft;
            draft.room_id = older_room;
            draft.type = "m.room.message";
            draft.sender = "@owner:hs.test";
            draft.origin_server_ts = 1;
            if (differ == Differ::by_what_they_say) draft.content["body"] = std::to_string(number);
            if (differ == Differ::by_their_transactions) {
                draft.transaction.emplace();
                draft.transaction->transaction_id = "t" + std::to_string(number);
            }
            callbacks::Event event = homeserver::build_event({key, name, number}, draft, all_see, callbacks::StateMap());
            const callbacks::Event again =
                homeserver::build_event({key, name, number + 1}, draft, all_see, callbacks::StateMap());
            EXPECT_EQ(event.event_id(), again.event_id());
            if (stored.contains(*event.event_id())) event = homeserver::moved_behind({key, name, number}, head, event);
            stored.insert(*event.event_id());
            homeserver::follow(head, event);
        }
        most = std::max(most, head.extremities.size());
    }
    return most;
}

TEST(RoomHeadTest, OfManyEventsThatAreBuiltAtOnceNoneIsLeftThatNobodyFollows) {
    EXPECT_LE(most_extremities(Differ::by_what_they_say), 150U);
    EXPECT_LE(most_extremities(Differ::by_their_transactions), 150U);
}

TEST(RoomHeadTest, AnEventFollowsTheNewestTenAndTenOthersOfMore) {
    const homeserver::SigningKey key("ed25519:1", "YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA0");
    const homeserver::ServerName name("hs.test");
    RoomHead head;
    for (int number = 1; number <= 100; ++number) homeserver::follow(head, event_behind(head, number, false));
    std::set<std::string> all;
    for (int number = 0; number < 100; ++number) {
        homeserver::Draft draft;
        draft.room_id = older_room;
        draft.type = "m.room.message";
        draft.sender = "@owner:hs.test";
        draft.content["number"] = number;
        const callbacks::Event event = homeserver::build_event({key, name, 1}, draft, head, callbacks::StateMap());
        std::vector<std::string> followed;
        for (const boost::json::value& id : event.other().at("prev_events").as_array()) followed.emplace_back(id.as_string());
        ASSERT_EQ(followed.size(), 20U);
        for (std::size_t place = 0; place < 10; ++place) EXPECT_EQ(followed[place], "$event" + std::to_string(100 - place));
        EXPECT_EQ(std::set<std::string>(followed.begin(), followed.end()).size(), 20U);
        all.insert(followed.begin(), followed.end());
    }
    EXPECT_EQ(all.size(), 100U);
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
