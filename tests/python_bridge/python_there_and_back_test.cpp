#include "python_answers.h"
#include "python_errors.h"
#include "python_values.h"

#include <modapi/http_client.h>
#include <modapi/services/service_not_offered.h>
#include <modapi/testing/events.h>
#include <modapi/testing/json.h>

#include <callbacks/errors.h>

#include <gtest/gtest.h>

#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

/// Values and errors that the interpreter itself reads and writes, by the package that modules stand on.
namespace {

using callbacks::JsonDict;
using callbacks::JsonValue;
using modapi::testing::json;

bool has_package() { return std::system("/usr/bin/python3 -I -c 'import twisted, attr, typing_extensions' 2>/dev/null") == 0; }

/// What Python says of each line.
std::vector<JsonValue> asked(const std::vector<JsonDict>& lines) {
    const std::filesystem::path file = std::filesystem::path(::testing::TempDir()) / ("lines" + std::to_string(::getpid()));
    std::ofstream out(file);
    for (const JsonDict& line : lines) out << boost::json::serialize(line) << '\n';
    out.close();
    const std::string command =
        std::string("/usr/bin/python3 -I -B ") + THERE_AND_BACK + " " + PYTHON_FOLDER + " < " + file.string();
    std::FILE* const pipe = ::popen(command.c_str(), "r");
    std::string text;
    std::array<char, 4096> buffer{};
    while (const std::size_t read = std::fread(buffer.data(), 1, buffer.size(), pipe)) text.append(buffer.data(), read);
    EXPECT_EQ(::pclose(pipe), 0);
    std::filesystem::remove(file);
    std::vector<JsonValue> said;
    std::size_t begin = 0;
    for (std::size_t end = text.find('\n'); end != std::string::npos; begin = end + 1, end = text.find('\n', begin))
        said.push_back(json(text.substr(begin, end - begin)));
    EXPECT_EQ(said.size(), lines.size());
    return said;
}

JsonDict line(std::string_view kind, JsonValue value) {
    JsonDict object;
    object.emplace(kind, std::move(value));
    return object;
}

JsonValue answered(const std::string& expression) {
    return asked({line("expression", JsonValue(expression))}).at(0).at("back");
}

class PythonThereAndBack : public ::testing::Test {
protected:
    void SetUp() override {
        if (!has_package()) GTEST_SKIP() << "needs Debian's python3-twisted, python3-attr and python3-typing-extensions";
    }
    std::shared_ptr<spdlog::logger> log =
        std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>());
    modapi::AskedCallback callback{"a_callback", *log};
};

