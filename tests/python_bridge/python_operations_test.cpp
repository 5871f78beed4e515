#include "example_ids.h"
#include "python_operations.h"

#include "python_cached_function.h"
#include "python_errors.h"
#include "recorded_calls.h"

#include <modapi/hosting/module_environment.h>
#include <modapi/services/service_not_offered.h>
#include <modapi/testing/assertions.h>
#include <modapi/testing/host.h>

#include <callbacks/errors.h>

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

/// Members that a process asks for, with a homeserver that is nothing but what a test says of it.
namespace {

using callbacks::JsonDict;
using callbacks::JsonValue;
using modapi::testing::is_json;
using modapi::testing::json;
using modapi::testing::json_object;

/// The first words of the tables' rows between two lines of PROTOCOL.md, and what stands before the word in the row.
std::set<std::string> members_in_protocol() {
    std::ifstream file(PROTOCOL);
    std::set<std::string> members;
    std::string prefix;
    bool is_table_of_members = false;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("| member | result |") || line.starts_with("| member | arguments |")) is_table_of_members = true;
        if (line.empty()) is_table_of_members = false;
        if (!is_table_of_members || !line.starts_with("| `")) continue;
        std::istringstream row(line.substr(0, line.find('|', 2)));
        for (std::string word; row >> word;) {
            const std::size_t first = word.find('`');
            if (first == std::string::npos) continue;
            std::string name = word.substr(first + 1, word.find('`', first + 1) - first - 1);
            // A row of several names a helper's once.
            const std::size_t dot = name.find('.');
            if (dot != std::string::npos) prefix = name.substr(0, dot + 1);
            members.insert(dot == std::string::npos && prefix == "http_client." && line.find("http_client") != std::string::npos
                               ? prefix + name
                               : name);
        }
    }
    return members;
}

class PythonOperations : public ::testing::Test {
protected:
    PythonOperations() {
        BridgedModule::calls = std::make_shared<RecordedCalls>();
        BridgedModule::registered.clear();
        host.server.add_user(alice).displayname = "Alice";
        host.server.add_room(hall, alice);
        host.load<BridgedModule>();
    }
    ~PythonOperations() override {
        host.stop();
        BridgedModule::calls.reset();
    }
    modapi::ModuleApi& api() { return host.module<BridgedModule>().api; }
    JsonValue perform(const std::string& member, std::string_view arguments) {
        modapi::OperationAnswer given =
            host.run(modapi::perform_operation(api(), *BridgedModule::calls, member, json_object(arguments)));
        if (JsonValue* const value = std::get_if<JsonValue>(&given)) return std::move(*value);
        return json(host.run(modapi::written_in_slices(std::move(std::get<modapi::SaidEvents>(given)))));
    }
    /// What the process is told of the failure.
    JsonDict failure(const std::string& member, std::string_view arguments) {
        try {
            return json_object(R"({"kind": "none", "text": ")" + boost::json::serialize(perform(member, arguments)) + R"("})");
        } catch (...) {
            return modapi::python_error_of(std::current_exception());
        }
    }

    modapi::testing::Host host;
};

TEST_F(PythonOperations, AllOfTheProtocolsAreOffered) {
    const std::vector<std::string_view> offered = modapi::offered_operations();
    const std::set<std::string> members = members_in_protocol();
    EXPECT_GE(members.size(), 35U);
    for (const std::string& member : members) EXPECT_TRUE(std::binary_search(offered.begin(), offered.end(), member)) << member;
}

TEST_F(PythonOperations, AnUnknownMemberIsNotOfferedByItsName) {
    const JsonDict error = failure("paint_the_fence", "{}");
    EXPECT_EQ(error.at("kind"), "not_offered");
    EXPECT_EQ(error.at("what"), "paint_the_fence");
}

TEST_F(PythonOperations, AWrongArgumentIsNamed) {
    EXPECT_EQ(failure("set_user_admin", R"({"user_id": 5, "admin": true})").at("text"),
              "user_id has to be text, and is a number");
    EXPECT_EQ(failure("set_user_admin", R"({"user_id": "@alice:example.org"})").at("text"), "the argument admin is missing");
    EXPECT_EQ(failure("set_user_admin", R"({"user_id": 5, "admin": true})").at("class"), "ValueError");
    EXPECT_EQ(failure("create_room", R"({"user_id": "@alice:example.org", "config": [], "ratelimit": 1,
        "creator_join_profile": null})")
                  .at("text"),
              "config has to be a dictionary, and is a list");
    EXPECT_EQ(failure("is_user_admin", R"({"user_id": "alice"})").at("errcode"), "M_INVALID_PARAM");
}

