#include "processes_test.h"

#include "patience.h"

#include <atomic>
#include <set>

/// What one process of a server hears of what another one stores.
namespace {

using namespace homeserver_test;

class ProcessesTest : public TwoProcessesTest {
protected:
    ProcessesTest()
        : TwoProcessesTest(
              "modules:\n  - module: hearing.Hearing\n    config: {fan: '@fan:hs.test', star: '@star:hs.test', "
              "friend: '@friend:hs.test'}\n") {}

    static boost::json::object joined_room(const Answer& answer, const std::string& room) {
        const boost::json::object& joined = answer.body.at("rooms").at("join").as_object();
        return joined.contains(room) ? joined.at(room).as_object() : boost::json::object();
    }
    static std::vector<std::string> bodies_in(const Answer& answer, const std::string& room) {
        std::vector<std::string> found;
        const boost::json::object told = joined_room(answer, room);
        if (!told.contains("timeline")) return found;
        for (const boost::json::value& event : told.at("timeline").at("events").as_array()) {
            const boost::json::object& content = event.at("content").as_object();
            if (content.contains("body")) found.emplace_back(content.at("body").as_string());
        }
        return found;
    }
    /// Of the module's messages, once it has heard of as many.
    static std::vector<boost::json::object> heard(const ServerProcess& at, std::size_t count, const std::string& type) {
        std::vector<boost::json::object> found;
        for (const Patience patience; patience.is_left();) {
            found.clear();
            const Answer answer = at.request("GET", "/_synapse/client/hearing");
            for (const boost::json::value& event : answer.body.at("heard").as_array()) {
                if (event.at("type").as_string() == type) found.push_back(event.as_object());
            }
            if (found.size() >= count) break;
        }
        return found;
    }
};

TEST_F(ProcessesTest, WakeASyncThatWaitsForAMessageAtTheOther) {
    const std::string alice = a.register_user("alice");
    const std::string bob = b.register_user("bob");
    const std::string room = create_room(a, alice);
    join(b, room, bob);
    const Answer answer = woken(b, bob, [&] { EXPECT_EQ(send(a, room, "1", "wake up", alice).status, 200); });
    EXPECT_EQ(bodies_in(answer, room), std::vector<std::string>{"wake up"});
}

TEST_F(ProcessesTest, WakeASyncForAnInvitation) {
    const std::string alice = a.register_user("alice");
    const std::string bob = b.register_user("bob");
    const std::string room = create_room(a, alice, "{}");
    const Answer answer = woken(
        b, bob, [&] { EXPECT_EQ(post(a, "/rooms/" + room + "/invite", R"({"user_id":"@bob:hs.test"})", alice).status, 200); });
    EXPECT_TRUE(answer.body.at("rooms").at("invite").as_object().contains(room));
}

TEST_F(ProcessesTest, WakeASyncForAccountDataAndPushRules) {
    const std::string alice = a.register_user("alice");
    const Answer data = woken(
        b, alice, [&] { EXPECT_EQ(put(a, "/user/@alice:hs.test/account_data/org.example", R"({"x":1})", alice).status, 200); });
    EXPECT_EQ(data.body.at("account_data").at("events").as_array().size(), 1U);
    const Answer rules = woken(b, alice, [&] {
        EXPECT_EQ(put(a, "/pushrules/global/override/.m.rule.master/enabled", R"({"enabled":true})", alice).status, 200);
    });
    EXPECT_EQ(rules.status, 200);
}

TEST_F(ProcessesTest, WakeASyncForAReceipt) {
    const std::string alice = a.register_user("alice");
    const std::string bob = b.register_user("bob");
    const std::string room = create_room(a, alice);
    join(b, room, bob);
    const std::string event = send(a, room, "1", "read me", alice).text("event_id");
    const Answer answer =
        woken(b, bob, [&] { EXPECT_EQ(post(a, "/rooms/" + room + "/receipt/m.read/" + event, "{}", alice).status, 200); });
    EXPECT_TRUE(joined_room(answer, room).contains("ephemeral"));
}

TEST_F(ProcessesTest, WakeASyncForThePresenceOfRoomMatesOfStarsAndOfFriends) {
    const std::string star = a.register_user("star");
    const std::string mate = b.register_user("mate");
    const std::string fan = b.register_user("fan");
    const std::string friend_ = b.register_user("friend");
    join(b, create_room(a, star), mate);
    for (const std::string& token : {mate, fan, friend_}) {
        static int status = 0;
        const std::string text = R"({"presence":"online","status_msg":"s)" + std::to_string(++status) + "\"}";
        const Answer answer =
            woken(b, token, [&] { EXPECT_EQ(put(a, "/presence/@star:hs.test/status", text, star).status, 200); });
        EXPECT_EQ(answer.body.at("presence").at("events").as_array().size(), 1U) << status;
    }
}

