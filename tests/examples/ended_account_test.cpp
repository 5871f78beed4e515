#include "gate_test.h"

#include <modapi/database.h>

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <vector>

/// The end of an account, a device or a room reaches everything that was theirs.
namespace {

using namespace homeserver_test;

class EndTest : public GateServer, public testing::WithParamInterface<int> {
protected:
    EndTest() : GateServer(GetParam()) {}

    static constexpr const char* pusher =
        R"({"kind":"http","app_id":"a","app_display_name":"A","device_display_name":"D","pushkey":"k","lang":"en",)"
        R"("data":{"url":"https://push.example/_matrix/push/v1/notify"}})";

    [[nodiscard]] std::int64_t rows(const std::string& from_and_where) const {
        Count counted{"SELECT COUNT(*) FROM " + from_and_where};
        const std::unique_ptr<modapi::Database> database = modapi::Database::open(database_in(folder.path()));
        database->run_blocking("count", &Count::run, &counted);
        return counted.found;
    }
    [[nodiscard]] Answer sync(const std::string& token, const std::string& more = {}) const {
        return get("/sync?timeout=30000" + more, token);
    }
    /// What a sync says of alice's presence; empty: nothing.
    [[nodiscard]] static std::string presence_of_alice(const Answer& answer) {
        for (const boost::json::value& event : answer.body.at("presence").at("events").as_array()) {
            if (event.at("sender").as_string() == "@alice:hs.test")
                return std::string(event.at("content").at("presence").as_string());
        }
        return {};
    }

private:
    struct Count {
        std::string sql;
        std::int64_t found = -1;
        static void run(modapi::Transaction& transaction, void* count) {
            Count& counted = *static_cast<Count*>(count);
            counted.found = std::get<0>(transaction.query_one<std::int64_t>(counted.sql).value());
        }
    };
};

INSTANTIATE_TEST_SUITE_P(Workers, EndTest, testing::Values(1, 2));

TEST_P(EndTest, NothingIsLeftOfADeactivatedAccountThatWouldGoOn) {
    const std::string room = create_room(alice);
    EXPECT_EQ(post("/pushers/set", pusher, alice).status, 200);
    EXPECT_EQ(post("/account/password", R"({"new_password":"x"})", alice).status, 401) << "a session that is begun";
    const std::string credentials = validated(server, folder.path(), email_for_account("alice@example.org"));
    EXPECT_EQ(post("/account/3pid", R"({"three_pid_creds":)" + credentials + "}", alice).status, 200);
    EXPECT_EQ(
        post("/rooms/" + room + "/invite", R"({"medium":"email","id_server":"hs.test","address":"new@example.org"})", alice)
            .status,
        200);
    EXPECT_EQ(put("/presence/@alice:hs.test/status", R"({"presence":"online","status_msg":"here"})", alice).status, 200);

    deactivate("alice");

    const std::vector<std::string> ends = {
        "devices WHERE user_id = '@alice:hs.test'",
        "access_tokens WHERE user_id = '@alice:hs.test'",
        "pushers WHERE user_id = '@alice:hs.test'",
        "user_threepids WHERE user_id = '@alice:hs.test'",
        "third_party_invites WHERE sender = '@alice:hs.test'",
        "ui_auth_sessions WHERE operation LIKE '% by @alice:hs.test' OR result = '@alice:hs.test'",
        "presence WHERE user_id = '@alice:hs.test' AND (state <> 'offline' OR status_msg IS NOT NULL)",
        "room_memberships WHERE user_id = '@alice:hs.test' AND membership <> 'leave'",
    };
    for (const std::string& end : ends) EXPECT_EQ(rows(end), 0) << end;
}

TEST_P(EndTest, ADeactivatedUserIsShownOfflineToWhomAModuleShowsThem) {
    set_gate(R"({"watches":"@alice:hs.test"})");
    EXPECT_EQ(put("/presence/@alice:hs.test/status", R"({"presence":"online"})", alice).status, 200);
    const Answer first = get("/sync", bob);
    EXPECT_EQ(presence_of_alice(first), "online");
    std::future<Answer> waiting =
        std::async(std::launch::async, [&] { return sync(bob, "&since=" + first.text("next_batch")); });
    deactivate("alice");
    EXPECT_EQ(presence_of_alice(waiting.get()), "offline");
    const std::string online = R"({"call":"set_presence_for_users","args":[{"@alice:hs.test":["online"]}]})";
    EXPECT_EQ(server.request("POST", "/_synapse/client/api", online).status, 200);
    EXPECT_EQ(presence_of_alice(get("/sync", bob)), "offline") << "for good";
}

TEST_P(EndTest, WhatAModuleStillSaysOfTheirPresenceShowsADeactivatedUserToNobody) {
    const auto set_presence = [&](const std::string& state) {
        return put("/presence/@alice:hs.test/status", R"({"presence":")" + state + "\"}", alice);
    };
    set_gate(R"({"routes":"@alice:hs.test"})");
    EXPECT_EQ(set_presence("online").status, 200);
    EXPECT_EQ(presence_of_alice(get("/sync", bob)), "online");
    const Answer changed = held(
        "get_users_for_states", [&] { return set_presence("unavailable"); }, [&] { deactivate("alice"); },
        R"(,"routes":"@alice:hs.test")");
    EXPECT_EQ(changed.status, 200);
    EXPECT_NE(presence_of_alice(get("/sync", bob)), "online");
}

TEST_P(EndTest, ALoginTokenOfBeforeADeactivationLogsNobodyInAfterIt) {
    const std::string token = server.request("POST", "/_matrix/client/v1/login/get_token", "{}", alice).text("login_token");
    deactivate("alice");
    EXPECT_EQ(admin("PUT", "/v2/users/@alice:hs.test", R"({"deactivated":false,"password":"new"})").status, 200);
    expect_error(post("/login", R"({"type":"m.login.token","token":")" + token + "\"}", ""), 403, "M_FORBIDDEN",
                 "Invalid login token");
}

TEST_P(EndTest, ASyncThatWaitsEndsWithItsSession) {
    const std::string since = get("/sync", alice).text("next_batch");
    const std::string other = log_in().text("access_token");
    for (const bool by_deactivation : {false, true}) {
        const std::string& token = by_deactivation ? alice : other;
        std::future<Answer> waiting = std::async(std::launch::async, [&] { return sync(token, "&since=" + since); });
        by_deactivation ? deactivate("alice") : log_out(token);
        expect_no_session(waiting.get());
    }
}

TEST_P(EndTest, APusherIsGoneBeforeAModuleHearsThatItsDeviceLoggedOut) {
    EXPECT_EQ(post("/pushers/set", pusher, alice).status, 200);
    const std::string other = log_in().text("access_token");
    const Answer logged_out = held(
        "on_logged_out", [&] { return post("/logout", "{}", alice); },
        [&] { EXPECT_TRUE(get("/pushers", other).body.at("pushers").as_array().empty()); });
    EXPECT_EQ(logged_out.status, 200);
}

}  // namespace
