#include <callbacks/errors.h>

#include <async/cancellation.h>

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

namespace {

using callbacks::Codes;
using callbacks::JsonDict;
using callbacks::SynapseError;

TEST(SynapseError, IsAnUnknownErrorUnlessACodeIsGiven) {
    const SynapseError error(418, "teapot");
    EXPECT_EQ(error.status(), 418);
    EXPECT_EQ(error.errcode(), "M_UNKNOWN");
    EXPECT_STREQ(error.what(), "teapot");
    EXPECT_EQ(error.body(), (JsonDict{{"errcode", "M_UNKNOWN"}, {"error", "teapot"}}));
}

TEST(SynapseError, WritesAdditionalFieldsLastSoThatTheyMayOverwrite) {
    const SynapseError error(403, "no", "ORG_EXAMPLE", JsonDict{{"error", "said otherwise"}, {"retry", 5}});
    EXPECT_EQ(error.body(), (JsonDict{{"errcode", "ORG_EXAMPLE"}, {"error", "said otherwise"}, {"retry", 5}}));
}

TEST(SynapseError, KeepsItsHeaders) {
    const SynapseError error(401, "who", "M_MISSING_TOKEN", JsonDict(), {{"WWW-Authenticate", "Bearer"}});
    ASSERT_EQ(error.headers().size(), 1U);
    EXPECT_EQ(error.headers().front().second, "Bearer");
}

TEST(SynapseError, IsAnErrorThatCanBeSent) {
    for (const int status : {-1, 0, 100, 200, 302, 399, 600})
        EXPECT_THROW(SynapseError(status, "fine"), std::invalid_argument) << status;
    for (const int status : {400, 599}) EXPECT_EQ(SynapseError(status, "no").status(), status);
    for (const double number : {HUGE_VAL, -HUGE_VAL, std::nan("")}) {
        EXPECT_THROW(SynapseError(403, "no", "ORG_EXAMPLE", JsonDict{{"list", {1, number}}}), std::invalid_argument);
    }
}

TEST(SynapseError, IsToldFromOtherFailures) {
    EXPECT_TRUE(callbacks::is_synapse_error(std::make_exception_ptr(SynapseError(404, "no such room"))));
    EXPECT_TRUE(callbacks::is_synapse_error(std::make_exception_ptr(callbacks::AuthError(403, "no"))));
    EXPECT_FALSE(callbacks::is_synapse_error(std::make_exception_ptr(std::runtime_error("disk full"))));
    EXPECT_FALSE(callbacks::is_synapse_error(nullptr));
}

TEST(AuthError, IsForbiddenUnlessACodeIsGiven) {
    EXPECT_EQ(callbacks::AuthError(403, "no").errcode(), "M_FORBIDDEN");
    EXPECT_EQ(callbacks::AuthError(401, "no", Codes::MISSING_TOKEN).errcode(), "M_MISSING_TOKEN");
}

TEST(ConfigError, LeadsToTheValue) {
    const callbacks::ConfigError error("is required", {"rooms", "0", "name"});
    EXPECT_EQ(error.path(), (std::vector<std::string>{"rooms", "0", "name"}));
    EXPECT_STREQ(error.what(), "is required");
    EXPECT_TRUE(callbacks::ConfigError("is wrong").path().empty());
}

struct SaysNothing : std::exception {
    [[nodiscard]] const char* what() const noexcept override { return nullptr; }
};

TEST(MessageOf, NamesEveryExceptionSomehow) {
    EXPECT_EQ(callbacks::message_of(std::make_exception_ptr(std::runtime_error("broken"))), "broken");
    EXPECT_EQ(callbacks::message_of(std::make_exception_ptr(std::runtime_error(""))), "an exception without a message");
    EXPECT_EQ(callbacks::message_of(std::make_exception_ptr(42)), "an exception that is no std::exception");
    EXPECT_EQ(callbacks::message_of(std::make_exception_ptr(SaysNothing())), "an exception without a message");
    const async::operation_cancelled cut(async::cancel_reason::caller_gone);
    EXPECT_EQ(callbacks::message_of(std::make_exception_ptr(cut)), "it was cancelled");
    EXPECT_EQ(callbacks::message_of(nullptr), "no exception");
}

}  // namespace
