#include "module_api_test.h"
#include "patience.h"

#include <gmock/gmock.h>

#include <chrono>

namespace {

using namespace homeserver_test;
using Texts = std::vector<std::string>;

class ModuleApiUsersTest : public ModuleApiServer {
protected:
    ModuleApiUsersTest() : ModuleApiServer("sso: {client_whitelist: ['https://client.example/app']}\n") {}
};

TEST_F(ModuleApiUsersTest, TellsWhatIsKnownOfAnAccount) {
    const boost::json::value info = result("get_userinfo_by_id", R"(["@root:hs.test"])");
    EXPECT_EQ(info.at("user_id"), "@root:hs.test");
    EXPECT_EQ(info.at("is_admin"), true);
    EXPECT_EQ(info.at("is_deactivated"), false);
    EXPECT_EQ(info.at("is_guest"), false);
    EXPECT_EQ(info.at("is_shadow_banned"), false);
    EXPECT_EQ(info.at("approved"), true);
    EXPECT_EQ(info.at("locked"), false);
    EXPECT_GT(info.at("creation_ts").as_int64(), 1'600'000'000'000);
    for (const char* none : {"appservice_id", "consent_server_notice_sent", "consent_version", "consent_ts", "user_type"})
        EXPECT_TRUE(info.at(none).is_null()) << none;
    EXPECT_EQ(json("get_userinfo_by_id", R"(["@nobody:hs.test"])"), "null");
    EXPECT_EQ(json("get_userinfo_by_id", R"(["no id"])"), "null");
}

TEST_F(ModuleApiUsersTest, FindsUsersWhateverTheCaseOfTheirLetters) {
    EXPECT_EQ(text("check_user_exists", R"(["@ROOT:hs.test"])"), "@root:hs.test");
    EXPECT_EQ(json("check_user_exists", R"(["@nobody:hs.test"])"), "null");
    EXPECT_EQ(text("get_qualified_user_id", R"(["alice"])"), "@alice:hs.test");
    EXPECT_EQ(text("get_qualified_user_id", R"(["@alice"])"), "@alice");
    EXPECT_EQ(json("is_mine", R"(["@alice:hs.test"])"), "true");
    EXPECT_EQ(json("is_mine", R"(["@alice:other.test"])"), "false");
    EXPECT_EQ(json("is_mine", R"(["malformed"])"), "false");
    EXPECT_EQ(json("is_mine(UserID)", R"(["@alice:hs.test"])"), "true");
}

TEST_F(ModuleApiUsersTest, ListsItsUsersPageByPageInEveryOrder) {
    for (const char* const name : {"zoe", "mia", "ann"}) static_cast<void>(server.register_user(name));
    EXPECT_EQ(json("deactivate_user", R"(["@mia:hs.test"])"), "null");
    const auto ids = [](const boost::json::value& page) {
        Texts found;
        for (const boost::json::value& user : page.as_array()) found.emplace_back(user.at("user_id").as_string());
        return found;
    };
    EXPECT_EQ(ids(result("list_local_users", R"(["by_id",3])")), (Texts{"@ann:hs.test", "@mia:hs.test", "@root:hs.test"}));
    EXPECT_EQ(ids(result("list_local_users", R"(["by_id",3,0,"@root:hs.test"])")), Texts{"@zoe:hs.test"});
    Texts oldest;
    Texts newest;
    for (const auto& [order, found] : {std::pair("oldest_first", &oldest), std::pair("newest_first", &newest)}) {
        std::string arguments = std::string("[\"") + order + "\",1]";
        for (int page = 0; page < 4; ++page) {
            const boost::json::value users = result("list_local_users", arguments);
            ASSERT_EQ(users.as_array().size(), 1U) << arguments;
            found->push_back(ids(users).front());
            arguments = std::string("[\"") + order + "\",1," + boost::json::serialize(users.at(0).at("creation_ts")) + ",\"" +
                        found->back() + "\"]";
        }
        EXPECT_EQ(json("list_local_users", arguments), "[]");
    }
    EXPECT_EQ(oldest.front(), "@root:hs.test");
    EXPECT_EQ(Texts(oldest.rbegin(), oldest.rend()), newest);
    const boost::json::value all = result("list_local_users", R"(["by_id",100])");
    EXPECT_EQ(all.at(1).at("is_deactivated"), true);
    EXPECT_EQ(all.at(1).at("is_admin"), false);
    EXPECT_EQ(all.at(2).at("is_admin"), true);
    EXPECT_GT(all.at(2).at("creation_ts").as_int64(), 1'600'000'000'000);
}

TEST_F(ModuleApiUsersTest, MakesServerAdminsAndUnmakesThem) {
    const std::string alice = server.register_user("alice");
    EXPECT_EQ(json("is_user_admin", R"(["@alice:hs.test"])"), "false");
    EXPECT_EQ(json("set_user_admin", R"(["@alice:hs.test",true])"), "null");
    EXPECT_EQ(json("is_user_admin", R"(["@alice:hs.test"])"), "true");
    EXPECT_EQ(server.request("GET", "/_synapse/admin/v2/users/@root:hs.test", "", alice).status, 200);
    EXPECT_EQ(json("set_user_admin", R"(["@alice:hs.test",false])"), "null");
    EXPECT_EQ(server.request("GET", "/_synapse/admin/v2/users/@root:hs.test", "", alice).status, 403);
    EXPECT_EQ(json("is_user_admin", R"(["@nobody:hs.test"])"), "false");
}

TEST_F(ModuleApiUsersTest, KnowsWhoMakesARequestToAModule) {
    const std::string alice = server.register_user("alice");
    const std::string expired = server.register_user("expired1");
    const boost::json::value requester = result("get_user_by_req", "[]", alice);
    EXPECT_EQ(requester.at("user_id"), "@alice:hs.test");
    EXPECT_EQ(requester.at("authenticated_entity"), "@alice:hs.test");
    EXPECT_FALSE(requester.at("device_id").as_string().empty());
    EXPECT_EQ(error_text(call("get_user_by_req", "[]")), "401 M_MISSING_TOKEN Missing access token");
    EXPECT_EQ(error_text(call("get_user_by_req", "[]", "made up")), "401 M_UNKNOWN_TOKEN Invalid access token passed.");
    EXPECT_EQ(error_text(call("get_user_by_req", "[]", expired)), "403 ORG_MATRIX_EXPIRED_ACCOUNT User account has expired");
    EXPECT_EQ(result("get_user_by_req", "[false,true]", expired).at("user_id"), "@expired1:hs.test");
}

TEST_F(ModuleApiUsersTest, RegistersUsersWithAllCallbacksOfARegistration) {
    static_cast<void>(asked());
    EXPECT_EQ(text("register_user", R"(["carol","Carol",["Carol@Example.org","c@example.org","C@example.org"],true])"),
              "@carol:hs.test");
    EXPECT_EQ(asked(), (Texts{"check_registration_for_spam", "on_user_registration", "on_add_user_third_party_identifier",
                              "on_threepid_bind", "on_add_user_third_party_identifier", "on_threepid_bind"}));
    EXPECT_EQ(result("get_profile_for_user", R"(["carol"])").at("display_name"), "Carol");
    EXPECT_EQ(json("is_user_admin", R"(["@carol:hs.test"])"), "true");
    const boost::json::value ids = result("get_threepids_for_user", R"(["@carol:hs.test"])");
    ASSERT_EQ(ids.as_array().size(), 2U);
    EXPECT_EQ(ids.at(0).at("medium"), "email");
    const Texts addresses = {std::string(ids.at(0).at("address").as_string()),
                             std::string(ids.at(1).at("address").as_string())};
    EXPECT_THAT(addresses, testing::UnorderedElementsAre("carol@example.org", "c@example.org"));
    EXPECT_GT(ids.at(0).at("validated_at").as_int64(), 1'600'000'000'000);
    EXPECT_EQ(ids.at(0).at("added_at"), ids.at(0).at("validated_at"));
    EXPECT_EQ(text("register_user", R"(["dave"])"), "@dave:hs.test");
    EXPECT_EQ(result("get_profile_for_user", R"(["dave"])").at("display_name"), "dave");
    EXPECT_EQ(post("/login", password_login("dave"), {}).status, 403) << "an account without password lets nobody in";
    EXPECT_EQ(json("get_threepids_for_user", R"(["@nobody:hs.test"])"), "[]");
}

TEST_F(ModuleApiUsersTest, MakesNoAccountWhereSomethingIsWrongWithIt) {
    static_cast<void>(text("register_user", R"(["carol",null,["carol@example.org"]])"));
    EXPECT_EQ(error_text(call("register_user", R"(["eve",null,["CAROL@example.org"]])")),
              "400 M_THREEPID_IN_USE Email is already in use");
    EXPECT_EQ(error_text(call("register_user", R"(["eve",null,["no address"]])")),
              "400 M_UNKNOWN Unable to parse email address");
    EXPECT_EQ(error_text(call("register_user", R"(["denied1"])")), "429 M_UNKNOWN Rate limited");
    EXPECT_EQ(json("get_userinfo_by_id", R"(["@eve:hs.test"])"), "null");
    EXPECT_EQ(json("get_userinfo_by_id", R"(["@denied1:hs.test"])"), "null");
    EXPECT_EQ(text("register_user", R"(["shadow1"])"), "@shadow1:hs.test");
    EXPECT_EQ(result("get_userinfo_by_id", R"(["@shadow1:hs.test"])").at("is_shadow_banned"), true);
}

TEST_F(ModuleApiUsersTest, MakesDevicesWithoutALogin) {
    const std::string alice = server.register_user("alice");
    static_cast<void>(asked());
    const boost::json::value device = result("register_device", R"(["@alice:hs.test","PHONE","a phone"])");
    EXPECT_EQ(device.at("device_id"), "PHONE");
    EXPECT_TRUE(device.at("expires_at_ms").is_null());
    EXPECT_TRUE(device.at("refresh_token").is_null());
    EXPECT_EQ(asked(), Texts());
    const std::string token(device.at("access_token").as_string());
    EXPECT_EQ(get("/account/whoami", token).text("device_id"), "PHONE");
    EXPECT_EQ(get("/devices/PHONE", alice).text("display_name"), "a phone");
    EXPECT_FALSE(result("register_device", R"(["@alice:hs.test"])").at("device_id").as_string().empty());
}

TEST_F(ModuleApiUsersTest, StillHasTheDeprecatedRegister) {
    const boost::json::value made = result("register", R"(["carol","Carol",["carol@example.org"]])");
    EXPECT_EQ(made.at(0), "@carol:hs.test");
    EXPECT_EQ(get("/account/whoami", std::string(made.at(1).as_string())).text("user_id"), "@carol:hs.test");
    EXPECT_TRUE(server.log_shows("calls register, which is deprecated"));
}

TEST_F(ModuleApiUsersTest, EndsTheSessionOfAToken) {
    const std::string alice = server.register_user("alice");
    static_cast<void>(asked());
    EXPECT_EQ(json("invalidate_access_token", "[\"" + alice + "\"]"), "null");
    EXPECT_EQ(asked(), Texts{"on_logged_out"});
    expect_error(get("/account/whoami", alice), 401, "M_UNKNOWN_TOKEN", "Invalid access token passed.");
    EXPECT_EQ(error_text(call("invalidate_access_token", "[\"" + alice + "\"]")),
              "401 M_UNKNOWN_TOKEN Invalid access token passed.");
}

TEST_F(ModuleApiUsersTest, ALoginTokenLogsInOnce) {
    static_cast<void>(server.register_user("alice"));
    const std::string token = text("create_login_token", R"(["@alice:hs.test",60000,"my-provider"])");
    EXPECT_TRUE(token.starts_with("syl_")) << token;
    const std::string body = R"({"type":"m.login.token","token":")" + token + "\"}";
    EXPECT_EQ(post("/login", body, {}).text("user_id"), "@alice:hs.test");
    expect_error(post("/login", body, {}), 403, "M_FORBIDDEN", "Invalid login token");
}

