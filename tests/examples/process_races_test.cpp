#include "processes_test.h"

#include "federation_peer.h"
#include "patience.h"
#include "postgresql/test_database.h"

#include <atomic>
#include <csignal>
#include <memory>
#include <set>

/// What must happen once, asked for at two processes of a server at the same moment.
namespace {

using namespace homeserver_test;
using postgresql_test::administrate;

class ProcessRacesTest : public TwoProcessesTest {
protected:
    explicit ProcessRacesTest(const std::string& more = {})
        : TwoProcessesTest(more + "modules:\n  - module: hearing.Hearing\n") {}

    /// The answers of requests that come at both processes in turn, all at once.
    [[nodiscard]] std::vector<Answer> answers(int count, const std::function<Answer(const ServerProcess&)>& request) const {
        std::vector<Answer> given(static_cast<std::size_t>(count));
        at_once(count, [&](int index) { given[static_cast<std::size_t>(index)] = request(either(index)); });
        return given;
    }
    [[nodiscard]] static int with_status(const std::vector<Answer>& given, int status) {
        int count = 0;
        for (const Answer& answer : given) count += answer.status == status ? 1 : 0;
        return count;
    }
    [[nodiscard]] std::string table(const std::string& name) const {
        return "\"" + folder.path().filename().string() + "\"." + name;
    }
    void make_admin(const std::string& user_id) const {
        administrate("UPDATE " + table("users") + " SET admin = 1 WHERE user_id = '" + user_id + "'");
    }
};

TEST_F(ProcessRacesTest, ARepeatedTransactionIsOneEvent) {
    const std::string alice = a.register_user("alice");
    const std::string room = create_room(a, alice);
    std::set<std::string> events;
    for (const Answer& answer : answers(6, [&](const ServerProcess& at) { return send(at, room, "same", "once", alice); })) {
        EXPECT_EQ(answer.status, 200) << answer.body;
        events.insert(answer.text("event_id"));
    }
    EXPECT_EQ(events.size(), 1U);
    EXPECT_EQ(administrate("SELECT COUNT(*) FROM " + table("events") + " WHERE type = 'm.room.message'"), "1");
}

TEST_F(ProcessRacesTest, ASessionThatHasEndedIsKnownNowhere) {
    const std::string admin = a.register_user("admin");
    make_admin("@admin:hs.test");
    static_cast<void>(a.register_user("alice"));
    const auto log_in = [&] {
        const std::string login =
            R"({"type":"m.login.password","user":"alice","password":"secret of alice","device_id":"LAPTOP"})";
        return post(a, "/login", login, "").text("access_token");
    };
    const auto known_at_b = [&](const std::string& token) { return get(b, "/account/whoami", token); };
    const auto manage = [&](const std::string& method, const std::string& path, const std::string& body) {
        EXPECT_EQ(a.request(method, "/_synapse/admin/" + path, body, admin).status, 200) << path;
    };
    // Again and again: what is only heard of soon is heard of in time now and then.
    for (int round = 0; round < 10; ++round) {
        const std::string replaced = log_in();
        EXPECT_EQ(known_at_b(replaced).status, 200) << "which remembers it now";
        const std::string token = log_in();
        EXPECT_EQ(known_at_b(replaced).status, 401);

        EXPECT_EQ(known_at_b(token).status, 200);
        manage("PUT", "v1/suspend/@alice:hs.test", R"({"suspend":true})");
        EXPECT_EQ(put(b, "/profile/@alice:hs.test/displayname", R"({"displayname":"x"})", token).status, 403);
        manage("PUT", "v1/suspend/@alice:hs.test", R"({"suspend":false})");

        EXPECT_EQ(known_at_b(token).status, 200);
        manage("PUT", "v2/users/@alice:hs.test", R"({"locked":true})");
        EXPECT_EQ(known_at_b(token).text("errcode"), "M_USER_LOCKED");
        manage("PUT", "v2/users/@alice:hs.test", R"({"locked":false})");

        EXPECT_EQ(known_at_b(token).status, 200);
        EXPECT_EQ(post(a, "/logout", "{}", token).status, 200);
        expect_error(known_at_b(token), 401, "M_UNKNOWN_TOKEN", "Invalid access token passed.");
    }
}

TEST_F(ProcessRacesTest, ANameGoesToOneOfThoseWhoRegisterIt) {
    const std::vector<Answer> given = answers(6, [&](const ServerProcess& at) {
        return post(at, "/register", R"({"username":"wanted","password":"pw","auth":{"type":"m.login.dummy"}})", "");
    });
    EXPECT_EQ(with_status(given, 200), 1);
    for (const Answer& answer : given) {
        if (answer.status != 200) expect_error(answer, 400, "M_USER_IN_USE", "User ID already taken.");
    }
    EXPECT_EQ(administrate("SELECT COUNT(*) FROM " + table("users")), "1");
}

TEST_F(ProcessRacesTest, ASessionThatIsFinishedTwiceMakesOneAccount) {
    const Answer begun = post(a, "/register", R"({"password":"pw"})", "");
    EXPECT_EQ(begun.status, 401);
    const std::string finish = R"({"auth":{"type":"m.login.dummy","session":")" + begun.text("session") + "\"}}";
    const std::vector<Answer> given = answers(4, [&](const ServerProcess& at) { return post(at, "/register", finish, ""); });
    EXPECT_EQ(with_status(given, 200), 4);
    std::set<std::string> users;
    for (const Answer& answer : given) users.insert(answer.text("user_id"));
    EXPECT_EQ(users.size(), 1U);
    EXPECT_EQ(administrate("SELECT COUNT(*) FROM " + table("users")), "1");
}

