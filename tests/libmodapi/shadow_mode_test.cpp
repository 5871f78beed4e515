#include "log_capture.h"
#include "worker_under_test.h"

#include <modapi/hosting/request_trace.h>
#include <modapi/hosting/shadow_runs.h>
#include <modapi/module_api.h>

#include <async/cached.h>
#include <async/sleep.h>

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

/// `mode: shadow`, from the file to a module's instance: what a run may not change, what is counted and logged of it, and how
/// it ends.
namespace {

using namespace std::chrono_literals;
using modapi::ModuleApi;

using Call = std::function<async::task<void>(ModuleApi&)>;

/// Does in check_event_for_spam what the test says.
class Doing {
public:
    Doing(const callbacks::JsonDict&, ModuleApi& api) : api_(api) {
        api.register_cached_function(numbers_);
        callbacks::SpamChecker spam;
        spam.check_event_for_spam = async::bind<&Doing::check_event>(this);
        api.register_spam_checker_callbacks(spam);
        callbacks::ThirdPartyRules rules;
        rules.on_new_event = async::bind<&Doing::hear>(this);
        api.register_third_party_rules_callbacks(rules);
        ++alive;
        built = this;
    }
    ~Doing() { --alive; }
    Doing(const Doing&) = delete;
    Doing& operator=(const Doing&) = delete;

    async::task<callbacks::Verdict> check_event(const callbacks::Event&) {
        const AliveAtTheEnd guard;
        async::task<void> doing = what(api_);
        co_await std::move(doing);
        co_return callbacks::Codes::FORBIDDEN;
    }
    void hear(const callbacks::Event&, const callbacks::StateMap&) {
        api_.delayed_background_call(5s, [] { ++delayed; });
    }
    static async::task<void> invalidate(ModuleApi& api) {
        async::task<void> invalidating = api.invalidate_cache(built->numbers_, std::string("key"));
        co_await std::move(invalidating);
    }
    static async::task<void> invalidate_by_text(ModuleApi& api) {
        std::vector<std::string> key = {"key"};
        async::task<void> invalidating = api.invalidate_cache_by_text(built->numbers_, std::move(key));
        co_await std::move(invalidating);
    }

    static inline Call what;
    static inline Doing* built = nullptr;
    static inline int alive = 0;
    static inline int delayed = 0;
    static inline int ended_alive = 0;

private:
    struct AliveAtTheEnd {
        ~AliveAtTheEnd() { ended_alive += alive; }
    };
    static async::task<int> number_of(std::string) { co_return 1; }

    ModuleApi& api_;
    async::cached<int(std::string)> numbers_{"numbers", &Doing::number_of};
};

template <class T>
async::task<void> discarded(async::task<T> call) {
    if constexpr (std::is_void_v<T>) {
        co_await std::move(call);
    } else {
        static_cast<void>(co_await std::move(call));
    }
}

async::task<void> nothing() { co_return; }
async::task<void> wait_for(async::clock::duration time) { co_await async::sleep_for(time); }

/// Sends an event for who joins.
class Welcoming {
public:
    Welcoming(const callbacks::JsonDict&, ModuleApi& api) : api_(api) {
        callbacks::SpamChecker spam;
        spam.user_may_join_room = async::bind<&Welcoming::welcome>(this);
        api.register_spam_checker_callbacks(spam);
    }
    async::task<callbacks::Verdict> welcome(const std::string&, const std::string&, bool) {
        callbacks::JsonDict event;
        async::task<callbacks::Event> sending = api_.create_and_send_event_into_room(std::move(event));
        static_cast<void>(co_await std::move(sending));
        co_return callbacks::NOT_SPAM;
    }

private:
    ModuleApi& api_;
};
async::task<void> join(modapi::ModuleHost& worker) {
    const std::string user = "@alice:example.org";
    const std::string room = "!r:example.org";
    static_cast<void>(co_await worker.hooks().spam_checker.user_may_join_room(user, room, false));
}

class ShadowModeTest : public testing::Test {
protected:
    ShadowModeTest() {
        Doing::what = [](ModuleApi&) { return nothing(); };
        Doing::delayed = Doing::ended_alive = 0;
        resolver.add<Doing>("my.Doing");
        resolver.add<Welcoming>("my.Welcoming");
    }