TEST_F(ModuleApiUsersTest, AnOldLoginTokenIsRefused) {
    static_cast<void>(server.register_user("alice"));
    const std::string token = text("create_login_token", R"(["@alice:hs.test",1])");
    const std::string whose = R"({"type":"m.login.token","token":")" + token + "\"}";
    const auto later = std::chrono::system_clock::now() + std::chrono::milliseconds(5);
    while (std::chrono::system_clock::now() < later) static_cast<void>(server.request("GET", "/_matrix/client/versions"));
    expect_error(post("/login", whose, {}), 403, "M_FORBIDDEN", "Invalid login token");
}

TEST_F(ModuleApiUsersTest, AnSsoLoginEndsAtAListedClientOrAtAPageToConfirm) {
    static_cast<void>(server.register_user("alice"));
    static_cast<void>(asked());
    const boost::json::value listed =
        result("complete_sso_login_async", R"(["@alice:hs.test","https://client.example/app?x=1#top",false,"my-provider"])");
    EXPECT_EQ(listed.at("status"), 302);
    EXPECT_EQ(listed.at("headers").at("Cache-Control"), "no-store");
    const std::string location(listed.at("headers").at("Location").as_string());
    const std::string beginning = "https://client.example/app?x=1&loginToken=syl_";
    ASSERT_TRUE(location.starts_with(beginning)) << location;
    EXPECT_TRUE(location.ends_with("#top"));
    const std::size_t at = location.find("syl_");
    const std::string token = location.substr(at, location.find('#') - at);
    const boost::json::array seen = journal();
    ASSERT_EQ(seen.size(), 1U);
    EXPECT_EQ(seen[0].at("callback"), "on_user_login");
    EXPECT_EQ(post("/login", R"({"type":"m.login.token","token":")" + token + "\"}", {}).text("user_id"), "@alice:hs.test");
}

