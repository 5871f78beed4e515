#include "log_capture.h"
#include "worker_under_test.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace {

using callbacks::Codes;
using callbacks::Event;
using callbacks::EventFields;
using callbacks::JsonDict;
using callbacks::NOT_SPAM;
using callbacks::Verdict;
using modapi::ModuleApi;

const Event an_event{EventFields()};

template <class... Modules>
std::string construction_error() {
    WorkerUnderTest test;
    try {
        test.construct<Modules...>();
    } catch (const modapi::ConfigurationError& error) {
        return error.what();
    }
    return "nothing was thrown";
}

struct Quiet {
    Quiet(const JsonDict&, ModuleApi&) { ++alive; }
    ~Quiet() { --alive; }
    Quiet(const Quiet&) = delete;
    Quiet& operator=(const Quiet&) = delete;
    static inline int alive = 0;
};
struct Throwing {
    Throwing(const JsonDict&, ModuleApi& api) {
        api.looping_background_call([] {}, 1000);
        throw std::runtime_error("no such room");
    }
};
template <int Fields>
struct Checker {
    Checker(const JsonDict&, ModuleApi& api) {
        std::vector<std::string> fields(Fields, "f");
        callbacks::PasswordAuthProvider given;
        given.auth_checkers = {{callbacks::LoginType("my.type", fields), &check}};
        api.register_password_auth_provider_callbacks(std::move(given));
    }
    static std::optional<callbacks::AuthResult> check(const std::string&, const std::string&, const JsonDict&) {
        return std::nullopt;
    }
};
struct HalfPresence {
    HalfPresence(const JsonDict&, ModuleApi& api) {
        api.register_presence_router_callbacks(
            {.get_interested_users = [](const std::string&) { return callbacks::InterestedUsers(); }});
    }
};
struct Resource final : modapi::WebResource {
    async::task<modapi::Response> handle(const modapi::Request&) override { co_return modapi::Response(); }
};
struct Claims {
    Claims(const JsonDict&, ModuleApi& api) { api.register_web_resource("/_synapse/client/x", std::make_shared<Resource>()); }
};
struct ClaimsTheHosts {
    ClaimsTheHosts(const JsonDict&, ModuleApi& api) {
        api.register_web_resource("/_matrix/client/x", std::make_shared<Resource>());
    }
};

TEST(WorkerTest, NamesPlaceAndModuleOfAConstructorThatThrowsAndLeavesNothingHalfBuilt) {
    EXPECT_EQ((construction_error<Quiet, Throwing, Quiet>()), "hs.yaml:4: modules[1]: no such room (module test.Module1)");
    EXPECT_EQ(Quiet::alive, 0);
}

TEST(WorkerTest, NamesBothModulesOfConflictingAuthCheckers) {
    EXPECT_EQ(
        (construction_error<Checker<1>, Checker<2>>()),
        "hs.yaml:4: modules[1]: tried to register an auth checker for login type my.type with fields ('f', 'f'), but module "
        "test.Module0 registered that type with fields ('f') (module test.Module1)");
    EXPECT_EQ((construction_error<Checker<1>, Checker<1>>()), "nothing was thrown");
}

TEST(WorkerTest, RefusesOnePresenceCallbackWithoutTheOther) {
    EXPECT_NE(
        construction_error<HalfPresence>().find("hs.yaml:2: modules[0]: PresenceRouter modules must register neither or both"),
        std::string::npos);
}

TEST(WorkerTest, RefusesAWebResourceOnAPathOfTheHost) {
    EXPECT_EQ(
        construction_error<ClaimsTheHosts>(),
        "hs.yaml:2: modules[0]: a web resource can't be at /_matrix/client/x: the server itself serves /_matrix/client (module "
        "test.Module0)");
}

TEST(WorkerTest, KeepsTheFirstClaimOfAPathAndWarnsAboutTheSecond) {
    const LogCapture log;
    WorkerUnderTest test;
    test.construct<Claims, Claims>();
    EXPECT_EQ(test.worker.web_resources().owner("/_synapse/client/x/below"), "test.Module0");
    EXPECT_TRUE(log.contains(
        "warning: module test.Module1: its web resource /_synapse/client/x is ignored: module test.Module0 has that path"));
}

