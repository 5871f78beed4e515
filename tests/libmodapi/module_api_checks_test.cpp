#include "log_capture.h"
#include "worker_under_test.h"

#include <modapi/services/service_not_offered.h>

#include <callbacks/errors.h>

#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// What ModuleApi finds wrong before its host is asked. The host here has nothing: a call that gets there is "passed on".
namespace {

using callbacks::JsonDict;
using callbacks::UserID;
using modapi::ModuleApi;

struct Checked {
    Checked(const JsonDict&, ModuleApi& given) { api = &given; }
    static inline ModuleApi* api = nullptr;
};

class NothingOffered final : public modapi::Homeserver {
public:
    [[nodiscard]] const std::string& server_name() const noexcept override { return name_; }
    [[nodiscard]] const std::string& public_baseurl() const noexcept override { return url_; }

private:
    std::string name_ = "example.org";
    std::string url_ = "http://example.org/";
};

std::string text_of_failure(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const modapi::ServiceNotOffered&) {
        return "passed on";
    } catch (const callbacks::ForeignUserError& error) {
        return "foreign " + std::to_string(error.status()) + " " + error.what();
    } catch (const callbacks::SynapseError& error) {
        return std::to_string(error.status()) + " " + error.errcode() + " " + error.what();
    } catch (const std::invalid_argument& error) {
        return std::string("invalid_argument ") + error.what();
    } catch (const std::runtime_error& error) {
        return std::string("runtime_error ") + error.what();
    }
}

class ModuleApiChecksTest : public testing::Test {
protected:
    ModuleApiChecksTest()
        : database(modapi::Database::open(memory())),
          worker(server, time.environment(), *database, bus, threads, modapi::WorkerSettings()) {
        modapi::ModuleResolver resolver({});
        resolver.add<Checked>("test.Checked");
        const auto file = modapi::ConfigurationFile::parse("modules:\n  - module: test.Checked\n", "hs.yaml");
        worker.construct_modules(modapi::configure_modules(file, resolver, [](const std::string&) {}));
        time.run(worker.start_modules());
        api = Checked::api;
    }
    ~ModuleApiChecksTest() override { time.run(worker.stop()); }

    static modapi::DatabaseSettings memory() {
        modapi::DatabaseSettings settings;
        settings.database = ":memory:";
        return settings;
    }
    /// What awaiting a call throws.
    template <class T>
    std::string thrown(async::task<T> call) {
        try {
            static_cast<void>(time.run(std::move(call)));
        } catch (...) {
            return text_of_failure(std::current_exception());
        }
        return "nothing";
    }
    std::string thrown(async::task<void> call) {
        try {
            time.run(std::move(call));
        } catch (...) {
            return text_of_failure(std::current_exception());
        }
        return "nothing";
    }
    static JsonDict complete_event() {
        return JsonDict{{"type", "m.room.message"},
                        {"room_id", "!r:example.org"},
                        {"sender", "@alice:example.org"},
                        {"content", JsonDict()}};
    }
    static JsonDict nested_too_deeply() {
        callbacks::JsonValue inner = "x";
        for (int level = 0; level < 200; ++level) inner = callbacks::JsonArray{std::move(inner)};
        JsonDict object;
        object["x"] = std::move(inner);
        return object;
    }

    const std::string local = "@alice:example.org";
    const std::string foreign = "@a:other.test";
    const std::string room = "!r:example.org";
    const std::string bytes = "\xFF";
    const std::string nul = std::string("a\0b", 3);

    LogCapture log;
    async::testing::simulation time;
    modapi::BlockingThreads threads{1};
    NothingOffered server;
    modapi::InProcessInvalidationBus bus;
    std::unique_ptr<modapi::Database> database;
    modapi::ModuleHost worker;
    ModuleApi* api;
};

TEST_F(ModuleApiChecksTest, AForeignUserIsOneKindOfErrorInEveryMethodThatWantsALocalOne) {
    const modapi::Request request;
    const JsonDict object;
    JsonDict event = complete_event();
    event["sender"] = foreign;
    const std::string no_user = "foreign 400 @a:other.test is not a user of this homeserver";
    const std::string no_row = "foreign 404 No row found";
    EXPECT_EQ(thrown(api->record_user_external_id("p", "x", foreign)), no_user);
    EXPECT_EQ(thrown(api->store_remote_3pid_association(foreign, "email", "a@b", "id")), no_user);
    EXPECT_EQ(thrown(api->account_data_manager().get_global(foreign, "t")), no_user);
    EXPECT_EQ(thrown(api->account_data_manager().put_global(foreign, "t", object)), no_user);
    EXPECT_EQ(thrown(api->update_room_membership(foreign, local, room, "join")), no_user);
    EXPECT_EQ(thrown(api->create_room(foreign, object)), no_user);
    EXPECT_EQ(thrown(api->set_push_rule_action(foreign, "global", "room", "x", callbacks::JsonArray())), no_user);
    EXPECT_EQ(thrown(api->create_and_send_event_into_room(event)), "foreign 400 the sender @a:other.test is not local");
    EXPECT_EQ(thrown(api->set_displayname(UserID(foreign), "x")), "foreign 400 User is not hosted on this homeserver");
    EXPECT_EQ(thrown(api->set_user_admin(foreign, true)), no_row);
    EXPECT_EQ(thrown(api->register_device(foreign)), no_row);
    EXPECT_EQ(thrown(api->create_login_token(foreign)), no_row);
    EXPECT_EQ(thrown(api->complete_sso_login_async(foreign, request, "https://c")), no_row);
    EXPECT_EQ(thrown(api->deactivate_user(foreign)), no_row);
    EXPECT_EQ(thrown(api->is_user_admin(foreign)), "passed on") << "a question has an answer";
}

