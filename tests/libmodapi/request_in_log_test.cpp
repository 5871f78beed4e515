#include <modapi/hosting/cause.h>
#include <modapi/testing/host.h>

#include <async/sleep.h>

#include <spdlog/spdlog.h>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

/// What a module writes and asks while it works for a request says for which.
namespace {

using namespace std::chrono_literals;
using callbacks::Event;
using callbacks::JsonDict;
using callbacks::StateMap;
using modapi::Cause;
using modapi::ModuleApi;
using modapi::RequestTrace;
using modapi::testing::Host;

const char* const hall = "!hall:example.org";
const char* const service = "http://service.example.org/";

std::string call_that_blocks(ModuleApi* api) {
    api->logger().info("on a thread");
    return "done";
}
int interaction(modapi::Transaction&, ModuleApi* api) {
    api->logger().info("in an interaction");
    return 0;
}

/// Writes what happens; what it does is in the text of the message that it is asked about.
class Chronicler {
public:
    Chronicler(const JsonDict&, ModuleApi& api) : api_(api) {
        callbacks::SpamChecker checker;
        checker.check_event_for_spam = async::bind<&Chronicler::check_event_for_spam>(this);
        api.register_spam_checker_callbacks(std::move(checker));
        callbacks::ThirdPartyRules rules;
        rules.on_new_event = async::bind<&Chronicler::on_new_event>(this);
        api.register_third_party_rules_callbacks(std::move(rules));
        api.logger().info("constructed");
    }
    async::task<void> start() {
        api_.logger().info("started");
        co_return;
    }

private:
    async::task<callbacks::Verdict> check_event_for_spam(const Event& event) {
        const std::string what(event.content_string("body").value_or(""));
        if (what == "nested") {
            api_.logger().info("nested");
            co_return callbacks::NOT_SPAM;
        }
        api_.logger().info("before {}", what);
        if (what == "sleep") co_await async::sleep_for(1s);
        if (what == "send") {
            JsonDict message;
            message["type"] = "m.room.message";
            message["room_id"] = hall;
            message["sender"] = "@alice:example.org";
            JsonDict content;
            content["body"] = "nested";
            message["content"] = std::move(content);
            async::task<Event> sending = api_.create_and_send_event_into_room(std::move(message));
            const Event sent = co_await std::move(sending);
        }
        if (what == "ask") {
            async::task<callbacks::JsonValue> asking = api_.http_client().get_json(service);
            const callbacks::JsonValue answer = co_await std::move(asking);
        }
        if (what == "thread") {
            const std::string done = co_await api_.defer_to_thread(&call_that_blocks, &api_);
        }
        if (what == "interaction") {
            const int done = co_await api_.run_db_interaction("chronicle", &interaction, &api_);
            static_cast<void>(done);
        }
        if (what == "later") api_.delayed_background_call(1000.0, async::bind<&Chronicler::later>(this));
        if (what == "lines") api_.logger().info("one\n");
        if (what == "lines") api_.logger().info("\n");
        api_.logger().info("after {}", what);
        co_return callbacks::NOT_SPAM;
    }
    async::task<void> on_new_event(const Event&, const StateMap&) {
        api_.logger().info("told");
        co_await async::sleep_for(1s);
        api_.logger().info("told all");
    }
    async::task<void> later() {
        api_.logger().info("later");
        co_return;
    }

    ModuleApi& api_;
};

async::task<void> ask_for_request(Host& host, std::string what, std::shared_ptr<const RequestTrace> request) {
    const async::context& here = co_await async::this_context;
    Cause cause;
    cause.request = std::move(request);
    const modapi::CausedWork work(here, std::move(cause));
    const Event event = modapi::testing::message("@alice:example.org", hall, what);
    async::task<callbacks::Verdict> asking = host.hooks().spam_checker.check_event_for_spam(event);
    const callbacks::Verdict verdict = co_await std::move(asking).in(work.here());
}

class RequestInLogTest : public testing::Test {
protected:
    RequestInLogTest() {
        host.server.add_user("@alice:example.org");
        host.server.add_room(hall, "@alice:example.org");
        host.run_callbacks_for_module_calls();
        host.load<Chronicler>();
    }
    void ask(const std::string& what) { host.run(ask_for_request(host, what, request)); }
    [[nodiscard]] bool wrote(const std::string& text, const RequestTrace& because_of) const {
        return host.log().find("info " + text + " request_id=" + because_of.request_id() + "\n") != std::string::npos;
    }
    [[nodiscard]] bool wrote(const std::string& text) const { return wrote(text, *request); }
    [[nodiscard]] bool wrote_for_nobody(const std::string& text) const {
        return host.log().find("info " + text + "\n") != std::string::npos;
    }

