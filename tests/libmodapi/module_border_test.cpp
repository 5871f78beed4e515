#include "log_capture.h"
#include "worker_under_test.h"

#include <modapi/http_client.h>

#include <callbacks/module_exception.h>

#include <gtest/gtest.h>
#include <boost/system/system_error.hpp>

#include <async/context_manager.h>

#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

/// As two modules of other libraries call a class of theirs.
struct Denied {};

namespace {

/// Two module libraries, each with a `struct Denied` of its own.
class ModuleBorderTest : public testing::Test {
protected:
    ModuleBorderTest() {
        modapi::ModuleResolver resolver({TEST_MODULES});
        test.construct_from(
            "modules:\n  - module: throwing_module.ThrowingModule\n  - module: catching_module.CatchingModule\n", resolver);
        test.server.while_sending = [this] { return check(test.worker.hooks(), event_of("denied")); };
    }

    [[nodiscard]] static callbacks::Event event_of(std::string type) {
        callbacks::EventFields fields;
        fields.type = std::move(type);
        return callbacks::Event(std::move(fields));
    }
    static async::task<void> check(callbacks::Dispatchers& hooks, callbacks::Event event) {
        static_cast<void>(co_await hooks.spam_checker.check_event_for_spam(event));
    }
    /// Has the module throw in check_event_for_spam, whose exceptions leave the dispatcher.
    void throw_as(const std::string& said) { test.wait(check(test.worker.hooks(), event_of(said))); }
    /// What a user's module caught when it had sent an event that the first module refuses.
    [[nodiscard]] std::string caught_for(const std::string& user) {
        const callbacks::Verdict verdict = test.wait(test.worker.hooks().spam_checker.user_may_create_room(user, callbacks::JsonDict()));
        return std::string(verdict.text().value_or("nothing"));
    }

    /// Has the module throw with the response of a login by its type.
    void log_in(const std::string& said) { test.wait(respond(test.worker.hooks(), said)); }
    static async::task<void> respond(callbacks::Dispatchers& hooks, std::string said) {
        callbacks::JsonDict given;
        given["said"] = std::move(said);
        const std::string type = "org.example.throwing";
        const std::string user = "@alice:example.org";
        const auto is_wanted = [](const callbacks::LoginType& each) { return each.type == "org.example.throwing"; };
        const auto* const checkers = hooks.password_auth_provider.auth_checkers.find_if(is_wanted);
        const std::optional<callbacks::AuthResult> accepted = co_await (*checkers)(user, type, given);
        callbacks::LoginResponse response;
        co_await accepted.value().on_response.get()(response);
    }
    /// The same by an address.
    void log_in_by_address(const std::string& said) { test.wait(respond_to_address(test.worker.hooks(), said)); }
    static async::task<void> respond_to_address(callbacks::Dispatchers& hooks, std::string said) {
        const std::string medium = "email";
        const std::string address = "alice@example.org";
        const std::optional<callbacks::AuthResult> accepted =
            co_await hooks.password_auth_provider.check_3pid_auth(medium, address, said);
        callbacks::LoginResponse response;
        co_await accepted.value().on_response.get()(response);
        EXPECT_TRUE(response.contains("seen"));
    }
    /// Has the module throw before and after an iteration of a background update, whose body throws too if `fails`.
    void iterate(const std::string& before, const std::string& after, bool fails = false) {
        test.wait(surrounded(test.worker.hooks(), before, after, fails));
    }
    static async::task<void> surrounded(callbacks::Dispatchers& hooks, std::string before, std::string after, bool fails) {
        const bool one_shot = false;
        std::optional<async::context_manager<int>> manager =
            co_await hooks.background_update_controller.on_update(before, after, one_shot);
        co_await async::with(std::move(manager.value()), &work, fails);
    }
    static void work(int& target_ms, bool fails) {
        EXPECT_EQ(target_ms, 100);
        if (fails) throw std::domain_error("the iteration");
    }
    /// Expects the module's own denial as a failure of that callback.
    template <class Run>
    static void expect_denial_of(const std::string& callback, Run&& run) {
        try {
            run();
            ADD_FAILURE() << callback << " didn't fail";
        } catch (const Denied&) {
            ADD_FAILURE() << callback << ": it is taken for a class of the host's";
        } catch (const callbacks::ModuleCallbackFailed& failed) {
            EXPECT_STREQ(failed.what(), "denied for reason 7");
            EXPECT_EQ(failed.module(), "throwing_module.ThrowingModule");
            EXPECT_EQ(failed.callback(), callback);
        }
    }