struct LateResource {
    LateResource(const JsonDict&, ModuleApi& api) : api_(api) {
        api.register_account_validity_callbacks({.on_user_registration = async::bind<&LateResource::register_late>(this)});
    }
    void register_late(const std::string&) { api_.register_web_resource("/late", std::make_shared<Resource>()); }
    ModuleApi& api_;
};

TEST(WorkerTest, RefusesAWebResourceAfterConstruction) {
    WorkerUnderTest test;
    test.construct<LateResource>();
    const std::string user = "@a:example.org";
    EXPECT_THROW(test.wait(test.worker.hooks().account_validity.on_user_registration(user)), callbacks::RegistrationError);
}

struct Controller {
    Controller(const JsonDict& config, ModuleApi& api) {
        const auto size = static_cast<int>(config.at("size").as_int64());
        api.register_background_update_controller_callbacks(
            {.on_update = [](const std::string&, const std::string&, bool) -> async::context_manager<int> { co_yield 50; },
             .default_batch_size = [size](const std::string&, const std::string&) { return size; }});
    }
};

TEST(WorkerTest, KeepsTheFirstBackgroundUpdateControllerAndWarnsAboutTheSecond) {
    const LogCapture log;
    WorkerUnderTest test;
    modapi::ModuleResolver resolver({});
    resolver.add<Controller>("a.A");
    resolver.add<Controller>("b.B");
    test.construct_from("modules:\n  - {module: a.A, config: {size: 7}}\n  - {module: b.B, config: {size: 9}}\n", resolver);
    const std::string update = "update";
    EXPECT_EQ(test.wait(test.worker.hooks().background_update_controller.default_batch_size(update, update)), 7);
    EXPECT_TRUE(
        log.contains("warning: module b.B: its background update controller is ignored: module a.A registered one before"));
}

/// Every category through plain functions, as a ported synchronous module registers them.
struct Synchronous {
    Synchronous(const JsonDict&, ModuleApi& api) {
        api.register_account_data_callbacks(
            {.on_account_data_updated = [](const std::string&, const std::optional<std::string>&, const std::string&,
                                           const JsonDict&) {}});
        api.register_account_validity_callbacks(
            {.is_user_expired = [](const std::string& user) -> std::optional<bool> { return user == "@old:x"; }});
        api.register_add_extra_fields_to_unsigned_client_event_callbacks({.add_field_to_unsigned_callback = [](const Event&) {
            JsonDict fields;
            fields["org.example.field"] = 1;
            return fields;
        }});
        api.register_password_auth_provider_callbacks(
            {.is_3pid_allowed = [](const std::string&, const std::string& address, bool) { return address != "bad"; }});
        api.register_presence_router_callbacks(
            {.get_users_for_states =
                 [](const std::vector<callbacks::UserPresenceState>&) { return callbacks::UsersForStates(); },
             .get_interested_users =
                 [](const std::string&) { return callbacks::InterestedUsers(callbacks::PRESENCE_ALL_USERS); }});
        api.register_spam_checker_callbacks({.check_event_for_spam = [](const Event&) -> Verdict { return Codes::FORBIDDEN; }});
        api.register_third_party_rules_callbacks({.check_can_deactivate_user = [](const std::string&, bool) { return false; }});
    }
};

TEST(WorkerTest, TakesPlainFunctionsForCallbacksOfEveryCategory) {
    WorkerUnderTest test;
    test.construct<Synchronous>();
    callbacks::Dispatchers& hooks = test.worker.hooks();
    const std::string text = "@old:x";
    const std::string bad = "bad";
    EXPECT_EQ(test.wait(hooks.account_validity.is_user_expired(text)), true);
    EXPECT_EQ(test.wait(hooks.unsigned_section.add_field_to_unsigned_callback(an_event)).size(), 1U);
    EXPECT_FALSE(test.wait(hooks.password_auth_provider.is_3pid_allowed(text, bad, true)));
    EXPECT_TRUE(test.wait(hooks.presence_router.get_interested_users(text)).is_everyone());
    EXPECT_NE(test.wait(hooks.spam_checker.check_event_for_spam(an_event)), NOT_SPAM);
    EXPECT_FALSE(test.wait(hooks.third_party_rules.check_can_deactivate_user(text, false)));
}