TEST_F(PythonThereAndBack, EveryTypeArrivesAsThePythonClassThatModulesKnow) {
    callbacks::Requester requester(callbacks::UserID("@a:x"));
    requester.scope = {"s"};
    callbacks::FileInfo file;
    file.file_id = "f";
    file.thumbnail = callbacks::ThumbnailInfo{1, 2, "crop", "image/png", 3};
    callbacks::UserPresenceState presence;
    presence.user_id = "@a:x";
    presence.state = "online";
    const std::vector<std::pair<std::string, JsonValue>> sent = {
        {"Requester", modapi::to_python(requester)},
        {"dict", modapi::to_python(callbacks::UserProfile{"@a:x", "A", std::nullopt})},
        {"ProfileInfo", modapi::to_python(callbacks::ProfileInfo{"A", std::nullopt})},
        {"UserInfo", modapi::to_python(callbacks::UserInfo(callbacks::UserID("@a:x")))},
        {"UserPresenceState", modapi::to_python(presence)},
        {"MediaUploadLimit", modapi::to_python(callbacks::MediaUploadLimit(5, 6))},
        {"RatelimitOverride", modapi::to_python(callbacks::RatelimitOverride(5, 6))},
        {"FileInfo", modapi::to_python(file)},
        {"RoomAlias", modapi::to_python(callbacks::RoomAlias("#a:b"))},
        {"UserID", modapi::to_python(callbacks::UserID("@a:b"))},
        {"RoomID", modapi::to_python(callbacks::RoomID("!a:b"))},
        {"EventBase", modapi::to_python(modapi::testing::message("@a:x", "!r:x", "hello"))},
        {"dict", modapi::to_python(modapi::testing::json_object(R"({"$set": []})"))},
        {"dict", modapi::mutable_to_python(json(R"({"a": [1]})"))},
        {"bytes", modapi::bytes_to_python("a\0b")},
        {"tuple", modapi::to_python(std::pair<std::string, std::string>("a", "b"))},
        {"bool", modapi::to_python(true)},
        {"int", modapi::to_python(std::int64_t{9223372036854775807})},
        {"str", modapi::to_python(std::string("ä"))},
    };
    std::vector<JsonDict> lines;
    for (const auto& [type, value] : sent) lines.push_back(line("value", value));
    const std::vector<JsonValue> said = asked(lines);
    ASSERT_EQ(said.size(), sent.size());
    for (std::size_t at = 0; at < sent.size(); ++at)
        EXPECT_EQ(std::string(said[at].at("type").as_string()), sent[at].first) << boost::json::serialize(sent[at].second);
    EXPECT_EQ(modapi::presence_of(said[4].at("back")), presence);
    EXPECT_EQ(modapi::upload_limit_of(said[5].at("back")), callbacks::MediaUploadLimit(5, 6));
    EXPECT_EQ(modapi::ratelimit_of(said[6].at("back")), callbacks::RatelimitOverride(5, 6));
    EXPECT_EQ(said[11].at("back").at("$event").at("event").at("content").at("body"), "hello");
    EXPECT_EQ(modapi::object_of(said[12].at("back")), modapi::testing::json_object(R"({"$set": []})"));
}

TEST_F(PythonThereAndBack, WhatModulesAnswerMeansWhatItMeantToTheContractsServer) {
    const modapi::VerdictForms forms{modapi::BooleanVerdict::true_allows, false, true};
    EXPECT_FALSE(modapi::verdict_of(callback, answered("NOT_SPAM"), forms).is_spam());
    EXPECT_EQ(modapi::verdict_of(callback, answered("Codes.LIMIT_EXCEEDED"), forms).errcode(), "M_LIMIT_EXCEEDED");
    const callbacks::Verdict pair =
        modapi::verdict_of(callback, answered("(Codes.FORBIDDEN, {'a': (1, Codes.UNKNOWN)})"), forms);
    EXPECT_EQ(pair.additional_fields(), modapi::testing::json_object(R"({"a": [1, "M_UNKNOWN"]})"));
    EXPECT_EQ(modapi::verdict_of(callback, answered("[Codes.LIMIT_EXCEEDED, {}]"), forms).errcode(), "M_FORBIDDEN");
    EXPECT_FALSE(modapi::verdict_of(callback, answered("True"), forms).is_spam());
    EXPECT_EQ(modapi::registration_of(callback, answered("RegistrationBehaviour.SHADOW_BAN")),
              callbacks::RegistrationBehaviour::SHADOW_BAN);
    EXPECT_TRUE(modapi::interested_users_of(callback, answered("PRESENCE_ALL_USERS")).is_everyone());
    EXPECT_TRUE(modapi::interested_users_of(callback, answered("{'@a:x'}")).contains("@a:x"));
    EXPECT_THROW(static_cast<void>(modapi::interested_users_of(callback, answered("frozenset({'@a:x'})"))),
                 callbacks::ModuleFailed);
    const callbacks::EventDecision replaced =
        modapi::event_decision_of(callback, answered("(True, {'type': 't', 'content': {'$set': ()}})"));
    EXPECT_EQ(replaced.replacement().value(), modapi::testing::json_object(R"({"type": "t", "content": {"$set": []}})"));
    EXPECT_FALSE(modapi::event_decision_of(callback, answered("(False, None)")).allowed());
    EXPECT_EQ(modapi::limits_or_none(callback, answered("[MediaUploadLimit(max_bytes=5, time_period_ms=6)]"))->front(),
              callbacks::MediaUploadLimit(5, 6));
    EXPECT_EQ(modapi::override_or_none(callback, answered("RatelimitOverride(per_second=0.5, burst_count=6)")),
              callbacks::RatelimitOverride(0.5, 6));
    const auto login = modapi::login_or_none(callback, answered("('@a:x', lambda response: None)"));
    ASSERT_TRUE(login);
    EXPECT_TRUE(login->on_response);
    EXPECT_EQ(modapi::dictionary_of(callback, answered("{'$a': 1}")), modapi::testing::json_object(R"({"$a": 1})"));
    EXPECT_EQ(modapi::bytes_of(answered("b'a\\x00b'")), std::string("a\0b", 3));
    EXPECT_EQ(modapi::kind_of(answered("object()")), "a object");
}