TEST_F(ModuleApiChecksTest, NothingIsThrownBeforeTheAwait) {
    const modapi::Request request;
    const JsonDict object;
    EXPECT_NO_THROW({
        static_cast<void>(api->is_user_admin("no id"));
        static_cast<void>(api->set_user_admin("no id", true));
        static_cast<void>(api->register_user(nul));
        static_cast<void>(api->register_device("no id"));
        static_cast<void>(api->record_user_external_id("p", "x", foreign));
        static_cast<void>(api->create_login_token(local, 0));
        static_cast<void>(api->invalidate_access_token(bytes));
        static_cast<void>(api->complete_sso_login_async("no id", request, ""));
        static_cast<void>(api->get_user_by_req(request));
        static_cast<void>(api->get_local_users("", 0));
        static_cast<void>(api->list_local_users(modapi::UserOrder::by_id, 0));
        static_cast<void>(api->set_displayname(UserID(foreign), "x"));
        static_cast<void>(api->store_remote_3pid_association(foreign, "email", "a", "i"));
        static_cast<void>(api->deactivate_user("no id"));
        static_cast<void>(api->account_data_manager().get_global(foreign, "t"));
        static_cast<void>(api->account_data_manager().put_global(foreign, "t", object));
        static_cast<void>(api->create_and_send_event_into_room(object));
        static_cast<void>(api->update_room_membership("no id", "no id", room, "dance"));
        static_cast<void>(api->create_room("no id", object));
        static_cast<void>(api->delete_room("no id"));
        static_cast<void>(api->lookup_room_alias("no alias"));
        static_cast<void>(api->get_room_state(room));
        static_cast<void>(api->send_local_online_presence_to({"no id"}));
        static_cast<void>(api->set_presence_for_users({{"no id", modapi::PresenceUpdate("online")}}));
        static_cast<void>(api->send_http_push_notification("no id", std::nullopt, object));
        static_cast<void>(api->set_push_rule_action(local, "device", "room", "x", callbacks::JsonArray()));
        static_cast<void>(api->send_mail("nobody", "s", "h", "t"));
        static_cast<void>(api->public_room_list_manager().add_room_to_public_room_list(room));
    });
}

TEST_F(ModuleApiChecksTest, AnEventToSendIsCompleteAndNoMembership) {
    EXPECT_EQ(thrown(api->create_and_send_event_into_room(complete_event())), "passed on");
    for (const char* const key : {"type", "room_id", "sender"}) {
        JsonDict event = complete_event();
        event.erase(key);
        EXPECT_EQ(thrown(api->create_and_send_event_into_room(event)),
                  std::string("invalid_argument an event needs a string '") + key + "'");
        event[key] = 7;
        EXPECT_EQ(thrown(api->create_and_send_event_into_room(event)),
                  std::string("invalid_argument an event needs a string '") + key + "'");
    }
    JsonDict event = complete_event();
    event["content"] = "text";
    EXPECT_EQ(thrown(api->create_and_send_event_into_room(event)), "invalid_argument an event needs an object 'content'");
    event = complete_event();
    event["state_key"] = nullptr;
    EXPECT_EQ(thrown(api->create_and_send_event_into_room(event)), "invalid_argument an event's 'state_key' is a string");
    event = complete_event();
    event["type"] = "m.room.member";
    EXPECT_EQ(thrown(api->create_and_send_event_into_room(event)),
              "500 M_UNKNOWN Tried to send member event through non-member codepath");
}

