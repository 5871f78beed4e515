#include <modapi/testing/assertions.h>
#include <modapi/testing/host.h>

#include <gtest/gtest.h>

/// The kit that module authors test with.
namespace {

using namespace std::chrono_literals;
using callbacks::Event;
using callbacks::JsonDict;
using callbacks::Verdict;
using modapi::ModuleApi;
using modapi::testing::Host;
using modapi::testing::message;

void count(modapi::Transaction& transaction, const std::string& what) {
    transaction.execute("INSERT INTO everything_counts (what) VALUES (?)", what);
}
std::int64_t counted(modapi::Transaction& transaction) {
    return std::get<0>(transaction.query_one<std::int64_t>("SELECT COUNT(*) FROM everything_counts").value());
}

/// Does a little of all that a module does.
class Everything {
public:
    Everything(modapi::ConfigSection config, ModuleApi& api)
        : word(config.required<std::string>("word")), api_(api), resource_(std::make_shared<Resource>(*this)) {
        config.refuse_unknown_keys({"word"});
        api.register_spam_checker_callbacks({.check_event_for_spam = async::bind<&Everything::check_event_for_spam>(this),
                                             .user_may_invite = async::bind<&Everything::user_may_invite>(this)});
        api.register_account_validity_callbacks({.is_user_expired = async::bind<&Everything::is_user_expired>(this)});
        api.register_third_party_rules_callbacks({.on_new_event = async::bind<&Everything::on_new_event>(this)});
        api.register_web_resource("/_synapse/client/everything", resource_);
        api.looping_background_call(async::bind<&Everything::tick>(this), 1000);
    }
    async::task<void> start() {
        modapi::SchemaMigration tables;
        tables.step("counts", "CREATE TABLE everything_counts (what TEXT NOT NULL)");
        co_await api_.migrate_schema(std::move(tables));
        started = true;
    }
    void stop() { ++stopped; }

    std::string word;
    bool started = false;
    int ticks = 0;
    static inline int stopped = 0;

private:
    class Resource final : public modapi::DirectServeJsonResource {
    public:
        explicit Resource(Everything& module) : module_(module) {}

    protected:
        async::task<modapi::JsonResponse> async_render_POST(const modapi::Request& request) override {
            const callbacks::Requester who = co_await module_.api_.get_user_by_req(request);
            JsonDict answer;
            answer["user"] = who.user.to_string();
            answer["times"] = request.required_argument("times");
            answer["body"] = request.json_object();
            co_return modapi::JsonResponse(200, std::move(answer));
        }

    private:
        Everything& module_;
    };

    async::task<Verdict> check_event_for_spam(const Event& event) {
        const std::string body(event.content_string("body").value_or(""));
        if (body == "throw") throw std::runtime_error("no opinion");
        if (body == word) co_return callbacks::Codes::FORBIDDEN;
        const std::string what = "checked";
        co_await api_.run_db_interaction("count", &count, what);
        co_return callbacks::NOT_SPAM;
    }
    async::task<Verdict> user_may_invite(std::string inviter, std::string, std::string room_id) {
        JsonDict asked;
        asked["inviter"] = inviter;
        const std::string url = "http://localhost:9/" + room_id;
        callbacks::JsonValue answer = co_await api_.http_client().post_json_get_json(url, asked);
        if (answer.at("ok").as_bool()) co_return callbacks::NOT_SPAM;
        co_return callbacks::Codes::LIMIT_EXCEEDED;
    }
    async::task<std::optional<bool>> is_user_expired(std::string user_id) {
        const std::optional<callbacks::UserInfo> info = co_await api_.get_userinfo_by_id(user_id);
        if (!info) co_return std::nullopt;
        co_return info->is_deactivated;
    }
    async::task<void> on_new_event(const Event& event, const callbacks::StateMap&) {
        co_await api_.sleep(2);
        JsonDict sent;
        sent["type"] = "org.example.seen";
        sent["room_id"] = event.room_id();
        sent["sender"] = "@bot:example.org";
        sent["content"] = JsonDict();
        co_await api_.create_and_send_event_into_room(std::move(sent));
        const callbacks::StateMap state = co_await api_.get_room_state(event.room_id());
        const std::string size = std::to_string(state.size());
        co_await api_.send_mail("a@example.org", "seen", "<b>" + size + "</b>", size);
        co_await api_.update_room_membership("@bot:example.org", event.sender(), event.room_id(), "kick");
    }
    void tick() { ++ticks; }