TEST_F(ProcessesTest, TellTheModulesOfEachOfAnEventOnceWithTheStateThatItMade) {
    const std::string alice = a.register_user("alice");
    const std::string bob = b.register_user("bob");
    const std::string room = create_room(a, alice, R"({"preset":"public_chat","name":"first"})");
    join(b, room, bob);
    EXPECT_EQ(send(a, room, "1", "before", alice).status, 200);
    EXPECT_EQ(put(a, "/rooms/" + room + "/state/m.room.name", R"({"name":"second"})", alice).status, 200);
    EXPECT_EQ(send(b, room, "2", "after", bob).status, 200);
    for (const ServerProcess* const process : {&a, &b}) {
        std::vector<boost::json::object> messages = heard(*process, 2, "m.room.message");
        ASSERT_EQ(messages.size(), 2U) << process->log();
        if (messages[0].at("body") != "before") std::swap(messages[0], messages[1]);
        EXPECT_EQ(messages[0].at("body"), "before");
        EXPECT_EQ(messages[0].at("name"), "first");
        EXPECT_EQ(messages[0].at("membership"), "join");
        EXPECT_EQ(messages[1].at("body"), "after");
        EXPECT_EQ(messages[1].at("name"), "second");
        EXPECT_EQ(messages[1].at("membership"), "join");
        EXPECT_EQ(heard(*process, 1, "m.room.create").size(), 1U);
        EXPECT_EQ(heard(*process, 2, "m.room.member").size(), 2U);
    }
}

TEST_F(ProcessesTest, NeverSkipOrRepeatAnEventWhoeverStoresWhatAtOnce) {
    constexpr int writers = 4;
    constexpr int each = 12;
    const std::string unlimited = "%7B%22room%22:%7B%22timeline%22:%7B%22limit%22:100%7D%7D%7D";
    const std::string alice = a.register_user("alice");
    const std::string room = create_room(a, alice);
    const std::string begin = since(a, alice);
    std::atomic<bool> is_over = false;
    std::vector<std::future<std::vector<std::string>>> readers;
    for (int reader = 0; reader < 2; ++reader) {
        readers.push_back(std::async(std::launch::async, [&, reader] {
            std::vector<std::string> seen;
            std::string from = begin;
            for (bool was_over = false; !was_over;) {
                was_over = is_over;
                const Answer answer = get(either(reader), "/sync?timeout=200&filter=" + unlimited + "&since=" + from, alice);
                const boost::json::object told = joined_room(answer, room);
                if (told.contains("timeline")) {
                    EXPECT_EQ(told.at("timeline").at("limited"), false);
                }
                for (const std::string& body : bodies_in(answer, room)) seen.push_back(body);
                from = answer.text("next_batch");
            }
            return seen;
        }));
    }
    at_once(writers, [&](int writer) {
        for (int message = 0; message < each; ++message) {
            const std::string name = std::to_string(writer) + "-" + std::to_string(message);
            EXPECT_EQ(send(either(writer), room, name, name, alice).status, 200);
        }
    });
    is_over = true;
    const std::vector<std::string> first = readers[0].get();
    const std::vector<std::string> second = readers[1].get();
    EXPECT_EQ(first.size(), static_cast<std::size_t>(writers * each));
    EXPECT_EQ(std::set<std::string>(first.begin(), first.end()).size(), first.size());
    EXPECT_EQ(first, second) << "one order for all";
}

}  // namespace