TEST_F(ProcessRacesTest, ALoginTokenIsGoodForOneLogin) {
    const std::string alice = a.register_user("alice");
    const std::string token = a.request("POST", "/_matrix/client/v1/login/get_token", "{}", alice).text("login_token");
    const std::vector<Answer> given = answers(6, [&](const ServerProcess& at) {
        return post(at, "/login", R"({"type":"m.login.token","token":")" + token + "\"}", "");
    });
    EXPECT_EQ(with_status(given, 200), 1);
    EXPECT_EQ(with_status(given, 403), 5);
}

TEST_F(ProcessRacesTest, AnAliasAndAMembershipAreTakenOnce) {
    const std::string alice = a.register_user("alice");
    const std::string bob = b.register_user("bob");
    const std::vector<Answer> made = answers(4, [&](const ServerProcess& at) {
        return post(at, "/createRoom", R"({"room_alias_name":"hall","preset":"public_chat"})", alice);
    });
    EXPECT_EQ(with_status(made, 200), 1);
    std::string room;
    for (const Answer& answer : made) {
        if (answer.status == 200) room = answer.text("room_id");
    }
    const std::vector<Answer> joined =
        answers(6, [&](const ServerProcess& at) { return post(at, "/join/" + room, "{}", bob); });
    EXPECT_EQ(with_status(joined, 200), 6);
    EXPECT_EQ(administrate("SELECT COUNT(*) FROM " + table("events") + " WHERE state_key = '@bob:hs.test'"), "1");
}

TEST_F(ProcessRacesTest, ARoomIsShutDownOnceAndItsMembersHearOfIt) {
    const std::string alice = a.register_user("alice");
    const std::string bob = b.register_user("bob");
    make_admin("@alice:hs.test");
    const std::string room = create_room(a, alice);
    join(b, room, bob);
    std::vector<Answer> given;
    Answer answer = woken(b, bob, [&] {
        given = answers(
            4, [&](const ServerProcess& at) { return at.request("DELETE", "/_synapse/admin/v1/rooms/" + room, "{}", alice); });
    });
    // One sync may show that the others leave, and the next one that the room is gone.
    const Patience patience;
    while (!answer.body.at("rooms").at("leave").as_object().contains(room) && patience.is_left())
        answer = get(b, "/sync?timeout=5000&since=" + answer.text("next_batch"), bob);
    EXPECT_TRUE(answer.body.at("rooms").at("leave").as_object().contains(room)) << answer.body;
    EXPECT_EQ(with_status(given, 200), 4);
    std::size_t kicked = 0;
    for (const Answer& each : given) kicked += each.body.at("kicked_users").as_array().size();
    EXPECT_EQ(kicked, 2U);
    EXPECT_EQ(administrate("SELECT COUNT(*) FROM " + table("rooms")), "0");
    EXPECT_EQ(administrate("SELECT COUNT(*) FROM " + table("turns") + " WHERE what LIKE 'events of %'"), "0");
}

TEST_F(ProcessRacesTest, AFileThatIsUploadedAtOneIsServedByTheOther) {
    const std::string alice = a.register_user("alice");
    const std::string uri = a.request("POST", "/_matrix/media/v3/upload", "bytes", alice).text("content_uri");
    ASSERT_TRUE(uri.starts_with("mxc://")) << uri;
    EXPECT_EQ(b.request("GET", "/_matrix/media/v3/download/" + uri.substr(6), "", alice).status, 200);
}

class ProcessUploadsTest : public ProcessRacesTest {
protected:
    ProcessUploadsTest() : ProcessRacesTest("media_upload_limits: [{time_period: 1h, max_size: 1000}]\n") {}
};

TEST_F(ProcessUploadsTest, AtOnceAtBothCountEachOther) {
    const std::string alice = a.register_user("alice");
    const std::vector<Answer> given = answers(12, [&](const ServerProcess& at) {
        return at.request("POST", "/_matrix/media/v3/upload", std::string(300, 'x'), alice);
    });
    EXPECT_EQ(with_status(given, 200), 3);
    EXPECT_EQ(with_status(given, 400), 9);
    EXPECT_EQ(administrate("SELECT SUM(length) FROM " + table("media")), "900");
}