    ModuleApi& api_;
    std::shared_ptr<Resource> resource_;
};

/// Nothing of its own: the test calls its ModuleApi.
struct Asks {
    Asks(const JsonDict&, ModuleApi& given) : api(given) {}
    ModuleApi& api;
};

TEST(TestingHost, BuildsStartsAndStopsAModuleFromTheTextOfItsConfiguration) {
    Everything::stopped = 0;
    Host host;
    const Everything& module = host.load<Everything>("word: spam\n");
    EXPECT_EQ(module.word, "spam");
    EXPECT_TRUE(module.started);
    host.stop();
    EXPECT_EQ(Everything::stopped, 1);
}

TEST(TestingHost, ReportsAWrongConfigurationAsTheServerDoes) {
    Host host;
    try {
        host.load_named<Everything>("everything.Everything", "word: spam\nwords: [x]");
        FAIL();
    } catch (const modapi::ConfigurationError& error) {
        EXPECT_EQ(std::string(error.what()).find("homeserver.yaml:5: modules[0].config.words: "), 0U) << error.what();
    }
}

TEST(TestingHost, AsksCallbacksThroughTheDispatcherAndRunsDatabaseInteractions) {
    Host host;
    host.load<Everything>("{word: spam}");
    auto& checker = host.hooks().spam_checker.check_event_for_spam;
    EXPECT_TRUE(is_not_spam(host.call(checker, message("@a:example.org", "!r:example.org", "hello"))));
    EXPECT_TRUE(is_spam(host.call(checker, message("@a:example.org", "!r:example.org", "spam")), "M_FORBIDDEN"));
    EXPECT_TRUE(throws(host.call(checker, message("@a:example.org", "!r:example.org", "throw")), "no opinion"));
    EXPECT_EQ(host.run(host.database().run("counted", &counted)), 1);
    EXPECT_NE(host.log().find("no opinion"), std::string::npos) << host.log();
}

TEST(TestingHost, AnswersHttpRequestsAsScriptedAndKeepsThem) {
    Host host;
    host.load<Everything>("{word: spam}");
    auto& invite = host.hooks().spam_checker.user_may_invite;
    const std::string inviter = "@a:example.org";
    const std::string invitee = "@b:example.org";
    host.http.answer("POST", "http://localhost:9/good", 200, R"({"ok":true})");
    host.http.answer("POST", "http://localhost:9/bad", 200, R"({"ok":false})");
    host.http.answer("POST", "http://localhost:9/broken", 502, "");
    host.http.refuse("POST", "http://localhost:9/closed");
    host.http.stall("POST", "http://localhost:9/silent");
    EXPECT_TRUE(is_not_spam(host.call(invite, inviter, invitee, std::string("good"))));
    EXPECT_TRUE(is_spam(host.call(invite, inviter, invitee, std::string("bad")), "M_LIMIT_EXCEEDED"));
    EXPECT_TRUE(throws(host.call(invite, inviter, invitee, std::string("broken")), "502"));
    EXPECT_TRUE(throws(host.call(invite, inviter, invitee, std::string("closed")), "refused"));
    EXPECT_TRUE(throws(host.call(invite, inviter, invitee, std::string("silent")), "Timeout"));
    host.http.redirect("POST", "http://localhost:9/moved", 307, "/good");
    EXPECT_TRUE(is_not_spam(host.call(invite, inviter, invitee, std::string("moved"))));
    ASSERT_EQ(host.http.requests.size(), 7U);
    EXPECT_EQ(host.http.requests.front().body, R"({"inviter":"@a:example.org"})");
    EXPECT_EQ(host.http.requests.front().header("content-type"), "application/json");
}

TEST(TestingHost, FailsATestWhoseModuleMakesARequestThatNothingIsScriptedFor) {
    Host host;
    host.load<Everything>("word: spam");
    auto& invite = host.hooks().spam_checker.user_may_invite;
    const std::string text = "x";
    EXPECT_THROW(static_cast<void>(host.call(invite, text, text, text)), modapi::testing::UnscriptedRequest);
    host.http.answer("POST", "http://localhost:9/x", 200, R"({"ok":true})");
    EXPECT_TRUE(is_not_spam(host.call(invite, text, text, text)));
}

TEST(TestingHost, HoldsTheModulesClientToItsLimits) {
    modapi::WorkerSettings settings;
    settings.http_client.largest_body = 10;
    settings.http_client.timeout = 5s;
    Host host(settings);
    host.load<Everything>("word: spam");
    auto& invite = host.hooks().spam_checker.user_may_invite;
    const std::string text = "x";
    host.http.answer("POST", "http://localhost:9/x", 200, R"({"ok":true})");
    EXPECT_TRUE(throws(host.call(invite, text, text, text), "is larger than 10 bytes"));
    host.http.answer("POST", "http://localhost:9/x", 200, R"({"a":1})");
    host.http.delay("POST", "http://localhost:9/x", 4s);
    EXPECT_FALSE(throws(host.call(invite, text, text, text), "Timeout"));
    host.http.delay("POST", "http://localhost:9/x", 6s);
    EXPECT_TRUE(throws(host.call(invite, text, text, text), "Timeout"));
}

TEST(TestingHost, EndsCallsThatStillRunBeforeItDestroysTheirModule) {
    // The frame of the waiting callback looks at its module when it ends.
    auto host = std::make_unique<Host>();
    host->server.add_room("!r:example.org", "@a:example.org");
    host->load<Everything>("word: spam");
    const callbacks::StateMap state;
    const Event event = message("@a:example.org", "!r:example.org", "x");
    const auto began = host->start(host->hooks().third_party_rules.on_new_event(event, state));
    host->advance(1s);
    EXPECT_FALSE(began.done());
    host.reset();
    EXPECT_TRUE(began.failed());
}

TEST(TestingHost, ListsUsersPageByPageInEveryOrder) {
    Host host;
    const std::int64_t created[] = {30, 10, 20, 10};
    for (int number = 0; number < 4; ++number) {
        modapi::testing::FakeUser& user = host.server.add_user("@u" + std::to_string(number) + ":example.org");
        user.creation_ts = created[number];
    }
    host.server.user("@u2:example.org").is_deactivated = true;
    host.server.user("@u3:example.org").is_admin = true;
    Asks& module = host.load<Asks>();
    const auto pages = [&](modapi::UserOrder order) {
        std::string listed;
        std::optional<callbacks::UserInfo> last;
        while (true) {
            const std::vector<callbacks::UserInfo> page = host.run(module.api.list_local_users(order, 3, last));
            for (const callbacks::UserInfo& user : page) listed += user.user_id.localpart();
            if (page.size() < 3) return listed;
            last = page.back();
            listed += " ";
        }
    };
    EXPECT_EQ(pages(modapi::UserOrder::by_id), "u0u1u2 u3");
    EXPECT_EQ(pages(modapi::UserOrder::oldest_first), "u1u3u2 u0");
    EXPECT_EQ(pages(modapi::UserOrder::newest_first), "u0u2u3 u1");
    const std::vector<callbacks::UserInfo> all = host.run(module.api.list_local_users(modapi::UserOrder::by_id, 9));
    EXPECT_EQ(all[0].creation_ts, 30);
    EXPECT_TRUE(all[2].is_deactivated);
    EXPECT_TRUE(all[3].is_admin);
}

TEST(TestingHost, HasTheStateEventOfARoom) {
    Host host;
    host.server.add_room("!r:example.org", "@a:example.org");
    Asks& module = host.load<Asks>();
    EXPECT_EQ(host.run(module.api.get_state_event("!r:example.org", "m.room.member", "@a:example.org"))->membership(), "join");
    EXPECT_FALSE(host.run(module.api.get_state_event("!r:example.org", "m.room.member", "@b:example.org")).has_value());
    EXPECT_EQ(host.run(module.api.get_state_event("!r:example.org", "m.room.create"))->sender(), "@a:example.org");
    EXPECT_FALSE(host.run(module.api.get_state_event("!unknown:example.org", "m.room.create")).has_value());
}

JsonDict event_of(const std::string& type, const std::string& room_id) {
    JsonDict event;
    event["type"] = type;
    event["room_id"] = room_id;
    event["sender"] = "@a:example.org";
    event["content"] = JsonDict();
    return event;
}

TEST(TestingHost, SendsAGroupOfEventsWholeOrNotAtAll) {
    Host host;
    host.server.add_room("!r:example.org", "@a:example.org");
    Asks& module = host.load<Asks>();
    JsonDict topic = event_of("m.room.topic", "!r:example.org");
    topic["state_key"] = "";
    topic.erase("room_id");
    modapi::EventGroup group("!r:example.org");
    group.add(topic);
    group.add(event_of("m.room.message", "!r:example.org"));
    const std::vector<callbacks::Event> sent = host.run(module.api.send_events(group));
    ASSERT_EQ(sent.size(), 2U);
    EXPECT_EQ(sent[0].room_id(), "!r:example.org");
    EXPECT_EQ(sent[1].type(), "m.room.message");
    EXPECT_TRUE(host.run(module.api.get_state_event("!r:example.org", "m.room.topic")).has_value());
    EXPECT_TRUE(host.run(module.api.send_events(modapi::EventGroup("!r:example.org"))).empty());

    const std::size_t before = host.server.sent.size();
    group.add(event_of("m.room.message", "!other:example.org"));
    EXPECT_THROW(host.run(module.api.send_events(group)), std::invalid_argument);
    modapi::EventGroup with_membership("!r:example.org");
    with_membership.add(topic);
    with_membership.add(event_of("m.room.member", "!r:example.org"));
    EXPECT_THROW(host.run(module.api.send_events(with_membership)), callbacks::SynapseError);
    EXPECT_EQ(host.server.sent.size(), before);
}

TEST(TestingHost, SendsAnEventOnlyWhileTheStateIsAsExpected) {
    Host host;
    host.server.add_room("!r:example.org", "@a:example.org");
    Asks& module = host.load<Asks>();
    JsonDict topic = event_of("m.room.topic", "!r:example.org");
    topic["state_key"] = "";
    const auto send_if = [&](const std::optional<std::string>& expected) {
        return host.run(module.api.send_event_if(topic, "m.room.topic", "", expected));
    };
    const std::optional<callbacks::Event> first = send_if(std::nullopt);
    ASSERT_TRUE(first.has_value());
    EXPECT_FALSE(send_if(std::nullopt).has_value()) << "it is set by now";
    EXPECT_FALSE(send_if("$other").has_value());
    EXPECT_TRUE(send_if(first->event_id()).has_value());
}

TEST(TestingHost, RefusesWhatTheServerRefuses) {
    Host host;
    host.server.add_room("!r:example.org", "@a:example.org");
    EXPECT_THROW(host.server.fail_next("no_such_method", "x"), std::invalid_argument);
    Asks& module = host.load<Asks>();
    JsonDict event;
    event["type"] = "m.room.member";
    event["room_id"] = "!r:example.org";
    event["sender"] = "@a:example.org";
    EXPECT_THROW(host.run(module.api.create_and_send_event_into_room(event)), callbacks::SynapseError);
    event["type"] = "m.room.message";
    event["sender"] = "@a:elsewhere.org";
    EXPECT_THROW(host.run(module.api.create_and_send_event_into_room(event)), std::invalid_argument);
    EXPECT_THROW(host.run(module.api.update_room_membership("@a:elsewhere.org", "@b:example.org", "!r:example.org", "join")),
                 std::runtime_error);
    EXPECT_THROW(host.run(module.api.update_room_membership("@a:example.org", "@b:example.org", "!r:example.org", "dance")),
                 callbacks::SynapseError);
    EXPECT_TRUE(host.server.sent.empty());
    host.stop();
    EXPECT_THROW(host.load<Asks>(), std::logic_error);
}

/// Counts whom it is asked about, and hands that on.
class Remembers {
public:
    Remembers(JsonDict config, ModuleApi& api) : allows_(!config.contains("denies")) {
        if (config.contains("wrong")) throw callbacks::ConfigError("is wrong", {"wrong"});
        api.register_spam_checker_callbacks({.user_may_create_room = async::bind<&Remembers::user_may_create_room>(this)});
    }
    void stop() { ++stopped; }
    JsonDict save() {
        JsonDict saved;
        saved["asked"] = asked;
        return saved;
    }
    void restore(const JsonDict& saved) { asked = static_cast<int>(saved.at("asked").as_int64()); }

