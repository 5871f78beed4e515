#include "push/unread_notifications.h"
#include "events/event_format.h"
#include "events/room_store.h"
#include "process/schema.h"
#include "push/notified_members.h"
#include "push/pushers.h"
#include "push/rule_set.h"
#include "push/user_rules.h"
#include "server_process.h"

#include <modapi/database.h>

#include <async/sync_wait.h>

#include <boost/json/serialize.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
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

callbacks::EventFields message_with(const std::string& body) {
    callbacks::EventFields fields;
    fields.event_id = "$message";
    fields.room_id = crowded_room;
    fields.type = "m.room.message";
    fields.sender = member_name(0);
    fields.content["msgtype"] = "m.text";
    fields.content["body"] = body;
    return fields;
}

void note_a_message(Transaction& transaction) {
    homeserver::note_notifications(transaction, callbacks::Event(message_with("where is person 200?")), members + 2,
                                   homeserver::current_state(transaction, crowded_room));
}

std::int64_t rows_in(Transaction& transaction, const std::string& table) {
    return std::get<0>(transaction.query_one<std::int64_t>("SELECT COUNT(*) FROM " + table).value());
}

/// A crowded room, and messages of its first member, each at the next position.
class CrowdedMessagesTest : public testing::Test {
protected:
    CrowdedMessagesTest() {
        homeserver::create_schema(*database);
        run(&fill_crowded_room);
    }
    void run(const std::function<void(Transaction&)>& work) { async::sync_wait(database->run("test", work)); }
    /// By the members that were looked up before, as those who send have them; its position.
    std::int64_t note(callbacks::EventFields fields) {
        fields.event_id = "$message" + std::to_string(++position);
        const callbacks::Event event(std::move(fields));
        run([&](Transaction& transaction) {
            if (state == nullptr)
                state = std::make_shared<const callbacks::StateMap>(homeserver::current_state(transaction, crowded_room));
            homeserver::note_notifications(transaction, event, position, *state, &rooms.get(crowded_room, state));
        });
        return position;
    }
    std::int64_t note_in_thread(const std::string& root) {
        callbacks::EventFields fields = message_with("in a thread");
        fields.content["m.relates_to"] = callbacks::JsonDict({{"rel_type", "m.thread"}, {"event_id", root}});
        return note(std::move(fields));
    }
    void read(int member, std::int64_t up_to, const std::optional<std::string>& thread_id) {
        homeserver::Receipt receipt;
        receipt.room_id = crowded_room;
        receipt.user_id = member_name(member);
        receipt.thread_id = thread_id;
        run([&](Transaction& transaction) {
            transaction.execute("UPDATE stream_position SET position = ?", position);
            homeserver::forget_read_notifications(transaction, receipt, up_to);
        });
    }
    /// `NOTIFICATIONS HIGHLIGHTS`
    [[nodiscard]] std::string unread(int member) {
        std::string counted;
        run([&](Transaction& transaction) {
            const homeserver::UnreadCounts counts = homeserver::LaterUnreadCounts(transaction, member_name(member), crowded_room).take();
            counted = std::to_string(counts.notifications) + " " + std::to_string(counts.highlights);
        });
        return counted;
    }
    [[nodiscard]] std::int64_t rows(const std::string& table) {
        std::int64_t count = 0;
        run([&](Transaction& transaction) { count = rows_in(transaction, table); });
        return count;
    }
    void set_rule_of(int member, const char* rule, bool enabled) {
        run([&](Transaction& transaction) {
            const homeserver::RuleName name{member_name(member), homeserver::rule_kind_of("underride").value(), rule};
            transaction.execute("UPDATE stream_position SET position = ?", position);
            homeserver::set_rule_attribute(transaction, name, "enabled", enabled);
        });
        ++position;
    }

    TemporaryFolder folder;
    const std::unique_ptr<modapi::Database> database = modapi::Database::open(database_in(folder.path()));
    homeserver::NotifiedRooms rooms;
    std::shared_ptr<const callbacks::StateMap> state;
    std::int64_t position = members + 2;
};

