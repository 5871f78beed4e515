#include <modapi/hosting/metrics.h>
#include <modapi/testing/host.h>

#include <async/sleep.h>

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>

/// What Prometheus gets to see of modules.
namespace metrics_test {

using namespace std::chrono_literals;
using callbacks::Event;
using callbacks::Verdict;

/// Judges slowly, by a service, a database and a breaker.
class Judge {
public:
    Judge(const callbacks::JsonDict&, modapi::ModuleApi& api) : api_(api) {
        api.register_spam_checker_callbacks({.check_event_for_spam = async::bind<&Judge::check>(this),
                                             .user_may_create_room = [](const std::string&) { return callbacks::NOT_SPAM; }});
    }
    async::task<Verdict> check(const Event& event) {
        const std::string text(event.content_string("body").value_or(""));
        if (text == "throw") throw std::runtime_error("no idea");
        if (text == "wait") co_await async::sleep_for(20ms);
        if (text == "ask") co_await ask();
        if (text == "store") co_await store();
        if (text == "spam") co_return callbacks::Codes::FORBIDDEN;
        co_return callbacks::NOT_SPAM;
    }

private:
    async::task<void> ask() {
        try {
            static_cast<void>(co_await api_.http_client().get_json("http://judge.test/"));
        } catch (const std::exception&) {  // NOLINT: it is counted
        }
    }
    async::task<void> store() {
        async::task<void> stored = api_.run_db_interaction("store", &Judge::insert);
        try {
            co_await std::move(stored);
        } catch (const modapi::DatabaseError&) {  // NOLINT: it is counted
        }
    }
    static void insert(modapi::Transaction& transaction) { transaction.execute("INSERT INTO nowhere VALUES (1)"); }

    modapi::ModuleApi& api_;
};

class MetricsTest : public testing::Test {
protected:
    void judge(const std::string& text) {
        const Event event = modapi::testing::message("@alice:example.org", "!hall:example.org", text);
        static_cast<void>(host.call(host.hooks().spam_checker.check_event_for_spam, event));
    }
    [[nodiscard]] std::string text() {
        modapi::AnsweredWorkers answered;
        answered.workers.push_back({"main", host.worker().module_statistics()});
        answered.decisions = decisions;
        modapi::MetricFamilies metrics;
        metrics.add_modules(answered);
        return metrics.text();
    }
    static bool has_line(const std::string& text, const std::string& line) {
        return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
    }

