#include "python_values.h"

#include <modapi/testing/assertions.h>
#include <modapi/testing/events.h>
#include <modapi/testing/json.h>

#include <gtest/gtest.h>

namespace {

using callbacks::JsonDict;
using callbacks::JsonValue;
using modapi::testing::is_json;
using modapi::testing::json;
using modapi::testing::json_object;

TEST(PythonValues, EventsGoWithWhatTheyAreMadeOfAndTheirIdBesideThem) {
    callbacks::EventFields fields;
    fields.event_id = "$1";
    fields.type = "m.room.topic";
    fields.room_id = "!r:example.org";
    fields.sender = "@a:example.org";
    fields.state_key = "";
    fields.content = json_object(R"({"topic": "t"})");
    fields.origin_server_ts = 5;
    fields.unsigned_fields = json_object(R"({"age": 1})");
    fields.other = json_object(R"({"depth": 3})");
    modapi::EventDetails details;
    details.room_version = "9";
    details.frozen = true;
    EXPECT_TRUE(is_json(modapi::held_event(callbacks::Event(fields), details), R"({"event": {"type": "m.room.topic",
        "room_id": "!r:example.org", "sender": "@a:example.org", "state_key": "", "content": {"topic": "t"},
        "origin_server_ts": 5, "unsigned": {"age": 1}, "depth": 3}, "event_id": "$1", "room_version": "9", "frozen": true})"));
}

TEST(PythonValues, WhatOthersMadeIsWrappedSoThatItsKeysAreNoTags) {
    EXPECT_TRUE(is_json(modapi::to_python(json_object(R"({"$set": []})")), R"({"$json": {"$set": []}})"));
    EXPECT_TRUE(is_json(modapi::frozen_to_python(json(R"({"a": 1})")), R"({"$frozen": {"a": 1}})"));
    EXPECT_TRUE(is_json(modapi::mutable_to_python(json(R"({"a": 1})")), R"({"$mutable": {"a": 1}})"));
}