    int asked = 0;
    static inline int stopped = 0;

private:
    callbacks::Verdict user_may_create_room(const std::string&) {
        ++asked;
        return callbacks::allowed_if(allows_);
    }
    bool allows_;
};

TEST(TestingHost, ReplacesAModuleByANewInstanceThatHasWhatTheOldOneSaved) {
    Remembers::stopped = 0;
    Host host;
    const Remembers& before = host.load<Remembers>();
    const std::string alice = "@alice:example.org";
    EXPECT_TRUE(is_not_spam(host.call(host.hooks().spam_checker.user_may_create_room, alice, callbacks::JsonDict())));
    EXPECT_EQ(before.asked, 1);
    for (int time = 1; time <= 3; ++time) {
        EXPECT_EQ(host.replace<Remembers>("{denies: true}").asked, time) << "a new one each time, with the same words too";
        EXPECT_EQ(Remembers::stopped, time);
        EXPECT_TRUE(is_spam(host.call(host.hooks().spam_checker.user_may_create_room, alice, callbacks::JsonDict()), "M_FORBIDDEN"));
    }
    EXPECT_EQ(host.module<Remembers>().asked, 4);
}

TEST(TestingHost, KeepsAModuleWhoseReplacementIsConfiguredWrongly) {
    Remembers::stopped = 0;
    Host host;
    EXPECT_THROW(host.replace<Remembers>(), std::logic_error);
    const Remembers& loaded = host.load<Remembers>();
    EXPECT_THROW(host.replace<Remembers>("{wrong: 1}"), modapi::ConfigurationError);
    EXPECT_EQ(&host.module<Remembers>(), &loaded);
    EXPECT_TRUE(is_not_spam(host.call(host.hooks().spam_checker.user_may_create_room, std::string("@alice:example.org"), callbacks::JsonDict())));
    EXPECT_EQ(loaded.asked, 1);
    EXPECT_EQ(Remembers::stopped, 0);
}

TEST(TestingHost, HasUsersRoomsMailsAndNotesWhatTheModuleDoes) {
    Host host;
    host.server.add_user("@gone:example.org").is_deactivated = true;
    host.server.add_room("!r:example.org", "@a:example.org");
    host.load<Everything>("{word: spam}");
    auto& expired = host.hooks().account_validity.is_user_expired;
    EXPECT_TRUE(answers(host.call(expired, std::string("@gone:example.org")), std::optional<bool>(true)));
    EXPECT_TRUE(answers(host.call(expired, std::string("@nobody:example.org")), std::optional<bool>()));
    const callbacks::StateMap state;
    const Event event = message("@a:example.org", "!r:example.org", "x");
    const auto began = host.start(host.hooks().third_party_rules.on_new_event(event, state));
    host.advance(1s);
    EXPECT_TRUE(host.server.sent.empty());
    host.advance(1s);
    EXPECT_TRUE(began.done());
    ASSERT_EQ(host.server.sent.size(), 1U);
    EXPECT_EQ(host.server.sent.front().at("type"), "org.example.seen");
    ASSERT_EQ(host.server.mails.size(), 1U);
    EXPECT_EQ(host.server.mails.front().html, "<b>2</b>");
    ASSERT_EQ(host.server.memberships.size(), 1U);
    EXPECT_EQ(host.server.memberships.front().new_membership, "kick");
    EXPECT_EQ(host.server.room("!r:example.org").state.find("m.room.member", "@a:example.org")->membership(), "leave");
}

TEST(TestingHost, MakesAServiceFailOnceWhereATestAsksForIt) {
    Host host;
    host.load<Everything>("{word: spam}");
    host.server.fail_next("get_userinfo_by_id", "the database is gone");
    auto& expired = host.hooks().account_validity.is_user_expired;
    static_cast<void>(host.call(expired, std::string("@a:example.org")));
    EXPECT_NE(host.log().find("the database is gone"), std::string::npos) << host.log();
    EXPECT_TRUE(answers(host.call(expired, std::string("@a:example.org")), std::optional<bool>()));
}

TEST(TestingHost, LetsBackgroundCallsRunInVirtualTimeOnly) {
    Host host;
    const Everything& module = host.load<Everything>("{word: spam}");
    EXPECT_EQ(module.ticks, 0);
    host.advance(10s);
    EXPECT_GE(module.ticks, 8);
    EXPECT_LE(module.ticks, 10);
}

TEST(TestingHost, SendsRequestsToTheModulesWebResources) {
    Host host;
    host.server.add_user("@a:example.org").access_token = "secret";
    host.load<Everything>("{word: spam}");
    const modapi::Response answer = host.request("POST", "/_synapse/client/everything?times=1%2B1", R"({"x":1})", "secret");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, R"({"user":"@a:example.org","times":"1+1","body":{"x":1}})");
    EXPECT_EQ(host.request("POST", "/_synapse/client/everything?times=1", "{}").status, 401);
    EXPECT_EQ(host.request("POST", "/_synapse/client/everything?times=1", "{}", "wrong").status, 401);
    EXPECT_EQ(host.request("GET", "/elsewhere").status, 404);
}