    static std::string entry(const std::string& rules = "mode: shadow") {
        return "modules:\n  - module: my.Doing\n    callbacks: {" + rules + ", on_new_event: {mode: enforce}}\n";
    }
    void start(const std::string& yaml) { under_test.construct_from(yaml, resolver); }
    static callbacks::Event event_of(const std::string& type) {
        callbacks::EventFields fields;
        fields.type = type;
        fields.sender = "@alice:example.org";
        return callbacks::Event(std::move(fields));
    }
    static async::task<bool> judged(modapi::ModuleHost& worker, callbacks::Event event) {
        const callbacks::Verdict verdict = co_await worker.hooks().spam_checker.check_event_for_spam(event);
        co_return verdict.is_spam();
    }
    /// Has the module do it in a run in shadow mode; the operation goes on.
    void ask(Call what) {
        Doing::what = std::move(what);
        EXPECT_FALSE(under_test.wait(judged(under_test.worker, event_of("m.room.message"))));
        under_test.run_ready();
    }
    [[nodiscard]] modapi::CallbackCounts counts(const std::string& callback = "check_event_for_spam") const {
        return under_test.counts(0, callback);
    }

    LogCapture log;
    modapi::ModuleResolver resolver{{}};
    WorkerUnderTest under_test;
};

async::task<void> note_request(std::string& noted) {
    const async::context& here = co_await async::this_context;
    const std::shared_ptr<const modapi::RequestTrace> request = modapi::trace_of(here);
    noted = request != nullptr ? request->request_id() : "none";
}
async::task<bool> because_of(std::shared_ptr<const modapi::RequestTrace> request, async::task<bool> work) {
    const async::context& here = co_await async::this_context;
    const modapi::TracedWork traced(here, std::move(request));
    const bool answer = co_await std::move(work).in(traced.here());
    co_return answer;
}

TEST_F(ShadowModeTest, ARunIsBecauseOfTheSameRequestAsTheCallThatBeganIt) {
    start(entry());
    std::string noted;
    ask([&](ModuleApi&) { return note_request(noted); });
    EXPECT_EQ(noted, "none");
    const auto request = std::make_shared<const modapi::RequestTrace>("127.0.0.1", "", "");
    under_test.wait(because_of(request, judged(under_test.worker, event_of("m.room.message"))));
    under_test.run_ready();
    EXPECT_EQ(noted, request->request_id());
}

TEST_F(ShadowModeTest, ADifferenceIsCountedAndALineOfTheLogAndNothingElse) {
    start(entry());
    ask([](ModuleApi&) { return nothing(); });
    const modapi::CallbackCounts counted = counts();
    EXPECT_EQ(counted.shadow.runs, 1U);
    EXPECT_EQ(counted.shadow.differed, 1U);
    EXPECT_EQ(counted.calls, 0U);
    EXPECT_EQ(counted.decided, 0U);
    EXPECT_EQ(counted.timed_calls, 0U);
    EXPECT_TRUE(
        log.contains("info: module my.Doing: check_event_for_spam (shadow) would have answered M_FORBIDDEN where "
                     "NOT_SPAM was done"))
        << log.text();
}

TEST_F(ShadowModeTest, AFailureIsCountedAndALineOfTheLogAndNothingElse) {
    start(entry());
    ask([](ModuleApi&) -> async::task<void> { throw std::runtime_error("broken"); });
    EXPECT_EQ(counts().shadow.failed, 1U);
    EXPECT_EQ(counts().failed, 0U);
    EXPECT_TRUE(log.contains("module my.Doing: check_event_for_spam (shadow) failed: broken")) << log.text();
}

TEST_F(ShadowModeTest, AHangingRunEndsAtItsDeadlineAndTakesNoPlaceOfTheCallsThatCount) {
    start(entry("mode: shadow, max_concurrent: 1, deadline: 2s"));
    ask([](ModuleApi&) { return wait_for(1h); });
    ask([](ModuleApi&) { return wait_for(1h); });
    EXPECT_EQ(counts().shadow.skipped, 1U);
    const callbacks::StateMap state;
    const callbacks::Event event = event_of("m.room.message");
    under_test.wait(under_test.worker.hooks().third_party_rules.on_new_event(event, state));
    EXPECT_EQ(counts("on_new_event").calls, 1U);
    EXPECT_EQ(counts("on_new_event").failed, 0U);
    under_test.advance(3s);
    EXPECT_EQ(counts().shadow.failed, 1U);
    EXPECT_EQ(counts().waiting, 0U);
}

TEST_F(ShadowModeTest, AStopEndsARunThatHangsBeforeItsModule) {
    start(entry("mode: shadow, deadline: none"));
    ask([](ModuleApi&) { return wait_for(100h); });
    EXPECT_EQ(Doing::ended_alive, 0);
    under_test.stop();
    EXPECT_EQ(Doing::ended_alive, 1) << "the module was there when its run ended";
    EXPECT_EQ(Doing::alive, 0);
}

TEST_F(ShadowModeTest, WhatOtherCallbacksDoWhileARunWaitsIsNotRefused) {
    start(entry());
    ask([](ModuleApi&) { return wait_for(1h); });
    const callbacks::StateMap state;
    const callbacks::Event event = event_of("m.room.message");
    under_test.wait(under_test.worker.hooks().third_party_rules.on_new_event(event, state));
    under_test.advance(6s);
    EXPECT_EQ(Doing::delayed, 1);
    EXPECT_EQ(counts().shadow.kept_back, 0U);
}

TEST_F(ShadowModeTest, WhatIsRefusedAfterAWaitIsRefusedTooAndNoFailure) {
    start(entry("mode: shadow, breaker: {failures: 1}"));
    ask([](ModuleApi& api) -> async::task<void> {
        co_await async::sleep_for(1s);
        api.delayed_background_call(1s, [] { ++Doing::delayed; });
    });
    under_test.advance(10s);
    EXPECT_EQ(Doing::delayed, 0);
    EXPECT_EQ(counts().shadow.kept_back, 1U);
    EXPECT_EQ(counts().shadow.failed, 0U);
    ask([](ModuleApi&) { return nothing(); });
    EXPECT_EQ(counts().shadow.skipped, 0U) << "no breaker opens for it";
}

TEST_F(ShadowModeTest, ACallbackOfAnotherModuleThatARunCausesChangesNothingEither) {
    start(entry() + "  - module: my.Welcoming\n");
    ask([this](ModuleApi&) { return join(under_test.worker); });
    EXPECT_TRUE(under_test.server.sent.empty());
    EXPECT_EQ(counts().shadow.kept_back, 1U);
    EXPECT_TRUE(log.contains("module my.Doing: check_event_for_spam (shadow) was kept from create_and_send_event_into_room"))
        << log.text();
}

/// Says why a call was refused.
async::task<void> attempt(ModuleApi& api, const Call& what, std::string& refusal) {
    try {
        async::task<void> changing = what(api);
        co_await std::move(changing);
    } catch (const modapi::ShadowedChange& refused) {
        refusal = refused.what();
    }
}
async::task<void> attempt_and_note(ModuleApi& api, const Call& what, std::string& refusal, bool& has_ended) {
    async::task<void> attempting = attempt(api, what, refusal);
    co_await std::move(attempting);
    has_ended = true;
}
async::task<void> read_number(ModuleApi& api, std::int64_t& number) {
    async::task<std::int64_t> reading = api.run_db_interaction("read", [](modapi::Transaction& transaction) {
        return std::get<0>(*transaction.query_one<std::int64_t>("SELECT number FROM shadowed"));
    });
    number = co_await std::move(reading);
}

/// What isn't one of those here is one that changes nothing.
std::map<std::string, Call, std::less<>> changing_calls() {
    const std::string alice = "@alice:example.org";
    std::map<std::string, Call, std::less<>> calls;
    const auto add_plain = [&](const std::string& name, std::function<void(ModuleApi&)> call) {
        calls[name] = [call = std::move(call)](ModuleApi& api) {
            call(api);
            return nothing();
        };
    };
    add_plain("register_account_data_callbacks", [](ModuleApi& api) { api.register_account_data_callbacks({}); });
    add_plain("register_account_validity_callbacks", [](ModuleApi& api) { api.register_account_validity_callbacks({}); });
    add_plain("register_add_extra_fields_to_unsigned_client_event_callbacks",
              [](ModuleApi& api) { api.register_add_extra_fields_to_unsigned_client_event_callbacks({}); });
    add_plain("register_background_update_controller_callbacks",
              [](ModuleApi& api) { api.register_background_update_controller_callbacks({}); });
    add_plain("register_password_auth_provider_callbacks",
              [](ModuleApi& api) { api.register_password_auth_provider_callbacks({}); });
    add_plain("register_presence_router_callbacks", [](ModuleApi& api) { api.register_presence_router_callbacks({}); });
    add_plain("register_media_repository_callbacks", [](ModuleApi& api) { api.register_media_repository_callbacks({}); });
    add_plain("register_ratelimit_callbacks", [](ModuleApi& api) { api.register_ratelimit_callbacks({}); });
    add_plain("register_spam_checker_callbacks", [](ModuleApi& api) { api.register_spam_checker_callbacks({}); });
    add_plain("register_third_party_rules_callbacks", [](ModuleApi& api) { api.register_third_party_rules_callbacks({}); });
    add_plain("register_web_resource", [](ModuleApi& api) { api.register_web_resource("/_synapse/client/x", nullptr); });
    add_plain("register_cached_function", [](ModuleApi& api) {
        async::cached<int(std::string)> unused("unused", [](std::string) { return 1; });
        api.register_cached_function(unused);
    });
    add_plain("looping_background_call", [](ModuleApi& api) { api.looping_background_call([] {}, 5s); });
    add_plain("looping_background_call_on_all_instances",
              [](ModuleApi& api) { api.looping_background_call_on_all_instances([] {}, 5s); });
    add_plain("delayed_background_call", [](ModuleApi& api) { api.delayed_background_call(5s, [] {}); });
    add_plain("run_as_background_process", [](ModuleApi& api) { api.run_as_background_process("process", [] {}); });
    add_plain("on_broadcast", [](ModuleApi& api) { api.on_broadcast("news", [](const callbacks::JsonDict&) {}); });
    calls["broadcast"] = [](ModuleApi& api) { return api.broadcast("news", callbacks::JsonDict()); };
    calls["invalidate_cache"] = &Doing::invalidate;
    calls["invalidate_cache_by_text"] = &Doing::invalidate_by_text;
    calls["unsigned_changed"] = [](ModuleApi& api) { return api.unsigned_changed("$event"); };
    calls["set_user_admin"] = [=](ModuleApi& api) { return api.set_user_admin(alice, true); };
    calls["register_user"] = [](ModuleApi& api) { return discarded(api.register_user("bob")); };
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    calls["register_"] = [](ModuleApi& api) { return discarded(api.register_("bob")); };
#pragma GCC diagnostic pop
    calls["register_device"] = [=](ModuleApi& api) { return discarded(api.register_device(alice)); };
    calls["record_user_external_id"] = [=](ModuleApi& api) { return api.record_user_external_id("idp", "a", alice); };
    calls["create_login_token"] = [=](ModuleApi& api) { return discarded(api.create_login_token(alice)); };
    calls["invalidate_access_token"] = [](ModuleApi& api) { return api.invalidate_access_token("token"); };
    calls["complete_sso_login_async"] = [=](ModuleApi& api) {
        static const modapi::Request request = modapi::Request::of("GET", "/_synapse/client/sso");
        return discarded(api.complete_sso_login_async(alice, request, "https://client.example.org"));
    };
    calls["set_displayname"] = [=](ModuleApi& api) { return api.set_displayname(callbacks::UserID(alice), "Alice"); };
    calls["store_remote_3pid_association"] = [=](ModuleApi& api) {
        return api.store_remote_3pid_association(alice, "email", "a@example.org", "id.example.org");
    };
    calls["deactivate_user"] = [=](ModuleApi& api) { return api.deactivate_user(alice); };
    calls["create_and_send_event_into_room"] = [](ModuleApi& api) {
        callbacks::JsonDict event;
        return discarded(api.create_and_send_event_into_room(std::move(event)));
    };
    calls["send_events"] = [](ModuleApi& api) { return discarded(api.send_events(modapi::EventGroup("!r:example.org"))); };
    calls["send_event_if"] = [](ModuleApi& api) {
        callbacks::JsonDict event;
        return discarded(api.send_event_if(std::move(event), "m.room.topic", "", std::nullopt));
    };
    calls["update_room_membership"] = [=](ModuleApi& api) {
        return discarded(api.update_room_membership(alice, alice, "!r:example.org", "leave"));
    };
    calls["create_room"] = [=](ModuleApi& api) { return discarded(api.create_room(alice, callbacks::JsonDict())); };
    calls["delete_room"] = [](ModuleApi& api) { return api.delete_room("!r:example.org"); };
    calls["send_local_online_presence_to"] = [=](ModuleApi& api) { return api.send_local_online_presence_to({alice}); };
    calls["set_presence_for_users"] = [](ModuleApi& api) { return api.set_presence_for_users(modapi::PresenceUpdates()); };
    calls["send_http_push_notification"] = [=](ModuleApi& api) {
        return discarded(api.send_http_push_notification(alice, std::nullopt, callbacks::JsonDict()));
    };
    calls["set_push_rule_action"] = [=](ModuleApi& api) {
        return api.set_push_rule_action(alice, "global", "underride", ".m.rule.message", callbacks::JsonArray());
    };
    calls["send_mail"] = [](ModuleApi& api) { return api.send_mail("a@example.org", "subject", "html", "text"); };
    calls["migrate_schema"] = [](ModuleApi& api) { return api.migrate_schema(modapi::SchemaMigration()); };
    calls["account_data_manager.put_global"] = [=](ModuleApi& api) {
        return api.account_data_manager().put_global(alice, "org.example", callbacks::JsonDict());
    };
    calls["public_room_list_manager.add_room_to_public_room_list"] = [](ModuleApi& api) {
        return api.public_room_list_manager().add_room_to_public_room_list("!r:example.org");
    };
    calls["public_room_list_manager.remove_room_from_public_room_list"] = [](ModuleApi& api) {
        return api.public_room_list_manager().remove_room_from_public_room_list("!r:example.org");
    };
    return calls;
}

TEST_F(ShadowModeTest, EveryMemberThatChangesSomethingIsRefusedByItsName) {
    start(entry());
    std::map<std::string, Call, std::less<>> calls = changing_calls();
    std::uint64_t refused = 0;
    for (const modapi::ModuleApiMember& member : modapi::module_api_members()) {
        if (!member.changes) continue;
        const auto call = calls.find(member.name);
        ASSERT_NE(call, calls.end()) << member.name << " is in no test";
        std::string message;
        ask([&](ModuleApi& api) { return attempt(api, call->second, message); });
        // The deprecated one is made of two others.
        const std::string name(member.name == "register_" ? "register_user" : member.name);
        EXPECT_EQ(message, "module my.Doing: check_event_for_spam runs in shadow mode, in which " + name + " changes nothing");
        EXPECT_EQ(counts().shadow.kept_back, ++refused);
        EXPECT_TRUE(log.contains("module my.Doing: check_event_for_spam (shadow) was kept from " + name)) << log.text();
        calls.erase(call);
    }
    EXPECT_TRUE(calls.empty()) << calls.begin()->first << " isn't listed as one that changes something";
    EXPECT_TRUE(under_test.server.sent.empty());
}

using ModuleApiShadowTest = ShadowModeTest;

TEST_F(ModuleApiShadowTest, AnInteractionOnlyReadsAndWhatItWritesIsRefused) {
    start(entry("check_event_for_spam: {mode: shadow}"));
    under_test.wait(under_test.database->run("make", [](modapi::Transaction& transaction) {
        transaction.execute("CREATE TABLE shadowed (number BIGINT)");
        transaction.execute("INSERT INTO shadowed (number) VALUES (?)", 7);
    }));
    std::int64_t read = 0;
    std::string refusal;
    const auto wait_for_it = [&](const Call& what) {
        bool has_ended = false;
        Doing::what = [&](ModuleApi& api) { return attempt_and_note(api, what, refusal, has_ended); };
        under_test.wait(judged(under_test.worker, event_of("m.room.message")));
        while (!has_ended) under_test.wait(wait_for(1ms));
    };
    wait_for_it([&](ModuleApi& api) { return read_number(api, read); });
    EXPECT_EQ(read, 7);
    EXPECT_EQ(refusal, "");
    wait_for_it([](ModuleApi& api) {
        return api.run_db_interaction(
            "write", [](modapi::Transaction& transaction) { transaction.execute("UPDATE shadowed SET number = 8"); });
    });
    EXPECT_EQ(refusal,
              "module my.Doing: check_event_for_spam runs in shadow mode, in which run_db_interaction changes nothing");
    wait_for_it([](ModuleApi& api) {
        return api.run_db_interaction("write later", [](modapi::Transaction& transaction) {
            transaction.execute_later("UPDATE shadowed SET number = 8");
        });
    });
    EXPECT_EQ(counts().shadow.kept_back, 2U);
    const std::int64_t still = under_test.wait(under_test.database->read("read", [](modapi::Transaction& transaction) {
        return std::get<0>(*transaction.query_one<std::int64_t>("SELECT number FROM shadowed"));
    }));
    EXPECT_EQ(still, 7);
}

}  // namespace
