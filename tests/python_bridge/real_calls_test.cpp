#include "example_ids.h"
#include "log_capture.h"
#include "python_worker.h"
#include "temporary_folder.h"

#include <modapi/testing/assertions.h>
#include <modapi/testing/events.h>
#include <modapi/testing/json.h>

#include <gtest/gtest.h>

#include <fstream>
#include <string>

/// Callbacks of a module that is really written in Python, through its process, as the host asks them.
namespace {

using callbacks::JsonDict;
using modapi::testing::is_json;
using modapi::testing::json_object;
using modapi::testing::message;

/// One process for all: its module keeps nothing that another test would see.
class RealCalls : public testing::Test {
protected:
    void SetUp() override {
        const std::string missing = missing_for_python();
        if (!missing.empty()) GTEST_SKIP() << missing;
        python.emplace();
        python->construct("  - module: conversing.Conversing\n");
    }
    callbacks::Dispatchers& hooks() { return python->worker->hooks(); }
    template <class Dispatcher, class... Arguments>
    auto ask(const Dispatcher& callback, Arguments&&... arguments) {
        return result_of(callback(std::forward<Arguments>(arguments)...));
    }
    template <class T>
    T result_of(async::task<T> asking) {
        if constexpr (std::is_void_v<T>) {
            python->wait(std::move(asking));
        } else {
            std::optional<T> answer;
            python->wait(put(std::move(asking), answer));
            return std::move(*answer);
        }
    }
    /// Not all answers can be made from nothing, as a spawned coroutine's have to.
    template <class T>
    static async::task<void> put(async::task<T> asking, std::optional<T>& into) {
        into.emplace(co_await std::move(asking));
    }
    callbacks::EventDecision decided(const std::string& body) {
        const callbacks::Event event = message(alice, hall, body);
        callbacks::StateMap state;
        state.set(modapi::testing::state_event("m.room.create", "", alice, hall, json_object(R"({"room_version": "10"})")));
        return ask(hooks().third_party_rules.check_event_allowed, event, state);
    }
    callbacks::Verdict verdict(const std::string& body) {
        const callbacks::Event event = message(alice, hall, body);
        return ask(hooks().spam_checker.check_event_for_spam, event);
    }