TEST_F(ModuleApiUsersTest, ThePageToConfirmNamesTheClientAndIsNoTrap) {
    static_cast<void>(server.register_user("alice"));
    const boost::json::value page =
        result("complete_sso_login_async", R"(["@alice:hs.test","https://client.example/apple?a=1&b='2'",true])");
    EXPECT_EQ(page.at("status"), 200);
    EXPECT_EQ(page.at("headers").at("X-Frame-Options"), "DENY");
    EXPECT_EQ(page.at("headers").at("Cache-Control"), "no-store");
    const std::string body(page.at("body").as_string());
    EXPECT_NE(body.find("<strong>client.example</strong>"), std::string::npos) << body;
    EXPECT_NE(body.find("Your account @alice:hs.test was made"), std::string::npos) << body;
    EXPECT_NE(body.find("a=1&amp;b=&#39;2&#39;&amp;loginToken=syl_"), std::string::npos) << body;
    const boost::json::value app = result("complete_sso_login_async", R"(["@alice:hs.test","element://connect"])");
    EXPECT_NE(std::string(app.at("body").as_string()).find("<strong>element://</strong>"), std::string::npos);
    EXPECT_EQ(json("deactivate_user", R"(["@alice:hs.test"])"), "null");
    EXPECT_EQ(result("complete_sso_login_async", R"(["@alice:hs.test","https://client.example/app"])").at("status"), 403);
}

TEST_F(ModuleApiUsersTest, ANameThatAnAdminSetsGoesIntoTheRooms) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    static_cast<void>(asked());
    EXPECT_EQ(json("set_displayname", R"(["@alice:hs.test","The Queen"])"), "null");
    EXPECT_EQ(result("get_profile_for_user", R"(["alice"])").at("display_name"), "The Queen");
    EXPECT_EQ(get("/rooms/" + room + "/state/m.room.member/@alice:hs.test", alice).text("displayname"), "The Queen");
    const boost::json::array seen = journal();
    ASSERT_FALSE(seen.empty());
    EXPECT_EQ(seen[0].at("callback"), "on_profile_update");
    EXPECT_EQ(seen[0].at("by_admin"), true);
    EXPECT_EQ(seen[0].at("deactivation"), false);
    static_cast<void>(asked());
    EXPECT_EQ(json("set_displayname", R"(["@alice:hs.test","",true])"), "null");
    EXPECT_EQ(journal().at(0).at("deactivation"), false) << "it has no effect any more";
    EXPECT_TRUE(server.log_shows("set_displayname: `deactivation` has no effect any more"));
    EXPECT_EQ(json("get_profile_for_user", R"(["alice"])"), R"({"display_name":null,"avatar_url":null})");
    EXPECT_EQ(json("get_profile_for_user", R"(["nobody"])"), R"({"display_name":null,"avatar_url":null})");
}

TEST_F(ModuleApiUsersTest, RunsProcessesBesideARequestAndOnThreadsOfTheModulesOwn) {
    const std::int64_t now = result("get_current_time_msec", "[]").as_int64();
    EXPECT_GT(now, 1'600'000'000'000);
    EXPECT_EQ(json("run_as_background_process", "[21]"), "42");
    EXPECT_EQ(json("run_as_background_process", "[-1]"), "null");
    EXPECT_TRUE(server.log_shows("the background process double a number failed: no negative numbers"));
    EXPECT_EQ(json("defer_to_threadpool", "[7]"), "21");
}

TEST_F(ModuleApiUsersTest, RemembersFromWhereAUserCame) {
    const std::string alice = server.register_user("alice");
    EXPECT_EQ(get("/account/whoami", alice).status, 200);
    boost::json::array clients;
    for (const Patience patience; patience.is_left() && clients.empty();)
        clients = result("get_user_ip_and_agents", R"(["@alice:hs.test"])").as_array();
    ASSERT_EQ(clients.size(), 1U);
    EXPECT_EQ(clients[0].at("ip"), "127.0.0.1");
    const std::int64_t seen = clients[0].at("last_seen").as_int64();
    EXPECT_GT(seen, 1'600'000'000'000);
    for (int again = 0; again < 3; ++again) EXPECT_EQ(get("/account/whoami", alice).status, 200);
    EXPECT_EQ(result("get_user_ip_and_agents", R"(["@alice:hs.test"])").at(0).at("last_seen").as_int64(), seen)
        << "written more than once a minute";
    EXPECT_EQ(result("get_user_ip_and_agents", "[\"@alice:hs.test\"," + std::to_string(seen) + "]").as_array().size(), 1U);
    EXPECT_EQ(json("get_user_ip_and_agents", "[\"@alice:hs.test\"," + std::to_string(seen + 1) + "]"), "[]");
    EXPECT_EQ(json("get_user_ip_and_agents", R"(["@alice:other.test"])"), "[]");
    EXPECT_EQ(json("get_user_ip_and_agents", R"(["malformed"])"), "[]");

    const std::string month = json("get_monthly_active_users_by_service", "[]");
    EXPECT_NE(month.find(R"(["native","@alice:hs.test"])"), std::string::npos) << month;
    const std::string times = "[" + std::to_string(seen) + "," + std::to_string(seen) + "]";
    EXPECT_NE(json("get_monthly_active_users_by_service", times).find("@alice"), std::string::npos) << "both ends count";
    EXPECT_EQ(json("get_monthly_active_users_by_service", "[0,1]"), "[]");
}

TEST_F(ModuleApiUsersTest, AnIdOfAProviderIsRecordedOnce) {
    static_cast<void>(server.register_user("alice"));
    EXPECT_EQ(json("record_user_external_id", R"(["oidc","subject 1","@alice:hs.test"])"), "null");
    EXPECT_EQ(json("record_user_external_id", R"(["saml","subject 1","@alice:hs.test"])"), "null");
    EXPECT_EQ(error_text(call("record_user_external_id", R"(["oidc","subject 1","@root:hs.test"])")),
              "ExternalIDReuseException the id subject 1 of oidc is recorded already");
    EXPECT_EQ(json("store_remote_3pid_association", R"(["@alice:hs.test","email","a@example.org","id.example"])"), "null");
    EXPECT_EQ(json("store_remote_3pid_association", R"(["@alice:hs.test","email","a@example.org","id.example"])"), "null");
}

TEST_F(ModuleApiUsersTest, DeactivatesUsersWithAllThatBelongsToThem) {
    static_cast<void>(text("register_user", R"(["carol",null,["carol@example.org"]])"));
    const std::string token(result("register_device", R"(["@carol:hs.test"])").at("access_token").as_string());
    static_cast<void>(asked());
    EXPECT_EQ(json("deactivate_user", R"(["@carol:hs.test",true])"), "null");
    EXPECT_EQ(asked(), (Texts{"check_can_deactivate_user", "on_remove_user_third_party_identifier", "on_logged_out",
                              "on_profile_update", "on_profile_update", "on_user_deactivation_status_changed"}));
    EXPECT_EQ(get("/account/whoami", token).status, 401);
    EXPECT_EQ(json("get_threepids_for_user", R"(["@carol:hs.test"])"), "[]");
    EXPECT_EQ(result("get_userinfo_by_id", R"(["@carol:hs.test"])").at("is_deactivated"), true);
    EXPECT_EQ(error_text(call("register_device", R"(["@carol:hs.test"])")),
              "403 M_USER_DEACTIVATED This account has been deactivated");
}

TEST_F(ModuleApiUsersTest, KeepsGlobalAccountData) {
    const std::string alice = server.register_user("alice");
    static_cast<void>(asked());
    EXPECT_EQ(json("account_data_manager.get_global", R"(["@alice:hs.test","org.example.x"])"), "null");
    EXPECT_EQ(json("account_data_manager.put_global", R"(["@alice:hs.test","org.example.x",{"a":1}])"), "null");
    EXPECT_EQ(asked(), Texts{"on_account_data_updated"});
    EXPECT_EQ(json("account_data_manager.get_global", R"(["@alice:hs.test","org.example.x"])"), R"({"a":1})");
    EXPECT_EQ(get("/user/@alice:hs.test/account_data/org.example.x", alice).body.at("a"), 1);
    EXPECT_EQ(json("account_data_manager.get_global", R"(["@nobody:hs.test","org.example.x"])"), "null");
    EXPECT_TRUE(result("account_data_manager.get_global", R"(["@alice:hs.test","m.push_rules"])").is_object());
}

TEST_F(ModuleApiUsersTest, ALoginByEmailFindsTheUserItIsBoundTo) {
    static_cast<void>(text("register_user", R"(["carol",null,["carol@example.org"]])"));
    EXPECT_EQ(admin("PUT", "/v2/users/@carol:hs.test", R"({"password":"pw of carol"})").status, 200);
    const auto log_in = [&](const std::string& address) {
        return post("/login",
                    R"({"type":"m.login.password","identifier":{"type":"m.id.thirdparty","medium":"email","address":")" +
                        address + R"("},"password":"pw of carol"})",
                    {});
    };
    EXPECT_EQ(log_in("Carol@example.org").text("user_id"), "@carol:hs.test");
    expect_error(log_in("dave@example.org"), 403, "M_FORBIDDEN", "Invalid username or password");
}