TEST_F(CrowdedMessagesTest, AMessageIsOneRowAndOneMoreForEachWhomItNames) {
    note(message_with("hello"));
    EXPECT_EQ(rows("notifying_events"), 1);
    EXPECT_EQ(rows("unread_notifications"), 0);
    note(message_with("hello Person 7, hello MEMBER9, but no xperson 8 and no member10s"));
    EXPECT_EQ(rows("notifying_events"), 2);
    EXPECT_EQ(rows("unread_notifications"), 2);
    EXPECT_EQ(unread(7), "2 1");
    EXPECT_EQ(unread(9), "2 1");
    EXPECT_EQ(unread(8), "2 0");
    EXPECT_EQ(unread(10), "2 0");
    EXPECT_EQ(unread(0), "0 0") << "who sent them";
    callbacks::EventFields mention = message_with("hello Person 7");
    mention.content["m.mentions"] =
        callbacks::JsonDict({{"user_ids", callbacks::JsonArray({member_name(8), "@nobody:hs.test"})}});
    note(std::move(mention));
    EXPECT_EQ(unread(7), "3 1") << "the event says whom it mentions";
    EXPECT_EQ(unread(8), "3 1");
}

TEST_F(CrowdedMessagesTest, WhoChangedRulesIsToldByThemFromTheNextMessageOn) {
    note(message_with("one"));
    set_rule_of(5, ".m.rule.message", false);
    note(message_with("two"));
    note(message_with("three, person 5"));
    EXPECT_EQ(unread(5), "2 1");
    EXPECT_EQ(unread(6), "3 0");
    set_rule_of(5, ".m.rule.message", true);
    const std::int64_t last = note(message_with("four"));
    EXPECT_EQ(unread(5), "3 1");
    read(5, last, std::nullopt);
    EXPECT_EQ(unread(5), "0 0");
    EXPECT_EQ(rows("unread_notifications"), 0);
}

TEST_F(CrowdedMessagesTest, WhatIsReadThreadByThreadIsForgottenWhenNothingBeforeItIsUnread) {
    const std::int64_t first = note(message_with("one"));
    const std::int64_t in_thread = note_in_thread("$root");
    const std::int64_t in_other_thread = note_in_thread("$other");
    const std::int64_t last = note(message_with("two"));
    const std::int64_t of_others = rows("read_up_to");
    EXPECT_EQ(unread(5), "4 0");
    read(5, in_thread, "$root");
    EXPECT_EQ(unread(5), "3 0");
    read(5, first, "main");
    EXPECT_EQ(unread(5), "2 0");
    read(5, last, "main");
    EXPECT_EQ(unread(5), "1 0") << "what is in the other thread";
    note(message_with("three"));
    EXPECT_EQ(unread(5), "2 0");
    read(5, in_other_thread, "$other");
    EXPECT_EQ(unread(5), "1 0");
    read(5, position, "main");
    EXPECT_EQ(unread(5), "0 0");
    EXPECT_EQ(rows("read_up_to"), of_others + 1);
    read(5, first, std::nullopt);
    EXPECT_EQ(unread(5), "0 0") << "a receipt of before takes nothing back";
    note_in_thread("$root");
    EXPECT_EQ(unread(5), "1 0");
}