    WorkerUnderTest test;
};

TEST_F(ModuleBorderTest, AModuleDoesNotCatchAnotherOnesExceptionAsItsOwn) {
    EXPECT_EQ(caught_for("@catching:example.org"), "throwing_module.ThrowingModule check_event_for_spam: denied for reason 7");
}

TEST_F(ModuleBorderTest, TheModuleItselfUnwrapsIt) {
    EXPECT_EQ(caught_for("@throwing:example.org"), "its own denial, for reason 7");
}

TEST_F(ModuleBorderTest, WhatAModuleDefinedLeavesItsCallbackAsAFailureThatNamesIt) {
    const LogCapture log;
    for (const auto& [said, message] :
         {std::pair("denied", "denied for reason 7"), std::pair("nested denial", "denied for reason 8"),
          std::pair("wordless", "an exception that is no std::exception")}) {
        try {
            throw_as(said);
            ADD_FAILURE() << said;
        } catch (const Denied&) {
            ADD_FAILURE() << said << " is taken for a class of the host's";
        } catch (const callbacks::ModuleCallbackFailed& failed) {
            EXPECT_STREQ(failed.what(), message);
            EXPECT_EQ(failed.module(), "throwing_module.ThrowingModule");
            EXPECT_EQ(failed.callback(), "check_event_for_spam");
            EXPECT_NO_THROW(failed.rethrow_original()) << "it is the module's alone";
            EXPECT_NO_THROW(std::rethrow_if_nested(failed));
        }
    }
    EXPECT_TRUE(log.contains("module throwing_module.ThrowingModule: check_event_for_spam failed: denied for reason 7\n"));
}

TEST_F(ModuleBorderTest, ItsOwnSynapseErrorIsTheClientsAnswerStill) {
    const LogCapture log;
    try {
        throw_as("teapot");
        ADD_FAILURE();
    } catch (const callbacks::SynapseError& error) {
        EXPECT_EQ(error.status(), 418);
        EXPECT_EQ(error.errcode(), "ORG_EXAMPLE_TEAPOT");
        EXPECT_STREQ(error.what(), "a teapot of its own");
        EXPECT_EQ(typeid(error), typeid(callbacks::ModuleCallbackAnswer));
    }
    EXPECT_TRUE(log.contains("module throwing_module.ThrowingModule decided check_event_for_spam: a teapot of its own\n"));
}

TEST_F(ModuleBorderTest, ExceptionsThatEverybodySharesPassWithTheirTypes) {
    EXPECT_THROW(throw_as("standard"), std::out_of_range);
    EXPECT_THROW(throw_as("boost"), boost::system::system_error);
    EXPECT_THROW(throw_as("boost with its place"), std::domain_error);
    EXPECT_THROW(throw_as("framework"), callbacks::AuthError);
    EXPECT_THROW(throw_as("http"), modapi::HttpResponseException);
    EXPECT_THROW(throw_as("number"), int);
    try {
        throw_as("nested");
        ADD_FAILURE();
    } catch (const std::length_error& error) {
        EXPECT_THROW(std::rethrow_if_nested(error), std::out_of_range);
    }
}

TEST_F(ModuleBorderTest, WhatRunsWithALoginsResponseLeavesAsItsCheckerWould) {
    expect_denial_of("auth_checkers", [&] { log_in("denied"); });
    expect_denial_of("check_3pid_auth", [&] { log_in_by_address("denied"); });
    EXPECT_THROW(log_in("teapot"), callbacks::ModuleCallbackAnswer);
    EXPECT_THROW(log_in("standard"), std::out_of_range);
    EXPECT_NO_THROW(log_in_by_address("nothing"));
}

TEST_F(ModuleBorderTest, WhatSurroundsAnIterationLeavesAsItsCallbackWould) {
    expect_denial_of("on_update", [&] { iterate("denied", "nothing"); });
    expect_denial_of("on_update", [&] { iterate("nothing", "denied"); });
    EXPECT_NO_THROW(iterate("nothing", "nothing"));
    EXPECT_THROW(iterate("nothing", "nothing", true), std::domain_error) << "what left the iteration passes as it is";
}

TEST_F(ModuleBorderTest, TheHostIsToldWhoseItIsWhereTheErrorRuleMakesAModuleFailureOfIt) {
    const callbacks::StateMap state;
    const callbacks::Event denied = event_of("denied");
    try {
        static_cast<void>(test.wait(test.worker.hooks().third_party_rules.check_event_allowed(denied, state)));
        ADD_FAILURE();
    } catch (const callbacks::ModuleCallbackFailed& failed) {
        EXPECT_EQ(failed.module() + " " + failed.callback(), "throwing_module.ThrowingModule check_event_allowed");
        EXPECT_STREQ(failed.what(), "denied for reason 7");
    }
}

}  // namespace
