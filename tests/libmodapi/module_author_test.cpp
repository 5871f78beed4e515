#include <modapi/testing/assertions.h>
#include <modapi/testing/host.h>

#include <modapi/module_api.h>

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

/// The listings of libmodapi/docs/writing.md that no example has.
namespace {

using namespace std::chrono_literals;
using callbacks::JsonDict;
using modapi::ModuleApi;
using modapi::testing::Host;

void set_open(modapi::Transaction& transaction, const std::string& room_id, bool is_open) {
    transaction.execute(
        "INSERT INTO doors_rooms (room_id, is_open) VALUES (?, ?) "
        "ON CONFLICT (room_id) DO UPDATE SET is_open = excluded.is_open",
        room_id, is_open);
}

std::vector<std::string> open_rooms(modapi::Transaction& transaction) {
    std::vector<std::string> rooms;
    for (auto& [room_id] : transaction.query<std::string>("SELECT room_id FROM doors_rooms WHERE is_open ORDER BY room_id"))
        rooms.push_back(std::move(room_id));
    return rooms;
}

/// Opens a room's door for its moderators, and counts the open ones now and then.
class Doors {
public:
    Doors(const JsonDict&, ModuleApi& api) : api_(api) {
        api.looping_background_call(async::bind<&Doors::look>(this), modapi::Every(1h).first_after(10s));
        api.delayed_background_call(modapi::After(30s).on_one_worker(), async::bind<&Doors::greet>(this));
        api.register_spam_checker_callbacks({.check_event_for_spam = async::bind<&Doors::check_event_for_spam>(this)});
    }

    async::task<void> start() {
        modapi::SchemaMigration tables;
        tables.step("rooms", "CREATE TABLE doors_rooms (room_id TEXT PRIMARY KEY, is_open BOOLEAN NOT NULL DEFAULT FALSE)");
        co_await api_.migrate_schema(std::move(tables));
    }

    std::size_t open = 0;
    std::vector<std::string> newest;

private:
    async::task<void> look() {
        const std::vector<std::string> rooms = co_await api_.run_db_read("doors.open", &open_rooms);
        open = rooms.size();
    }

    async::task<void> greet() {
        const std::vector<callbacks::UserInfo> users = co_await api_.list_local_users(modapi::UserOrder::newest_first, 2);
        for (const callbacks::UserInfo& user : users) newest.push_back(user.user_id.to_string());
    }

    async::task<callbacks::EventVerdict> check_event_for_spam(const callbacks::Event& event) {
        const std::optional<bool> is_open = event.content_at("org.example.door", "open").truth();
        if (!is_open) co_return callbacks::NOT_SPAM;
        const bool may_open = co_await is_moderator(event.room_id(), event.sender());
        if (!may_open) co_return callbacks::Codes::FORBIDDEN;
        co_await api_.run_db_interaction("doors.set", &set_open, event.room_id(), *is_open);
        co_return callbacks::NOT_SPAM;
    }

    async::task<bool> is_moderator(const std::string& room_id, const std::string& user_id) {
        const std::optional<callbacks::Event> event = co_await api_.get_state_event(room_id, "m.room.power_levels");
        if (!event) co_return false;
        const callbacks::PowerLevels levels(event->content());
        co_return levels.of_user(user_id) >= levels.to_kick();
    }

    ModuleApi& api_;
};

callbacks::Event open_door(const std::string& sender, bool is_open) {
    JsonDict content;
    content["org.example.door"] = JsonDict{{"open", is_open}};
    return modapi::testing::event("m.room.message", sender, "!hall:example.org", std::move(content));
}

class ModuleAuthorTest : public testing::Test {
protected:
    ModuleAuthorTest() {
        host.server.add_user("@bob:example.org").creation_ts = 3;
        host.server.add_user("@alice:example.org").creation_ts = 2;
        host.server.add_user("@carol:example.org").creation_ts = 1;
        host.server.add_room("!hall:example.org", "@alice:example.org");
        host.server.set_state("!hall:example.org", "m.room.power_levels", "", JsonDict{{"users", {{"@alice:example.org", 50}}}},
                              "@alice:example.org");
    }
    Host host;
};

TEST_F(ModuleAuthorTest, OfTheDocumentHasAModuleThatWorks) {
    Doors& module = host.load<Doors>("{}");
    const auto verdict = [&](const std::string& sender, bool is_open) {
        return host.call(host.hooks().spam_checker.check_event_for_spam, open_door(sender, is_open));
    };
    EXPECT_TRUE(modapi::testing::is_not_spam(verdict("@alice:example.org", true)));
    EXPECT_TRUE(modapi::testing::is_spam(verdict("@bob:example.org", false), "M_FORBIDDEN"));
    host.advance(10s);
    EXPECT_EQ(module.open, 1U);
    EXPECT_TRUE(modapi::testing::is_not_spam(verdict("@alice:example.org", false)));
    host.advance(20s);
    EXPECT_EQ(module.newest, (std::vector<std::string>{"@bob:example.org", "@alice:example.org"}));
    EXPECT_EQ(module.open, 1U);
    host.advance(1h);
    EXPECT_EQ(module.open, 0U);
}

}  // namespace
