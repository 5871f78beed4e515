#include "admin_server.h"
#include "patience.h"

#include <chrono>
#include <csignal>
#include <string>

/// Modules in shadow mode in the real server: whatever they do, no answer and no message is another.
namespace {

using namespace homeserver_test;

/// A probe that denies, throws and changes by what it is asked about, and a module that waits and hangs; both in shadow mode,
/// with enforce for what only notifies.
class ShadowedModulesTest : public AdminServer {
protected:
    ShadowedModulesTest()
        : AdminServer(
              std::string("modules:\n"
                          "  - module: probe.Probe\n"
                          "    config: {name: a}\n"
                          "    callbacks:\n"
                          "      mode: shadow\n") +
              rules_of_what_notifies +
              "  - module: stubborn.Stubborn\n"
              "    callbacks: {mode: shadow, max_concurrent: 3}\n") {}

    [[nodiscard]] std::int64_t shadow(std::size_t module, const std::string& callback, const std::string& key) const {
        const Answer answer = admin("GET", "/v1/modules");
        const boost::json::object row = answer.body.at("modules").at(module).at("callbacks").at(callback).as_object();
        const boost::json::value* const counts = row.if_contains("shadow");
        return counts != nullptr ? counts->at(key).to_number<std::int64_t>() : 0;
    }
    /// A run may go on after the answer that it was reached by.
    [[nodiscard]] std::int64_t shadow_when(std::size_t module, const std::string& callback, const std::string& key,
                                           std::int64_t wanted) const {
        const Patience patience;
        while (shadow(module, callback, key) < wanted && patience.is_left()) continue;
        return shadow(module, callback, key);
    }
};

TEST_F(ShadowedModulesTest, WhatAModuleDeniesThrowsOrChangesIsCountedAndNotDone) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice, R"({"name":"stamped"})");
    EXPECT_EQ(get("/rooms/" + room + "/state/m.room.topic", alice).status, 404) << "no stamp";
    EXPECT_EQ(shadow_when(0, "on_create_room", "differed", 1), 1);
    for (const char* const body : {"spam code", "spam fields", "spam error", "spam throw", "replace rule", "calm"})
        EXPECT_EQ(send(room, body, alice).status, 200) << body;
    EXPECT_EQ(shadow_when(0, "check_event_for_spam", "differed", 3), 3);
    EXPECT_EQ(shadow_when(0, "check_event_for_spam", "failed", 1), 1);

    const Answer messages = get("/rooms/" + room + "/messages?dir=b&limit=3", alice);
    EXPECT_EQ(messages.body.at("chunk").as_array().size(), 3U);
    EXPECT_EQ(bodies(messages.body.at("chunk")).front(), "calm");
    const boost::json::value& event = messages.body.at("chunk").at(0);
    const boost::json::value* const added = event.as_object().if_contains("unsigned");
    EXPECT_TRUE(added == nullptr || !added->as_object().contains("org.example.probe")) << event;
    EXPECT_GE(shadow_when(0, "add_field_to_unsigned", "differed", 3), 3);

    const Answer modules = admin("GET", "/v1/modules");
    const boost::json::value& row = modules.body.at("modules").at(0).at("callbacks").at("check_event_for_spam");
    EXPECT_EQ(row.at("calls"), 0) << "none of them is the operation's";
    EXPECT_EQ(row.at("decided"), 0);
    EXPECT_EQ(row.at("failed"), 0);
    EXPECT_EQ(row.at("timed_calls"), 0);
}

TEST_F(ShadowedModulesTest, AFileIsReadByARunOfItsOwn) {
    const std::string alice = server.register_user("alice");
    const Answer uploaded = server.request("POST", "/_matrix/media/v3/upload", "some bytes", alice);
    EXPECT_EQ(uploaded.status, 200) << uploaded.body;
    EXPECT_EQ(shadow_when(0, "check_media_file_for_spam", "runs", 1), 1);
    EXPECT_EQ(shadow(0, "check_media_file_for_spam", "skipped"), 0);
    EXPECT_EQ(shadow(0, "check_media_file_for_spam", "failed"), 0);
}

TEST_F(ShadowedModulesTest, AModuleThatWaitsOrHangsHoldsNothingUpNorTheServersEnd) {
    const std::string expired = server.register_user("expired");
    EXPECT_EQ(get("/account/whoami", expired).status, 200) << "nobody expires in shadow mode";
    EXPECT_GE(shadow_when(1, "is_user_expired", "differed", 1), 1);

    const std::string slow = server.register_user("slow");
    const std::string waits = server.register_user("waits");
    constexpr int requests = 8;
    const auto began = std::chrono::steady_clock::now();
    for (int request = 0; request < requests; ++request) {
        EXPECT_EQ(get("/account/whoami", slow).status, 200);
        EXPECT_EQ(get("/account/whoami", waits).status, 200);
    }
    // Each run that is waited for would take 0.3 s, or for ever.
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(300) * requests);
    EXPECT_GE(shadow(1, "is_user_expired", "skipped"), requests - 3) << "the others have the three places";
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait(), 0);
}

}  // namespace
