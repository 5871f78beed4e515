#include "admin_server.h"
#include "patience.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>

/// A module that never ends costs the others nothing: what causes itself is stopped, what waits is seen and cut, and a thread that
/// is blocked is one worker's.
namespace {

using namespace homeserver_test;
using namespace std::chrono_literals;

class EndlessModuleTest : public AdminServer {
protected:
    explicit EndlessModuleTest(int workers, const std::string& module_config = "{}", const std::string& settings = {})
        : AdminServer("modules:\n  - {module: echoing.Echoing, config: " + module_config + "}\n" + settings, workers) {}

    [[nodiscard]] int count(const std::string& what) const {
        return server.request("GET", "/_synapse/client/echoing").body.at(what).to_number<int>();
    }
    /// Waits until the modules of all workers have heard of the first message and of all that was sent because of it.
    void wait_for_the_end(int workers) const {
        bool is_over = false;
        for (int round = 0; round < 4 && !is_over; ++round) {
            for (const Patience patience; patience.is_left() && !is_over;) {
                const Answer counts = server.request("GET", "/_synapse/client/echoing");
                const int echoes = counts.body.at("sent").to_number<int>();
                is_over = counts.body.at("told").to_number<int>() == (echoes + 1) * workers;
            }
        }
        EXPECT_TRUE(is_over) << count("sent");
    }
    [[nodiscard]] std::future<int> send_elsewhere(const std::string& room, const std::string& text, const std::string& token) {
        const std::string path = client + "/rooms/" + room + "/send/m.room.message/" + std::to_string(++sent);
        const std::string body = R"({"msgtype":"m.text","body":")" + text + R"("})";
        return std::async(std::launch::async, [this, path, body, token] {
            return server.request("PUT", path, body, token).status;
        });
    }
};

class OneEndlessWorker : public EndlessModuleTest {
protected:
    OneEndlessWorker() : EndlessModuleTest(1) {}
};

TEST_F(OneEndlessWorker, AnEventThatCausesItselfStopsAtTheFiftiethCall) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    EXPECT_EQ(send(room, "echo", alice).status, 200);
    wait_for_the_end(1);
    EXPECT_EQ(count("sent"), 50);
    EXPECT_EQ(count("failed"), 1);
    EXPECT_TRUE(server.log_shows("module echoing.Echoing: on_new_event failed: create_and_send_event_into_room: 50 calls lie"));
    EXPECT_EQ(send(room, "hello", alice).status, 200);
}

class OneBranchingWorker : public EndlessModuleTest {
protected:
    OneBranchingWorker() : EndlessModuleTest(1, "{replies: 2}") {}
};

TEST_F(OneBranchingWorker, WhatOneRequestCausesIsAtMostAThousandEvents) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    EXPECT_EQ(send(room, "echo", alice).status, 200);
    wait_for_the_end(1);
    EXPECT_GT(count("sent"), 500);
    EXPECT_LE(count("sent"), 1000);
    EXPECT_TRUE(server.log_shows("modules may send 1000 events because of one request"));
}

class TwoEndlessWorkers : public EndlessModuleTest {
protected:
    TwoEndlessWorkers() : EndlessModuleTest(2) {}
};

TEST_F(TwoEndlessWorkers, AnEventThatCausesItselfOnBothIsAtMostAThousandEvents) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    EXPECT_EQ(send(room, "echo", alice).status, 200);
    wait_for_the_end(2);
    EXPECT_GT(count("sent"), 50);
    EXPECT_LE(count("sent"), 1000);
}

