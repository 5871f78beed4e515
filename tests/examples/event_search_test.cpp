#include "room_test.h"

#include "events/event_search.h"
#include "events/room_store.h"

#include <modapi/database.h>

#include <async/sync_wait.h>

#include <cstdint>
#include <memory>
#include <string>
#include <tuple>

/// How PostgreSQL finds events of a room among many.
namespace {

using namespace homeserver_test;
using modapi::Transaction;

/// Fifty rooms with 400 messages each and as many with forty members, of which the server's planner has heard nothing.
class ManyEventsTest : public RoomTest {
protected:
    ManyEventsTest() { async::sync_wait(database->run("fill", &fill)); }
    [[nodiscard]] std::unique_ptr<modapi::Database> open() const {
        modapi::DatabaseSettings settings = database_in(folder.path());
        settings.postgresql_connections = 1;  // plans are a connection's
        return modapi::Database::open(settings);
    }
    static void fill(Transaction& transaction) {
        transaction.execute("INSERT INTO events (event_id, room_id, stream_position, type, sender, pdu, unsigned_fields) "
                            "SELECT '$' || n, '!' || n % 50 || ':hs.test', 1000 + n, 'm.room.message', '@other:hs.test', "
                            "?, '{}' FROM generate_series(1, 20000) n",
                            R"({"type":"m.room.message","room_id":"!7:hs.test","sender":"@other:hs.test","content":{},)"
                            R"("origin_server_ts":1,"depth":1,"prev_events":[],"auth_events":[]})");
        transaction.execute(
            "INSERT INTO events (event_id, room_id, stream_position, type, state_key, sender, pdu, unsigned_fields) "
            "SELECT '$s' || n, '!' || 50 + n % 50 || ':hs.test', 30000 + n, 'm.room.member', '@u' || n, '@u', '{}', '{}' "
            "FROM generate_series(1, 2000) n");
    }

    std::unique_ptr<modapi::Database> database = open();
};

TEST_F(ManyEventsTest, WhatChangedInTheStateOfARoomIsFoundWithoutItsMessages) {
    const auto read = [](Transaction& transaction) {
        EXPECT_TRUE(homeserver::state_at(transaction, "!7:hs.test", 30'000, 1000).empty());
        const auto fetched = transaction.query_one<std::int64_t>(
            "SELECT COALESCE(idx_tup_fetch, 0) + seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'events' AND "
            "schemaname = current_schema()");
        return std::get<0>(fetched.value());
    };
    EXPECT_LE(async::sync_wait(database->read("state", read)), 10);
}

TEST_F(ManyEventsTest, APageOfARoomIsPlannedOnceHoweverManyEventsOthersHave) {
    async::sync_wait(database->run("look at it", [](Transaction& transaction) { transaction.execute("ANALYZE events"); }));
    const auto read = [](Transaction& transaction) {
        homeserver::EventStretch stretch;
        stretch.room_id = "!7:hs.test";
        stretch.until = 30'000;
        stretch.backwards = true;
        homeserver::EventSearch search(transaction, stretch, 100);
        EXPECT_EQ(std::move(search).find().events.size(), 100U);
        const auto plans = transaction.query_one<std::int64_t>(
            "SELECT generic_plans FROM pg_prepared_statements WHERE statement LIKE 'SELECT e.event_id%LIMIT%'");
        return plans ? std::get<0>(*plans) : 0;
    };
    std::int64_t plans_for_any_room = 0;
    for (int time = 0; time < 10; ++time) plans_for_any_room = async::sync_wait(database->read("page", read));
    EXPECT_GE(plans_for_any_room, 8);  // all but the first, which wasn't prepared, and the one that made it so
}

}  // namespace