TEST(TestingAssertions, NameTheCallbackAndWhatItAnswered) {
    Host host;
    host.load<Everything>("{word: spam}");
    const auto answer = host.call(host.hooks().spam_checker.check_event_for_spam, message("@a:b", "!r:b", "spam"));
    EXPECT_STREQ(is_not_spam(answer).message(), "check_event_for_spam answered M_FORBIDDEN, not NOT_SPAM");
    EXPECT_STREQ(is_spam(answer, "M_UNKNOWN").message(), "check_event_for_spam answered M_FORBIDDEN, not M_UNKNOWN");
    EXPECT_STREQ(throws(answer, "x").message(), "check_event_for_spam answered instead of throwing");
    const auto thrown = host.call(host.hooks().spam_checker.check_event_for_spam, message("@a:b", "!r:b", "throw"));
    EXPECT_STREQ(is_not_spam(thrown).message(), "check_event_for_spam threw \"no opinion\" instead of answering NOT_SPAM");
}

TEST(TestingHost, HasSeveralModulesInTheOrderInWhichTheyWereAdded) {
    Host host;
    host.add<Everything>("example.First", "{word: spam}");
    host.add<Asks>("example.Second");
    host.load_added();
    EXPECT_EQ(host.worker().module_statistics().at(0).module, "example.First");
    EXPECT_EQ(host.worker().module_statistics().at(1).module, "example.Second");
    EXPECT_EQ(host.module<Everything>().ticks, 0);
    EXPECT_THROW(host.load_added(), std::logic_error);
    EXPECT_THROW(host.add<Asks>("example.Third"), std::logic_error);
}

