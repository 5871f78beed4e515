#include "admin_server.h"

#include <string>
#include <vector>

/// What the endpoints make of requests that are wrong: of each the same things, from tables.
namespace {

using namespace homeserver_test;

/// ROOM, EVENT and ALICE in a path stand for what is there.
struct Endpoint {
    const char* method;
    const char* path;
    enum Body { none, optional, required } body = none;
};

constexpr const char* admin_root = "/_synapse/admin";

constexpr Endpoint client_endpoints[] = {
    {"GET", "/account/whoami"},
    {"POST", "/logout"},
    {"POST", "/logout/all"},
    {"GET", "/devices"},
    {"GET", "/devices/DEVICE"},
    {"PUT", "/devices/DEVICE", Endpoint::optional},
    {"DELETE", "/devices/DEVICE", Endpoint::optional},
    {"POST", "/delete_devices", Endpoint::required},
    {"POST", "/account/deactivate", Endpoint::optional},
    {"PUT", "/profile/ALICE/displayname", Endpoint::required},
    {"PUT", "/profile/ALICE/avatar_url", Endpoint::required},
    {"PUT", "/user/ALICE/account_data/org.example.x", Endpoint::required},
    {"GET", "/user/ALICE/account_data/org.example.x"},
    {"PUT", "/user/ALICE/rooms/ROOM/account_data/org.example.x", Endpoint::required},
    {"GET", "/user/ALICE/rooms/ROOM/account_data/org.example.x"},
    {"GET", "/user/ALICE/rooms/ROOM/tags"},
    {"PUT", "/user/ALICE/rooms/ROOM/tags/u.x", Endpoint::required},
    {"DELETE", "/user/ALICE/rooms/ROOM/tags/u.x"},
    {"PUT", "/presence/ALICE/status", Endpoint::required},
    {"GET", "/presence/ALICE/status"},
    {"GET", "/pushrules/"},
    {"POST", "/user/ALICE/filter", Endpoint::required},
    {"GET", "/user/ALICE/filter/0"},
    {"POST", "/createRoom", Endpoint::optional},
    {"POST", "/join/ROOM", Endpoint::optional},
    {"POST", "/rooms/ROOM/join", Endpoint::optional},
    {"POST", "/rooms/ROOM/leave", Endpoint::optional},
    {"POST", "/rooms/ROOM/invite", Endpoint::optional},
    {"POST", "/rooms/ROOM/kick", Endpoint::optional},
    {"POST", "/rooms/ROOM/ban", Endpoint::optional},
    {"POST", "/rooms/ROOM/unban", Endpoint::optional},
    {"POST", "/rooms/ROOM/forget"},
    {"GET", "/joined_rooms"},
    {"GET", "/rooms/ROOM/members"},
    {"GET", "/rooms/ROOM/joined_members"},
    {"PUT", "/rooms/ROOM/send/m.room.message/1", Endpoint::required},
    {"PUT", "/rooms/ROOM/redact/EVENT/1", Endpoint::optional},
    {"PUT", "/rooms/ROOM/state/m.room.topic", Endpoint::required},
    {"PUT", "/rooms/ROOM/state/m.room.topic/key", Endpoint::required},
    {"GET", "/rooms/ROOM/state"},
    {"GET", "/rooms/ROOM/state/m.room.create"},
    {"GET", "/rooms/ROOM/event/EVENT"},
    {"GET", "/rooms/ROOM/messages"},
    {"GET", "/rooms/ROOM/aliases"},
    {"PUT", "/directory/room/%23x:hs.test", Endpoint::required},
    {"DELETE", "/directory/room/%23x:hs.test"},
    {"PUT", "/directory/list/room/ROOM", Endpoint::optional},
    {"GET", "/sync"},
    {"GET", "/capabilities"},
    {"POST", "/account/password", Endpoint::required},
    {"POST", "/user_directory/search", Endpoint::required},
};
constexpr Endpoint admin_endpoints[] = {
    {"POST", "/v1/deactivate/ALICE", Endpoint::optional},
    {"GET", "/v2/users/ALICE"},
    {"PUT", "/v2/users/ALICE", Endpoint::required},
    {"DELETE", "/v1/rooms/ROOM", Endpoint::none},
    {"GET", "/v1/background_updates/status"},
    {"GET", "/v1/background_updates/enabled"},
    {"POST", "/v1/background_updates/enabled", Endpoint::required},
    {"POST", "/v1/background_updates/start_job", Endpoint::required},
};

class BadInputTest : public AdminServer {
protected:
    BadInputTest() : AdminServer("") {}

