#include <modapi/testing/assertions.h>
#include <modapi/testing/host.h>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// The kit's callbacks for what a module does itself.
namespace {

using callbacks::Event;
using callbacks::JsonDict;
using callbacks::StateMap;
using callbacks::SynapseError;
using callbacks::Verdict;
using modapi::ModuleApi;
using modapi::testing::Host;
using Strings = std::vector<std::string>;

/// Hears of everything, and refuses what says `no`.
class Witness {
public:
    Witness(const JsonDict&, ModuleApi& module_api) : api(module_api) {
        callbacks::ThirdPartyRules rules;
        rules.check_event_allowed = async::bind<&Witness::check_event_allowed>(this);
        rules.on_create_room = [this](const callbacks::Requester& who, JsonDict& content, bool is_admin) {
            note("on_create_room " + who.user.to_string() + (is_admin ? " admin" : ""));
            content["room_alias_name"] = "hall";
        };
        rules.check_visibility_can_be_modified = [this](const std::string&, const StateMap&, const std::string& visibility) {
            note("visibility " + visibility);
            return true;
        };
        rules.on_new_event = [this](const Event& event, const StateMap& state) {
            const bool is_in_state =
                !event.is_state() || state.find(event.type(), *event.state_key())->event_id() == event.event_id();
            note("new " + event.type() + (is_in_state ? "" : " missing in the state"));
        };
        rules.check_can_shutdown_room = [this](const std::optional<std::string>& user_id, const std::string& room_id) {
            note("shutdown of " + room_id + " by " + user_id.value_or("a module"));
            return may_shut_down;
        };
        rules.check_can_deactivate_user = [this](const std::string& user_id, bool by_admin) {
            note("may deactivate " + user_id + (by_admin ? " by admin" : ""));
            return user_id != "@no:example.org";
        };
        rules.on_profile_update = [this](const std::string& user_id, const callbacks::ProfileInfo& profile, bool by_admin,
                                         bool deactivation) {
            note("profile of " + user_id + " " + profile.display_name.value_or("none") + " " +
                 profile.avatar_url.value_or("none") + (by_admin ? " by admin" : "") + (deactivation ? " deactivation" : ""));
        };
        rules.on_user_deactivation_status_changed = [this](const std::string& user_id, bool deactivated, bool) {
            note(user_id + (deactivated ? " deactivated" : " active"));
        };
        rules.on_threepid_bind = [this](const std::string&, const std::string&, const std::string& address) {
            note("bound " + address);
        };
        rules.on_add_user_third_party_identifier = [this](const std::string&, const std::string&, const std::string& address) {
            note("added " + address);
        };
        rules.on_remove_user_third_party_identifier = [this](const std::string&, const std::string&,
                                                             const std::string& address) { note("removed " + address); };
        api.register_third_party_rules_callbacks(std::move(rules));

        callbacks::SpamChecker spam;
        spam.check_event_for_spam = [this](const Event& event) {
            note("spam? " + event.type());
            return callbacks::spam_if(event.content_string("body") == "spam");
        };
        spam.user_may_join_room = [this](const std::string& user_id, const std::string&, bool is_invited) {
            note("may join " + user_id + (is_invited ? " invited" : ""));
            return callbacks::allowed_if(user_id != "@no:example.org");
        };
        spam.user_may_invite = [this](const std::string& inviter, const std::string& invitee, const std::string&) {
            note("may invite " + inviter + " " + invitee);
            return callbacks::allowed_if(invitee != "@no:example.org");
        };
        spam.user_may_create_room = [this](const std::string& user_id) {
            note("may create " + user_id);
            return callbacks::allowed_if(user_id != "@no:example.org");
        };
        spam.user_may_create_room_alias = [this](const std::string&, const callbacks::RoomAlias& alias) {
            note("alias " + alias.to_string());
            return callbacks::allowed_if(true);
        };
        api.register_spam_checker_callbacks(std::move(spam));
        api.register_account_validity_callbacks(
            {.on_user_registration = [this](const std::string& user_id) { note("registered " + user_id); }});
        api.register_account_data_callbacks(
            {.on_account_data_updated = [this](const std::string& user_id, const std::optional<std::string>& room_id,
                                               const std::string& type, const JsonDict&) {
                note("data of " + user_id + " " + type + (room_id ? " in a room" : ""));
            }});
        callbacks::PasswordAuthProvider logins;
        logins.on_logged_out = [this](const std::string& user_id, const std::optional<std::string>&, const std::string& token) {
            note("logged out " + user_id + " " + token);
        };
        api.register_password_auth_provider_callbacks(std::move(logins));
        callbacks::PresenceRouter presence;
        presence.get_users_for_states = [this](const std::vector<callbacks::UserPresenceState>& states) {
            note("presence of " + states.at(0).user_id + " " + states.at(0).state);
            return callbacks::UsersForStates();
        };
        presence.get_interested_users = [](const std::string&) { return callbacks::InterestedUsers(); };
        api.register_presence_router_callbacks(std::move(presence));
    }
    Strings take() { return std::exchange(heard_, Strings()); }

