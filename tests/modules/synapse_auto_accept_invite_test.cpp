#include "../../examples/modules/synapse_auto_accept_invite/synapse_auto_accept_invite.h"

#include <modapi/testing/host.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <gmock/gmock.h>

namespace {

using namespace std::chrono_literals;
using modapi::testing::Host;
using modapi::testing::member_event;
using testing::HasSubstr;
using testing::Not;

const std::string room = "!hall:example.org";
const std::string other_room = "!den:example.org";
const std::string alice = "@alice:example.org";
const std::string bob = "@bob:example.org";
const std::string stranger = "@eve:elsewhere.test";

callbacks::JsonDict object_of(const std::string& text) { return boost::json::parse(text).as_object(); }

/// An invite of bob; `content` is what it says beside the membership.
callbacks::Event invite_from(const std::string& inviter, const std::string& content = "{}", const std::string& room_id = room) {
    return member_event(inviter, bob, room_id, "invite", object_of(content));
}

class InviteAutoAccepterTest : public testing::Test {
protected:
    InviteAutoAccepterTest() : InviteAutoAccepterTest(modapi::WorkerSettings()) {}
    explicit InviteAutoAccepterTest(modapi::WorkerSettings settings) : host(std::move(settings)) {
        host.server.add_user(alice);
        host.server.add_user(bob);
        host.server.add_room(room, alice);
        host.server.add_room(other_room, alice);
    }
    void load(const std::string& config = "{}") { host.load<InviteAutoAccepter>(config); }
    void tell(const callbacks::Event& event) {
        EXPECT_FALSE(host.call(host.hooks().third_party_rules.on_new_event, event, callbacks::StateMap()).failed());
        host.run_ready();
    }
    /// How many attempts there were `seconds` after the invite, for each of them.
    std::vector<std::size_t> attempts_after(const std::vector<int>& seconds) {
        std::vector<std::size_t> counts;
        int now = 0;
        for (const int each : seconds) {
            host.advance(std::chrono::seconds(each - now) - 1ms);  // so that one at that very second is no accident
            counts.push_back(attempts());
            host.advance(1ms);
            counts.push_back(attempts());
            now = each;
        }
        return counts;
    }
    [[nodiscard]] std::size_t attempts() const { return host.server.memberships.size(); }
    [[nodiscard]] std::string direct() { return boost::json::serialize(host.server.user(bob).account_data["m.direct"]); }

