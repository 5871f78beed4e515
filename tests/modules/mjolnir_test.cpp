#include "../../examples/modules/mjolnir/mjolnir.h"

#include <modapi/case_folding.h>
#include <modapi/glob.h>
#include <modapi/testing/assertions.h>
#include <modapi/testing/host.h>

#include <gtest/gtest.h>

#include <chrono>

namespace {

using modapi::testing::Host;
using modapi::testing::is_not_spam;
using modapi::testing::is_spam;
using Module = mjolnir::Module;

const std::string list_room = "!list:example.org";
const std::string moderator = "@moderator:example.org";

/// A homeserver with one list room, whose rules a test writes.
class MjolnirTest : public testing::Test {
protected:
    MjolnirTest() {
        host.server.add_user(moderator);
        host.server.add_room(list_room, moderator);
    }

    void load(const std::string& settings = {}) {
        host.load<Module>("{ban_lists: ['" + list_room + "']" + (settings.empty() ? "" : ", " + settings) + "}");
    }
    static callbacks::JsonDict ban(const std::string& entity, const std::string& recommendation = "m.ban") {
        callbacks::JsonDict content;
        content["entity"] = entity;
        content["recommendation"] = recommendation;
        content["reason"] = "spam";
        return content;
    }
    /// Before or after loading; the module isn't told.
    callbacks::Event set_rule(const std::string& type, const std::string& key, callbacks::JsonDict content) {
        return host.server.set_state(list_room, type, key, std::move(content), moderator);
    }
    void tell(const callbacks::Event& event) {
        const auto answer = host.call(host.hooks().third_party_rules.on_new_event, event, host.server.room(list_room).state);
        EXPECT_FALSE(answer.failed()) << answer.error_text();
    }
    [[nodiscard]] auto invite_by(const std::string& inviter, const std::string& room = "!hall:example.org") {
        const std::string invitee = "@alice:example.org";
        return host.call(host.hooks().spam_checker.user_may_invite, inviter, invitee, room);
    }
    [[nodiscard]] auto event_by(const std::string& sender, const std::string& body = "hello",
                                const std::string& room = "!hall:example.org") {
        const callbacks::Event event = modapi::testing::message(sender, room, body);
        return host.call(host.hooks().spam_checker.check_event_for_spam, event);
    }
    [[nodiscard]] bool is_left_out(const std::string& user_id, std::optional<std::string> display_name) {
        callbacks::UserProfile profile;
        profile.user_id = user_id;
        profile.display_name = std::move(display_name);
        return host.call(host.hooks().spam_checker.check_username_for_spam, profile, std::string("@searcher:example.org")).value();
    }

