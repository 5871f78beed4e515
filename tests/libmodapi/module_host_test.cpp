#include "log_capture.h"
#include "worker_under_test.h"

#include <modapi/bound_resource.h>
#include <modapi/hosting/configuration_reader.h>
#include <modapi/hosting/event_json.h>
#include <modapi/hosting/log.h>
#include <modapi/hosting/watchdog.h>
#include <modapi/module_api.h>

#include <async/co_spawn.h>
#include <async/sleep.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <boost/json/parse.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using modapi::ModuleApi;
using modapi::Request;
using modapi::Response;

/// Serves one path: at once, never, or with an exception.
class Serving {
public:
    Serving(const callbacks::JsonDict& config, ModuleApi& api) {
        const std::string path =
            config.contains("path") ? std::string(config.at("path").as_string()) : "/_synapse/client/served";
        api.register_web_resource(path, std::make_shared<Resource>());
        api.logger().info("registers {}", path);
    }

private:
    class Resource final : public modapi::WebResource {
    public:
        async::task<Response> handle(const Request& request) override {
            if (request.path.ends_with("/never")) co_await async::sleep_for(24h);
            if (request.path.ends_with("/throws")) throw std::runtime_error("http://10.0.0.1/ is unreachable");
            Response response;
            response.body = request.argument("said").value_or("nothing");
            co_return response;
        }
    };
};

/// What never ends, of both kinds that catch what a handler throws.
class EndlessPages {
public:
    EndlessPages(const callbacks::JsonDict&, ModuleApi& api) {
        api.register_web_resource("/_synapse/client/endless/json", modapi::json_resource({.GET = &EndlessPages::json}));
        api.register_web_resource("/_synapse/client/endless/html", modapi::html_resource({.GET = &EndlessPages::html}));
    }

private:
    static async::task<modapi::JsonResponse> json(const Request&) {
        co_await async::sleep_for(24h);
        co_return modapi::JsonResponse(200, callbacks::JsonDict());
    }
    static async::task<Response> html(const Request&) {
        co_await async::sleep_for(24h);
        co_return Response();
    }
};

class ModuleHostTest : public testing::Test {
protected:
    static modapi::WorkerSettings settings() {
        modapi::WorkerSettings limited;
        limited.web_resource_deadline = 10s;
        limited.web_resource_requests = 4;
        limited.slow_callback = 1s;
        return limited;
    }
    std::optional<Response> get(const std::string& target) { return under_test.wait(served(Request::of("GET", target))); }
    async::task<std::optional<Response>> served(Request request) {
        std::optional<Response> response = co_await under_test.worker.serve(request);
        co_return response;
    }

    LogCapture log;
    WorkerUnderTest under_test{settings()};
};

TEST_F(ModuleHostTest, HasModulesThatTheProgramListsItself) {
    modapi::ModuleResolver resolver({});
    resolver.add<Serving>("my.Serving");
    callbacks::JsonDict config;
    config["path"] = "/_synapse/client/mine";
    const std::vector<modapi::ModuleEntry> entries = {{"my.Serving", std::move(config)}};
    under_test.worker.construct_modules(modapi::configure_modules(entries, resolver));
    under_test.wait(under_test.worker.start_modules());
    EXPECT_EQ(get("/_synapse/client/mine?said=hello%20there").value().body, "hello there");
    EXPECT_FALSE(get("/_synapse/client/served").has_value());
}

TEST_F(ModuleHostTest, SaysWithoutAFileWhichListedModuleIsWrong) {
    modapi::ModuleResolver resolver({});
    resolver.add<Serving>("my.Serving");
    callbacks::JsonDict config;
    config["path"] = "/_matrix/client/v3/sync";
    const std::vector<modapi::ModuleEntry> entries = {{"my.Serving", std::move(config)}};
    try {
        under_test.worker.construct_modules(modapi::configure_modules(entries, resolver));
        FAIL() << "nothing was thrown";
    } catch (const modapi::ConfigurationError& error) {
        EXPECT_STREQ(error.what(),
                     "modules[0]: a web resource can't be at /_matrix/client/v3/sync: the server itself serves /_matrix/client "
                     "(module my.Serving)");
    }
}

