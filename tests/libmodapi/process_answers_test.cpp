#include <modapi/hosting/metrics.h>
#include <modapi/hosting/process_answers.h>

#include <gtest/gtest.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

/// What processes tell each other has to be the same when it is read.
namespace {

using callbacks::JsonDict;

/// As it is after its way as a text.
JsonDict sent(const JsonDict& told) { return boost::json::parse(boost::json::serialize(told)).as_object(); }

modapi::AnsweredWorkers everything() {
    modapi::CallbackCounts callback;
    callback.callback = "check_event_for_spam";
    std::uint64_t number = 10;
    for (std::uint64_t* const count : {&callback.calls,
                                       &callback.decided,
                                       &callback.failed,
                                       &callback.timed_calls,
                                       &callback.timed_ns,
                                       &callback.max_ns,
                                       &callback.waiting,
                                       &callback.max_waiting_ns,
                                       &callback.shadow.runs,
                                       &callback.shadow.skipped,
                                       &callback.shadow.differed,
                                       &callback.shadow.failed,
                                       &callback.shadow.kept_back,
                                       &callback.passed_by,
                                       &callback.cut,
                                       &callback.kept_out,
                                       &callback.waited.buckets.front(),
                                       &callback.waited.buckets.back(),
                                       &callback.waited.total_ns,
                                       &callback.at_once.buckets[7]})
        *count = ++number;
    callback.calls = ~std::uint64_t{0};
    callback.mode = async::call_mode::shadow;
    callback.share = 17;
    callback.place = 3;
    callback.breaker = async::breaker_state::half_open;
    modapi::CacheCounts cache;
    cache.function = "get";
    cache.counters = {1, 2, 3, 4, 5, 6, 7, 8};
    modapi::ModuleStatistics module;
    module.position = 4;
    module.entry = 2;
    module.module = "a.B";
    module.library = "/a.so";
    module.version = "1.2";
    JsonDict config;
    config["evil"] = callbacks::JsonArray{"@a:x"};
    module.config = std::make_shared<const JsonDict>(std::move(config));
    module.mode = async::call_mode::off;
    module.share = 5;
    module.callbacks = {callback};
    module.web_resources = {"/x"};
    module.web_resource_calls = {callback};
    module.caches = {cache};
    module.background_calls = 31;
    module.failed_background_calls = 32;
    module.background_processes = {callback};
    module.http_client.answered = {1, 2, 3, 4, 5, 6};
    module.http_client.durations.total_ns = 33;
    module.database.failed = 34;
    module.database.durations.buckets[1] = 35;
    modapi::AnsweredWorkers all;
    all.workers = {{"main", {module, modapi::ModuleStatistics()}}};
    all.silent = {{"worker1", "a.B", "on_new_event"}};
    all.decisions = {{"a.B", "on_new_event", "main", modapi::DecisionOutcome::cut, 36}};
    return all;
}

TEST(ProcessAnswersTest, OfWhatWorkersDidAreTheSameWhenTheyAreRead) {
    const JsonDict told = modapi::as_json(everything());
    const modapi::AnsweredWorkers read = modapi::answered_workers_of(sent(told));
    EXPECT_EQ(boost::json::serialize(modapi::as_json(read)), boost::json::serialize(told));
    const modapi::ModuleStatistics& module = read.workers.at(0).modules.at(0);
    EXPECT_EQ(module.callbacks.at(0).calls, ~std::uint64_t{0});
    EXPECT_EQ(module.callbacks.at(0).waited.buckets, everything().workers[0].modules[0].callbacks[0].waited.buckets);
    EXPECT_EQ(module.callbacks.at(0).breaker, async::breaker_state::half_open);
    EXPECT_EQ(*module.config, *everything().workers[0].modules[0].config);
    EXPECT_EQ(module.caches.at(0).counters.pending, 8U);
    EXPECT_EQ(read.workers.at(0).modules.at(1).config, nullptr);
    EXPECT_EQ(read.workers.at(0).modules.at(1).callbacks.size(), 0U);
    EXPECT_EQ(read.silent.at(0).callback, "on_new_event");
    EXPECT_EQ(read.decisions.at(0).outcome, modapi::DecisionOutcome::cut);
    // Prometheus sees all that there is to see.
    modapi::MetricFamilies first;
    first.add_modules(everything());
    modapi::MetricFamilies second;
    second.add_modules(read);
    EXPECT_EQ(second.text(), first.text());
}

TEST(ProcessAnswersTest, OfDecisionsAndQuestionsForThemAreTheSameWhenTheyAreRead) {
    modapi::DecisionPage page;
    modapi::Decision& decision = page.decisions.emplace_back();
    decision.id = "0a";
    decision.time_ms = 1790000000000;
    std::string* const texts[] = {&decision.process,  &decision.worker,   &decision.request_id, &decision.module,
                                  &decision.callback, &decision.errcode,  &decision.text,       &decision.user_id,
                                  &decision.room_id,  &decision.event_id, &decision.address};
    char letter = 'a';
    for (std::string* const text : texts) *text = letter++;
    decision.outcome = modapi::DecisionOutcome::shadow_differs;
    decision.duration_ms = 0.1;
    page.has_more = true;
    const JsonDict told = modapi::as_json(page);
    const modapi::DecisionPage read = modapi::decision_page_of(sent(told));
    EXPECT_EQ(boost::json::serialize(modapi::as_json(read)), boost::json::serialize(told));
    EXPECT_EQ(read.decisions.at(0).address, "k");
    EXPECT_EQ(read.decisions.at(0).duration_ms, 0.1);
    EXPECT_TRUE(read.has_more);
    EXPECT_FALSE(read.is_incomplete);

    modapi::DecisionFilter filter;
    filter.user_id = "@old:x";
    filter.outcome = modapi::DecisionOutcome::denied;
    filter.until_ms = 7;
    const modapi::DecisionFilter asked = modapi::decision_filter_of(sent(modapi::as_json(filter)));
    EXPECT_EQ(asked.user_id, "@old:x");
    EXPECT_EQ(asked.outcome, modapi::DecisionOutcome::denied);
    EXPECT_EQ(asked.since_ms, std::nullopt);
    EXPECT_EQ(asked.until_ms, 7);
}

TEST(ProcessAnswersTest, OfMetricsAreTheSameTextWhenTheyAreRead) {
    modapi::MetricFamilies metrics;
    metrics.add_modules(everything());
    metrics.gauge("x_ratio", "Of \"y\".").add({{"b", "2\n"}, {"a", "1"}}, 0.1);
    const modapi::MetricFamilies read = modapi::MetricFamilies::read(sent(metrics.as_json()));
    EXPECT_EQ(read.text(), metrics.text());
}

TEST(ProcessAnswersTest, ThatAreSomethingElseAreAnError) {
    EXPECT_THROW(static_cast<void>(modapi::answered_workers_of({})), std::exception);
    JsonDict told = modapi::as_json(modapi::ModuleChanges());
    told["kept"] = 7;
    EXPECT_THROW(static_cast<void>(modapi::module_changes_of(told)), std::exception);
    EXPECT_THROW(static_cast<void>(modapi::MetricFamilies::read({})), std::exception);
}

}  // namespace
