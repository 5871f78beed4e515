#include "module_api_test.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

/// What modules of other languages reach for behind ModuleApi, in the reference homeserver.
namespace {

using namespace homeserver_test;

class ModuleInternalsTest : public ModuleApiServer {
protected:
    ModuleInternalsTest() : alice(server.register_user("alice")) {}

    [[nodiscard]] std::string shown(const std::string& field) const {
        const Answer answer = server.request("GET", "/_matrix/client/v3/profile/@alice:hs.test", "", alice);
        const boost::json::value* const found = answer.body.if_contains(field);
        return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
    }

    std::string alice;
};

TEST_F(ModuleInternalsTest, AnAddressThatIsAddedBelongsToTheUserInItsCanonicalForm) {
    EXPECT_EQ(json("internal.get_user_id_by_threepid", R"(["email","a@mail.test"])"), "null");
    EXPECT_EQ(json("internal.add_threepid", R"(["@alice:hs.test","email","A@Mail.test",1500])"), "null");
    EXPECT_EQ(text("internal.get_user_id_by_threepid", R"(["email","a@MAIL.test"])"), "@alice:hs.test");
    const boost::json::value ids = result("get_threepids_for_user", R"(["@alice:hs.test"])");
    EXPECT_EQ(ids.at(0).at("address"), "a@mail.test");
    EXPECT_EQ(ids.at(0).at("validated_at"), 1500);
    EXPECT_EQ(error_text(call("internal.add_threepid", R"(["@root:hs.test","email","a@mail.test",1])")).substr(0, 21),
              "400 M_THREEPID_IN_USE");
    EXPECT_EQ(json("internal.delete_threepid", R"(["@alice:hs.test","email","a@mail.test"])"), "null");
    EXPECT_EQ(json("internal.get_user_id_by_threepid", R"(["email","a@mail.test"])"), "null");
    const std::vector<std::string> told = asked();
    EXPECT_THAT(told, testing::Contains("on_add_user_third_party_identifier"));
    EXPECT_THAT(told, testing::Contains("on_threepid_bind"));
    EXPECT_THAT(told, testing::Contains("on_remove_user_third_party_identifier"));
}

TEST_F(ModuleInternalsTest, TheRowAloneIsStoredAndNobodyIsTold) {
    EXPECT_EQ(json("internal.user_add_threepid", R"(["@alice:hs.test","email","A@mail.test",5,6])"), "null");
    const boost::json::value ids = result("get_threepids_for_user", R"(["@alice:hs.test"])");
    EXPECT_EQ(boost::json::serialize(ids), R"([{"medium":"email","address":"a@mail.test","validated_at":5,"added_at":6}])");
    EXPECT_EQ(error_text(call("internal.user_add_threepid", R"(["@root:hs.test","email","a@mail.test",1,2])")).substr(0, 21),
              "400 M_THREEPID_IN_USE");
    EXPECT_EQ(json("internal.user_delete_threepid", R"(["@alice:hs.test","email","a@mail.test"])"), "null");
    EXPECT_EQ(json("get_threepids_for_user", R"(["@alice:hs.test"])"), "[]");
    EXPECT_THAT(asked(), testing::Each(testing::Not(testing::HasSubstr("third_party_identifier"))));
    EXPECT_THAT(error_text(call("internal.user_add_threepid", R"(["@nobody:hs.test","email","b@mail.test",1,2])")),
                testing::Not(testing::HasSubstr("no error")));
}

TEST_F(ModuleInternalsTest, ProfilesChangeWithAndWithoutTheModulesKnowing) {
    EXPECT_EQ(json("internal.set_profile_displayname", R"(["@alice:hs.test","Al"])"), "null");
    EXPECT_EQ(json("internal.set_profile_avatar_url", R"(["@alice:hs.test","mxc://hs.test/a"])"), "null");
    EXPECT_EQ(shown("displayname"), "Al");
    EXPECT_EQ(shown("avatar_url"), "mxc://hs.test/a");
    EXPECT_THAT(asked(), testing::Not(testing::Contains("on_profile_update")));
    EXPECT_EQ(json("internal.set_avatar_url", R"(["@alice:hs.test","mxc://hs.test/b"])"), "null");
    EXPECT_EQ(shown("avatar_url"), "mxc://hs.test/b");
    EXPECT_THAT(asked(), testing::Contains("on_profile_update"));
    EXPECT_EQ(json("internal.set_profile_displayname", R"(["@alice:hs.test",null])"), "null");
    EXPECT_EQ(shown("displayname"), "");
    EXPECT_EQ(error_text(call("internal.set_profile_avatar_url", R"(["@nobody:hs.test","mxc://a/b"])")),
              "404 M_NOT_FOUND Profile was not found");
    EXPECT_EQ(error_text(call("internal.set_profile_displayname", R"(["@a:other.test","x"])")),
              "400 M_UNKNOWN @a:other.test is not a user of this homeserver");
}

TEST_F(ModuleInternalsTest, UsersAreFoundByWhatProvidersCallThem) {
    EXPECT_EQ(json("record_user_external_id", R"(["idp","al","@alice:hs.test"])"), "null");
    EXPECT_EQ(text("internal.get_user_by_external_id", R"(["idp","al"])"), "@alice:hs.test");
    EXPECT_EQ(json("internal.get_user_by_external_id", R"(["idp","bo"])"), "null");
    EXPECT_EQ(json("internal.get_external_ids_by_user", R"(["@alice:hs.test"])"), R"(["idp al"])");
    EXPECT_EQ(json("internal.remove_user_external_id", R"(["idp","al","@root:hs.test"])"), "null");
    EXPECT_EQ(text("internal.get_user_by_external_id", R"(["idp","al"])"), "@alice:hs.test") << "it isn't root's";
    EXPECT_EQ(json("internal.remove_user_external_id", R"(["idp","al","@alice:hs.test"])"), "null");
    EXPECT_EQ(json("internal.get_external_ids_by_user", R"(["@alice:hs.test"])"), "[]");
}

TEST_F(ModuleInternalsTest, TheLatestEventOfARoomIsTheOneThatNothingFollows) {
    const std::string room = create_room(alice);
    const std::string event = send(room, "hello", alice).text("event_id");
    EXPECT_EQ(json("internal.get_latest_event_ids_in_room", "[\"" + room + "\"]"), "[\"" + event + "\"]");
    EXPECT_EQ(json("internal.get_latest_event_ids_in_room", R"(["!none:hs.test"])"), "[]");
}

}  // namespace