TEST(PythonValues, EachTypeHasItsTag) {
    callbacks::Requester requester(callbacks::UserID("@a:example.org"));
    requester.device_id = "D";
    requester.scope = {"s"};
    EXPECT_TRUE(is_json(modapi::to_python(requester), R"({"$requester": {"user": "@a:example.org", "access_token_id": null,
        "is_guest": false, "scope": ["s"], "shadow_banned": false, "device_id": "D",
        "authenticated_entity": "@a:example.org"}})"));
    callbacks::UserProfile profile{"@a:example.org", "Alice", std::nullopt};
    EXPECT_TRUE(is_json(modapi::to_python(profile),
                        R"({"$user_profile": {"user_id": "@a:example.org", "display_name": "Alice", "avatar_url": null}})"));
    callbacks::ProfileInfo info{"Alice", "mxc://a"};
    EXPECT_TRUE(is_json(modapi::to_python(info), R"({"$profile": {"display_name": "Alice", "avatar_url": "mxc://a"}})"));
    EXPECT_TRUE(is_json(modapi::to_python(callbacks::RoomAlias("#a:b")), R"({"$room_alias": "#a:b"})"));
    EXPECT_TRUE(is_json(modapi::to_python(callbacks::MediaUploadLimit(5, 6)),
                        R"({"$upload_limit": {"max_bytes": 5, "time_period_ms": 6}})"));
    callbacks::FileInfo file;
    file.file_id = "f";
    file.thumbnail = callbacks::ThumbnailInfo{1, 2, "crop", "image/png", 3};
    EXPECT_TRUE(is_json(modapi::to_python(file), R"({"$file_info": {"server_name": null, "file_id": "f", "url_cache": false,
        "thumbnail": {"width": 1, "height": 2, "method": "crop", "type": "image/png", "length": 3}}})"));
    const std::vector<std::pair<std::optional<std::string>, std::string>> pairs = {{std::nullopt, "1.2.3.4"}};
    EXPECT_TRUE(is_json(modapi::to_python(pairs), R"([{"$tuple": [null, "1.2.3.4"]}])"));
    callbacks::UserInfo user(callbacks::UserID("@a:example.org"));
    user.creation_ts = 7;
    const JsonValue described = modapi::to_python(user);
    EXPECT_EQ(described.at("$user_info").at("creation_ts").as_int64(), 7);
    EXPECT_TRUE(described.at("$user_info").at("approved").as_bool());
}

TEST(PythonValues, WhatGoesBothWaysComesBackAsItWas) {
    callbacks::UserPresenceState presence;
    presence.user_id = "@a:example.org";
    presence.state = "online";
    presence.last_active_ts = 4;
    presence.status_msg = "here";
    presence.currently_active = true;
    EXPECT_EQ(modapi::presence_of(modapi::to_python(presence)), presence);
    const callbacks::MediaUploadLimit limit(5, 6);
    EXPECT_EQ(modapi::upload_limit_of(modapi::to_python(limit)), limit);
    const callbacks::RatelimitOverride rate(0.5, 6);
    EXPECT_EQ(modapi::ratelimit_of(modapi::to_python(rate)), rate);
    const std::string all = [] {
        std::string bytes;
        for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
        return bytes;
    }();
    for (std::size_t length = 0; length <= all.size(); ++length)
        EXPECT_EQ(modapi::bytes_of(modapi::bytes_to_python(all.substr(0, length))), all.substr(0, length));
}

TEST(PythonValues, TextThatIsNoBase64IsRefused) {
    for (const std::string_view wrong : {"a", "ab=", "a===", "====", "ab!=", "abcd!bcd"})
        EXPECT_THROW(static_cast<void>(modapi::bytes_of_base64(wrong)), modapi::WrongPythonValue) << wrong;
}

TEST(PythonValues, DictionariesThatAreNoObjectsBecomeObjects) {
    EXPECT_TRUE(is_json(modapi::object_of(json(R"({"$dict": [["$set", [1]], [5, {"a": {"$code": "M_FORBIDDEN"}}]]})")),
                        R"({"$set": [1], "5": {"a": "M_FORBIDDEN"}})"));
    EXPECT_THROW(static_cast<void>(modapi::object_of(json(R"({"$set": []})"))), modapi::WrongPythonValue);
    EXPECT_THROW(static_cast<void>(modapi::object_of(json(R"({"a": {"$bytes": ""}})"))), modapi::WrongPythonValue);
    EXPECT_THROW(static_cast<void>(modapi::object_of(json("[]"))), modapi::WrongPythonValue);
}

TEST(PythonValues, TruthIsPythons) {
    for (const char* wrong : {"null", "false", "0", "0.0", R"("")", "[]", "{}", R"({"$tuple": []})", R"({"$set": []})",
                              R"({"$dict": []})", R"({"$bytes": ""})"})
        EXPECT_FALSE(modapi::is_true(json(wrong))) << wrong;
    for (const char* right : {"true", "1", "-0.5", R"("x")", "[0]", R"({"a": 0})", R"({"$set": [0]})", R"({"$handle": 1})",
                              R"({"$none_of_these": "Foo"})", R"({"$code": ""})"})
        EXPECT_TRUE(modapi::is_true(json(right))) << right;
}

TEST(PythonValues, KindsAreNamedWithoutTheirContent) {
    EXPECT_EQ(modapi::kind_of(json("null")), "None");
    EXPECT_EQ(modapi::kind_of(json(R"("secret")")), "text");
    EXPECT_EQ(modapi::kind_of(json(R"({"$tuple": [1, 2, 3]})")), "a tuple of 3");
    EXPECT_EQ(modapi::kind_of(json(R"({"$none_of_these": "Foo"})")), "a Foo");
    EXPECT_EQ(modapi::kind_of(json(R"({"$dict": []})")), "a dictionary");
    EXPECT_EQ(modapi::kind_of(json(R"({"$frozenset": []})")), "a frozen set");
}

TEST(PythonValues, HandlesAreFoundAtWhateverDepth) {
    std::vector<std::int64_t> handles;
    modapi::collect_handles(json(R"([{"$tuple": ["a", {"$handle": 3}]}, {"a": [{"$handle": 4}]}, {"$handle": "x"}])"), handles);
    EXPECT_EQ(handles, (std::vector<std::int64_t>{3, 4}));
}

}  // namespace