    Host host;
};

TEST_F(InviteAutoAccepterTest, JoinsTheInvitedUserOnce) {
    load();
    tell(invite_from(alice));
    ASSERT_EQ(attempts(), 1U);
    const modapi::testing::MembershipChange& change = host.server.memberships.front();
    EXPECT_EQ(change.sender, bob);
    EXPECT_EQ(change.target, bob);
    EXPECT_EQ(change.room_id, room);
    EXPECT_EQ(change.new_membership, "join");
    host.advance(1h);
    EXPECT_EQ(attempts(), 1U);
    EXPECT_FALSE(host.server.user(bob).account_data.contains("m.direct"));
}

TEST_F(InviteAutoAccepterTest, TriesAgainAfterOneAndThenTwoSecondsUntilItSucceeds) {
    load();
    host.server.fail_next("update_room_membership", "not yet");
    host.server.fail_next("update_room_membership", "still not");
    tell(invite_from(stranger));
    EXPECT_EQ(attempts(), 1U);
    EXPECT_EQ(attempts_after({1, 3}), (std::vector<std::size_t>{1, 2, 2, 3}));
    host.advance(1h);
    EXPECT_EQ(attempts(), 3U);
    EXPECT_THAT(host.log(), HasSubstr("info " + bob + " couldn't join " + room + ": not yet"));
    EXPECT_THAT(host.log(), HasSubstr("info " + bob + " couldn't join " + room + ": still not"));
}

TEST_F(InviteAutoAccepterTest, GivesUpSilentlyAfterTheFifthAttempt) {
    load();
    for (int attempt = 0; attempt < 6; ++attempt) host.server.fail_next("update_room_membership", "never");
    tell(invite_from(stranger));
    EXPECT_EQ(attempts_after({1, 3, 7, 15}), (std::vector<std::size_t>{1, 2, 2, 3, 3, 4, 4, 5}));
    host.advance(1h);
    EXPECT_EQ(attempts(), 5U);
    EXPECT_THAT(host.log(), Not(HasSubstr("error")));
}

TEST_F(InviteAutoAccepterTest, TheCallbackDoesntWaitForTheJoin) {
    load();
    for (int attempt = 0; attempt < 5; ++attempt) host.server.fail_next("update_room_membership", "not yet");
    const callbacks::Event invite = invite_from(alice);
    auto told = host.start(host.hooks().third_party_rules.on_new_event(invite, callbacks::StateMap()));
    host.run_ready();
    EXPECT_TRUE(told.done());
    EXPECT_LT(attempts(), 5U);
}

TEST_F(InviteAutoAccepterTest, WhatIsNoInviteOfALocalUserIsNoneOfItsBusiness) {
    load();
    callbacks::JsonDict content = object_of(R"({"membership":"invite","is_direct":true})");
    tell(member_event(alice, stranger, room, "invite", object_of(R"({"is_direct":true})")));
    tell(modapi::testing::event("m.room.member", alice, room, content));
    tell(modapi::testing::state_event("org.example.member", bob, alice, room, content));
    for (const char* membership : {"join", "leave", "ban", "knock"}) {
        tell(member_event(alice, bob, room, membership, object_of(R"({"is_direct":true})")));
    }
    host.advance(1h);
    EXPECT_EQ(attempts(), 0U);
    EXPECT_TRUE(host.server.user(bob).account_data.empty());
}

TEST_F(InviteAutoAccepterTest, AcceptsInvitesFromOtherServers) {
    load();
    tell(invite_from(stranger));
    EXPECT_EQ(attempts(), 1U);
}

TEST_F(InviteAutoAccepterTest, ButNotWithTheSwitchForLocalUsersOn) {
    load("{accept_invites_only_from_local_users: true}");
    tell(invite_from(stranger, R"({"is_direct":true})"));
    EXPECT_EQ(attempts(), 0U);
    EXPECT_TRUE(host.server.user(bob).account_data.empty());
    tell(invite_from(alice));
    EXPECT_EQ(attempts(), 1U);
}

TEST_F(InviteAutoAccepterTest, WithTheSwitchForDirectMessagesOnlyTrueIsDirect) {
    load("{accept_invites_only_for_direct_messages: true}");
    for (const char* content : {"{}", R"({"is_direct":false})", R"({"is_direct":"true"})", R"({"is_direct":1})"}) {
        tell(invite_from(alice, content));
        EXPECT_EQ(attempts(), 0U) << content;
    }
    tell(invite_from(alice, R"({"is_direct":true})"));
    EXPECT_EQ(attempts(), 1U);
}

TEST_F(InviteAutoAccepterTest, WhatIsntDirectIsntMarkedSo) {
    load();
    for (const char* content : {"{}", R"({"is_direct":false})", R"({"is_direct":"true"})"}) tell(invite_from(alice, content));
    EXPECT_EQ(attempts(), 3U);
    EXPECT_TRUE(host.server.user(bob).account_data.empty());
}

TEST_F(InviteAutoAccepterTest, MarksADirectRoomFromNothing) {
    load();
    tell(invite_from(alice, R"({"is_direct":true})"));
    EXPECT_EQ(direct(), R"({"@alice:example.org":["!hall:example.org"]})");
    EXPECT_EQ(attempts(), 1U);
}

TEST_F(InviteAutoAccepterTest, KeepsWhatElseIsMarkedAndAddsNoRoomTwice) {
    load();
    host.server.user(bob).account_data["m.direct"] =
        object_of(R"({"@carol:example.org":["!a:b"],"@alice:example.org":["!c:d"],"@dan:example.org":7})");
    const std::string expected =
        R"({"@carol:example.org":["!a:b"],"@alice:example.org":["!c:d","!hall:example.org"],"@dan:example.org":7})";
    tell(invite_from(alice, R"({"is_direct":true})"));
    EXPECT_EQ(direct(), expected);
    tell(invite_from(alice, R"({"is_direct":true})"));
    EXPECT_EQ(direct(), expected);
}

TEST_F(InviteAutoAccepterTest, LeavesAMalformedEntryAloneWithAWarning) {
    load();
    host.server.user(bob).account_data["m.direct"] = object_of(R"({"@alice:example.org":"!c:d"})");
    tell(invite_from(alice, R"({"is_direct":true})"));
    EXPECT_EQ(direct(), R"({"@alice:example.org":"!c:d"})");
    EXPECT_THAT(host.log(), HasSubstr("warning " + bob + " has no list for " + alice + " in m.direct"));
    EXPECT_EQ(attempts(), 1U) << "the room is joined all the same";
}

TEST_F(InviteAutoAccepterTest, AccountDataThatCouldntBeWrittenOnceIsWrittenTheNextTime) {
    load();
    host.server.fail_next("put_global", "no space left");
    tell(invite_from(alice, R"({"is_direct":true})"));
    EXPECT_FALSE(host.server.user(bob).account_data.contains("m.direct"));
    EXPECT_THAT(host.log(), HasSubstr("no space left"));
    tell(invite_from(alice, R"({"is_direct":true})", other_room));
    EXPECT_EQ(direct(), R"({"@alice:example.org":["!den:example.org"]})");
}

TEST_F(InviteAutoAccepterTest, AStopEndsTheWaitForTheNextAttempt) {
    load();
    for (int attempt = 0; attempt < 5; ++attempt) host.server.fail_next("update_room_membership", "not yet");
    tell(invite_from(alice));
    host.advance(1s);
    EXPECT_EQ(attempts(), 2U);
    host.stop();
    host.advance(1h);
    EXPECT_EQ(attempts(), 2U);
}

/// How many modules hear of new events on a worker with this name.
std::size_t registered_on(std::optional<std::string> worker_name, const std::string& config, std::string& log) {
    modapi::WorkerSettings settings;
    settings.worker_name = std::move(worker_name);
    Host host(std::move(settings));
    host.load<InviteAutoAccepter>(config);
    std::size_t registered = 0;
    host.hooks().third_party_rules.on_new_event.each_registration([&](const auto&) { ++registered; });
    log = host.log();
    return registered;
}

TEST(InviteAutoAccepterWorkers, OnlyTheConfiguredOneRegisters) {
    std::string log;
    EXPECT_EQ(registered_on("w1", "{worker_to_run_on: w1}", log), 1U);
    EXPECT_THAT(log, Not(HasSubstr("invites are accepted on")));
    EXPECT_EQ(registered_on(std::nullopt, "{worker_to_run_on: w1}", log), 0U);
    EXPECT_THAT(log, HasSubstr("info invites are accepted on worker w1, not on the main worker"));
    EXPECT_EQ(registered_on("w2", "{worker_to_run_on: w1}", log), 0U);
    EXPECT_THAT(log, HasSubstr("info invites are accepted on worker w1, not on worker w2"));
    EXPECT_EQ(registered_on(std::nullopt, "{worker_to_run_on: null}", log), 1U);
    EXPECT_EQ(registered_on("w1", "{}", log), 0U);
    EXPECT_THAT(log, HasSubstr("info invites are accepted on the main worker, not on worker w1"));
}

TEST(InviteAutoAccepterConfiguration, MistakesAreNamedWithTheirPlace) {
    const auto mistake_in = [](const std::string& config) -> std::string {
        Host host;
        try {
            host.load<InviteAutoAccepter>(config);
        } catch (const modapi::ConfigurationError& error) {
            return error.what();
        }
        return "no mistake";
    };
    EXPECT_THAT(mistake_in("{accept_invites_only_from_local_users: 1}"),
                HasSubstr("modules[0].config.accept_invites_only_from_local_users: must be a boolean"));
    EXPECT_THAT(mistake_in("{worker_to_run_on: [w1]}"), HasSubstr("modules[0].config.worker_to_run_on: must be a string"));
    EXPECT_THAT(mistake_in("{worker: w1}"), HasSubstr("modules[0].config.worker: is not a known key"));
}

}  // namespace