    ModuleApi& api;
    bool may_shut_down = true;

private:
    callbacks::EventDecision check_event_allowed(const Event& event, const StateMap& state) {
        note("allowed? " + event.type() + (state.size() == 0 ? " first" : ""));
        if (event.content_string("body") == "no") return false;
        if (event.content_string("body") == "elsewhere") {
            JsonDict other = event.get_dict();
            other["room_id"] = "!other:example.org";
            return callbacks::EventDecision(true, std::move(other));
        }
        if (event.content_string("body") != "darn") return true;
        JsonDict cleaned = event.get_dict();
        cleaned["content"].as_object()["body"] = "d**n";
        return callbacks::EventDecision(true, std::move(cleaned));
    }
    void note(std::string what) { heard_.push_back(std::move(what)); }

    Strings heard_;
};

class TestingCallbacksTest : public testing::Test {
protected:
    TestingCallbacksTest() : witness(host.load<Witness>()) {
        host.server.add_user("@alice:example.org").displayname = "Alice";
        host.server.add_user("@bob:example.org");
        host.server.add_user("@no:example.org");
        host.server.add_user("@admin:example.org").is_admin = true;
        host.server.add_room(room, "@alice:example.org");
        host.run_callbacks_for_module_calls();
    }
    std::string say(const std::string& body) {
        JsonDict event;
        event["type"] = "m.room.message";
        event["room_id"] = room;
        event["sender"] = "@alice:example.org";
        event["content"] = JsonDict();
        event["content"].as_object()["body"] = body;
        const Event sent = host.run(witness.api.create_and_send_event_into_room(std::move(event)));
        return std::string(sent.content_string("body").value_or("nothing"));
    }
    Event change(const std::string& sender, const std::string& target, const std::string& membership) {
        return host.run(witness.api.update_room_membership(sender, target, room, membership));
    }
    std::string membership_of(const std::string& user_id) {
        const Event* const member = host.server.room(room).state.find("m.room.member", user_id);
        return member != nullptr ? std::string(member->membership().value_or("")) : "none";
    }
    /// What was heard, with what a host runs behind its answer.
    Strings heard() {
        host.run_ready();
        return witness.take();
    }
    template <class Act>
    static std::string refusal_of(Act&& act) {
        try {
            act();
        } catch (const SynapseError& error) {
            return std::to_string(error.status()) + " " + error.what();
        } catch (const std::exception& error) {
            return error.what();
        }
        return "nothing";
    }