    [[nodiscard]] std::string filled_in(std::string path) const {
        const auto replace = [&](const std::string& what, const std::string& with) {
            const std::size_t at = path.find(what);
            if (at != std::string::npos) path.replace(at, what.size(), with);
        };
        replace("ROOM", room);
        replace("EVENT", event);
        replace("ALICE", "@alice:hs.test");
        return path;
    }
    [[nodiscard]] Answer ask(const std::string& method, const std::string& path, const std::string& body,
                             const std::string& token) const {
        return server.request(method, filled_in(path), body, token);
    }

    std::string alice = server.register_user("alice");
    std::string room = create_room(alice);
    std::string event = send(room, "hello", alice).text("event_id");
};

TEST_F(BadInputTest, WithoutAKnownTokenNothingIsDoneAnywhere) {
    const auto expect_refusals = [&](const std::string& prefix, const Endpoint& endpoint) {
        SCOPED_TRACE(std::string(endpoint.method) + " " + prefix + endpoint.path);
        const std::string body = endpoint.body == Endpoint::none ? "" : "{}";
        expect_error(ask(endpoint.method, prefix + endpoint.path, body, {}), 401, "M_MISSING_TOKEN", "Missing access token");
        const Answer unknown = ask(endpoint.method, prefix + endpoint.path, body, "mat_unknown");
        expect_error(unknown, 401, "M_UNKNOWN_TOKEN", "Invalid access token passed.");
        EXPECT_EQ(unknown.body.at("soft_logout"), false);
    };
    for (const Endpoint& endpoint : client_endpoints) expect_refusals(client, endpoint);
    for (const Endpoint& endpoint : admin_endpoints) expect_refusals(admin_root, endpoint);
    expect_refusals("/_matrix/media/v3", {"POST", "/upload", Endpoint::optional});
    expect_refusals("/_matrix/media/v3", {"PUT", "/upload/hs.test/AAAAAAAAAAAAAAAAAAAAAAAA", Endpoint::optional});
    expect_refusals("/_matrix/media/v1", {"POST", "/create", Endpoint::optional});
    expect_refusals("/_matrix/media/v3", {"GET", "/config"});
    expect_refusals("/_matrix/client/v1/media", {"GET", "/config"});
}

TEST_F(BadInputTest, WhoIsNoAdminMayDoNothingAnAdminMay) {
    for (const Endpoint& endpoint : admin_endpoints) {
        SCOPED_TRACE(endpoint.path);
        const std::string body = endpoint.body == Endpoint::none ? "" : "{}";
        expect_error(ask(endpoint.method, std::string(admin_root) + endpoint.path, body, alice), 403, "M_FORBIDDEN",
                     "You are not a server admin");
    }
}

TEST_F(BadInputTest, EveryBodyHasToBeAJsonObject) {
    const auto expect_refusals = [&](const std::string& prefix, const Endpoint& endpoint, const std::string& token) {
        if (endpoint.body == Endpoint::none) return;
        SCOPED_TRACE(std::string(endpoint.method) + " " + prefix + endpoint.path);
        expect_error(ask(endpoint.method, prefix + endpoint.path, "{\"a\":", token), 400, "M_NOT_JSON", "Content not JSON.");
        expect_error(ask(endpoint.method, prefix + endpoint.path, "[1]", token), 400, "M_BAD_JSON",
                     "Content must be a JSON object.");
        if (endpoint.body != Endpoint::required) return;
        expect_error(ask(endpoint.method, prefix + endpoint.path, "", token), 400, "M_NOT_JSON", "Content not JSON.");
    };
    for (const Endpoint& endpoint : client_endpoints) expect_refusals(client, endpoint, alice);
    for (const Endpoint& endpoint : admin_endpoints) expect_refusals(admin_root, endpoint, root);
    expect_refusals(client, {"POST", "/login", Endpoint::required}, {});
    expect_refusals(client, {"POST", "/register", Endpoint::required}, {});
}

struct Refused {
    const char* method;
    const char* path;
    const char* body;
    int status;
    const char* errcode;
    const char* error;  ///< null: any text
};

constexpr Refused missing_and_wrong_members[] = {
    {"POST", "/rooms/ROOM/invite", "{}", 400, "M_MISSING_PARAM", "Missing key 'user_id'"},
    {"POST", "/rooms/ROOM/invite", R"({"user_id":5})", 400, "M_INVALID_PARAM", "'user_id' must be a string"},
    {"POST", "/rooms/ROOM/invite", R"({"user_id":"bob"})", 400, "M_INVALID_PARAM", "Expected UserID string to start with '@'"},
    {"POST", "/rooms/ROOM/kick", "{}", 400, "M_MISSING_PARAM", "Missing key 'user_id'"},
    {"POST", "/rooms/ROOM/ban", "{}", 400, "M_MISSING_PARAM", "Missing key 'user_id'"},
    {"POST", "/rooms/ROOM/unban", "{}", 400, "M_MISSING_PARAM", "Missing key 'user_id'"},
    {"POST", "/rooms/ROOM/leave", R"({"reason":5})", 400, "M_INVALID_PARAM", "'reason' must be a string"},
    {"PUT", "/rooms/ROOM/redact/EVENT/1", R"({"reason":[]})", 400, "M_INVALID_PARAM", "'reason' must be a string"},
    {"PUT", "/rooms/ROOM/state/m.room.member/@alice:hs.test", "{}", 400, "M_MISSING_PARAM", "Missing key 'membership'"},
    {"PUT", "/profile/ALICE/displayname", "{}", 400, "M_MISSING_PARAM", "Missing key 'displayname'"},
    {"PUT", "/profile/ALICE/displayname", R"({"displayname":5})", 400, "M_INVALID_PARAM", "'displayname' must be a string"},
    {"PUT", "/profile/ALICE/avatar_url", "{}", 400, "M_MISSING_PARAM", "Missing key 'avatar_url'"},
    {"PUT", "/profile/ALICE/displayname", R"({"displayname":"a\u0000b"})", 400, "M_INVALID_PARAM",
     "'displayname' must be a string without NUL characters"},
    {"POST", "/login", R"({"type":"m.login.password","user":"alice","password":"secret of alice","device_id":"a\u0000b"})", 400,
     "M_INVALID_PARAM", "'device_id' must be a string without NUL characters"},
    {"POST", "/delete_devices", R"({"devices":["a\u0000b"]})", 400, "M_INVALID_PARAM", "'devices' must be a list of strings"},
    {"PUT", "/profile/alice/displayname", R"({"displayname":"x"})", 400, "M_INVALID_PARAM",
     "Expected UserID string to start with '@'"},
    {"PUT", "/presence/ALICE/status", "{}", 400, "M_MISSING_PARAM", "Missing key 'presence'"},
    {"PUT", "/presence/ALICE/status", R"({"presence":"asleep"})", 400, "M_INVALID_PARAM", "Invalid presence state"},
    {"PUT", "/presence/ALICE/status", R"({"presence":"online","status_msg":5})", 400, "M_INVALID_PARAM",
     "'status_msg' must be a string"},
    {"PUT", "/user/ALICE/rooms/nonsense/account_data/x", "{}", 400, "M_INVALID_PARAM", "nonsense is not a valid room ID"},
    {"PUT", "/user/ALICE/account_data/m.push_rules", "{}", 405, "M_BAD_JSON", "Cannot set m.push_rules through this API."},
    {"PUT", "/user/ALICE/account_data/m.fully_read", "{}", 405, "M_BAD_JSON", "Cannot set m.fully_read through this API."},
    {"PUT", "/directory/room/%23x:hs.test", "{}", 400, "M_MISSING_PARAM", "Missing key 'room_id'"},
    {"PUT", "/directory/room/%23x:hs.test", R"({"room_id":"!none:hs.test"})", 404, "M_NOT_FOUND",
     "Room !none:hs.test not found"},
    {"PUT", "/directory/list/room/ROOM", R"({"visibility":"secret"})", 400, nullptr, nullptr},
    {"POST", "/user_directory/search", "{}", 400, "M_MISSING_PARAM", "Missing key 'search_term'"},
    {"POST", "/user_directory/search", R"({"search_term":"x","limit":"many"})", 400, "M_INVALID_PARAM", nullptr},
    {"POST", "/delete_devices", R"({"devices":"all"})", 400, "M_INVALID_PARAM", "'devices' must be a list of strings"},
    {"POST", "/account/deactivate", R"({"erase":"yes"})", 400, "M_INVALID_PARAM", "'erase' must be true or false"},
    {"POST", "/account/deactivate", R"({"auth":"me"})", 400, "M_INVALID_PARAM", "'auth' must be an object"},
    {"POST", "/account/deactivate", R"({"auth":{"session":"none"}})", 400, "M_UNKNOWN", "Unknown session ID: none"},
    {"POST", "/createRoom", R"({"visibility":5})", 400, "M_INVALID_PARAM", nullptr},
    {"POST", "/createRoom", R"({"invite":"@bob:hs.test"})", 400, "M_BAD_JSON", nullptr},
    {"POST", "/createRoom", R"({"invite":["bob"]})", 400, "M_INVALID_PARAM", nullptr},
    {"POST", "/createRoom", R"({"preset":"no_such"})", 400, "M_INVALID_PARAM", nullptr},
    {"POST", "/createRoom", R"({"room_alias_name":"a:b"})", 400, "M_INVALID_PARAM", nullptr},
    {"POST", "/createRoom", R"({"room_version":"11"})", 400, "M_UNSUPPORTED_ROOM_VERSION",
     "Your homeserver does not support this room version"},
    {"POST", "/createRoom", R"({"creation_content":[]})", 400, "M_BAD_JSON", nullptr},
    {"POST", "/createRoom", R"({"power_level_content_override":5})", 400, "M_BAD_JSON", nullptr},
    {"GET", "/rooms/ROOM/messages?dir=x", "", 400, "M_INVALID_PARAM", nullptr},
    {"GET", "/rooms/ROOM/messages?dir=b&limit=-1", "", 400, "M_INVALID_PARAM", nullptr},
    {"GET", "/rooms/ROOM/messages?dir=b&from=garbage", "", 400, "M_INVALID_PARAM", nullptr},
    {"GET", "/sync?since=garbage", "", 400, "M_INVALID_PARAM", nullptr},
    {"GET", "/sync?timeout=long", "", 400, "M_INVALID_PARAM", nullptr},
    {"GET", "/sync?filter=%7Bbroken", "", 400, "M_NOT_JSON", nullptr},
    {"GET", "/sync?filter=77", "", 400, "M_INVALID_PARAM", "No such filter"},
    {"GET", "/user/ALICE/filter/77", "", 404, "M_NOT_FOUND", "No such filter"},
    {"POST", "/user/ALICE/filter", R"({"room":5})", 400, "M_BAD_JSON", "Invalid filter: 'room'"},
    {"POST", "/user/ALICE/filter", R"({"room":{"timeline":{"limit":"ten"}}})", 400, "M_BAD_JSON", "Invalid filter: 'limit'"},
    {"POST", "/user/ALICE/filter", R"({"event_format":"xml"})", 400, "M_BAD_JSON", "Invalid filter: 'event_format'"},
    {"GET", "/user/ALICE/filter/x", "", 400, "M_INVALID_PARAM", "Invalid filter_id"},
};

constexpr Refused unknown_things[] = {
    {"PUT", "/rooms/!none:hs.test/send/m.room.message/1", "{}", 403, "M_FORBIDDEN",
     "User @alice:hs.test not in room !none:hs.test"},
    {"PUT", "/rooms/!none:hs.test/state/m.room.topic", "{}", 403, "M_FORBIDDEN",
     "User @alice:hs.test not in room !none:hs.test"},
    {"GET", "/rooms/!none:hs.test/state", "", 403, "M_FORBIDDEN", nullptr},
    {"GET", "/rooms/!none:hs.test/messages?dir=b", "", 403, "M_FORBIDDEN", nullptr},
    {"GET", "/rooms/!none:hs.test/members", "", 403, "M_FORBIDDEN", nullptr},
    {"GET", "/rooms/!none:hs.test/event/EVENT", "", 404, "M_NOT_FOUND", "Event not found."},
    {"GET", "/rooms/ROOM/event/$none", "", 404, "M_NOT_FOUND", "Event not found."},
    {"GET", "/rooms/ROOM/state/org.example.none", "", 404, "M_NOT_FOUND", "Event not found."},
    {"PUT", "/rooms/ROOM/redact/$none/1", "{}", 404, "M_NOT_FOUND", "Could not find event $none"},
    {"POST", "/join/!none:hs.test", "{}", 404, "M_NOT_FOUND", nullptr},
    {"POST", "/join/%23none:hs.test", "{}", 404, "M_NOT_FOUND", "Room alias #none:hs.test not found"},
    {"POST", "/join/nonsense", "{}", 400, nullptr, nullptr},
    {"GET", "/directory/room/%23none:hs.test", "", 404, "M_NOT_FOUND", "Room alias #none:hs.test not found"},
    {"DELETE", "/directory/room/%23none:hs.test", "", 404, "M_NOT_FOUND", "Unknown room alias"},
    {"GET", "/directory/list/room/!none:hs.test", "", 404, "M_NOT_FOUND", nullptr},
    {"GET", "/profile/@none:hs.test", "", 404, "M_NOT_FOUND", "Profile was not found"},
    {"GET", "/devices/NONE", "", 404, "M_NOT_FOUND", "Not found"},
    {"GET", "/user/ALICE/account_data/org.example.none", "", 404, "M_NOT_FOUND", "Account data not found"},
    {"POST", "/rooms/ROOM/kick", R"({"user_id":"@none:hs.test"})", 403, nullptr, "The target user is not in the room"},
    {"POST", "/rooms/ROOM/unban", R"({"user_id":"@none:hs.test"})", 403, nullptr, "Cannot unban user who was not banned"},
    {"GET", "/no/such/path", "", 404, "M_UNRECOGNIZED", "Unrecognized request"},
    {"PATCH", "/createRoom", "", 405, "M_UNRECOGNIZED", "Unrecognized request"},
};

class RefusalTest : public BadInputTest {
protected:
    template <std::size_t Count>
    void expect_refused(const Refused (&table)[Count]) {
        const std::string before = everything_of_alice();
        for (const Refused& row : table) {
            SCOPED_TRACE(std::string(row.method) + " " + row.path + " " + row.body);
            const Answer answer = ask(row.method, client + row.path, row.body, alice);
            EXPECT_EQ(answer.status, row.status) << answer.body;
            EXPECT_FALSE(answer.text("error").empty());
            if (row.errcode != nullptr) {
                EXPECT_EQ(answer.text("errcode"), row.errcode) << answer.body;
            }
            if (row.error != nullptr) {
                EXPECT_EQ(answer.text("error"), row.error) << answer.body;
            }
        }
        EXPECT_EQ(everything_of_alice(), before) << "something was stored";
    }
    /// What a sync shows, without what changes with time.
    [[nodiscard]] std::string everything_of_alice() const {
        boost::json::object sync = get("/sync", alice).body;
        std::string seen = sync.at("next_batch").as_string().c_str();
        for (const char* const path : {"/profile/@alice:hs.test", "/joined_rooms", "/devices"}) {
            seen += boost::json::serialize(get(path, alice).body);
        }
        return seen;
    }
};

TEST_F(RefusalTest, MissingAndWrongMembersAreNamedAndNothingIsStored) { expect_refused(missing_and_wrong_members); }

TEST_F(RefusalTest, WhatIsUnknownIsSaidToBeAndNothingIsStored) { expect_refused(unknown_things); }

TEST_F(BadInputTest, WhatBelongsToOthersIsRefused) {
    static_cast<void>(server.register_user("bob"));
    const std::string bobs = "/user/@bob:hs.test";
    expect_error(put(bobs + "/account_data/x", "{}", alice), 403, "M_FORBIDDEN", "Cannot add account data for other users.");
    expect_error(get(bobs + "/account_data/x", alice), 403, "M_FORBIDDEN", "Cannot get account data for other users.");
    expect_error(post(bobs + "/filter", "{}", alice), 403, "M_FORBIDDEN", "Cannot create filters for other users");
    expect_error(get(bobs + "/filter/0", alice), 403, "M_FORBIDDEN", "Cannot get filters for other users");
    expect_error(put("/profile/@bob:hs.test/displayname", R"({"displayname":"x"})", alice), 400, "M_FORBIDDEN",
                 "Cannot set another user's displayname");
    expect_error(put("/profile/@bob:elsewhere/displayname", R"({"displayname":"x"})", alice), 400, "M_UNKNOWN",
                 "User is not hosted on this homeserver");
    expect_error(put("/presence/@bob:hs.test/status", R"({"presence":"online"})", alice), 403, "M_FORBIDDEN",
                 "Can only set your own presence state");
}

TEST_F(BadInputTest, NoSecretIsInTheLog) {
    static_cast<void>(post("/login", R"({"type":"m.login.password","user":"alice","password":"wrong secret 1"})", {}));
    static_cast<void>(post("/login", R"({"type":"m.login.password","user":"alice","password":"secret of alice"})", {}));
    static_cast<void>(get("/account/whoami?access_token=" + alice, {}));
    static_cast<void>(get("/account/whoami?access_token=mat_unknown_secret_2", {}));
    static_cast<void>(admin("PUT", "/v2/users/@alice:hs.test", R"({"password":"new secret 3"})"));
    static_cast<void>(post("/register", R"({"username":"x","password":"secret 4","auth":{"type":"m.login.dummy"}})", {}));
    ASSERT_TRUE(server.log_shows("path=/_matrix/client/v3/register"));
    const std::string log = server.log();
    for (const std::string& hidden : {std::string("secret"), alice, root, std::string("between us")})
        EXPECT_EQ(log.find(hidden), std::string::npos) << hidden;
}

}  // namespace
