#include "python_answers.h"

#include "python_values.h"

#include <modapi/testing/json.h>

#include <callbacks/errors.h>

#include <gtest/gtest.h>

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <sstream>
#include <string>

/// Answers that no module should give, and what becomes of them.
namespace {

using callbacks::JsonValue;
using modapi::testing::json;

class PythonAnswers : public ::testing::Test {
protected:
    PythonAnswers() { log.set_pattern("%v"); }

    std::ostringstream text;
    spdlog::logger log{"test", std::make_shared<spdlog::sinks::ostream_sink_st>(text)};
    modapi::AskedCallback asked{"a_callback", log};
};

constexpr const char* senseless[] = {
    "null",
    "true",
    "5",
    "-0.5",
    "18446744073709551615",
    R"("")",
    R"("text")",
    "[]",
    "[1, 2]",
    "{}",
    R"({"a": 1, "b": 2})",
    R"({"$tuple": 5})",
    R"({"$tuple": []})",
    R"({"$tuple": [null]})",
    R"({"$tuple": [{}, {}]})",
    R"({"$tuple": [{"$code": 5}, {}]})",
    R"({"$tuple": ["@a:x", {"$handle": "x"}]})",
    R"({"$tuple": [true, {"$dict": 5}]})",
    R"({"$tuple": [true, {"$dict": [[{"$set": []}, 1]]}]})",
    R"({"$set": null})",
    R"({"$set": [5]})",
    R"({"$frozenset": []})",
    R"({"$dict": 5})",
    R"({"$dict": [5]})",
    R"({"$dict": [[1]]})",
    R"({"$dict": [[null, 1]]})",
    R"({"$dict": [["@a:x", {"$set": [{"$presence": {}}]}]]})",
    R"({"$handle": 5})",
    R"({"$handle": null})",
    R"({"$code": []})",
    R"({"$registration": "maybe"})",
    R"({"$registration": {}})",
    R"({"$upload_limit": []})",
    R"([{"$upload_limit": {}}])",
    R"([{"$upload_limit": {"max_bytes": true, "time_period_ms": 1}}])",
    R"([{"$upload_limit": {"max_bytes": -1, "time_period_ms": 1}}])",
    R"({"$ratelimit": {"per_second": "fast", "burst_count": 1}})",
    R"({"$ratelimit": {"per_second": 1e300, "burst_count": 1}})",
    R"({"$bytes": 5})",
    R"({"$none_of_these": 5})",
    R"({"$of_tomorrow": 5})",
};

/// Either it counts as something, or it is the callback's failure, whose line names the callback.
template <class Read>
void expect_answer_or_failure(const char* answer, const Read& read) {
    try {
        read(json(answer));
    } catch (const callbacks::ModuleFailed& failed) {
        EXPECT_EQ(std::string(failed.what()).find("a_callback answered"), 0U) << failed.what();
        EXPECT_EQ(std::string(failed.what()).find('\n'), std::string::npos) << failed.what();
    } catch (const std::exception& other) {
        ADD_FAILURE() << answer << ": " << other.what();
    }
}

TEST_F(PythonAnswers, NoneOfThemIsMoreThanTheCallbacksFailure) {
    for (const char* const answer : senseless) {
        const auto expect = [&](const auto& read) {
            expect_answer_or_failure(answer, [&](const JsonValue& value) { static_cast<void>(read(asked, value)); });
        };
        expect(&modapi::event_decision_of);
        expect(&modapi::unless_false);
        expect(&modapi::text_or_none);
        expect(&modapi::registration_of);
        expect(&modapi::number_of);
        expect(&modapi::dictionary_of);
        expect(&modapi::limits_or_none);
        expect(&modapi::override_or_none);
        expect(&modapi::users_for_states_of);
        expect(&modapi::interested_users_of);
        expect(&modapi::login_or_none);
        static_cast<void>(modapi::is_true(json(answer)));
        EXPECT_FALSE(modapi::kind_of(json(answer)).empty());
    }
}

TEST_F(PythonAnswers, NoneOfThemIsNotSpam) {
    using modapi::BooleanVerdict;
    for (const char* const answer : senseless) {
        const JsonValue value = json(answer);
        if (value.is_bool()) continue;
        for (const BooleanVerdict booleans :
             {BooleanVerdict::true_denies, BooleanVerdict::true_allows, BooleanVerdict::always_denies})
            EXPECT_TRUE(modapi::verdict_of(asked, value, {booleans, true, true}).is_spam()) << answer;
    }
}

TEST_F(PythonAnswers, ALineOfThemHasNothingOfWhatTheySay) {
    const char* const secret = R"({"$tuple": ["hunter2", "hunter2", {"hunter2": "hunter2"}]})";
    static_cast<void>(modapi::verdict_of(asked, json(secret), {}));
    static_cast<void>(modapi::text_or_none(asked, json(secret)));
    try {
        static_cast<void>(modapi::login_or_none(asked, json(secret)));
    } catch (const callbacks::ModuleFailed& failed) {
        text << failed.what();
    }
    EXPECT_NE(text.str().find("a_callback answered a tuple of 3"), std::string::npos) << text.str();
    EXPECT_EQ(text.str().find("hunter2"), std::string::npos) << text.str();
}

}  // namespace