    LogCapture log;
    std::optional<PythonWorker> python;
};

TEST_F(RealCalls, AnEventIsAllowedDeniedOrReplaced) {
    EXPECT_EQ(decided("hello"), callbacks::EVENT_ALLOWED);
    EXPECT_FALSE(decided("deny").allowed());
    const callbacks::EventDecision replaced = decided("replace");
    ASSERT_TRUE(replaced.replacement());
    EXPECT_TRUE(is_json(replaced.replacement()->at("content"), R"({"body": "replaced", "by": ["a", "pair"]})"));
    EXPECT_EQ(decided("state"), callbacks::EVENT_ALLOWED) << "the room's state is a mapping of events";
}

TEST_F(RealCalls, NothingOfAnEventCanBeChanged) { EXPECT_THROW(static_cast<void>(decided("change")), callbacks::ModuleFailed); }

TEST_F(RealCalls, AnErrorForTheClientKeepsAllItsParts) {
    try {
        static_cast<void>(decided("refuse"));
        FAIL() << "it was allowed";
    } catch (const callbacks::SynapseError& refused) {
        EXPECT_EQ(refused.status(), 418);
        EXPECT_EQ(refused.errcode(), "ORG_TEAPOT");
        EXPECT_STREQ(refused.what(), "short and stout");
        EXPECT_EQ(refused.additional_fields(), json_object(R"({"tea": true})"));
    }
}

TEST_F(RealCalls, ANewRoomsRequestIsChangedInPlace) {
    const callbacks::Requester requester{callbacks::UserID(alice)};
    JsonDict request = json_object(R"({"secret": 1, "preset": "public_chat"})");
    ask(hooks().third_party_rules.on_create_room, requester, request, false);
    EXPECT_TRUE(is_json(request, R"({"preset": "public_chat", "name": "the room of alice"})"));
}

TEST_F(RealCalls, WhatIsRaisedIsLoggedWithItsClassAndTraceback) {
    const std::string user = alice;
    const callbacks::ProfileInfo profile{"Alice", "mxc://a/b"};
    ask(hooks().third_party_rules.on_profile_update, user, profile, false, false);
    EXPECT_TRUE(log.contains("ValueError: Alice mxc://a/b")) << log.text();
    EXPECT_TRUE(log.contains("conversing.py")) << log.text();
}

TEST_F(RealCalls, ALoginHasAUserAndChangesItsResponse) {
    auto& provider = hooks().password_auth_provider;
    const callbacks::LoginType key("org.example.login", {"secret"});
    const std::string user = "alice";
    const std::string type = "org.example.login";
    const JsonDict wrong = json_object(R"({"secret": "x"})");
    EXPECT_FALSE(ask(provider.auth_checkers, key, user, type, wrong));
    const JsonDict right = json_object(R"({"secret": "open sesame"})");
    const auto login = ask(provider.auth_checkers, key, user, type, right);
    ASSERT_TRUE(login);
    EXPECT_EQ(login->user_id, alice);
    JsonDict response = json_object(R"({"user_id": "@alice:example.org"})");
    python->wait(login->on_response.get()(response));
    EXPECT_TRUE(is_json(response, R"({"user_id": "@alice:example.org", "org.example.greeting": ["hello", "alice"]})"));
    const JsonDict results;
    const JsonDict params = json_object(R"({"wanted": "bob"})");
    EXPECT_EQ(ask(provider.get_username_for_registration, results, params), "bob");
}

TEST_F(RealCalls, AnUpdateRunsWithinTheContextManagerWhichSeesWhatFails) {
    auto& controller = hooks().background_update_controller;
    const std::string name = "index";
    const std::string database = "main";
    auto manager = ask(controller.on_update, name, database, false);
    ASSERT_TRUE(manager);
    EXPECT_EQ(python->wait(manager->enter()), 50);
    EXPECT_FALSE(python->wait(manager->exit(nullptr)));
    EXPECT_EQ(ask(controller.default_batch_size, name, database), 0);
    auto failing = ask(controller.on_update, name, database, false);
    EXPECT_EQ(python->wait(failing->enter()), 50);
    EXPECT_TRUE(python->wait(failing->exit(std::make_exception_ptr(std::invalid_argument("x"))))) << "it swallows ValueError";
    EXPECT_EQ(ask(controller.default_batch_size, name, database), 1);
    auto broken = ask(controller.on_update, name, database, false);
    EXPECT_EQ(python->wait(broken->enter()), 50);
    EXPECT_FALSE(python->wait(broken->exit(std::make_exception_ptr(std::runtime_error("x"))))) << "and nothing else";
}

TEST_F(RealCalls, PresenceIsRouted) {
    callbacks::UserPresenceState presence;
    presence.user_id = alice;
    presence.state = "online";
    const std::vector<callbacks::UserPresenceState> states = {presence};
    const callbacks::UsersForStates users = ask(hooks().presence_router.get_users_for_states, states);
    EXPECT_TRUE(users.at("@bob:example.org").contains(presence));
    const std::string user = alice;
    EXPECT_TRUE(ask(hooks().presence_router.get_interested_users, user).contains("@bob:example.org"));
}

TEST_F(RealCalls, FieldsOfEventsAreWhatTheModuleAdds) {
    const callbacks::Event event = message(alice, hall, "hello");
    EXPECT_EQ(ask(hooks().unsigned_section.add_field_to_unsigned_callback, event), json_object(R"({"org.example.length": 5})"));
}

TEST_F(RealCalls, VerdictsMeanWhatTheyMeant) {
    EXPECT_FALSE(verdict("hello").is_spam());
    const callbacks::Verdict often = verdict("often");
    EXPECT_EQ(often.errcode(), "M_LIMIT_EXCEEDED");
    EXPECT_EQ(often.additional_fields(), json_object(R"({"after": 5})"));
    EXPECT_TRUE(verdict("mark").is_spam()) << "it was marked as soft-failed";
    auto& spam = hooks().spam_checker;
    const std::string requester = "@bob:example.org";
    EXPECT_TRUE(ask(spam.check_username_for_spam, callbacks::UserProfile{alice, "spam", std::nullopt}, requester));
    const callbacks::RegistrationRequestInfo bad = {{"agent", "6.6.6.6"}};
    EXPECT_EQ(ask(spam.check_registration_for_spam, std::nullopt, std::nullopt, bad, std::nullopt),
              callbacks::RegistrationBehaviour::DENY);
}

TEST_F(RealCalls, AnOperationIsAwaitedWithinItsCallback) {
    const std::string inviter = alice;
    const std::string room = hall;
    const std::string known = alice;
    const std::string unknown = "@nobody:example.org";
    EXPECT_FALSE(ask(hooks().spam_checker.user_may_invite, inviter, known, room).is_spam());
    EXPECT_TRUE(ask(hooks().spam_checker.user_may_invite, inviter, unknown, room).is_spam());
    EXPECT_FALSE(ask(hooks().spam_checker.user_may_join_room, known, room, false).is_spam());
    ASSERT_EQ(python->server.sent.size(), 1U);
    EXPECT_EQ(python->server.sent.front().at("type"), "org.example.knock");
}

TEST_F(RealCalls, ANeighbourIsReachedIfTheEntrySaysSo) {
    const std::string user = alice;
    const std::string room = hall;
    const auto text_with = [&](const std::string& further) {
        python.emplace();
        python->construct("  - module: conversing.Conversing\n    config: {neighbour: 'http://127.0.0.1:9/'}\n" + further);
        try {
            static_cast<void>(ask(hooks().spam_checker.user_may_publish_room, user, room));
        } catch (const std::exception& failure) {
            return std::string(failure.what());
        }
        return std::string("an answer");
    };
    EXPECT_NE(text_with("").find("an entry of `modules:` lists under may_reach"), std::string::npos);
    EXPECT_NE(text_with("    may_reach: ['127.0.0.1:9']\n").find("ConnectionError"), std::string::npos)
        << "nobody listens there";
    EXPECT_NE(python->error_of("  - module: conversing.Conversing\n    may_reach: 5\n").find("may_reach"), std::string::npos);
    EXPECT_NE(python->error_of("  - module: conversing.Conversing\n    may_reach: [{}]\n").find("may_reach[0]"),
              std::string::npos);
}

/// A file on disk, as the homeserver has them.
class FileOnDisk final : public callbacks::ReadableFileWrapper {
public:
    explicit FileOnDisk(std::string path) : path_(std::move(path)) {}
    async::task<std::span<const std::byte>> read_chunk() override { co_return std::span<const std::byte>(); }
    const std::string& path() const noexcept override { return path_; }

private:
    std::string path_;
};

TEST_F(RealCalls, AFileIsReadWhereItLies) {
    const TemporaryFolder folder;
    modapi::PythonSettings settings = python_settings();
    settings.readable.push_back(folder.path());  // as a host does with its media
    python.emplace(std::move(settings));
    python->construct("  - module: conversing.Conversing\n");
    const auto judged = [&](const std::string& content) {
        const std::string path = (folder.path() / "file").string();
        std::ofstream(path) << content;
        FileOnDisk file(path);
        callbacks::FileInfo info;
        info.file_id = "f";
        return ask(hooks().spam_checker.check_media_file_for_spam, file, info).is_spam();
    };
    EXPECT_FALSE(judged("good"));
    EXPECT_TRUE(judged("bad"));
}

}  // namespace