TEST_F(ModuleApiUsersTest, PlainCallsWithAllDefaultsDoWhatTheySay) {
    EXPECT_EQ(json("call_with_defaults", "[]"),
              R"({"device":true,"token":47,"members":["@plain:hs.test"],"rooms":1,)"
              R"("name":"a room with a name that is too long to be kept in a short string","left":"leave","page":200,)"
              R"("clients":0,"active":true})");
}

class ModuleApiUserRefusalTest : public ModuleApiServer {};

TEST_F(ModuleApiUserRefusalTest, EveryMethodThrowsWhatIsDocumented) {
    const std::string no_sigil = "400 M_INVALID_PARAM Expected UserID string to start with '@'";
    const std::string no_domain = "400 M_INVALID_PARAM Expected UserID of the form '@localname:domain'";
    const std::string no_row = "404 M_UNKNOWN No row found";
    const std::string foreign = "400 M_UNKNOWN @a:other.test is not a user of this homeserver";
    const std::string too_long(300, 'x');
    const std::vector<Refusal> refusals = {
        {"is_user_admin", R"(["root"])", no_sigil},
        {"is_user_admin", R"(["@root"])", no_domain},
        {"set_user_admin", R"(["root",true])", no_sigil},
        {"set_user_admin", R"(["@nobody:hs.test",true])", no_row},
        {"set_user_admin", R"(["@a:other.test",true])", no_row},
        {"check_username", R"([""])", "400 M_INVALID_USERNAME User ID cannot be empty"},
        {"check_username", R"(["A"])", "400 M_INVALID_USERNAME User ID can only contain characters a-z, 0-9, or '=_-./+'"},
        {"check_username", R"(["_a"])", "400 M_INVALID_USERNAME User ID may not begin with _"},
        {"check_username", R"(["12"])", "400 M_INVALID_USERNAME Numeric user IDs are reserved for guest users."},
        {"check_username", "[\"" + too_long + "\"]", "400 M_INVALID_USERNAME User ID may not be longer than 255 characters"},
        {"check_username", R"(["root"])", "400 M_USER_IN_USE User ID already taken."},
        {"register_user", R"(["root"])", "400 M_USER_IN_USE User ID already taken."},
        {"register_user", R"(["_a"])", "400 M_INVALID_USERNAME User ID may not begin with _"},
        {"register", R"(["root"])", "400 M_USER_IN_USE User ID already taken."},
        {"register_device", R"(["root"])", no_sigil},
        {"register_device", R"(["@nobody:hs.test"])", no_row},
        {"register_device", R"(["@a:other.test"])", no_row},
        {"register_device", R"(["@root:hs.test",")" + too_long + too_long + "\"]",
         "400 M_INVALID_PARAM device_id cannot be longer than 512 characters."},
        {"record_user_external_id", R"(["p","x","root"])", no_sigil},
        {"record_user_external_id", R"(["p","x","@a:other.test"])", foreign},
        {"create_login_token", R"(["root"])", no_sigil},
        {"create_login_token", R"(["@nobody:hs.test"])", no_row},
        {"create_login_token", R"(["@root:hs.test",0])", "invalid_argument create_login_token: a token lasts at least 1 ms"},
        {"invalidate_access_token", R"([""])", "401 M_UNKNOWN_TOKEN Invalid access token passed."},
        {"invalidate_access_token", R"(["made up"])", "401 M_UNKNOWN_TOKEN Invalid access token passed."},
        {"complete_sso_login_async", R"(["root","https://x.example/"])", no_sigil},
        {"complete_sso_login_async", R"(["@nobody:hs.test","https://x.example/"])", no_row},
        {"complete_sso_login_async", R"(["@root:hs.test","/relative"])", "400 M_INVALID_PARAM Invalid redirect URL"},
        {"complete_sso_login_async", R"(["@root:hs.test","JavaScript:alert%281%29"])",
         "400 M_INVALID_PARAM Invalid redirect URL"},
        {"complete_sso_login_async", R"(["@root:hs.test","https://x/?<b>"])", "400 M_INVALID_PARAM Invalid redirect URL"},
        {"set_displayname", R"(["root","x"])", no_sigil},
        {"set_displayname", R"(["@a:other.test","x"])", "400 M_UNKNOWN User is not hosted on this homeserver"},
        {"set_displayname", R"(["@nobody:hs.test","x"])", "404 M_NOT_FOUND Profile was not found"},
        {"set_displayname", R"(["@root:hs.test",")" + too_long + "\"]", "400 M_UNKNOWN Displayname is too long (max 256)"},
        {"store_remote_3pid_association", R"(["root","email","a@b","id"])", no_sigil},
        {"store_remote_3pid_association", R"(["@a:other.test","email","a@b","id"])", foreign},
        {"deactivate_user", R"(["root"])", no_sigil},
        {"deactivate_user", R"(["@nobody:hs.test"])", no_row},
        {"account_data_manager.get_global", R"(["root","t"])", no_sigil},
        {"account_data_manager.get_global", R"(["@a:other.test","t"])", foreign},
        {"account_data_manager.put_global", R"(["root","t",{}])", no_sigil},
        {"account_data_manager.put_global", R"(["@a:other.test","t",{}])", foreign},
        {"account_data_manager.put_global", R"(["@nobody:hs.test","t",{}])",
         "invalid_argument @nobody:hs.test is not registered"},
        {"account_data_manager.put_global", R"(["@root:hs.test","m.push_rules",{}])",
         "405 M_BAD_JSON Cannot set m.push_rules through this API."},
    };
    for (const Refusal& refusal : refusals) {
        const boost::json::object answer = call(refusal.method, refusal.arguments);
        EXPECT_EQ(error_text(answer), refusal.error) << refusal;
        if (refusal.arguments.find("@a:other.test") == std::string::npos) continue;
        EXPECT_TRUE(answer.at("error").at("is_foreign_user").as_bool()) << refusal;
    }
    EXPECT_EQ(server.request("GET", "/_matrix/client/versions").status, 200) << "the server is alive";
}

class ModuleApiPropertiesTest : public ModuleApiServer {
protected:
    ModuleApiPropertiesTest()
        : ModuleApiServer(
              "public_baseurl: https://matrix.example\nemail: {app_name: Chat}\ntemplates: {custom_template_directory: "
              "/srv/templates}\n") {}
};

TEST_F(ModuleApiPropertiesTest, ModulesSeeWhatTheOperatorConfigured) {
    EXPECT_EQ(json("properties", "[]"),
              R"({"server_name":"hs.test","public_baseurl":"https://matrix.example/","email_app_name":"Chat",)"
              R"("custom_template_dir":"/srv/templates","worker_name":null,"worker_app":null,)"
              R"("msc3861_oauth_delegation_enabled":false})");
}

class ModuleApiOfTwoWorkersTest : public ModuleApiServer {
protected:
    ModuleApiOfTwoWorkersTest() : ModuleApiServer("", 2) {}
};

TEST_F(ModuleApiOfTwoWorkersTest, OnlyTheMainWorkerHasNoName) {
    bool main_answered = false;
    bool other_answered = false;
    for (const Patience patience; patience.is_left() && !(main_answered && other_answered);) {
        const boost::json::value found = result("properties", "[]");
        if (found.at("worker_name").is_null()) {
            EXPECT_TRUE(found.at("worker_app").is_null());
            main_answered = true;
        } else {
            EXPECT_EQ(found.at("worker_name"), "worker1");
            EXPECT_EQ(found.at("worker_app"), "homeserver.worker");
            other_answered = true;
        }
    }
    EXPECT_TRUE(main_answered && other_answered);
}

}  // namespace