    const std::string room = "!hall:example.org";
    Host host;
    Witness& witness;
};

TEST(TestingWithoutCallbacksTest, RunsNoneForWhatAModuleDoesUnlessATestWantsIt) {
    Host host;
    Witness& witness = host.load<Witness>();
    host.server.add_user("@alice:example.org");
    host.server.add_room("!hall:example.org", "@alice:example.org");
    host.run(witness.api.set_displayname(callbacks::UserID("@alice:example.org"), "Alicia"));
    host.run(witness.api.update_room_membership("@alice:example.org", "@bob:example.org", "!hall:example.org", "invite"));
    host.run(witness.api.create_room("@alice:example.org", JsonDict()));
    host.run_ready();
    EXPECT_EQ(witness.take(), Strings());
}

TEST_F(TestingCallbacksTest, AskForAnEventFirstIfItIsAllowedThenIfItIsSpamAndTellOfItBehindTheAnswer) {
    EXPECT_EQ(say("hello"), "hello");
    EXPECT_EQ(witness.take(), (Strings{"allowed? m.room.message", "spam? m.room.message"}));
    EXPECT_EQ(heard(), Strings{"new m.room.message"});
}

TEST_F(TestingCallbacksTest, RefuseAnEventAsAHostDoesAndStoreNothing) {
    EXPECT_EQ(refusal_of([&] { say("no"); }), "403 This event is not allowed in this context");
    EXPECT_EQ(heard(), Strings{"allowed? m.room.message"});
    EXPECT_EQ(refusal_of([&] { say("spam"); }), "403 This message had been rejected as probable spam");
    EXPECT_EQ(heard(), (Strings{"allowed? m.room.message", "spam? m.room.message"}));
}

TEST_F(TestingCallbacksTest, StoreWhatAModulePutInTheEventsPlace) {
    EXPECT_EQ(say("darn"), "d**n");
    EXPECT_EQ(refusal_of([&] { say("elsewhere"); }),
              "the replacement event has another room, type or state key than the original");
}

TEST_F(TestingCallbacksTest, AskForAMembershipWhatAHostAsks) {
    change("@alice:example.org", "@bob:example.org", "invite");
    EXPECT_EQ(heard(),
              (Strings{"may invite @alice:example.org @bob:example.org", "allowed? m.room.member", "new m.room.member"}));
    change("@bob:example.org", "@bob:example.org", "join");
    EXPECT_EQ(heard(), (Strings{"may join @bob:example.org invited", "allowed? m.room.member", "new m.room.member"}));
    change("@bob:example.org", "@bob:example.org", "join");
    EXPECT_EQ(heard(), Strings{"allowed? m.room.member"}) << "it says nothing new";
    change("@alice:example.org", "@bob:example.org", "kick");
    EXPECT_EQ(heard(), (Strings{"allowed? m.room.member", "new m.room.member"}));
    EXPECT_EQ(membership_of("@bob:example.org"), "leave");
}

TEST_F(TestingCallbacksTest, RefuseAMembershipAndAskNothingOfAnAdministrators) {
    EXPECT_EQ(refusal_of([&] { change("@alice:example.org", "@no:example.org", "invite"); }),
              "403 Invites have been disabled on this server");
    EXPECT_EQ(refusal_of([&] { change("@no:example.org", "@no:example.org", "join"); }), "403 Not allowed to join this room");
    EXPECT_EQ(membership_of("@no:example.org"), "none");
    static_cast<void>(heard());
    change("@admin:example.org", "@no:example.org", "invite");
    EXPECT_EQ(heard(), (Strings{"allowed? m.room.member", "new m.room.member"}));
}

TEST_F(TestingCallbacksTest, AskForARoomInTheOrderOfAHostAndLetModulesChangeTheRequest) {
    JsonDict config;
    config["visibility"] = "public";
    const auto made = host.run(witness.api.create_room("@alice:example.org", std::move(config)));
    EXPECT_EQ(made.second, "#hall:example.org");
    EXPECT_EQ(heard(), (Strings{"on_create_room @alice:example.org", "may create @alice:example.org", "visibility public",
                                "alias #hall:example.org", "allowed? m.room.create first", "allowed? m.room.member",
                                "new m.room.create", "new m.room.member"}));
    EXPECT_EQ(refusal_of([&] { host.run(witness.api.create_room("@no:example.org", JsonDict())); }),
              "403 You are not permitted to create rooms");
}

TEST_F(TestingCallbacksTest, AskBehindTheAnswerIfARoomMayBeShutDownAndLetItsUsersLeave) {
    witness.may_shut_down = false;
    host.run(witness.api.delete_room(room));
    EXPECT_EQ(heard(), Strings{"shutdown of !hall:example.org by a module"});
    EXPECT_EQ(membership_of("@alice:example.org"), "join");
    witness.may_shut_down = true;
    host.run(witness.api.delete_room(room));
    EXPECT_EQ(heard(), (Strings{"shutdown of !hall:example.org by a module", "allowed? m.room.member", "new m.room.member"}));
    EXPECT_EQ(membership_of("@alice:example.org"), "leave");
}

TEST_F(TestingCallbacksTest, TellOfANewDisplayNameAndShowItInEveryRoom) {
    host.run(witness.api.set_displayname(callbacks::UserID("@alice:example.org"), "Alicia"));
    EXPECT_EQ(heard(),
              (Strings{"profile of @alice:example.org Alicia none by admin", "allowed? m.room.member", "new m.room.member"}));
    EXPECT_EQ(host.server.room(room).state.find("m.room.member", "@alice:example.org")->content_string("displayname"),
              "Alicia");
}

TEST_F(TestingCallbacksTest, TellOfARegistrationAndItsAddresses) {
    const Strings emails = {"carol@example.org"};
    host.run(witness.api.register_user("carol", std::nullopt, emails));
    EXPECT_EQ(heard(), (Strings{"registered @carol:example.org", "added carol@example.org", "bound carol@example.org"}));
}

TEST_F(TestingCallbacksTest, AskForADeactivationAndTellOfEachOfItsSteps) {
    modapi::testing::FakeUser& alice = host.server.user("@alice:example.org");
    alice.avatar_url = "mxc://a/b";
    callbacks::ThirdPartyID email;
    email.medium = "email";
    email.address = "alice@example.org";
    alice.threepids.push_back(std::move(email));
    const bool erase = true;
    host.run(witness.api.deactivate_user("@alice:example.org", erase));
    EXPECT_EQ(heard(), (Strings{"may deactivate @alice:example.org by admin", "removed alice@example.org",
                                "logged out @alice:example.org token of @alice:example.org",
                                "profile of @alice:example.org Alice none by admin deactivation",
                                "profile of @alice:example.org none none by admin deactivation",
                                "@alice:example.org deactivated", "allowed? m.room.member", "new m.room.member"}));
    EXPECT_TRUE(alice.is_deactivated);
    EXPECT_TRUE(alice.threepids.empty());
    EXPECT_EQ(membership_of("@alice:example.org"), "leave");
    EXPECT_EQ(refusal_of([&] { host.run(witness.api.deactivate_user("@no:example.org")); }),
              "403 Deactivation of this user is forbidden");
    EXPECT_FALSE(host.server.user("@no:example.org").is_deactivated);
}

TEST_F(TestingCallbacksTest, TellOfAccountDataALogoutAndPresence) {
    host.run(witness.api.account_data_manager().put_global("@alice:example.org", "org.example.theme", JsonDict()));
    EXPECT_EQ(heard(), Strings{"data of @alice:example.org org.example.theme"});
    host.run(witness.api.invalidate_access_token("token of @bob:example.org"));
    EXPECT_EQ(heard(), Strings{"logged out @bob:example.org token of @bob:example.org"});
    modapi::PresenceUpdates updates;
    updates.emplace("@bob:example.org", modapi::PresenceUpdate("online"));
    host.run(witness.api.set_presence_for_users(std::move(updates)));
    EXPECT_EQ(heard(), Strings{"presence of @bob:example.org online"});
}

}  // namespace
