#include "room_test.h"

namespace {

using namespace homeserver_test;

/// Account data and tags, with a module that says what it was told.
class AccountDataTest : public RoomTest {
protected:
    AccountDataTest() : RoomTest("modules:\n  - {module: probe.Probe, config: {name: a}}\n") {}

    [[nodiscard]] Answer remove(const std::string& path, const std::string& token) const {
        return server.request("DELETE", path, "", token);
    }
    /// The account data of a sync's section, by type.
    [[nodiscard]] static boost::json::object by_type(const boost::json::value& section) {
        boost::json::object found;
        for (const boost::json::value& event : section.at("account_data").at("events").as_array()) {
            found[event.at("type").as_string()] = event.at("content");
        }
        return found;
    }
    [[nodiscard]] int updates_told() const {
        int told = 0;
        const Answer journal = server.request("GET", "/_synapse/client/probe/a");
        for (const boost::json::value& record : journal.body.at("journal").as_array()) {
            if (record.at("callback") == "on_account_data_updated") ++told;
        }
        return told;
    }

    const std::string unstable = "/_matrix/client/unstable/org.matrix.msc3391/user/";
};

TEST_F(AccountDataTest, TagsAreTheRoomsAccountDataOfWhichModulesHearNothing) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    const std::string tags = "/user/@alice:hs.test/rooms/" + room + "/tags";
    EXPECT_EQ(boost::json::serialize(get(tags, alice).body), R"({"tags":{}})");
    const std::string since = get("/sync", alice).text("next_batch");
    EXPECT_EQ(put(tags + "/m.favourite", R"({"order":0.25})", alice).status, 200);
    EXPECT_EQ(put(tags + "/u.work", "{}", alice).status, 200);
    EXPECT_EQ(boost::json::serialize(get(tags, alice).body), R"({"tags":{"m.favourite":{"order":2.5E-1},"u.work":{}}})");
    const Answer sync = get("/sync?since=" + since, alice);
    EXPECT_EQ(boost::json::serialize(by_type(sync.body.at("rooms").at("join").at(room)).at("m.tag")),
              R"({"tags":{"m.favourite":{"order":2.5E-1},"u.work":{}}})");
    EXPECT_EQ(remove(client + tags + "/m.favourite", alice).status, 200);
    EXPECT_EQ(remove(client + tags + "/m.favourite", alice).status, 200);
    EXPECT_EQ(boost::json::serialize(get(tags, alice).body), R"({"tags":{"u.work":{}}})");
    EXPECT_EQ(updates_told(), 0);
}

TEST_F(AccountDataTest, BadTagsAreRefused) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    const std::string tags = "/user/@alice:hs.test/rooms/" + room + "/tags";
    EXPECT_EQ(put(tags + "/u.x", R"({"order":"first"})", alice).text("errcode"), "M_INVALID_PARAM");
    EXPECT_EQ(put(tags + "/u.x", "[]", alice).text("errcode"), "M_BAD_JSON");
    EXPECT_EQ(put(tags + "/u.x", "", alice).text("errcode"), "M_NOT_JSON");
    EXPECT_EQ(put("/user/@alice:hs.test/rooms/nonsense/tags/u.x", "{}", alice).text("errcode"), "M_INVALID_PARAM");
    const std::string bob = server.register_user("bob");
    EXPECT_EQ(get(tags, bob).text("errcode"), "M_FORBIDDEN");
    expect_error(put(tags + "/u.x", "{}", bob), 403, "M_FORBIDDEN", "Cannot add tags for other users.");
    EXPECT_EQ(remove(client + tags + "/u.x", bob).text("errcode"), "M_FORBIDDEN");
    EXPECT_EQ(get(tags, {}).text("errcode"), "M_MISSING_TOKEN");
}

TEST_F(AccountDataTest, ARemovalIsToldToModulesAndToSyncsThatGoOn) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    EXPECT_EQ(put("/user/@alice:hs.test/account_data/org.example.x", R"({"v":1})", alice).status, 200);
    EXPECT_EQ(put("/user/@alice:hs.test/rooms/" + room + "/account_data/org.example.x", R"({"v":1})", alice).status, 200);
    const std::string since = get("/sync", alice).text("next_batch");
    EXPECT_EQ(updates_told(), 2);
    EXPECT_EQ(remove(unstable + "@alice:hs.test/account_data/org.example.x", alice).status, 200);
    EXPECT_EQ(remove(unstable + "@alice:hs.test/rooms/" + room + "/account_data/org.example.x", alice).status, 200);
    EXPECT_EQ(updates_told(), 4);
    expect_error(get("/user/@alice:hs.test/account_data/org.example.x", alice), 404, "M_NOT_FOUND", "Account data not found");
    const Answer going_on = get("/sync?since=" + since, alice);
    EXPECT_TRUE(by_type(going_on.body).at("org.example.x").as_object().empty());
    EXPECT_TRUE(by_type(going_on.body.at("rooms").at("join").at(room)).at("org.example.x").as_object().empty());
    EXPECT_FALSE(by_type(get("/sync", alice).body).contains("org.example.x"));
    EXPECT_EQ(remove(unstable + "@alice:hs.test/account_data/never.there", alice).status, 200);
    EXPECT_EQ(updates_told(), 5) << "also what wasn't there";
    EXPECT_EQ(remove(unstable + "@alice:hs.test/account_data/m.push_rules", alice).status, 405);
    expect_error(remove(unstable + "@alice:hs.test/account_data/org.example.x", server.register_user("bob")), 403,
                 "M_FORBIDDEN", "Cannot delete account data for other users.");
}

}  // namespace