TEST_F(CrowdedMessagesTest, TheNextThatIsUnreadIsFoundInEveryRoomInTheOrderOfTheStream) {
    const auto next = [&](int member, std::int64_t after) {
        std::optional<homeserver::UnreadNotification> found;
        run([&](Transaction& transaction) {
            for (std::int64_t stored = members + 3; stored <= position; ++stored) {
                transaction.execute(
                    "INSERT INTO events (event_id, room_id, stream_position, type, sender, pdu, unsigned_fields) VALUES (?, ?, "
                    "?, "
                    "'m.room.message', ?, '{}', '{}') ON CONFLICT DO NOTHING",
                    "$message" + std::to_string(stored), crowded_room, stored, member_name(0));
            }
            found = homeserver::next_unread(transaction, member_name(member), after);
        });
        return found;
    };
    const std::int64_t first = note_in_thread("$root");
    const std::int64_t second = note(message_with("hello, person 5"));
    const std::int64_t third = note(message_with("hello"));
    EXPECT_EQ(next(5, 0)->position, first);
    const auto named = next(5, first);
    EXPECT_EQ(named->position, second);
    EXPECT_EQ(named->event_id, "$message" + std::to_string(second));
    EXPECT_EQ(named->tweaks.at("highlight"), true);
    EXPECT_EQ(next(5, second)->position, third);
    EXPECT_EQ(next(5, second)->tweaks.at("highlight"), false);
    EXPECT_FALSE(next(5, third));
    EXPECT_FALSE(next(0, 0));
    const auto rooms_of = [&](int member) {
        std::int64_t count = 0;
        run([&](Transaction& transaction) { count = homeserver::rooms_with_unread(transaction, member_name(member)); });
        return count;
    };
    EXPECT_EQ(rooms_of(5), 1);
    read(5, third, "main");
    EXPECT_EQ(next(5, 0)->position, first);
    EXPECT_EQ(rooms_of(5), 1);
    read(5, third, std::nullopt);
    EXPECT_EQ(rooms_of(5), 0);
    EXPECT_FALSE(next(5, 0));
}

TEST(UnreadNotificationsTest, WhatWasUnreadInADatabaseOfBeforeIsCountedUntilItIsRead) {
    TemporaryFolder folder;
    const std::unique_ptr<modapi::Database> database = modapi::Database::open(database_in(folder.path()));
    const auto of_before = [](Transaction& transaction) {
        transaction.execute(
            "CREATE TABLE unread_notifications (user_id TEXT NOT NULL, room_id TEXT NOT NULL, stream_position BIGINT NOT NULL, "
            "event_id "
            "TEXT NOT NULL, thread_id TEXT NOT NULL, highlight BIGINT NOT NULL, tweaks TEXT NOT NULL, PRIMARY KEY "
            "(stream_position, "
            "user_id))");
        for (int number = 0; number < 3; ++number) {
            transaction.execute("INSERT INTO unread_notifications VALUES (?, ?, ?, '$old', 'main', ?, '{}')", member_name(5),
                                crowded_room, members - 1 + number, number == 0);
        }
    };
    async::sync_wait(database->run("of_before", of_before));
    homeserver::create_schema(*database);
    async::sync_wait(database->run("fill", &fill_crowded_room));
    async::sync_wait(database->run("note", &note_a_message));
    const auto check = [](Transaction& transaction) {
        homeserver::UnreadCounts counts = homeserver::LaterUnreadCounts(transaction, member_name(5), crowded_room).take();
        EXPECT_EQ(counts.notifications, 4);
        EXPECT_EQ(counts.highlights, 1);
        homeserver::Receipt receipt;
        receipt.room_id = crowded_room;
        receipt.user_id = member_name(5);
        homeserver::forget_read_notifications(transaction, receipt, members);
        counts = homeserver::LaterUnreadCounts(transaction, member_name(5), crowded_room).take();
        EXPECT_EQ(counts.notifications, 2);
        EXPECT_EQ(counts.highlights, 0);
    };
    async::sync_wait(database->run("check", check));
}

TEST(UnreadNotificationsTest, EverybodyInACrowdedRoomIsNotifiedAndWhoIsNamedIsToldSo) {
    TemporaryFolder folder;
    const std::unique_ptr<modapi::Database> database = modapi::Database::open(database_in(folder.path()));
    homeserver::create_schema(*database);
    async::sync_wait(database->run("fill", &fill_crowded_room));
    async::sync_wait(database->run("note", &note_a_message));
    const auto check = [](Transaction& transaction) {
        for (int number = 0; number < members; ++number) {
            const homeserver::UnreadCounts counts = homeserver::LaterUnreadCounts(transaction, member_name(number), crowded_room).take();
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