TEST(WorkerTest, LogsADecisionThatIsRoutineOnlyForThoseWhoDebug) {
    const LogCapture log;
    WorkerUnderTest test;
    test.construct<Synchronous>();
    const std::string user = "@old:x";
    static_cast<void>(test.wait(test.worker.hooks().account_validity.is_user_expired(user)));
    EXPECT_TRUE(log.contains("debug: module test.Module0 decided is_user_expired"));
}

TEST(WorkerTest, LogsWhichModuleDecidedAndCountsIt) {
    const LogCapture log;
    WorkerUnderTest test;
    test.construct<Synchronous>();
    static_cast<void>(test.wait(test.worker.hooks().spam_checker.check_event_for_spam(an_event)));
    EXPECT_TRUE(log.contains("info: module test.Module0 decided check_event_for_spam"));
    const std::vector<modapi::ModuleStatistics> modules = test.worker.module_statistics();
    ASSERT_EQ(modules.size(), 1U);
    EXPECT_EQ(modules[0].module, "test.Module0");
    const auto found =
        std::find_if(modules[0].callbacks.begin(), modules[0].callbacks.end(),
                     [](const modapi::CallbackCounts& counts) { return counts.callback == "check_event_for_spam"; });
    ASSERT_NE(found, modules[0].callbacks.end());
    EXPECT_EQ(found->calls, 1U);
    EXPECT_EQ(found->decided, 1U);
}

struct Failing {
    Failing(const JsonDict&, ModuleApi& api) {
        api.register_account_data_callbacks(
            {.on_account_data_updated = [](const std::string&, const std::optional<std::string>&, const std::string&,
                                           const JsonDict&) { throw std::runtime_error("disk full"); }});
    }
};

TEST(WorkerTest, LogsAFailureWithModuleCallbackAndMessage) {
    const LogCapture log;
    WorkerUnderTest test;
    test.construct<Failing>();
    const std::string text = "x";
    const std::optional<std::string> room;
    const JsonDict content;
    test.wait(test.worker.hooks().account_data.on_account_data_updated(text, room, text, content));
    EXPECT_TRUE(log.contains("error: module test.Module0: on_account_data_updated failed: disk full"));
}

/// Denies by a SynapseError, and by one of another kind.
struct Denying {
    Denying(const JsonDict&, ModuleApi& api) {
        api.register_third_party_rules_callbacks(
            {.check_event_allowed = &check_event_allowed, .on_create_room = &on_create_room});
        api.register_account_validity_callbacks({.is_user_expired = &is_user_expired});
        api.register_password_auth_provider_callbacks({.is_3pid_allowed = &is_3pid_allowed});
    }
    static callbacks::EventDecision check_event_allowed(const callbacks::Event& event, const callbacks::StateMap&) {
        if (event.type() == "broken") throw std::runtime_error("disk full");
        throw callbacks::SynapseError(403, "not here");
    }
    static void on_create_room(const callbacks::Requester&, JsonDict&, bool) {
        throw callbacks::SynapseError(403, "no rooms today");
    }
    static std::optional<bool> is_user_expired(const std::string&) { throw callbacks::SynapseError(403, "too old"); }
    static bool is_3pid_allowed(const std::string&, const std::string&, bool) {
        throw callbacks::SynapseError(403, "no such address");
    }
};