template <class Exception>
JsonDict error_line(Exception failure) {
    return line("error", modapi::python_error_of(std::make_exception_ptr(std::move(failure))));
}

TEST_F(PythonThereAndBack, FailuresAreRaisedAsTheClassesThatModulesCatch) {
    using callbacks::Codes;
    const std::vector<std::pair<std::string, JsonDict>> told = {
        {"SynapseError", error_line(callbacks::SynapseError(400, "x", Codes::INVALID_PARAM))},
        {"AuthError", error_line(callbacks::AuthError(403, "x"))},
        {"MissingClientTokenError", error_line(callbacks::SynapseError(401, "x", Codes::MISSING_TOKEN))},
        {"InvalidClientTokenError", error_line(callbacks::SynapseError(401, "x", Codes::UNKNOWN_TOKEN))},
        {"NotFoundError", error_line(callbacks::SynapseError(404, "x", Codes::NOT_FOUND))},
        {"StoreError", error_line(callbacks::SynapseError(404, "No row found"))},
        {"LimitExceededError", error_line(callbacks::SynapseError(429, "x", Codes::LIMIT_EXCEEDED))},
        {"RequestTimedOutError", error_line(modapi::RequestTimedOutError("x"))},
        {"HttpResponseException", error_line(modapi::HttpResponseException(502, "Bad", "body"))},
        {"ConfigError", error_line(callbacks::ConfigError("x", {"a"}))},
        {"NotOffered", error_line(modapi::ServiceNotOffered("send_mail"))},
        {"ExternalIDReuseException", error_line(callbacks::ExternalIDReuseException("x"))},
        {"RuleNotFoundException", error_line(callbacks::RuleNotFoundException("x"))},
        {"InvalidRuleException", error_line(callbacks::InvalidRuleException("x"))},
        {"ValueError", error_line(std::invalid_argument("x"))},
        {"RuntimeError", error_line(std::runtime_error("x"))},
        {"KeyError", error_line(modapi::PythonException("KeyError", "x", ""))},
        {"HostError", error_line(modapi::PythonException("OwnError", "x", ""))},
    };
    std::vector<JsonDict> lines;
    for (const auto& [type, error] : told) lines.push_back(error);
    const std::vector<JsonValue> said = asked(lines);
    ASSERT_EQ(said.size(), told.size());
    for (std::size_t at = 0; at < told.size(); ++at)
        EXPECT_EQ(std::string(said[at].at("type").as_string()), told[at].first) << boost::json::serialize(lines[at]);
    EXPECT_NE(std::string(said[10].at("text").as_string()).find("send_mail"), std::string::npos);
}

template <class Exception>
void expect_thrown(const std::string& raised) {
    const JsonValue error = asked({line("raise", JsonValue(raised))}).at(0).at("back");
    EXPECT_THROW(modapi::throw_python_error(error.as_object()), Exception) << raised;
}

TEST_F(PythonThereAndBack, WhatModulesRaiseIsThrownHere) {
    expect_thrown<callbacks::AuthError>("AuthError(403, 'no')");
    expect_thrown<callbacks::SynapseError>("SynapseError(400, 'no', Codes.BAD_JSON, {'a': 1})");
    expect_thrown<modapi::RequestTimedOutError>("RequestTimedOutError('late')");
    expect_thrown<callbacks::ConfigError>("ConfigError('wrong', ('a', 'b'))");
    expect_thrown<modapi::PythonException>("KeyError('a')");
    expect_thrown<modapi::PythonException>("SystemExit(1)");
}

}  // namespace