    Host host;
};

TEST_F(MjolnirTest, BansUsersServersAndRoomsByTheirExactIds) {
    set_rule("m.policy.rule.user", "a", ban("@mallory:example.org"));
    set_rule("m.policy.rule.server", "b", ban("evil.example"));
    set_rule("m.policy.rule.room", "c", ban("!den:example.org"));
    load();
    EXPECT_TRUE(is_spam(invite_by("@mallory:example.org"), "M_FORBIDDEN"));
    EXPECT_TRUE(is_spam(invite_by("@anybody:evil.example"), "M_FORBIDDEN"));
    EXPECT_TRUE(is_spam(invite_by("@bob:example.org", "!den:example.org"), "M_FORBIDDEN"));
    EXPECT_TRUE(is_not_spam(invite_by("@bob:example.org")));
    EXPECT_TRUE(is_not_spam(invite_by("@mallory:example.org.other")));
    EXPECT_TRUE(is_not_spam(invite_by("@anybody:very.evil.example")));
}

TEST_F(MjolnirTest, ARuleOfOneKindSaysNothingAboutTheOthers) {
    set_rule("m.policy.rule.room", "a", ban("@mallory:example.org"));
    set_rule("m.policy.rule.user", "b", ban("evil.example"));
    load();
    EXPECT_TRUE(is_not_spam(invite_by("@mallory:example.org")));
    EXPECT_TRUE(is_not_spam(invite_by("@anybody:evil.example")));
}

TEST_F(MjolnirTest, BansWhatAGlobMatchesWhateverItsCase) {
    set_rule("m.policy.rule.user", "a", ban("@Spam*:example.org"));
    set_rule("m.policy.rule.server", "b", ban("*.Evil.example"));
    set_rule("m.policy.rule.server", "c", ban("bad?.example"));
    set_rule("m.policy.rule.room", "d", ban("!*:rooms.example"));
    load();
    EXPECT_TRUE(is_spam(invite_by("@spam:example.org"), "M_FORBIDDEN"));
    EXPECT_TRUE(is_spam(invite_by("@SPAMMER7:EXAMPLE.org"), "M_FORBIDDEN"));
    EXPECT_TRUE(is_spam(invite_by("@x:very.evil.EXAMPLE"), "M_FORBIDDEN"));
    EXPECT_TRUE(is_spam(invite_by("@x:bad1.example"), "M_FORBIDDEN"));
    EXPECT_TRUE(is_spam(invite_by("@x:example.org", "!r:rooms.example"), "M_FORBIDDEN"));
    EXPECT_TRUE(is_not_spam(invite_by("@notspam:example.org")));
    EXPECT_TRUE(is_not_spam(invite_by("@x:evil.example")));
    EXPECT_TRUE(is_not_spam(invite_by("@x:bad.example")));
    EXPECT_TRUE(is_not_spam(invite_by("@x:bad12.example")));
}

TEST_F(MjolnirTest, ReadsTheOlderTypesOfRules) {
    set_rule("m.room.rule.user", "a", ban("@one:example.org"));
    set_rule("org.matrix.mjolnir.rule.user", "a", ban("@two:example.org", "org.matrix.mjolnir.ban"));
    set_rule("m.policy.rule.users", "a", ban("@three:example.org"));
    load();
    EXPECT_TRUE(is_spam(invite_by("@one:example.org"), "M_FORBIDDEN"));
    EXPECT_TRUE(is_spam(invite_by("@two:example.org"), "M_FORBIDDEN"));
    EXPECT_TRUE(is_not_spam(invite_by("@three:example.org")));
}

TEST_F(MjolnirTest, WhatIsNotARuleToBanHasNoEffect) {
    set_rule("m.policy.rule.user", "a", ban("@one:example.org", "org.example.watch"));
    callbacks::JsonDict without_reason = ban("@two:example.org");
    without_reason.erase("reason");
    set_rule("m.policy.rule.user", "b", without_reason);
    callbacks::JsonDict no_string = ban("@three:example.org");
    no_string["entity"] = 7;
    set_rule("m.policy.rule.user", "c", no_string);
    load();
    for (const char* user : {"@one:example.org", "@two:example.org", "@three:example.org"}) {
        EXPECT_TRUE(is_not_spam(invite_by(user))) << user;
    }
}

TEST_F(MjolnirTest, ARuleSentWhileRunningBlocksTheNextInviteAndEmptiedContentLiftsIt) {
    load();
    EXPECT_TRUE(is_not_spam(invite_by("@mallory:example.org")));
    tell(set_rule("m.policy.rule.user", "a", ban("@mallory:example.org")));
    EXPECT_TRUE(is_spam(invite_by("@mallory:example.org"), "M_FORBIDDEN"));
    tell(set_rule("m.policy.rule.user", "a", callbacks::JsonDict()));
    EXPECT_TRUE(is_not_spam(invite_by("@mallory:example.org")));
}

TEST_F(MjolnirTest, LaterStateWinsAtTheSamePlaceOnly) {
    set_rule("m.policy.rule.user", "a", ban("@one:example.org"));
    set_rule("m.policy.rule.user", "b", ban("@two:example.org"));
    set_rule("m.room.rule.user", "a", ban("@two:example.org"));
    load();
    tell(set_rule("m.policy.rule.user", "a", ban("@three:example.org")));
    EXPECT_TRUE(is_not_spam(invite_by("@one:example.org")));
    EXPECT_TRUE(is_spam(invite_by("@three:example.org"), "M_FORBIDDEN"));
    tell(set_rule("m.policy.rule.user", "b", callbacks::JsonDict()));
    EXPECT_TRUE(is_spam(invite_by("@two:example.org"), "M_FORBIDDEN")) << "the other rule still holds";
    tell(set_rule("m.room.rule.user", "a", ban("@t?o:example.org")));
    EXPECT_TRUE(is_spam(invite_by("@two:example.org"), "M_FORBIDDEN"));
    tell(set_rule("m.room.rule.user", "a", callbacks::JsonDict()));
    EXPECT_TRUE(is_not_spam(invite_by("@two:example.org")));
}

TEST_F(MjolnirTest, OfTwoChangesHeardOfInTheWrongOrderTheLaterOneHolds) {
    load();
    const callbacks::Event earlier = set_rule("m.policy.rule.user", "a", ban("@one:example.org"));
    const callbacks::Event later = set_rule("m.policy.rule.user", "a", ban("@two:example.org"));
    tell(later);
    tell(earlier);
    EXPECT_TRUE(is_not_spam(invite_by("@one:example.org")));
    EXPECT_TRUE(is_spam(invite_by("@two:example.org"), "M_FORBIDDEN"));
}

TEST_F(MjolnirTest, ARedactedRuleIsWithdrawn) {
    set_rule("m.policy.rule.user", "a", ban("@mallory:example.org"));
    set_rule("m.policy.rule.user", "b", ban("@trudy:example.org"));
    load();
    set_rule("m.policy.rule.user", "a", callbacks::JsonDict());  // what a redaction leaves of it
    tell(modapi::testing::event("m.room.redaction", moderator, list_room, callbacks::JsonDict()));
    EXPECT_TRUE(is_not_spam(invite_by("@mallory:example.org")));
    EXPECT_TRUE(is_spam(invite_by("@trudy:example.org"), "M_FORBIDDEN"));
}

TEST_F(MjolnirTest, AChangeThatCouldNotBeReadIsReadWithTheNextOne) {
    load();
    host.server.fail_next("get_room_state", "the database is away");
    const callbacks::Event first = set_rule("m.policy.rule.user", "a", ban("@one:example.org"));
    tell(first);
    EXPECT_NE(host.log().find("the database is away"), std::string::npos);
    EXPECT_TRUE(is_not_spam(invite_by("@one:example.org")));
    tell(set_rule("m.policy.rule.user", "b", ban("@two:example.org")));
    EXPECT_TRUE(is_spam(invite_by("@one:example.org"), "M_FORBIDDEN"));
    EXPECT_TRUE(is_spam(invite_by("@two:example.org"), "M_FORBIDDEN"));
}

TEST_F(MjolnirTest, RulesOfRoomsThatAreNoListsAreNone) {
    load("block_messages: true");
    host.server.add_room("!other:example.org", moderator);
    const callbacks::Event rule =
        host.server.set_state("!other:example.org", "m.policy.rule.user", "a", ban("@mallory:example.org"), moderator);
    tell(rule);
    tell(modapi::testing::event("m.policy.rule.user", moderator, list_room, ban("@mallory:example.org")));  // no state
    EXPECT_TRUE(is_not_spam(invite_by("@mallory:example.org")));
    EXPECT_TRUE(is_not_spam(event_by("@mallory:example.org")));
}

TEST_F(MjolnirTest, BlocksInvitesOnlyUnlessMoreIsAskedFor) {
    set_rule("m.policy.rule.user", "a", ban("@mallory:example.org"));
    load();
    EXPECT_TRUE(is_not_spam(event_by("@mallory:example.org")));
    EXPECT_FALSE(is_left_out("@mallory:example.org", "Mallory"));
    EXPECT_TRUE(is_spam(invite_by("@mallory:example.org"), "M_FORBIDDEN"));
}

TEST_F(MjolnirTest, LetsInvitesPassWhenTheyAreNotToBeBlocked) {
    set_rule("m.policy.rule.user", "a", ban("@mallory:example.org"));
    load("block_invites: false");
    EXPECT_TRUE(is_not_spam(invite_by("@mallory:example.org")));
}

TEST_F(MjolnirTest, BlocksMessagesOfBannedUsersAndServersButNeverARule) {
    set_rule("m.policy.rule.user", "a", ban("@*:example.org"));
    set_rule("m.policy.rule.server", "a", ban("evil.example"));
    load("block_messages: true, message_max_length: {threshold: 0}");
    EXPECT_TRUE(is_spam(event_by(moderator, ""), "M_FORBIDDEN"));
    EXPECT_TRUE(is_spam(event_by("@x:evil.example"), "M_FORBIDDEN"));
    EXPECT_TRUE(is_not_spam(event_by("@x:good.example")));
    callbacks::JsonDict rule = ban("@x:good.example");
    rule["body"] = "a text";
    for (const callbacks::JsonDict& content : {rule, callbacks::JsonDict()}) {
        const callbacks::Event in_list = modapi::testing::state_event("m.policy.rule.user", "a", moderator, list_room, content);
        EXPECT_TRUE(is_not_spam(host.call(host.hooks().spam_checker.check_event_for_spam, in_list)));
        const callbacks::Event elsewhere =
            modapi::testing::state_event("m.policy.rule.user", "a", moderator, "!hall:example.org", content);
        EXPECT_TRUE(is_spam(host.call(host.hooks().spam_checker.check_event_for_spam, elsewhere), "M_FORBIDDEN"));
    }
}

TEST_F(MjolnirTest, LeavesBannedUsersOutOfTheDirectoryByIdOrDisplayName) {
    set_rule("m.policy.rule.user", "a", ban("@mallory:example.org"));
    set_rule("m.policy.rule.user", "b", ban("*win money*"));
    set_rule("m.policy.rule.user", "c", ban("*ÉLAN?"));
    load("block_usernames: true");
    EXPECT_TRUE(is_left_out("@mallory:example.org", std::nullopt));
    EXPECT_TRUE(is_left_out("@x:example.org", "Win Money now"));
    EXPECT_TRUE(is_left_out("@x:example.org", "élanß")) << "letters and their case are those of Unicode";
    EXPECT_FALSE(is_left_out("@x:example.org", "élan"));
    EXPECT_FALSE(is_left_out("@x:example.org", "Alice"));
    EXPECT_FALSE(is_left_out("@x:example.org", std::nullopt));
}

TEST_F(MjolnirTest, MessagesAreLimitedByCharactersAndNotByBytes) {
    load("message_max_length: {threshold: 510}");
    std::string umlauts;
    for (int count = 0; count < 510; ++count) umlauts += "ü";
    EXPECT_TRUE(is_not_spam(event_by("@bob:example.org", umlauts)));
    EXPECT_TRUE(is_spam(event_by("@bob:example.org", umlauts + "ü"), "M_FORBIDDEN"));
    EXPECT_TRUE(is_not_spam(event_by("@bob:example.org", std::string(510, 'x'))));
    EXPECT_TRUE(is_spam(event_by("@bob:example.org", std::string(511, 'x')), "M_FORBIDDEN"));
    EXPECT_TRUE(is_not_spam(event_by("@bob:other.example", std::string(511, 'x')))) << "another server's affair";
    callbacks::JsonDict content;
    for (const callbacks::JsonValue& body : {callbacks::JsonValue(nullptr), callbacks::JsonValue(1e300),
                                             callbacks::JsonValue(callbacks::JsonArray({std::string(600, 'x')}))}) {
        content["body"] = body;
        const callbacks::Event event = modapi::testing::event("m.room.message", "@bob:example.org", "!r:example.org", content);
        EXPECT_TRUE(is_not_spam(host.call(host.hooks().spam_checker.check_event_for_spam, event)));
    }
    const callbacks::Event without =
        modapi::testing::event("m.room.message", "@bob:example.org", "!r:example.org", callbacks::JsonDict());
    EXPECT_TRUE(is_not_spam(host.call(host.hooks().spam_checker.check_event_for_spam, without)));
}

TEST_F(MjolnirTest, MessagesAreLimitedInTheListedRoomsAndFromOtherServersIfAskedFor) {
    load("message_max_length: {threshold: 3, rooms: ['!hall:example.org'], remote_servers: true}");
    EXPECT_TRUE(is_spam(event_by("@bob:example.org", "four"), "M_FORBIDDEN"));
    EXPECT_TRUE(is_spam(event_by("@bob:other.example", "four"), "M_FORBIDDEN"));
    EXPECT_TRUE(is_not_spam(event_by("@bob:example.org", "four", "!other:example.org")));
}

TEST_F(MjolnirTest, AListRoomThatNobodyIsInIsWarnedAboutUntilSomebodyJoins) {
    host.server.add_room("!far:other.example", "@far:other.example");
    host.server.set_state("!far:other.example", "m.policy.rule.user", "a", ban("@mallory:example.org"), "@far:other.example");
    host.load<Module>("{ban_lists: ['!far:other.example', '!unknown:other.example']}");
    EXPECT_NE(host.log().find("nobody of this server is in the list room !far:other.example"), std::string::npos);
    EXPECT_NE(host.log().find("nobody of this server is in the list room !unknown:other.example"), std::string::npos);
    EXPECT_TRUE(is_not_spam(invite_by("@mallory:example.org")));
    tell(host.server.set_member("!far:other.example", moderator, "join", moderator));
    EXPECT_TRUE(is_spam(invite_by("@mallory:example.org"), "M_FORBIDDEN"));
}

TEST_F(MjolnirTest, AListThatCannotBeReadKeepsTheServerFromStarting) {
    host.server.fail_next("get_room_state", "the database is away");
    EXPECT_THROW(load(), modapi::ConfigurationError);
}

TEST(MjolnirConfiguration, MistakesNameTheirPath) {
    const auto error_of = [](const std::string& config) {
        Host host;
        try {
            host.load<Module>(config);
        } catch (const modapi::ConfigurationError& error) {
            return std::string(error.what());
        }
        return std::string("no error");
    };
    const auto names = [&](const std::string& config, const std::string& path) {
        const std::string error = error_of(config);
        EXPECT_NE(error.find("modules[0].config." + path + ": "), std::string::npos) << config << ": " << error;
    };
    names("{ban_list: []}", "ban_list");
    names("{ban_lists: '!a:b'}", "ban_lists");
    names("{ban_lists: ['!a:b', '#a:b']}", "ban_lists[1]");
    names("{block_invites: 1}", "block_invites");
    names("{block_messages: 'no'}", "block_messages");
    names("{block_usernames: []}", "block_usernames");
    names("{message_max_length: 510}", "message_max_length");
    names("{message_max_length: {limit: 510}}", "message_max_length.limit");
    names("{message_max_length: {threshold: '510'}}", "message_max_length.threshold");
    names("{message_max_length: {threshold: -1}}", "message_max_length.threshold");
    names("{message_max_length: {rooms: [hall]}}", "message_max_length.rooms[0]");
    names("{message_max_length: {remote_servers: 'true'}}", "message_max_length.remote_servers");
    EXPECT_EQ(error_of("{}"), "no error");
}

bool glob_matches(const std::string& pattern, const std::string& value) {
    return modapi::Glob(modapi::characters_without_case(pattern)).matches(modapi::characters_without_case(value));
}

TEST(MjolnirGlob, StarsAndQuestionMarksAreTheOnlyWildcardsAndTheWholeValueCounts) {
    EXPECT_TRUE(glob_matches("", ""));
    EXPECT_FALSE(glob_matches("", "a"));
    EXPECT_TRUE(glob_matches("*", ""));
    EXPECT_TRUE(glob_matches("**", "anything"));
    EXPECT_FALSE(glob_matches("?", ""));
    EXPECT_TRUE(glob_matches("?", "ü"));
    EXPECT_FALSE(glob_matches("?", "ab"));
    EXPECT_TRUE(glob_matches("a*c", "abbc"));
    EXPECT_TRUE(glob_matches("a*c", "ac"));
    EXPECT_FALSE(glob_matches("a*c", "abcd"));
    EXPECT_FALSE(glob_matches("a*c", "xabc"));
    EXPECT_TRUE(glob_matches("*ab*ab", "abcabab"));
    EXPECT_FALSE(glob_matches("ab*ba", "aba")) << "a character counts once";
    EXPECT_TRUE(glob_matches("*?*?*?*", "abc"));
    EXPECT_FALSE(glob_matches("*?*?*?*", "ab"));
    EXPECT_TRUE(glob_matches("[a].+$\\", "[A].+$\\"));
    EXPECT_FALSE(glob_matches("[a]", "a"));
    const std::string long_name(200, 'n');
    EXPECT_TRUE(glob_matches("*" + long_name + "?", "x" + long_name + "nn"));
    EXPECT_FALSE(glob_matches("*" + long_name + "m", "x" + long_name + "n"));
}

TEST(MjolnirGlob, AThousandStarsAgainstTenThousandCharactersTakeUnderTenMilliseconds) {
    std::string stars;
    for (int count = 0; count < 1000; ++count) stars += "*a";
    const std::string patterns[] = {stars + "b", stars + "*", std::string(1000, '*') + "b", "*" + std::string(999, 'a') + "b*"};
    const std::u32string value(10'000, U'a');
    for (const std::string& pattern : patterns) {
        const modapi::Glob glob(modapi::characters_without_case(pattern));
        std::chrono::nanoseconds shortest = std::chrono::hours(1);
        for (int attempt = 0; attempt < 20; ++attempt) {
            const auto begin = std::chrono::steady_clock::now();
            EXPECT_EQ(glob.matches(value), pattern.ends_with("a*"));
            shortest = std::min<std::chrono::nanoseconds>(shortest, std::chrono::steady_clock::now() - begin);
        }
        EXPECT_LT(shortest, std::chrono::milliseconds(10));
    }
}

/// The shortest of several times of one question to a list of so many rules.
std::chrono::nanoseconds time_of_a_question(int rules) {
    mjolnir::PolicyRules list;
    for (int number = 0; number < rules; ++number) {
        callbacks::JsonDict content;
        content["entity"] = "@spammer" + std::to_string(number) + ":example.org";
        content["recommendation"] = "m.ban";
        content["reason"] = "spam";
        list.set(modapi::testing::state_event("m.policy.rule.user", std::to_string(number), moderator, list_room, content));
    }
    std::chrono::nanoseconds shortest = std::chrono::hours(1);
    for (int attempt = 0; attempt < 20; ++attempt) {
        const auto begin = std::chrono::steady_clock::now();
        for (int question = 0; question < 100; ++question) {
            EXPECT_FALSE(list.bans(mjolnir::PolicyKind::user, "@alice:example.org"));
        }
        shortest = std::min<std::chrono::nanoseconds>(shortest, std::chrono::steady_clock::now() - begin);
    }
    return shortest / 100;
}

TEST(MjolnirRules, AListAHundredTimesAsLongDoesNotCostTenTimesAsMuch) {
    const std::chrono::nanoseconds few = time_of_a_question(200);
    const std::chrono::nanoseconds many = time_of_a_question(20'000);
    RecordProperty("nanoseconds_of_200", std::to_string(few.count()));
    RecordProperty("nanoseconds_of_20000", std::to_string(many.count()));
    EXPECT_LT(many, 10 * few);
}

}  // namespace