TEST(WorkerTest, ADenialByASynapseErrorThatPassesIsADecisionInTheLog) {
    const LogCapture log;
    WorkerUnderTest test;
    test.construct<Denying>();
    callbacks::Dispatchers& hooks = test.worker.hooks();
    const callbacks::StateMap state;
    const callbacks::Requester requester{callbacks::UserID("@alice:example.org")};
    JsonDict content;
    const std::string text = "@alice:example.org";
    EXPECT_THROW(static_cast<void>(test.wait(hooks.third_party_rules.check_event_allowed(an_event, state))),
                 callbacks::SynapseError);
    EXPECT_THROW(test.wait(hooks.third_party_rules.on_create_room(requester, content, false)), callbacks::SynapseError);
    EXPECT_THROW(static_cast<void>(test.wait(hooks.account_validity.is_user_expired(text))), callbacks::SynapseError);
    EXPECT_TRUE(log.contains("info: module test.Module0 decided check_event_allowed: not here\n"));
    EXPECT_TRUE(log.contains("info: module test.Module0 decided on_create_room: no rooms today\n"));
    EXPECT_TRUE(log.contains("debug: module test.Module0 decided is_user_expired: too old\n"));
    EXPECT_FALSE(log.contains("failed"));
}

TEST(WorkerTest, WhatTheErrorRuleDoesNotLetPassIsAFailureInTheLog) {
    const LogCapture log;
    WorkerUnderTest test;
    test.construct<Denying>();
    callbacks::Dispatchers& hooks = test.worker.hooks();
    callbacks::EventFields fields;
    fields.type = "broken";
    const callbacks::Event broken(std::move(fields));
    const callbacks::StateMap state;
    const std::string text = "email";
    EXPECT_THROW(static_cast<void>(test.wait(hooks.third_party_rules.check_event_allowed(broken, state))),
                 callbacks::ModuleFailed);
    EXPECT_THROW(static_cast<void>(test.wait(hooks.password_auth_provider.is_3pid_allowed(text, text, true))),
                 callbacks::SynapseError);
    EXPECT_TRUE(log.contains("error: module test.Module0: check_event_allowed failed: disk full\n"));
    EXPECT_TRUE(log.contains("error: module test.Module0: is_3pid_allowed failed: no such address\n"));
    EXPECT_FALSE(log.contains("decided"));
}

struct Ordered {
    Ordered(const JsonDict&, ModuleApi&) : number_(++built) {}
    ~Ordered() { order += std::to_string(number_); }
    Ordered(const Ordered&) = delete;
    Ordered& operator=(const Ordered&) = delete;
    int number_;
    static inline int built = 0;
    static inline std::string order;
};

TEST(WorkerTest, StopsByDestroyingTheModulesLastFirst) {
    WorkerUnderTest test;
    test.construct<Ordered, Ordered, Ordered>();
    test.stop();
    EXPECT_EQ(Ordered::order, "321");
}

class ForeignExceptions : public testing::Test {
protected:
    void construct(const std::string& throws) {
        modapi::ModuleResolver resolver({TEST_MODULES});
        test.construct_from("modules:\n  - module: good_module.GoodModule\n    config: {throws: " + throws + "}\n", resolver);
    }
    WorkerUnderTest test;
};

TEST_F(ForeignExceptions, CatchesByTypeWhatACallbackInASharedLibraryThrows) {
    construct("synapse error");
    try {
        static_cast<void>(test.wait(test.worker.hooks().spam_checker.check_event_for_spam(an_event)));
        FAIL() << "nothing was thrown";
    } catch (const callbacks::SynapseError& error) {
        EXPECT_EQ(error.status(), 418);
        EXPECT_EQ(error.errcode(), "ORG_EXAMPLE_TEAPOT");
    }
}

TEST_F(ForeignExceptions, CatchesByTypeTheFrameworksOwnExceptions) {
    construct("response");
    EXPECT_THROW(static_cast<void>(test.wait(test.worker.hooks().spam_checker.check_event_for_spam(an_event))),
                 modapi::HttpResponseException);
}

TEST_F(ForeignExceptions, RefusesToStartWhenItsConstructorThrows) {
    try {
        construct("constructor");
        FAIL() << "nothing was thrown";
    } catch (const modapi::ConfigurationError& error) {
        EXPECT_STREQ(error.what(), "hs.yaml:2: modules[0]: this module doesn't want to (module good_module.GoodModule)");
    }
}

TEST_F(ForeignExceptions, RunsCoroutinesOfASharedLibrary) {
    construct("nothing");
    EXPECT_NE(test.wait(test.worker.hooks().spam_checker.check_event_for_spam(an_event)), NOT_SPAM);
}

}  // namespace