TEST_F(TwoEndlessWorkers, ACallbackThatBlocksOneOfThemKeepsNobodyElseOut) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    std::future<int> blocked = send_elsewhere(room, "block", alice);
    EXPECT_TRUE(server.log_shows("blocks its thread"));
    for (int client_number = 0; client_number < 6; ++client_number) {
        const auto began = std::chrono::steady_clock::now();
        EXPECT_EQ(get("/account/whoami", alice).status, 200);
        EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
    }
    const auto began = std::chrono::steady_clock::now();
    const Answer modules = admin("GET", "/v1/modules");
    EXPECT_LT(std::chrono::steady_clock::now() - began, 1500ms);
    EXPECT_EQ(modules.status, 200);
    const boost::json::array& silent = modules.body.at("workers_without_answer").as_array();
    EXPECT_EQ(silent.size(), 1U) << modules.body;
    if (silent.size() == 1) {
        EXPECT_EQ(silent.at(0).at("module"), "echoing.Echoing");
        EXPECT_EQ(silent.at(0).at("callback"), "check_event_for_spam");
    }
    const Answer changed = admin("PUT", "/v1/modules/0", R"({"mode": "enforce"})");
    EXPECT_LT(std::chrono::steady_clock::now() - began, 3s);
    EXPECT_EQ(changed.status, 200) << "it needn't wait for the one that is blocked";
    EXPECT_EQ(changed.body.at("workers_without_answer").as_array().size(), 1U) << changed.body;
    EXPECT_EQ(send(room, "let go", alice).status, 200);
    EXPECT_EQ(blocked.get(), 200);
    EXPECT_FALSE(admin("GET", "/v1/modules").body.contains("workers_without_answer"));
}

TEST_F(TwoEndlessWorkers, ACallbackThatBlocksForANewEventBlocksOneOfThem) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    EXPECT_EQ(send(room, "block later", alice).status, 200);
    EXPECT_TRUE(server.log_shows("blocks its thread"));
    for (int message = 0; message < 4; ++message) EXPECT_EQ(send(room, "hello", alice).status, 200);
    EXPECT_EQ(count("begun"), 1);
    EXPECT_EQ(send(room, "let go", alice).status, 200);
    for (const Patience patience; patience.is_left() && count("begun") < 2;) continue;
    EXPECT_EQ(count("begun"), 2) << "the other worker's modules are told after all";
}

class WaitingModuleTest : public EndlessModuleTest {
protected:
    WaitingModuleTest() : EndlessModuleTest(1, "{}", "slow_callback: 100\ncallback_deadline: 3s\n") {}
};

TEST_F(WaitingModuleTest, ACallbackThatNeverEndsIsSeenNamedAndCut) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    std::future<int> waiting = send_elsewhere(room, "wait", alice);
    bool is_seen = false;
    for (const Patience patience; patience.is_left() && !is_seen;) {
        const Answer modules = admin("GET", "/v1/modules");
        const boost::json::object& calls = modules.body.at("modules").at(0).at("calls_in_flight").as_object();
        is_seen = calls.contains("check_event_for_spam") && calls.at("check_event_for_spam").at("calls") == 1;
    }
    EXPECT_TRUE(is_seen);
    EXPECT_TRUE(server.log_shows("module echoing.Echoing: check_event_for_spam has been waiting for"));
    EXPECT_EQ(waiting.get(), 500) << "an exception, which that callback's rule lets out";
    EXPECT_TRUE(server.log_shows("module echoing.Echoing: check_event_for_spam failed: deadline exceeded"));
    EXPECT_EQ(send(room, "hello", alice).status, 200);
}

class BusyDatabaseTest : public EndlessModuleTest {
protected:
    BusyDatabaseTest() : EndlessModuleTest(1, "{}", "interaction_deadline: 1s\n") {}
};

TEST_F(BusyDatabaseTest, AnInteractionThatNeverEndsIsCutAndOthersWriteAgain) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    EXPECT_EQ(send(room, "query without end", alice).status, 500);
    EXPECT_TRUE(server.log_shows("database interaction count of module echoing.Echoing was cut"));
    EXPECT_EQ(send(room, "hello", alice).status, 200);
}

TEST_F(BusyDatabaseTest, AnInteractionThatBlocksIsNamedWhileItDoes) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    std::future<int> blocked = send_elsewhere(room, "block the database", alice);
    EXPECT_TRUE(server.log_shows("database interaction hold of module echoing.Echoing has been at work for"));
    EXPECT_EQ(server.request("GET", "/_synapse/client/echoing?let_go=1").status, 200);
    EXPECT_EQ(blocked.get(), 500) << "it was cut when it came to its commit";
    EXPECT_TRUE(server.log_shows("database interaction hold of module echoing.Echoing ended after about"));
    EXPECT_EQ(send(room, "hello", alice).status, 200);
}

}  // namespace