TEST_F(ProcessUploadsTest, OfOneAnnouncedIdStoreItOnce) {
    const std::string alice = a.register_user("alice");
    const std::string media = a.request("POST", "/_matrix/media/v1/create", "", alice).text("content_uri").substr(6);
    const std::vector<Answer> given = answers(
        6, [&](const ServerProcess& at) { return at.request("PUT", "/_matrix/media/v3/upload/" + media, "bytes", alice); });
    EXPECT_EQ(with_status(given, 200), 1);
    EXPECT_EQ(with_status(given, 409), 5);
    for (const ServerProcess* at : {&a, &b})
        EXPECT_EQ(at->request("GET", "/_matrix/media/v3/download/" + media, "", alice).status, 200);
}

TEST_F(ProcessRacesTest, TheOtherGoesOnWhileOneStandsStill) {
    const std::string alice = a.register_user("alice");
    const std::string room = create_room(a, alice);
    std::atomic<bool> is_over = false;
    std::thread load([&] {
        for (int message = 0; !is_over; ++message) {
            try {
                static_cast<void>(send(a, room, "a" + std::to_string(message), "from a", alice));
            } catch (const std::exception&) {  // NOLINT: it is stopped
            }
        }
    });
    while (administrate("SELECT COUNT(*) FROM " + table("events") + " WHERE type = 'm.room.message'") == "0") continue;
    for (int round = 0; round < 2; ++round) {
        a.signal(SIGSTOP);
        const auto began = std::chrono::steady_clock::now();
        EXPECT_EQ(send(b, room, "b" + std::to_string(round), "from b", alice).status, 200);
        EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
        a.signal(SIGCONT);
    }
    is_over = true;
    load.join();
    EXPECT_EQ(send(a, room, "again", "again", alice).status, 200);
}

class ProcessFederationTest : public ProcessRacesTest {
protected:
    ProcessFederationTest() : ProcessRacesTest(FederationPeer::configuration()) {}
};

TEST_F(ProcessFederationTest, AnEventThatAnotherServerDeliversTwiceIsAskedAboutAndTakenOnce) {
    const std::string alice = a.register_user("alice");
    FederationPeer peer(a);
    ASSERT_EQ(peer.join(create_room(a, alice), "rory").status, 200);
    const FederationPeer peer_at_b(b);
    boost::json::object message = peer.message("from afar");
    FederationPeer::sign(message);
    const std::string event_id = FederationPeer::id_of(message);
    at_once(6, [&](int index) {
        const FederationPeer& at = index % 2 == 0 ? peer : peer_at_b;
        const Answer answer = at.send({message}, "same");
        EXPECT_EQ(answer.status, 200) << answer.body;
        EXPECT_TRUE(answer.body.at("pdus").at(event_id).as_object().empty()) << answer.body;
    });
    EXPECT_EQ(administrate("SELECT COUNT(*) FROM " + table("events") + " WHERE event_id = '" + event_id + "'"), "1");
    int asked = 0;
    for (const ServerProcess* const process : {&a, &b}) {
        const Answer answer = process->request("GET", "/_synapse/client/hearing");
        for (const boost::json::value& each : answer.body.at("asked").as_array())
            asked += each == boost::json::value(event_id) ? 1 : 0;
    }
    EXPECT_EQ(asked, 1);
}

/// Several programs that start on an empty database.
TEST(ProcessStartTest, MakesTheTablesAndTheSigningKeyOnce) {
    const TemporaryFolder folder;
    const std::string settings = "signing_key_path: " + (folder.path() / "signing.key").string() +
                                 "\nenable_registration: true\nenable_registration_without_verification: true\n";
    constexpr int count = 4;
    std::vector<std::unique_ptr<ServerProcess>> servers(count);
    std::vector<std::thread> starts;
    static_cast<void>(database_in(folder.path()));
    for (int index = 0; index < count; ++index) {
        const std::filesystem::path own = folder.path() / std::to_string(index);
        std::filesystem::create_directories(own);
        starts.emplace_back([&servers, &folder, settings, own, index] {
            try {
                servers[static_cast<std::size_t>(index)] = std::make_unique<ServerProcess>(
                    own, settings + "worker_name: p" + std::to_string(index) + "\n", SharedDatabase{folder.path()});
            } catch (const std::exception& error) {
                ADD_FAILURE() << error.what();
            }
        });
    }
    for (std::thread& start : starts) start.join();
    std::set<std::string> keys;
    for (const std::unique_ptr<ServerProcess>& server : servers) {
        ASSERT_TRUE(server);
        keys.insert(boost::json::serialize(server->request("GET", "/_matrix/key/v2/server").body.at("verify_keys")));
    }
    EXPECT_EQ(keys.size(), 1U);
    const std::string alice = servers.front()->register_user("alice");
    EXPECT_EQ(servers.back()->request("POST", "/_matrix/client/v3/createRoom", "{}", alice).status, 200);
}

}  // namespace
