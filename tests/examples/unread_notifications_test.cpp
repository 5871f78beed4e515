#include "push/unread_notifications.h"
#include "events/event_format.h"
#include "events/room_store.h"
#include "process/schema.h"
#include "push/pushers.h"
#include "server_process.h"

#include <modapi/database.h>

#include <async/sync_wait.h>

#include <boost/json/serialize.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <vector>

/// Notifications in a room of more local members than are stored by one statement. No server is needed.
namespace {

using namespace homeserver_test;

using modapi::Transaction;

constexpr int members = 257;
constexpr const char* crowded_room = "!crowded:hs.test";

std::string member_name(int number) { return "@member" + std::to_string(number) + ":hs.test"; }

/// Members who are called `Person NUMBER` in the room.
void fill_crowded_room(Transaction& transaction) {
    for (int number = 0; number < members; ++number) {
        const std::string user_id = member_name(number);
        callbacks::EventFields fields;
        fields.room_id = crowded_room;
        fields.type = "m.room.member";
        fields.sender = user_id;
        fields.state_key = user_id;
        fields.content["membership"] = "join";
        fields.content["displayname"] = "Person " + std::to_string(number);
        const callbacks::Event event(std::move(fields));
        const std::string event_id = "$membership" + std::to_string(number);
        transaction.execute(
            "INSERT INTO users (user_id, admin, is_guest, deactivated, shadow_banned, creation_ts) VALUES (?, 0, 0, 0, 0, 0)",
            user_id);
        transaction.execute(
            "INSERT INTO room_memberships (room_id, user_id, membership, stream_position, forgotten) "
            "VALUES (?, ?, 'join', ?, 0)",
            crowded_room, user_id, number + 2);
        transaction.execute("INSERT INTO current_state (room_id, type, state_key, event_id) VALUES (?, 'm.room.member', ?, ?)",
                            crowded_room, user_id, event_id);
        transaction.execute(
            "INSERT INTO events (event_id, room_id, stream_position, type, state_key, sender, pdu, unsigned_fields) "
            "VALUES (?, ?, ?, 'm.room.member', ?, ?, ?, '{}')",
            event_id, crowded_room, number + 2, user_id, user_id, boost::json::serialize(homeserver::pdu_from_event(event)));
    }
}

void note_a_message(Transaction& transaction) {
    callbacks::EventFields fields;
    fields.event_id = "$message";
    fields.room_id = crowded_room;
    fields.type = "m.room.message";
    fields.sender = member_name(0);
    fields.content["msgtype"] = "m.text";
    fields.content["body"] = "where is person 200?";
    homeserver::note_notifications(transaction, callbacks::Event(std::move(fields)), members + 2,
                                   homeserver::current_state(transaction, crowded_room));
}

TEST(UnreadNotificationsTest, EverybodyInACrowdedRoomIsNotifiedAndWhoIsNamedIsToldSo) {
    TemporaryFolder folder;
    const std::unique_ptr<modapi::Database> database = modapi::Database::open(database_in(folder.path()));
    homeserver::create_schema(*database);
    async::sync_wait(database->run("fill", &fill_crowded_room));
    async::sync_wait(database->run("note", &note_a_message));
    const auto check = [](Transaction& transaction) {
        for (int number = 0; number < members; ++number) {
            const homeserver::UnreadCounts counts = homeserver::unread_counts(transaction, member_name(number), crowded_room);
            EXPECT_EQ(counts.notifications, number == 0 ? 0 : 1) << number;
            EXPECT_EQ(counts.highlights, number == 200 ? 1 : 0) << number;
        }
    };
    async::sync_wait(database->read("check", check));
}

TEST(UnreadNotificationsTest, WhoHasAPusherIsFoundAmongMoreUsersThanAreLookedUpByOneStatement) {
    TemporaryFolder folder;
    const std::unique_ptr<modapi::Database> database = modapi::Database::open(database_in(folder.path()));
    homeserver::create_schema(*database);
    const auto check = [](Transaction& transaction) {
        std::set<std::string> users;
        for (int number = 0; number < members; ++number) users.insert(member_name(number));
        EXPECT_TRUE(homeserver::users_with_pushers(transaction, users).empty());
        // In the order of their names, the first and the last of statements, and one of somebody else.
        std::set<std::string> with_pushers;
        for (const std::ptrdiff_t place : {0, 63, 64, 65, members - 1}) with_pushers.insert(*std::next(users.begin(), place));
        with_pushers.insert("@nobody_asked:hs.test");
        for (const std::string& user_id : with_pushers) {
            for (const char* const pushkey : {"one", "two"}) {
                transaction.execute(
                    "INSERT INTO pushers (user_id, app_id, pushkey, app_display_name, device_display_name, lang, data, "
                    "pushkey_ts, last_position) VALUES (?, 'app', ?, '', '', '', '{}', 0, 0)",
                    user_id, pushkey);
            }
        }
        const std::vector<std::string> found = homeserver::users_with_pushers(transaction, users);
        with_pushers.erase("@nobody_asked:hs.test");
        EXPECT_EQ(std::set<std::string>(found.begin(), found.end()), with_pushers);
        EXPECT_EQ(found.size(), with_pushers.size());
    };
    async::sync_wait(database->run("check", check));
}

}  // namespace