TEST_F(PythonOperations, Accounts) {
    EXPECT_TRUE(is_json(perform("check_user_exists", R"({"user_id": "@alice:example.org"})"), R"("@alice:example.org")"));
    EXPECT_TRUE(is_json(perform("check_user_exists", R"({"user_id": "@bob:example.org"})"), "null"));
    const JsonValue info = perform("get_userinfo_by_id", R"({"user_id": "@alice:example.org"})");
    EXPECT_EQ(info.at("$user_info").at("user_id"), alice);
    EXPECT_TRUE(is_json(perform("get_userinfo_by_id", R"({"user_id": "@bob:example.org"})"), "null"));
    EXPECT_TRUE(is_json(perform("is_user_admin", R"({"user_id": "@alice:example.org"})"), "false"));
    EXPECT_TRUE(is_json(perform("set_user_admin", R"({"user_id": "@alice:example.org", "admin": 1})"), "null"));
    EXPECT_TRUE(host.server.user(alice).is_admin);
    EXPECT_TRUE(is_json(perform("get_profile_for_user", R"({"localpart": "alice"})"),
                        R"({"$profile": {"display_name": "Alice", "avatar_url": null}})"));
    EXPECT_TRUE(is_json(
        perform("set_displayname", R"({"user_id": "@alice:example.org", "new_displayname": "A", "deactivation": false})"),
        "null"));
    EXPECT_EQ(host.server.user(alice).displayname, "A");
    callbacks::ThirdPartyID id;
    id.medium = "email";
    id.address = "a@example.org";
    host.server.user(alice).threepids.push_back(id);
    EXPECT_TRUE(is_json(perform("get_threepids_for_user", R"({"user_id": "@alice:example.org"})"),
                        R"([{"medium": "email", "address": "a@example.org", "validated_at": 0, "added_at": 0}])"));
    EXPECT_TRUE(is_json(perform("check_username", R"({"username": "carol"})"), "null"));
    EXPECT_EQ(failure("check_username", R"({"username": "alice"})").at("errcode"), "M_USER_IN_USE");
}

TEST_F(PythonOperations, RegistrationAndSessions) {
    EXPECT_TRUE(is_json(
        perform("register_user", R"({"localpart": "bob", "displayname": null, "emails": ["b@example.org"], "admin": false})"),
        R"("@bob:example.org")"));
    const JsonValue device =
        perform("register_device", R"({"user_id": "@bob:example.org", "device_id": "D", "initial_display_name": null})");
    ASSERT_EQ(device.as_array().size(), 4U);
    EXPECT_EQ(device.at(0), "D");
    EXPECT_TRUE(device.at(3).is_null());
    const std::string token = std::string(device.at(1).as_string());
    const JsonValue requester = perform("get_user_by_req", R"({"request": {"method": "GET", "uri": "/x?a=1", "client": null,
        "headers": [["Authorization", "Bearer )" + token + R"("]]}, "allow_guest": false, "allow_expired": false})");
    EXPECT_EQ(requester.at("$requester").at("user"), "@bob:example.org");
    EXPECT_EQ(failure("get_user_by_req", R"({"request": {"method": "GET", "uri": "/x", "headers": [], "client": null},
        "allow_guest": false, "allow_expired": false})")
                  .at("class"),
              "MissingClientTokenError");
    EXPECT_TRUE(is_json(perform("invalidate_access_token", R"({"access_token": ")" + token + R"("})"), "null"));
    EXPECT_EQ(host.server.access_tokens_invalidated, (std::vector<std::string>{token}));
    EXPECT_TRUE(
        is_json(perform("record_user_external_id",
                        R"({"auth_provider_id": "p", "remote_user_id": "r", "registered_user_id": "@bob:example.org"})"),
                "null"));
    EXPECT_EQ(failure("record_user_external_id",
                      R"({"auth_provider_id": "p", "remote_user_id": "r", "registered_user_id": "@bob:example.org"})")
                  .at("class"),
              "ExternalIDReuseException");
    // What this host doesn't offer.
    for (const auto& [member, arguments] : std::vector<std::pair<std::string, std::string>>{
             {"create_login_token", R"({"user_id": "@bob:example.org", "duration_in_ms": 5.0, "auth_provider_id": null,
                 "auth_provider_session_id": null})"},
             {"get_user_ip_and_agents", R"({"user_id": "@bob:example.org", "since_ts": 0})"},
             {"get_monthly_active_users_by_service", R"({"start_timestamp": null, "end_timestamp": 5})"},
             {"store_remote_3pid_association",
              R"({"user_id": "@bob:example.org", "medium": "email", "address": "b@x", "id_server": "i"})"},
             {"complete_sso_login_async",
              R"({"registered_user_id": "@bob:example.org", "request": {"method": "GET", "uri": "/"},
                 "client_redirect_url": "https://c", "new_user": false, "auth_provider_id": "p"})"},
             {"set_push_rule_action", R"({"user_id": "@bob:example.org", "scope": "global", "kind": "override", "rule_id": "r",
                 "actions": ["notify"]})"},
             {"send_http_push_notification",
              R"({"user_id": "@bob:example.org", "device_id": null, "content": {}, "tweaks": null,
                 "default_payload": null})"}}) {
        EXPECT_EQ(failure(member, arguments).at("kind"), "not_offered") << member;
    }
}