TEST_F(ModuleApiChecksTest, WhatIsToBeKeptIsTextAndNotNestedTooDeeply) {
    const std::string no_text = "400 M_BAD_JSON Bad JSON value: a text isn't UTF-8";
    const std::string too_deep = "400 M_BAD_JSON Bad JSON value: it is nested too deeply";
    const JsonDict odd{{"body", bytes}};
    const JsonDict deep = nested_too_deeply();
    for (const auto& [content, error] : {std::pair(odd, no_text), std::pair(deep, too_deep)}) {
        JsonDict event = complete_event();
        event["content"] = content;
        EXPECT_EQ(thrown(api->create_and_send_event_into_room(event)), error);
        EXPECT_EQ(thrown(api->update_room_membership(local, local, room, "join", content)), error);
        EXPECT_EQ(thrown(api->create_room(local, content)), error);
        EXPECT_EQ(thrown(api->create_room(local, JsonDict(), true, content)), error);
        EXPECT_EQ(thrown(api->account_data_manager().put_global(local, "t", content)), error);
        EXPECT_EQ(thrown(api->send_http_push_notification(local, std::nullopt, content)), error);
    }
    JsonDict event = complete_event();
    event["state_key"] = nul;
    EXPECT_EQ(thrown(api->create_and_send_event_into_room(event)),
              "400 M_BAD_JSON Bad JSON value: 'state_key' has a NUL character");
    EXPECT_EQ(thrown(api->account_data_manager().put_global(local, nul, JsonDict())),
              "invalid_argument the type of account data is no text");
    EXPECT_EQ(thrown(api->set_displayname(UserID(local), bytes)), "400 M_UNKNOWN Displayname is no UTF-8 text");
    EXPECT_EQ(thrown(api->register_user("alice", bytes)), "400 M_INVALID_PARAM displayname is no UTF-8 text");
    EXPECT_EQ(thrown(api->register_device(local, nul)), "400 M_INVALID_PARAM device_id is no UTF-8 text");
    EXPECT_EQ(thrown(api->record_user_external_id("p", bytes, local)), "400 M_INVALID_PARAM remote_user_id is no UTF-8 text");
    EXPECT_EQ(thrown(api->set_user_admin("@a\xFF:example.org", true)), "400 M_INVALID_PARAM the id is no UTF-8 text");
    EXPECT_EQ(thrown(api->set_presence_for_users({{local, modapi::PresenceUpdate("online", bytes)}})),
              "400 M_INVALID_PARAM status_msg is no UTF-8 text");
}

TEST_F(ModuleApiChecksTest, WhatNobodyCanHaveIsNotFoundWithoutAskingTheHost) {
    for (const std::string& odd : {bytes, nul}) {
        EXPECT_EQ(time.run(api->check_user_exists(odd)), std::nullopt);
        EXPECT_FALSE(time.run(api->get_userinfo_by_id(odd)).has_value());
        EXPECT_TRUE(time.run(api->get_threepids_for_user(odd)).empty());
        EXPECT_TRUE(time.run(api->get_user_ip_and_agents(odd)).empty());
        EXPECT_EQ(time.run(api->get_profile_for_user(odd)).display_name, std::nullopt);
        EXPECT_TRUE(time.run(api->get_room_state(odd)).empty());
        EXPECT_FALSE(time.run(api->get_state_event(room, odd)).has_value());
        EXPECT_FALSE(time.run(api->get_state_event(room, "m.room.member", odd)).has_value());
        EXPECT_FALSE(time.run(api->get_event(odd)).has_value());
        EXPECT_TRUE(time.run(api->get_members(odd)).empty());
        EXPECT_TRUE(time.run(api->get_rooms_for_user(odd)).empty());
        EXPECT_FALSE(time.run(api->public_room_list_manager().room_is_in_public_room_list(odd)));
        EXPECT_EQ(thrown(api->public_room_list_manager().add_room_to_public_room_list(odd)), "404 M_UNKNOWN No row found");
        EXPECT_EQ(thrown(api->invalidate_access_token(odd)), "401 M_UNKNOWN_TOKEN Invalid access token passed.");
        EXPECT_EQ(time.run(api->account_data_manager().get_global(local, odd)), nullptr);
    }
    EXPECT_EQ(thrown(api->get_room_state(room)), "passed on");
}

TEST_F(ModuleApiChecksTest, RefusesWhatNoHostCanDo) {
    EXPECT_EQ(thrown(api->update_room_membership(local, local, room, "dance")), "400 M_UNKNOWN Invalid membership key");
    EXPECT_EQ(thrown(api->update_room_membership(local, local, room, "unban")), "passed on");
    EXPECT_EQ(thrown(api->send_mail("nobody", "s", "h", "t")), "runtime_error this is no mail address: nobody");
    EXPECT_EQ(thrown(api->send_mail("Alice <a@example.org>", "s", "h", "t")), "passed on");
    EXPECT_EQ(thrown(api->list_local_users(modapi::UserOrder::by_id, 0)),
              "invalid_argument list_local_users: the limit is at least 1");
    EXPECT_EQ(thrown(api->set_push_rule_action(local, "device", "room", "x", callbacks::JsonArray())),
              "runtime_error push rules have the scope global, not device");
}

TEST(MailAddressTest, IsWhatSendMailTakes) {
    const std::optional<modapi::MailAddress> address = modapi::parse_mail_address("Alice B. <alice@example.org>");
    ASSERT_TRUE(address.has_value());
    EXPECT_EQ(address->name, "Alice B.");
    EXPECT_EQ(address->address, "alice@example.org");
    EXPECT_FALSE(modapi::parse_mail_address("alice@example.org\r\nBcc: b@example.org").has_value());
}

}  // namespace
