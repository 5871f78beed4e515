#include "room_test.h"

#include <callbacks/storable_json.h>

#include <callbacks/errors.h>

namespace {

using namespace homeserver_test;

/// A module that does what no module should.
class ModuleFaultsTest : public RoomTest {
protected:
    ModuleFaultsTest()
        : RoomTest("modules:\n  - {module: scripted.Scripted, config: {name: a}}\n"),
          alice(server.register_user("alice")),
          room(create_room(alice)) {}

    void script(const std::string& callback, const std::string& behaviour) const {
        const std::string body = R"({")" + callback + R"(":")" + behaviour + R"("})";
        EXPECT_EQ(server.request("PUT", "/_synapse/client/scripted/a", body).status, 200);
    }

    std::string alice;
    std::string room;
};

TEST_F(ModuleFaultsTest, AMessageOfSeveralLinesIsOneLineOfTheLog) {
    script("check_event_for_spam", "throw lines");
    expect_error(send(room, "hello", alice), 500, "M_UNKNOWN", "Internal server error");
    EXPECT_TRUE(server.log_shows("error module scripted.Scripted: check_event_for_spam failed: first line  second line request_id="));
}

TEST_F(ModuleFaultsTest, ADenialThatIsThrownIsADecisionInTheLogAndNoError) {
    script("check_event_allowed", "throw SynapseError");
    expect_error(send(room, "hello", alice), 418, "ORG_EXAMPLE_TEAPOT", "teapot of a");
    EXPECT_TRUE(server.log_shows("info module scripted.Scripted decided check_event_allowed: teapot of a request_id="));
    script("on_create_room", "throw SynapseError");
    expect_error(post("/createRoom", "{}", alice), 418, "ORG_EXAMPLE_TEAPOT", "teapot of a");
    EXPECT_TRUE(server.log_shows("info module scripted.Scripted decided on_create_room: teapot of a request_id="));
}

TEST_F(ModuleFaultsTest, ACancellationOfTheModulesOwnIsAnsweredAsAFailure) {
    script("check_event_for_spam", "throw a cancellation");
    expect_error(send(room, "hello", alice), 500, "M_UNKNOWN", "Internal server error");
}

TEST_F(ModuleFaultsTest, BytesThatArentUtf8ReachNoClient) {
    script("check_event_for_spam", "throw bytes");
    expect_error(send(room, "hello", alice), 418, "ORG_EXAMPLE_TEAPOT", "not \xEF\xBF\xBD UTF-8");
}

TEST_F(ModuleFaultsTest, BytesBesideAnEventThatArentUtf8ReachNoClientEither) {
    script("add_field_to_unsigned", "make bytes");
    const std::string path = "/_matrix/client/v3/rooms/" + room + "/messages?dir=b&limit=1";
    const Answer page = server.request("GET", path, "", alice);
    EXPECT_EQ(page.body.at("chunk").at(0).at("unsigned").at("org.example.bytes"), "not \xEF\xBF\xBD UTF-8");
    script("add_field_to_unsigned", "");
    const Answer head = server.request("HEAD", path, "", alice);
    EXPECT_EQ(head.status, 200);
    // The event's age may have a digit more by then.
    EXPECT_NEAR(std::stod(std::string(head.header("Content-Length"))),
                std::stod(std::string(server.request("GET", path, "", alice).header("Content-Length"))), 2);
}

TEST_F(ModuleFaultsTest, AnEventThatNobodyCouldReadIsNotStored) {
    script("check_event_allowed", "replace with bytes");
    expect_error(send(room, "hello", alice), 500, "M_UNKNOWN", "Internal server error");
    EXPECT_TRUE(server.log_shows("the replacement event can't be sent: Bad JSON value: a text isn't UTF-8"));
    EXPECT_EQ(get("/rooms/" + room + "/messages?dir=b", alice).status, 200);
    EXPECT_EQ(get("/sync", alice).status, 200);
}

TEST_F(ModuleFaultsTest, AnErrorThatSaysSuccessIsAFailureOfItsModule) {
    script("check_event_for_spam", "throw a success");
    expect_error(send(room, "hello", alice), 500, "M_UNKNOWN", "Internal server error");
    EXPECT_TRUE(
        server.log_shows("error module scripted.Scripted: check_event_for_spam failed: the status of a SynapseError is that of "
                         "an error, 400 to 599, not 200 request_id="));
}

TEST_F(ModuleFaultsTest, ANumberThatJsonDoesNotHaveIsAFailureOfTheModuleThatAnsweredIt) {
    script("check_event_for_spam", "make no number");
    expect_error(send(room, "hello", alice), 500, "M_UNKNOWN", "Internal server error");
    EXPECT_TRUE(server.log_shows(
        "error module scripted.Scripted: check_event_for_spam failed: the fields of a verdict can't be sent: a "
        "number is infinite or none request_id="));
    script("check_event_allowed", "make no number");
    expect_error(send(room, "hello", alice), 500, "M_UNKNOWN", "Internal server error");
    EXPECT_TRUE(server.log_shows("the replacement event can't be sent: Bad JSON value: a number is infinite or none"));
    script("on_create_room", "make no number");
    expect_error(post("/createRoom", "{}", alice), 500, "M_UNKNOWN", "Internal server error");
    EXPECT_TRUE(server.log_shows("on_create_room made of the request what can't be stored: a number is infinite or none"));
    script("add_field_to_unsigned", "make no number");
    expect_error(get("/rooms/" + room + "/messages?dir=b", alice), 500, "M_UNKNOWN", "Internal server error");
    EXPECT_TRUE(server.log_shows("a field for `unsigned` can't be sent: a number is infinite or none"));
    script("add_field_to_unsigned", "");
    EXPECT_EQ(get("/rooms/" + room + "/messages?dir=b", alice).status, 200);
}

callbacks::JsonDict nested(int levels) {
    callbacks::JsonValue inner = "x";
    for (int level = 1; level < levels; ++level) {
        callbacks::JsonArray outer;
        outer.push_back(std::move(inner));
        inner = std::move(outer);
    }
    callbacks::JsonDict object;
    object["x"] = std::move(inner);
    return object;
}

TEST(StorableJsonTest, IsTextAndFiniteNumbersNotNestedTooDeeply) {
    const callbacks::JsonDict fine = {
        {"text", std::string("with\0 a NUL", 11)}, {"number", -1.5}, {"list", {1, nullptr, true}}};
    EXPECT_NO_THROW(callbacks::require_storable(fine));
    EXPECT_NO_THROW(callbacks::require_storable(nested(110)));
    EXPECT_THROW(callbacks::require_storable(nested(111)), callbacks::SynapseError);
    EXPECT_THROW(callbacks::require_storable(nested(5000)), callbacks::SynapseError);
    EXPECT_THROW(callbacks::require_storable({{"list", {"\xC3"}}}), callbacks::SynapseError);
    EXPECT_THROW(callbacks::require_storable({{"\xFF", 1}}), callbacks::SynapseError);
    EXPECT_THROW(callbacks::require_storable({{"number", HUGE_VAL}}), callbacks::SynapseError);
}

}  // namespace