TEST_F(ModuleHostTest, CutsAWebResourceThatTakesTooLongAndCountsIt) {
    under_test.construct<Serving>();
    const Response cut = get("/_synapse/client/served/never?secret=1").value();
    EXPECT_EQ(cut.status, 504);
    EXPECT_EQ(cut.body, R"({"errcode":"M_UNKNOWN","error":"This page took too long"})");
    EXPECT_TRUE(log.contains("module test.Module0: /_synapse/client/served failed: GET /_synapse/client/served/never was cut "
                             "after 10000 ms (web_resource_deadline)"))
        << log.text();
    EXPECT_FALSE(log.contains("secret"));
    const std::vector<modapi::ModuleStatistics> modules = under_test.worker.module_statistics();
    ASSERT_EQ(modules.at(0).web_resource_calls.size(), 1U);
    EXPECT_EQ(modules[0].web_resource_calls[0].calls, 1U);
    EXPECT_EQ(modules[0].web_resource_calls[0].failed, 1U);
}

TEST_F(ModuleHostTest, CutsJsonAndPagesToo) {
    under_test.construct<EndlessPages>();
    for (const char* const path : {"/_synapse/client/endless/json", "/_synapse/client/endless/html"}) {
        EXPECT_EQ(get(path).value().status, 504);
        EXPECT_TRUE(log.contains(std::string("GET ") + path + " was cut after 10000 ms")) << log.text();
    }
    EXPECT_FALSE(log.contains("the web resource failed")) << log.text();
}

TEST_F(ModuleHostTest, LetsOneModuleAnswerSoManyRequestsAtOnceAndNoMore) {
    under_test.construct<EndlessPages, Serving>();
    std::vector<std::optional<Response>> answers(6);
    std::size_t answered = 0;
    const auto ask = [&](std::size_t place, const char* target) {
        async::co_spawn(under_test.worker.environment(), served(Request::of("GET", target)),
                        [&answers, &answered, place](const std::exception_ptr&, std::optional<Response> response) {
                            answers.at(place) = std::move(response);
                            ++answered;
                        });
    };
    // Of both of its resources together.
    for (std::size_t place = 0; place < answers.size(); ++place)
        ask(place, place % 2 == 0 ? "/_synapse/client/endless/json" : "/_synapse/client/endless/html?secret=1");
    under_test.advance(0s);
    EXPECT_EQ(answered, 2U);
    for (const std::size_t place : {4U, 5U}) {
        ASSERT_TRUE(answers.at(place).has_value());
        EXPECT_EQ(answers[place]->status, 503);
        EXPECT_EQ(answers[place]->body, R"({"errcode":"M_UNKNOWN","error":"This page is asked for too often right now"})");
        EXPECT_THAT(answers[place]->headers, testing::Contains(testing::Pair("Retry-After", "1")));
    }
    EXPECT_EQ(log.count("module test.Module0: its web resources are answering 4 requests already: GET "
                        "/_synapse/client/endless/json is answered 503"),
              1U)
        << log.text();
    EXPECT_EQ(get("/_synapse/client/served").value().status, 200) << "another module's";
    under_test.advance(10s);
    EXPECT_EQ(answered, 6U);
    EXPECT_EQ(get("/_synapse/client/endless/json").value().status, 504) << "there is a place again";
}

TEST_F(ModuleHostTest, LogsAFailingWebResourceWithItsModuleAndTellsTheClientNothing) {
    under_test.construct<Serving>();
    const Response failed = get("/_synapse/client/served/throws").value();
    EXPECT_EQ(failed.status, 500);
    EXPECT_EQ(failed.body.find("10.0.0.1"), std::string::npos) << failed.body;
    EXPECT_TRUE(log.contains("module test.Module0: /_synapse/client/served failed: http://10.0.0.1/ is unreachable"))
        << log.text();
    EXPECT_EQ(get("/_synapse/client/served").value().status, 200);
}

TEST(ModuleHostOfItsOwnPaths, RefusesAWebResourceThere) {
    modapi::WorkerSettings settings;
    settings.reserved_paths = {"/hotel"};
    WorkerUnderTest under_test(std::move(settings));
    EXPECT_THROW(under_test.construct<Serving>("{path: /hotel/rooms}"), modapi::ConfigurationError);
    under_test.construct<Serving>("{path: /_matrix/client}");
}

TEST(FrameworkLog, IsWhatTheHostSaysForTheFrameworkAndItsModules) {
    std::ostringstream text;
    const auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(text);
    const auto own = std::make_shared<spdlog::logger>("hotel", sink);
    own->set_pattern("%l %n %v");
    const LogCapture elsewhere;
    modapi::set_log(own);
    WorkerUnderTest loud;
    loud.construct<Serving>();
    const std::string said = text.str();
    own->set_level(spdlog::level::err);
    WorkerUnderTest quiet;
    quiet.construct<Serving>();
    modapi::set_log(nullptr);
    EXPECT_NE(said.find("info test.Module0 registers /_synapse/client/served"), std::string::npos) << said;
    EXPECT_NE(said.find("info hotel module test.Module0 is loaded"), std::string::npos) << said;
    EXPECT_EQ(text.str(), said) << "its level counts for modules too";
    EXPECT_FALSE(elsewhere.contains("Module0")) << elsewhere.text();
}