TEST(TestingHost, FailsWithTheExceptionThatATestGivesAsOftenAsItSays) {
    Host host;
    const Asks& module = host.load<Asks>();
    host.server.fail_next("check_user_exists", callbacks::SynapseError(429, "slow down", callbacks::Codes::LIMIT_EXCEEDED), 2);
    for (int time = 0; time < 2; ++time) {
        try {
            static_cast<void>(host.run(module.api.check_user_exists("@a:example.org")));
            FAIL() << "nothing was thrown";
        } catch (const callbacks::SynapseError& error) {
            EXPECT_EQ(error.status(), 429);
        }
    }
    EXPECT_EQ(host.run(module.api.check_user_exists("@a:example.org")), std::nullopt);
}

TEST(TestingHost, LetsAServerCallTakeVirtualTime) {
    Host host;
    const Asks& module = host.load<Asks>();
    host.server.add_user("@a:example.org");
    host.server.answer_after("check_user_exists", 5s);
    EXPECT_THROW(host.server.answer_after("no_such_method", 5s), std::invalid_argument);
    auto running = host.start(module.api.check_user_exists("@a:example.org"));
    host.advance(4s);
    EXPECT_FALSE(running.done());
    host.advance(1s);
    EXPECT_TRUE(running.done());
}

TEST(TestingHost, SaysWhenAUserWasMade) {
    Host host;
    const Asks& module = host.load<Asks>();
    host.advance(1h);
    const std::string user = host.run(module.api.register_user("carol"));
    EXPECT_GT(host.server.user(user).creation_ts, 0);
}