    Host host;
    std::shared_ptr<const RequestTrace> request = std::make_shared<const RequestTrace>(
        "127.0.0.1", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "congo=t61rcWkgMzE");
};

TEST_F(RequestInLogTest, IsAtTheEndOfWhatAModuleWritesBeforeAndAfterItWaits) {
    ask("sleep");
    EXPECT_TRUE(wrote("before sleep")) << host.log();
    EXPECT_TRUE(wrote("after sleep")) << host.log();
}

TEST_F(RequestInLogTest, IsThatOfItsOwnWhereTwoWaitAtOnce) {
    const auto other = std::make_shared<const RequestTrace>("127.0.0.1", "", "");
    const auto first = host.start(ask_for_request(host, "sleep", request));
    host.advance(500ms);
    const auto second = host.start(ask_for_request(host, "sleep", other));
    host.run_ready();
    spdlog::info("beside");
    host.advance(500ms);
    EXPECT_TRUE(wrote("after sleep", *request)) << host.log();
    EXPECT_FALSE(wrote("after sleep", *other)) << host.log();
    host.advance(500ms);
    EXPECT_TRUE(wrote("after sleep", *other)) << host.log();
    EXPECT_TRUE(wrote_for_nobody("beside"));
}

TEST_F(RequestInLogTest, StaysWhenTheModuleCallsItsHostWhichCallsModules) {
    ask("send");
    EXPECT_TRUE(wrote("before send")) << host.log();
    EXPECT_TRUE(wrote("nested")) << host.log();
    EXPECT_TRUE(wrote("after send")) << host.log();
    host.advance(1s);
    EXPECT_TRUE(wrote("told")) << host.log();
    EXPECT_TRUE(wrote("told all")) << host.log();
}

TEST_F(RequestInLogTest, IsKnownOnThreadsThatWorkForTheModule) {
    ask("thread");
    EXPECT_TRUE(wrote("on a thread")) << host.log();
    EXPECT_TRUE(wrote("after thread")) << host.log();
    ask("interaction");
    EXPECT_TRUE(wrote("in an interaction")) << host.log();
    EXPECT_TRUE(wrote("after interaction")) << host.log();
}

TEST_F(RequestInLogTest, IsNotThatOfWorkWithoutARequest) {
    EXPECT_TRUE(wrote_for_nobody("constructed")) << host.log();
    EXPECT_TRUE(wrote_for_nobody("started")) << host.log();
    ask("later");
    host.advance(1s);
    EXPECT_TRUE(wrote_for_nobody("later")) << host.log();
    host.run(ask_for_request(host, "nothing", nullptr));
    EXPECT_TRUE(wrote_for_nobody("before nothing")) << host.log();
}

TEST_F(RequestInLogTest, MakesNoSecondLine) {
    ask("lines");
    EXPECT_TRUE(wrote("one")) << host.log();
    EXPECT_TRUE(wrote("")) << host.log();
}

TEST_F(RequestInLogTest, GoesAlongWithTheRequestsThatTheModuleMakes) {
    host.http.answer("GET", service, 200);
    ask("ask");
    ASSERT_EQ(host.http.requests.size(), 1U);
    EXPECT_EQ(host.http.requests[0].header("traceparent"), request->traceparent());
    EXPECT_EQ(host.http.requests[0].header("tracestate"), "congo=t61rcWkgMzE");
    host.run(ask_for_request(host, "ask", nullptr));
    ASSERT_EQ(host.http.requests.size(), 2U);
    EXPECT_EQ(host.http.requests[1].header("traceparent"), "");
    EXPECT_EQ(host.http.requests[1].header("tracestate"), "");
}

async::task<void> request_with_headers(modapi::HttpClient& client, modapi::HttpHeaders headers,
                                       std::shared_ptr<const RequestTrace> request) {
    const async::context& here = co_await async::this_context;
    const modapi::TracedWork work(here, std::move(request));
    async::task<modapi::HttpResponse> asking = client.request("GET", service, std::string(), std::move(headers));
    const modapi::HttpResponse answer = co_await std::move(asking).in(work.here());
}

class TracedClientTest : public testing::Test {
protected:
    TracedClientTest() {
        settings.transport = &http;
        http.answer("GET", service, 200);
    }
    const modapi::testing::ScriptedHttp::Request& asked_with(modapi::HttpHeaders headers) {
        modapi::HttpClient client(settings);
        time.run(request_with_headers(client, std::move(headers), request));
        return http.requests.back();
    }

    modapi::testing::ScriptedHttp http;
    modapi::HttpClientSettings settings;
    async::testing::simulation time;
    std::shared_ptr<const RequestTrace> request = std::make_shared<const RequestTrace>(
        "127.0.0.1", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "congo=t61rcWkgMzE");
};

TEST_F(TracedClientTest, LeavesATraceThatTheModuleNamesAsItIs) {
    const auto& asked = asked_with({{"TraceParent", "its own"}});
    EXPECT_EQ(asked.header("traceparent"), "its own");
    EXPECT_EQ(asked.header("tracestate"), "") << "of another trace";
    EXPECT_EQ(asked_with({{"tracestate", "its own"}}).header("tracestate"), "its own");
    EXPECT_EQ(http.requests.back().header("traceparent"), request->traceparent());
}

TEST_F(TracedClientTest, TakesItsHeadersAlongWhereARedirectLeads) {
    http.redirect("GET", service, 302, "http://elsewhere.example.org/");
    http.answer("GET", "http://elsewhere.example.org/", 200);
    const auto& asked = asked_with({});
    EXPECT_EQ(asked.url, "http://elsewhere.example.org/");
    EXPECT_EQ(asked.header("traceparent"), request->traceparent());
    EXPECT_EQ(asked.header("tracestate"), request->tracestate());
}

}  // namespace
