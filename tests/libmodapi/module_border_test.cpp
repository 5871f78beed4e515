#include "log_capture.h"
#include "worker_under_test.h"

#include <modapi/http_client.h>

#include <callbacks/module_exception.h>

#include <gtest/gtest.h>
#include <boost/system/system_error.hpp>

#include <exception>
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
        const callbacks::Verdict verdict = test.wait(test.worker.hooks().spam_checker.user_may_create_room(user));
        return std::string(verdict.text().value_or("nothing"));
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