TEST(TestingJson, SaysWhereTheFirstDifferenceIs) {
    const auto difference = [](const char* value, const char* expected) {
        return modapi::testing::json_difference(modapi::testing::json(value), modapi::testing::json(expected)).value_or("none");
    };
    EXPECT_EQ(difference(R"({"a":1,"b":[{"c":"x"}]})", R"({"b":[{"c":"x"}],"a":1})"), "none");
    EXPECT_EQ(difference(R"({"b":[{"c":"x"}]})", R"({"b":[{"c":"y"}]})"), R"(b[0].c is "x", not "y")");
    EXPECT_EQ(difference(R"({"b":[1]})", R"({"b":[1,2]})"), "b has 1 elements, not 2");
    EXPECT_EQ(difference("{}", R"({"a":{"b":1}})"), R"(a is missing, not {"b":1})");
    EXPECT_EQ(difference(R"({"a":1})", "{}"), "a is 1, and should be missing");
    EXPECT_EQ(difference("1", "2"), "it is 1, not 2");
    EXPECT_TRUE(modapi::testing::is_json(modapi::testing::json_object(R"({"a": 1})"), R"({"a":1})"));
    EXPECT_FALSE(modapi::testing::is_json(modapi::testing::json_object(R"({"a": 1})"), R"({"a":2})"));
    EXPECT_THROW(static_cast<void>(modapi::testing::json("{")), std::invalid_argument);
    EXPECT_THROW(static_cast<void>(modapi::testing::json_object("[]")), std::invalid_argument);
}

}  // namespace