    modapi::testing::Host host;
    std::vector<modapi::Decisions::Count> decisions;
};

TEST_F(MetricsTest, SayWhatACallbackWasAskedDecidedAndFailedIn) {
    decisions.push_back({"a.Judge", "check_event_for_spam", "main", modapi::DecisionOutcome::denied, 1});
    decisions.push_back({"gone.Module", "user_may_invite", "main", modapi::DecisionOutcome::replaced, 2});
    host.load_named<Judge>("a.Judge");
    for (const char* const said : {"hello", "spam", "throw", "throw"}) judge(said);
    const std::string shown = text();
    const std::string of = R"({module="a.Judge",worker="main",callback="check_event_for_spam"})";
    const std::string of_some = R"({module="a.Judge",worker="main",callback="check_event_for_spam",)";
    EXPECT_TRUE(has_line(shown, "# TYPE modapi_callback_calls_total counter")) << shown;
    EXPECT_TRUE(has_line(shown, "modapi_callback_calls_total" + of + " 4")) << shown;
    EXPECT_TRUE(has_line(shown, "modapi_callback_decisions_total" + of_some + R"(outcome="denied"} 1)")) << shown;
    EXPECT_TRUE(has_line(shown, "modapi_callback_decisions_total" + of_some + R"(outcome="replaced"} 0)")) << shown;
    EXPECT_TRUE(has_line(
        shown, R"(modapi_callback_decisions_total{module="gone.Module",worker="main",callback="user_may_invite",outcome="replaced"} 2)"))
        << shown;
    EXPECT_TRUE(has_line(shown, "modapi_callback_failures_total" + of_some + R"(kind="exception"} 2)")) << shown;
    EXPECT_TRUE(has_line(shown, "modapi_callback_failures_total" + of_some + R"(kind="deadline"} 0)")) << shown;
    EXPECT_TRUE(has_line(shown, "modapi_callback_calls_in_flight" + of + " 0")) << shown;
    EXPECT_TRUE(has_line(shown, R"(modapi_worker_up{worker="main"} 1)")) << shown;
}

TEST_F(MetricsTest, TellRunsThatWaitedFromTheSample) {
    host.load_named<Judge>("a.Judge");
    judge("hello");
    judge("wait");
    const std::string shown = text();
    const std::string name = R"(modapi_callback_duration_seconds_bucket{module="a.Judge",worker="main",callback="check_event_for_spam",)";
    EXPECT_TRUE(has_line(shown, name + R"(measured="waited",le="0.01"} 0)")) << shown;
    EXPECT_TRUE(has_line(shown, name + R"(measured="waited",le="0.03"} 1)")) << shown;
    EXPECT_TRUE(has_line(shown, name + R"(measured="waited",le="+Inf"} 1)")) << shown;
    EXPECT_TRUE(has_line(shown, name + R"(measured="sampled",le="1e-06"} 1)")) << shown;
}

TEST_F(MetricsTest, SayWhatAModuleAskedOfOthersAndOfTheDatabase) {
    host.load_named<Judge>("a.Judge");
    host.http.answer("GET", "http://judge.test/", 503);
    host.http.delay("GET", "http://judge.test/", 40ms);
    judge("ask");
    host.http.refuse("GET", "http://judge.test/");
    judge("ask");
    judge("store");
    const std::string shown = text();
    const std::string of = R"({module="a.Judge",worker="main")";
    EXPECT_TRUE(has_line(shown, "modapi_http_client_requests_total" + of + R"(,status="5xx"} 1)")) << shown;
    EXPECT_TRUE(has_line(shown, "modapi_http_client_requests_total" + of + R"(,status="none"} 1)")) << shown;
    EXPECT_TRUE(has_line(shown, "modapi_http_client_requests_total" + of + R"(,status="2xx"} 0)")) << shown;
    EXPECT_TRUE(has_line(shown, "modapi_http_client_request_duration_seconds_count" + of + "} 2")) << shown;
    EXPECT_TRUE(has_line(shown, "modapi_http_client_request_duration_seconds_sum" + of + "} 0.04")) << shown;
    EXPECT_TRUE(has_line(shown, "modapi_database_transaction_failures_total" + of + "} 1")) << shown;
    EXPECT_TRUE(has_line(shown, "modapi_database_transaction_duration_seconds_count" + of + "} 1")) << shown;
}

TEST(MetricFamiliesTest, EscapeHostileNamesAndRepairWhatIsNotText) {
    modapi::AnsweredWorkers answered;
    modapi::ModuleStatistics hostile;
    hostile.module = "a\"} 1\nfaked_total{x=\"\\";
    modapi::CallbackCounts counts;
    counts.callback = "/caf\xE9";
    hostile.web_resource_calls.push_back(counts);
    answered.workers.push_back({"main", {hostile}});
    modapi::MetricFamilies metrics;
    metrics.add_modules(answered);
    const std::string shown = metrics.text();
    EXPECT_EQ(shown.find("\nfaked_total"), std::string::npos) << shown;
    EXPECT_NE(shown.find(R"(modapi_web_resource_calls_total{module="a\"} 1\nfaked_total{x=\"\\",worker="main",path="/caf)"
                         "\xEF\xBF\xBD\"} 0\n"),
              std::string::npos)
        << shown;
}

TEST(MetricFamiliesTest, CallEntriesOfOneModuleByNamesOfTheirOwn) {
    modapi::AnsweredWorkers answered;
    modapi::ModuleStatistics module;
    for (const char* const name : {"a.A", "a.A", "a.A#2"}) {
        module.module = name;
        answered.workers.resize(1);
        answered.workers[0].modules.push_back(module);
    }
    modapi::MetricFamilies metrics;
    metrics.add_modules(answered);
    const std::string shown = metrics.text();
    for (const char* const name : {"a.A", "a.A#2", "a.A#2#2"})
        EXPECT_NE(shown.find("modapi_background_calls_total{module=\"" + std::string(name) + "\",worker=\"\"} 0\n"), std::string::npos)
            << shown;
}

TEST(MetricFamiliesTest, SayWhichWorkerSaysNothing) {
    modapi::AnsweredWorkers answered;
    modapi::SilentWorker silent;
    silent.worker = "worker1";
    answered.silent.push_back(silent);
    answered.workers.push_back({"main", {}});
    modapi::MetricFamilies metrics;
    metrics.add_modules(answered);
    EXPECT_NE(metrics.text().find("modapi_worker_up{worker=\"worker1\"} 0\n"), std::string::npos) << metrics.text();
}

TEST(MetricFamiliesTest, ShowWhatABreakerLetsThrough) {
    modapi::ModuleStatistics module;
    module.module = "a.A";
    modapi::CallbackCounts counts;
    counts.callback = "check_event_for_spam";
    counts.breaker = async::breaker_state::open;
    module.callbacks.push_back(counts);
    modapi::AnsweredWorkers answered;
    answered.workers.push_back({"main", {module}});
    modapi::MetricFamilies metrics;
    metrics.add_modules(answered);
    EXPECT_NE(metrics.text().find(
                  R"(modapi_callback_breaker_state{module="a.A",worker="main",callback="check_event_for_spam"} 1)"),
              std::string::npos)
        << metrics.text();
}

TEST(MetricFamiliesTest, TakeAHostsOwnBesideThem) {
    modapi::MetricFamilies metrics;
    metrics.gauge("chat_rooms", "Rooms that somebody is in.").add({{"kind", "public"}}, 3);
    static_cast<void>(metrics.counter("chat_nothing_total", "Is left out."));
    EXPECT_EQ(metrics.text(), "# HELP chat_rooms Rooms that somebody is in.\n# TYPE chat_rooms gauge\nchat_rooms{kind=\"public\"} 3\n");
    EXPECT_THROW(static_cast<void>(metrics.gauge("chat_rooms", "Twice.")), std::invalid_argument);
    EXPECT_THROW(static_cast<void>(metrics.gauge("chat rooms", "No name.")), std::invalid_argument);
    EXPECT_THROW(metrics.gauge("chat_users", "Users.").add({{"a label", "x"}}, 1), std::invalid_argument);
}

TEST(MetricFamiliesTest, SayWhatTheProcessUses) {
    modapi::MetricFamilies metrics;
    metrics.add_process();
    const std::string shown = metrics.text();
    for (const char* const name :
         {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_virtual_memory_bytes", "process_threads",
          "process_start_time_seconds", "process_open_fds", "process_max_fds"})
        EXPECT_NE(shown.find("\n" + std::string(name) + " "), std::string::npos) << shown;
}

}  // namespace metrics_test