TEST_F(PythonOperations, RoomsAndEvents) {
    const JsonValue sent = perform("create_and_send_event_into_room", R"({"event_dict": {"type": "m.room.message",
        "room_id": "!hall:example.org", "sender": "@alice:example.org", "content": {"body": "hello"}}})");
    EXPECT_EQ(sent.at("$event").at("event").at("content").at("body"), "hello");
    EXPECT_TRUE(sent.at("$event").as_object().contains("event_id"));
    const JsonValue state = perform("get_room_state", R"({"room_id": "!hall:example.org", "event_filter": null})");
    EXPECT_EQ(state.at("$state_events").as_array().size(), 2U);
    const JsonValue filtered =
        perform("get_room_state", R"({"room_id": "!hall:example.org", "event_filter": [["m.room.member", null]]})");
    ASSERT_EQ(filtered.at("$state_events").as_array().size(), 1U);
    EXPECT_EQ(filtered.at("$state_events").at(0).at("event").at("state_key"), alice);
    const JsonValue listed =
        perform("get_state_events_in_room", R"({"room_id": "!hall:example.org", "types": [["m.room.create", ""]]})");
    EXPECT_EQ(listed.as_array().size(), 1U);
    EXPECT_EQ(listed.at(0).at("$event").at("event").at("type"), "m.room.create");
    const JsonValue membership = perform("update_room_membership", R"({"sender": "@alice:example.org",
        "target": "@alice:example.org", "room_id": "!hall:example.org", "new_membership": "leave", "content": null,
        "remote_room_hosts": null})");
    EXPECT_EQ(membership.at("$event").at("event").at("type"), "m.room.member");
    const JsonValue made = perform("create_room", R"({"user_id": "@alice:example.org", "config": {"preset": "public_chat"},
        "ratelimit": false, "creator_join_profile": null})");
    EXPECT_EQ(made.as_array().size(), 2U);
    host.server.add_alias("#hall:example.org", hall);
    const JsonValue found = perform("lookup_room_alias", R"({"room_alias": "#hall:example.org"})");
    EXPECT_EQ(found.at(0), hall);
    EXPECT_TRUE(found.at(1).is_array());
    EXPECT_EQ(failure("lookup_room_alias", R"({"room_alias": "#none:example.org"})").at("class"), "NotFoundError");
    EXPECT_TRUE(is_json(perform("get_canonical_room_alias", R"({"room_id": "!hall:example.org"})"), "null"));
    EXPECT_TRUE(is_json(perform("public_room_list_manager.add_room_to_public_room_list", R"({"room_id": "!hall:example.org"})"),
                        "null"));
    EXPECT_TRUE(is_json(perform("public_room_list_manager.room_is_in_public_room_list", R"({"room_id": "!hall:example.org"})"),
                        "true"));
    EXPECT_TRUE(is_json(
        perform("public_room_list_manager.remove_room_from_public_room_list", R"({"room_id": "!hall:example.org"})"), "null"));
    EXPECT_EQ(failure("set_user_admin", R"({"user_id": "@nobody:example.org", "admin": true})").at("class"), "StoreError");
    EXPECT_TRUE(is_json(perform("delete_room", R"({"room_id": "!hall:example.org"})"), "null"));
    EXPECT_EQ(host.server.rooms_deleted, (std::vector<std::string>{hall}));
}

TEST_F(PythonOperations, UsersOfOtherServersAreWhatTheContractsServerRaises) {
    EXPECT_EQ(failure("create_room", R"({"user_id": "@a:elsewhere", "config": {}, "ratelimit": false,
        "creator_join_profile": null})")
                  .at("class"),
              "RuntimeError");
    EXPECT_EQ(failure("account_data_manager.get_global", R"({"user_id": "@a:elsewhere", "data_type": "t"})").at("class"),
              "ValueError");
    EXPECT_EQ(
        failure("set_displayname", R"({"user_id": "@a:elsewhere", "new_displayname": "x", "deactivation": false})").at("kind"),
        "synapse");
}

TEST_F(PythonOperations, AccountDataIsJsonOfOthers) {
    EXPECT_TRUE(
        is_json(perform("account_data_manager.get_global", R"({"user_id": "@alice:example.org", "data_type": "t"})"), "null"));
    EXPECT_TRUE(is_json(perform("account_data_manager.put_global",
                                R"({"user_id": "@alice:example.org", "data_type": "t", "new_data": {"$set": []}})"),
                        "null"));
    EXPECT_TRUE(is_json(perform("account_data_manager.get_global", R"({"user_id": "@alice:example.org", "data_type": "t"})"),
                        R"({"$json": {"$set": []}})"));
}

TEST_F(PythonOperations, PresenceAndMail) {
    EXPECT_TRUE(is_json(perform("set_presence_for_users",
                                R"({"users": {"@alice:example.org": ["online", "here"], "@b:c": ["offline", null]}})"),
                        "null"));
    EXPECT_EQ(host.server.presence_set.at(alice).state, "online");
    EXPECT_EQ(host.server.presence_set.at(alice).status_msg, "here");
    EXPECT_TRUE(is_json(perform("send_local_online_presence_to", R"({"users": ["@alice:example.org"]})"), "null"));
    EXPECT_EQ(host.server.presence_sent_to, (std::vector<std::string>{alice}));
    EXPECT_TRUE(
        is_json(perform("send_mail", R"({"recipient": "a@example.org", "subject": "s", "html": "h", "text": "t"})"), "null"));
    EXPECT_EQ(host.server.mails.at(0).subject, "s");
}

TEST_F(PythonOperations, TheHttpClientsSevenForms) {
    host.http.answer("GET", "http://a.example/x?q=1&q=b", 200, R"({"$set": []})");
    EXPECT_TRUE(is_json(
        perform("http_client.get_json", R"({"uri": "http://a.example/x", "args": {"q": [1, "b"]}, "headers": [["X-A", "b"]]})"),
        R"({"$json": {"$set": []}})"));
    EXPECT_EQ(host.http.requests.back().header("X-A"), "b");
    host.http.answer("POST", "http://a.example/x", 200, R"([1])");
    EXPECT_TRUE(is_json(
        perform("http_client.post_json_get_json", R"({"uri": "http://a.example/x", "post_json": {"b": 1}, "headers": null})"),
        R"({"$json": [1]})"));
    EXPECT_EQ(host.http.requests.back().body, R"({"b":1})");
    EXPECT_TRUE(is_json(perform("http_client.post_urlencoded_get_json",
                                R"({"uri": "http://a.example/x", "args": {"a": "b c"}, "headers": null})"),
                        R"({"$json": [1]})"));
    host.http.answer("PUT", "http://a.example/x", 200, R"({})");
    EXPECT_TRUE(is_json(
        perform("http_client.put_json", R"({"uri": "http://a.example/x", "json_body": {}, "args": null, "headers": null})"),
        R"({"$json": {}})"));
    host.http.answer("GET", "http://a.example/raw", 200, "ab");
    EXPECT_TRUE(is_json(perform("http_client.get_raw", R"({"uri": "http://a.example/raw", "args": null, "headers": null})"),
                        R"({"$bytes": "YWI="})"));
    const JsonValue answered =
        perform("http_client.request", R"({"method": "GET", "uri": "http://a.example/raw", "data": null, "headers": null})");
    EXPECT_EQ(answered.at("status"), 200);
    EXPECT_TRUE(is_json(answered.at("body"), R"({"$bytes": "YWI="})"));
    host.http.answer("PUT", "http://a.example/bytes", 404, "no");
    const JsonValue refused = perform("http_client.request", R"({"method": "PUT", "uri": "http://a.example/bytes",
        "data": {"$bytes": "YWI="}, "headers": null})");
    EXPECT_EQ(refused.at("status"), 404);
    EXPECT_EQ(host.http.requests.back().body, "ab");
    const JsonValue file =
        perform("http_client.get_file", R"({"url": "http://a.example/raw", "max_size": 10, "headers": null})");
    EXPECT_TRUE(is_json(file.at("body"), R"({"$bytes": "YWI="})"));
    EXPECT_EQ(file.at("url"), "http://a.example/raw");
    EXPECT_EQ(
        failure("http_client.get_file", R"({"url": "http://a.example/raw", "max_size": 1, "headers": null})").at("errcode"),
        "M_TOO_LARGE");
    host.http.answer("GET", "http://a.example/no", 403, "denied");
    const JsonDict error = failure("http_client.get_json", R"({"uri": "http://a.example/no", "args": null, "headers": null})");
    EXPECT_EQ(error.at("kind"), "http_response");
    EXPECT_EQ(error.at("status"), 403);
    host.http.refuse("GET", "http://a.example/gone");
    EXPECT_EQ(failure("http_client.get_raw", R"({"uri": "http://a.example/gone", "args": null, "headers": null})").at("class"),
              "ConnectionError");
}

TEST_F(PythonOperations, WhatOnlyWaitsForOthersGoesOnByItself) {
    EXPECT_TRUE(modapi::belongs_to_call("create_and_send_event_into_room"));
    EXPECT_TRUE(modapi::belongs_to_call("get_room_state"));
    EXPECT_TRUE(modapi::belongs_to_call("internal.add_threepid"));
    EXPECT_FALSE(modapi::belongs_to_call("http_client.get_json"));
    EXPECT_FALSE(modapi::belongs_to_call("send_mail"));
    EXPECT_FALSE(modapi::belongs_to_call("paint_the_fence"));
}

TEST_F(PythonOperations, InternalsThatAModuleOfOursCouldAskForAreThoseOfModuleApi) {
    EXPECT_TRUE(
        is_json(perform("internal.get_rooms_for_user", R"({"user_id": "@alice:example.org"})"), R"(["!hall:example.org"])"));
    EXPECT_TRUE(
        is_json(perform("internal.get_users_in_room", R"({"room_id": "!hall:example.org"})"), R"(["@alice:example.org"])"));
    EXPECT_EQ(failure("internal.get_event", R"({"event_id": "$none", "allow_none": false})").at("class"), "NotFoundError");
    EXPECT_TRUE(is_json(perform("internal.get_event", R"({"event_id": "$none", "allow_none": true})"), "null"));
    EXPECT_TRUE(
        is_json(perform("internal.deactivate_account", R"({"user_id": "@alice:example.org", "erase": false})"), "true"));
    EXPECT_TRUE(host.server.user(alice).is_deactivated);
}

TEST_F(PythonOperations, InternalsThatAHostLeavesOutAreNotOfferedByTheNameThatAModuleUses) {
    for (const auto& [member, arguments] : std::vector<std::pair<std::string, std::string>>{
             {"get_user_id_by_threepid", R"({"medium": "email", "address": "a@b"})"},
             {"add_threepid", R"({"user_id": "@alice:example.org", "medium": "email", "address": "a@b", "validated_at": 1.5})"},
             {"delete_threepid", R"({"user_id": "@alice:example.org", "medium": "email", "address": "a@b"})"},
             {"user_add_threepid",
              R"({"user_id": "@alice:example.org", "medium": "email", "address": "a@b", "validated_at": 1, "added_at": 2})"},
             {"user_delete_threepid", R"({"user_id": "@alice:example.org", "medium": "email", "address": "a@b"})"},
             {"set_profile_displayname", R"({"user_id": "@alice:example.org", "new_displayname": null})"},
             {"set_profile_avatar_url", R"({"user_id": "@alice:example.org", "new_avatar_url": "mxc://a/b"})"},
             {"set_avatar_url", R"({"user_id": "@alice:example.org", "new_avatar_url": null})"},
             {"get_latest_event_ids_in_room", R"({"room_id": "!hall:example.org"})"},
             {"get_user_by_external_id", R"({"auth_provider": "p", "external_id": "e"})"},
             {"get_external_ids_by_user", R"({"user_id": "@alice:example.org"})"},
             {"remove_user_external_id", R"({"auth_provider": "p", "external_id": "e", "user_id": "@alice:example.org"})"}}) {
        const JsonDict error = failure("internal." + member, arguments);
        EXPECT_EQ(error.at("kind"), "not_offered") << member << " " << boost::json::serialize(error);
        EXPECT_EQ(std::string(error.at("what").as_string()), member);
    }
    EXPECT_EQ(failure("internal.add_threepid",
                      R"({"user_id": "@a:elsewhere", "medium": "email", "address": "a@b", "validated_at": 1})")
                  .at("kind"),
              "synapse");
}

/// Registers a cached function as a Python module's process would tell of it.
class CachingModule {
public:
    CachingModule(modapi::ConfigSection, modapi::ModuleApi& given) : api(given), function("Module.fetch", 2, calls) {
        api.register_cached_function(function);
    }
    static inline std::shared_ptr<RecordedCalls> calls;
    modapi::ModuleApi& api;
    modapi::PythonCachedFunction function;
};

class PythonCaches : public ::testing::Test {
protected:
    PythonCaches() {
        CachingModule::calls = std::make_shared<RecordedCalls>();
        host.load<CachingModule>();
    }
    ~PythonCaches() override {
        host.stop();
        CachingModule::calls.reset();
    }
    RecordedCalls& calls() { return *CachingModule::calls; }

    modapi::testing::Host host;
};

TEST_F(PythonCaches, AnInvalidationOfTheProcessReachesOtherWorkersAndComesBackFromThem) {
    modapi::ModuleApi& api = host.module<CachingModule>().api;
    std::vector<modapi::CacheInvalidation> heard;
    const std::size_t subscription =
        host.bus().subscribe(modapi::environment_of(api).where.executor,
                             [&](const modapi::CacheInvalidation& invalidation) { heard.push_back(invalidation); });
    const modapi::OperationAnswer done = host.run(modapi::perform_operation(
        api, calls(), "invalidate_cache", json_object(R"({"function": "Module.fetch", "key": ["a\"b", 5]})")));
    EXPECT_TRUE(std::get<JsonValue>(done).is_null());
    host.run_ready();
    ASSERT_EQ(heard.size(), 1U);
    EXPECT_EQ(heard.front().key, (std::vector<std::string>{R"("a\"b")", "5"}));
    calls().invalidated.clear();
    modapi::CacheInvalidation of_another;
    of_another.function = heard.front().function;
    of_another.key = {R"("x")", "[1,[true]]"};
    host.bus().publish(modapi::InvalidationBus::nobody, of_another);
    host.run_ready();
    ASSERT_EQ(calls().invalidated.size(), 1U);
    EXPECT_EQ(calls().invalidated.front().first, "Module.fetch");
    EXPECT_TRUE(is_json(calls().invalidated.front().second, R"(["x", {"$tuple": [1, {"$tuple": [true]}]}])"));
    host.bus().unsubscribe(subscription);
}

TEST_F(PythonCaches, WhatIsNoKeyIsRefusedAndAPrefixDropsAll) {
    modapi::PythonCachedFunction& function = host.module<CachingModule>().function;
    const std::vector<std::string> short_key = {"1"};
    const std::vector<std::string> no_json = {"1", "{"};
    EXPECT_FALSE(function.invalidate_strings(short_key));
    EXPECT_FALSE(function.invalidate_strings(no_json));
    EXPECT_TRUE(calls().invalidated.empty());
    EXPECT_TRUE(function.invalidate_prefix_strings(short_key));
    EXPECT_TRUE(calls().invalidated.back().second.is_null());
    modapi::ModuleApi& api = host.module<CachingModule>().api;
    EXPECT_THROW(host.run(modapi::perform_operation(api, calls(), "invalidate_cache",
                                                    json_object(R"({"function": "Module.fetch", "key": [1]})"))),
                 std::logic_error);
    EXPECT_THROW(host.run(modapi::perform_operation(api, calls(), "invalidate_cache",
                                                    json_object(R"({"function": "Other", "key": [1]})"))),
                 std::invalid_argument);
}

}  // namespace