TEST(WatchdogOfWorkers, SaysWhichWorkerIsBlocked) {
    const LogCapture log;
    const async::callback_identity identity("slow.Module", "check_event_for_spam");
    std::atomic<const async::callback_identity*> on_stack{&identity};
    modapi::Watchdog watchdog;
    watchdog.watch(on_stack, 10ms, "worker1");
    EXPECT_TRUE(log.wait_for("slow.Module, check_event_for_spam, blocks its thread for")) << log.text();
    EXPECT_TRUE(log.wait_for("(worker worker1)")) << log.text();
    watchdog.forget(on_stack);
}

TEST(EventFromJson, IsTheEventThatItWasMadeFrom) {
    const callbacks::JsonDict json = boost::json::parse(R"({
        "event_id": "$e", "room_id": "!r:hs", "type": "m.room.topic", "sender": "@a:hs", "state_key": "", "origin_server_ts": 7,
        "content": {"topic": "x"}, "unsigned": {"age": 1}, "org.example.more": [1]})")
                                         .as_object();
    const callbacks::Event event = modapi::event_from_json(json);
    EXPECT_EQ(event.type(), "m.room.topic");
    EXPECT_EQ(event.state_key(), "");
    EXPECT_EQ(event.get_dict(), json);
}

TEST(EventFromJson, NamesWhatIsMissingOrOfAnotherType) {
    const auto refusal = [](std::string_view json) {
        try {
            static_cast<void>(modapi::event_from_json(boost::json::parse(json).as_object()));
        } catch (const callbacks::SynapseError& error) {
            return std::to_string(error.status()) + " " + std::string(error.errcode()) + " " + error.what();
        }
        return std::string("nothing");
    };
    EXPECT_EQ(refusal("{}"), "400 M_BAD_JSON 'room_id' must be a string");
    EXPECT_EQ(refusal(R"({"room_id":"!r:hs","type":1,"sender":"@a:hs","content":{}})"),
              "400 M_BAD_JSON 'type' must be a string");
    EXPECT_EQ(refusal(R"({"room_id":"!r:hs","type":"t","sender":"@a:hs"})"), "400 M_BAD_JSON 'content' must be an object");
    EXPECT_EQ(refusal(R"({"room_id":"!r:hs","type":"t","sender":"@a:hs","content":{},"origin_server_ts":"now"})"),
              "400 M_BAD_JSON 'origin_server_ts' must be an integer");
}

TEST(RequestOfATarget, IsTakenApartAndDecoded) {
    const Request request = Request::of("GET", "/a%20b/c?x=1&y=%C3%A9+z&x=2");
    EXPECT_EQ(request.method, "GET");
    EXPECT_EQ(request.target, "/a%20b/c?x=1&y=%C3%A9+z&x=2");
    EXPECT_EQ(request.path, "/a b/c");
    EXPECT_EQ(request.argument("x"), "1");
    EXPECT_EQ(request.argument("y"), "é z");
    EXPECT_EQ(Request::of("GET", "http://hs.test/a?b=c").path, "/a");
    EXPECT_EQ(Request::of("OPTIONS", "*").path, "");
}

class ConfigurationReaderTest : public testing::Test {
protected:
    [[nodiscard]] modapi::DatabaseSettings database(std::string_view yaml) const {
        const modapi::ConfigurationFile file = modapi::ConfigurationFile::parse(yaml, "/etc/hs.yaml");
        const modapi::ConfigurationReader reader(file, [](const std::string&) {});
        return reader.database();
    }
};

TEST_F(ConfigurationReaderTest, KnowsPostgresqlByItsNameAndByThatOfTheContractsServer) {
    for (const std::string name : {"postgresql", "psycopg2"}) {
        const modapi::DatabaseSettings settings = database("database: {name: " + name + ", args: {dbname: hs, port: 5433}}");
        EXPECT_TRUE(settings.is_postgresql()) << name;
        EXPECT_NE(settings.postgresql_connection.find("dbname='hs'"), std::string::npos) << settings.postgresql_connection;
    }
    EXPECT_EQ(database("database: {name: sqlite3, args: {database: hs.db}}").database, "/etc/hs.db");
    EXPECT_THROW(static_cast<void>(database("database: {name: oracle}")), modapi::ConfigurationError);
}

}  // namespace
