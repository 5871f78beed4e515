#include "python_errors.h"

#include <modapi/database.h>
#include <modapi/http_client.h>
#include <modapi/services/service_not_offered.h>
#include <modapi/testing/json.h>

#include <callbacks/errors.h>

#include <async/cancellation.h>

#include <gtest/gtest.h>

#include <string>

namespace {

using modapi::testing::json;
using modapi::testing::json_object;

template <class Exception>
Exception thrown_by(std::string_view error) {
    try {
        modapi::throw_python_error(json_object(error));
    } catch (const Exception& thrown) {
        return thrown;
    }
}

template <class Exception>
callbacks::JsonDict told_of(Exception failure) {
    return modapi::python_error_of(std::make_exception_ptr(std::move(failure)));
}

TEST(PythonErrors, WhatIsForTheClientIsASynapseErrorHere) {
    const auto error = thrown_by<callbacks::SynapseError>(R"({"kind": "synapse", "class": "SynapseError", "status": 418,
        "errcode": "ORG_TEAPOT", "error": "short and stout", "fields": {"a": 1}, "headers": {"X-A": "b"}})");
    EXPECT_EQ(error.status(), 418);
    EXPECT_EQ(error.errcode(), "ORG_TEAPOT");
    EXPECT_STREQ(error.what(), "short and stout");
    EXPECT_EQ(error.additional_fields(), json_object(R"({"a": 1})"));
    EXPECT_EQ(error.headers(), (callbacks::SynapseError::Headers{{"X-A", "b"}}));
}

TEST(PythonErrors, ClassesThatAreHereKeepTheirClass) {
    EXPECT_EQ(thrown_by<callbacks::AuthError>(R"({"kind": "synapse", "class": "AuthError", "status": 403,
        "errcode": "M_FORBIDDEN", "error": "no", "fields": {}, "headers": {}})")
                  .status(),
              403);
    EXPECT_EQ(thrown_by<modapi::RequestTimedOutError>(R"({"kind": "synapse", "class": "RequestTimedOutError", "status": 504,
        "errcode": "M_UNKNOWN", "error": "late", "fields": {}, "headers": {}})")
                  .status(),
              504);
    const auto answered = thrown_by<modapi::HttpResponseException>(
        R"({"kind": "http_response", "status": 404, "message": "Not Found", "headers": {}, "body": "YWI="})");
    EXPECT_EQ(answered.code(), 404);
    EXPECT_EQ(answered.body(), "ab");
    const auto config =
        thrown_by<callbacks::ConfigError>(R"({"kind": "config", "text": "is required", "path": ["rooms", "0"]})");
    EXPECT_EQ(config.path(), (std::vector<std::string>{"rooms", "0"}));
    EXPECT_STREQ(thrown_by<callbacks::ConfigError>(R"({"kind": "missing", "text": "there is no x"})").what(), "there is no x");
}

TEST(PythonErrors, AStatusThatNoErrorHasIsTheModulesFailure) {
    const auto failure = thrown_by<modapi::PythonException>(R"({"kind": "synapse", "class": "SynapseError", "status": 200,
        "errcode": "M_X", "error": "fine", "fields": {}, "headers": {}})");
    EXPECT_EQ(failure.class_name(), "SynapseError");
}

TEST(PythonErrors, AllElseIsAPythonExceptionWithItsTraceback) {
    const auto failure = thrown_by<modapi::PythonException>(
        R"({"kind": "exception", "class": "KeyError", "text": "'a'", "traceback": "Traceback:\n  line 3\n"})");
    EXPECT_STREQ(failure.what(), "KeyError: 'a'\nTraceback:\n  line 3");
    EXPECT_EQ(failure.text(), "'a'");
    EXPECT_EQ(thrown_by<modapi::PythonException>(R"({"kind": "redirect", "status": 302, "location": "/x"})").class_name(),
              "RedirectException");
    EXPECT_EQ(thrown_by<modapi::PythonException>(R"({"kind": "sql", "class": "IntegrityError", "text": "t"})").class_name(),
              "IntegrityError");
    // Whoever cancels a call doesn't wait for its answer: this one comes of the module itself, and must end nobody's work.
    EXPECT_EQ(thrown_by<modapi::PythonException>(R"({"kind": "cancelled"})").class_name(), "CancelledError");
    EXPECT_EQ(thrown_by<modapi::PythonException>(R"({})").class_name(), "Error");
}

TEST(PythonErrors, ClientErrorsHaveTheClassThatModulesCatch) {
    const auto class_of = [](int status, callbacks::Codes code) {
        return std::string(told_of(callbacks::SynapseError(status, "t", code)).at("class").as_string());
    };
    EXPECT_EQ(class_of(401, callbacks::Codes::MISSING_TOKEN), "MissingClientTokenError");
    EXPECT_EQ(class_of(401, callbacks::Codes::UNKNOWN_TOKEN), "InvalidClientTokenError");
    EXPECT_EQ(class_of(403, callbacks::Codes::FORBIDDEN), "AuthError");
    EXPECT_EQ(class_of(404, callbacks::Codes::NOT_FOUND), "NotFoundError");
    EXPECT_EQ(class_of(404, callbacks::Codes::UNKNOWN), "StoreError");
    EXPECT_EQ(class_of(400, callbacks::Codes::INVALID_PARAM), "SynapseError");
}

TEST(PythonErrors, FailuresHereAreRaisedThereAsTheContractHasThem) {
    const auto expect = [](const callbacks::JsonDict& error, const char* kind, const char* class_name) {
        EXPECT_EQ(error.at("kind"), kind);
        if (class_name != nullptr) {
            EXPECT_EQ(error.at("class"), class_name);
        }
    };
    expect(told_of(std::invalid_argument("x")), "exception", "ValueError");
    expect(told_of(std::runtime_error("x")), "exception", "RuntimeError");
    expect(told_of(std::logic_error("x")), "exception", "RuntimeError");
    expect(told_of(modapi::RequestTimedOutError("x")), "exception", "RequestTimedOutError");
    expect(told_of(callbacks::ExternalIDReuseException("x")), "exception", "ExternalIDReuseException");
    expect(told_of(callbacks::InvalidRuleException("x")), "exception", "InvalidRuleException");
    expect(told_of(callbacks::RuleNotFoundException("x")), "exception", "RuleNotFoundException");
    expect(told_of(async::deadline_exceeded()), "exception", "TimeoutError");
    expect(told_of(async::operation_cancelled(async::cancel_reason::stopping)), "cancelled", nullptr);
    expect(told_of(modapi::ConstraintViolation("x")), "sql", "IntegrityError");
    expect(told_of(modapi::DatabaseError("x")), "sql", "OperationalError");
    expect(told_of(callbacks::ConfigError("x", {"a"})), "config", nullptr);
    const callbacks::JsonDict lacking = told_of(modapi::ServiceNotOffered("send_mail"));
    expect(lacking, "not_offered", nullptr);
    EXPECT_EQ(lacking.at("what"), "send_mail");
    const callbacks::JsonDict answered = told_of(modapi::HttpResponseException(502, "Bad", "ab"));
    expect(answered, "http_response", nullptr);
    EXPECT_EQ(answered.at("body"), "YWI=");
    // From another module of Python's, through the host.
    expect(told_of(modapi::PythonException("Denied", "no", "trace")), "exception", "Denied");
    EXPECT_EQ(told_of(modapi::PythonException("Denied", "no", "trace")).at("text"), "no");
}

}  // namespace
