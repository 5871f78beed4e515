#include "worker_under_test.h"

#include <async/cached.h>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using callbacks::Codes;
using callbacks::Event;
using callbacks::JsonDict;
using callbacks::Verdict;
using modapi::ModuleApi;
using modapi::ModuleStatistics;

class CountedPage final : public modapi::DirectServeJsonResource {};

/// Registers something of everything; two checks, of which the second refuses.
class Busy {
public:
    Busy(const JsonDict&, ModuleApi& api) : api_(api) {
        api.register_spam_checker_callbacks({.check_event_for_spam = [](const Event&) { return callbacks::NOT_SPAM; }});
        api.register_spam_checker_callbacks(
            {.check_event_for_spam = [](const Event&) -> Verdict { return Codes::FORBIDDEN; },
             .user_may_create_room = [](const std::string&) -> Verdict { throw std::runtime_error("no idea"); }});
        api.register_web_resource("/_synapse/client/busy", std::make_shared<CountedPage>());
        api.register_cached_function(department);
        api.looping_background_call([] { throw std::runtime_error("out of order"); }, 1000);
        built.push_back(this);
    }
    async::task<void> start() {
        api_.register_account_validity_callbacks({.on_user_registration = [](const std::string&) {}});
        co_return;
    }
    async::task<std::string> fetch(const std::string& user) { co_return user + std::to_string(++runs_); }
    async::task<std::string> ask() {
        const std::string user = "alice";
        co_return co_await department(user);
    }
    async::task<void> forget() {
        const std::string user = "alice";
        co_await api_.invalidate_cache(department, user);
    }

    static inline std::vector<Busy*> built;
    async::cached<std::string(const std::string&)> department{"department", async::bind<&Busy::fetch>(this)};

private:
    ModuleApi& api_;
    int runs_ = 0;
};
class Idle {
public:
    Idle(const JsonDict&, ModuleApi&) {}
};

class ModuleStatisticsTest : public testing::Test {
protected:
    ModuleStatisticsTest() { Busy::built.clear(); }
    /// One class twice, and one that does nothing between them.
    static void construct(WorkerUnderTest& worker) {
        modapi::ModuleResolver resolver({});
        resolver.add<Busy>("test.Busy");
        resolver.add<Idle>("test.Idle");
        worker.construct_from("modules: [{module: test.Busy}, {module: test.Idle}, {module: test.Busy}]\n", resolver);
    }
    static std::vector<std::string> callbacks_of(const ModuleStatistics& module) {
        std::vector<std::string> names;
        for (const modapi::CallbackCounts& counts : module.callbacks) names.push_back(counts.callback);
        return names;
    }

    modapi::InProcessInvalidationBus bus;
    WorkerUnderTest here{modapi::WorkerSettings(), &bus};
    WorkerUnderTest there{modapi::WorkerSettings(), &bus};
};

TEST_F(ModuleStatisticsTest, SayWhatEachEntryOfTheConfigurationRegistered) {
    construct(here);
    const std::vector<ModuleStatistics> modules = here.worker.module_statistics();
    ASSERT_EQ(modules.size(), 3U);
    EXPECT_EQ(modules[0].module, "test.Busy");
    EXPECT_EQ(modules[0].library, "") << "compiled in";
    EXPECT_EQ(callbacks_of(modules[0]),
              (std::vector<std::string>{"check_event_for_spam", "user_may_create_room", "on_user_registration"}));
    EXPECT_EQ(modules[0].web_resources, (std::vector<std::string>{"/_synapse/client/busy"}));
    EXPECT_EQ(modules[1].module, "test.Idle");
    EXPECT_TRUE(modules[1].callbacks.empty());
    EXPECT_EQ(callbacks_of(modules[2]), callbacks_of(modules[0]));
    EXPECT_TRUE(modules[2].web_resources.empty()) << "the first one keeps the path";
}

TEST_F(ModuleStatisticsTest, CountWhatCameOfIt) {
    construct(here);
    const Event event{callbacks::EventFields()};
    const std::string user = "@alice:example.org";
    static_cast<void>(here.wait(here.worker.hooks().spam_checker.check_event_for_spam(event)));
    EXPECT_THROW(static_cast<void>(here.wait(here.worker.hooks().spam_checker.user_may_create_room(user, callbacks::JsonDict()))), std::runtime_error);
    here.advance(2s);
    const std::vector<ModuleStatistics> modules = here.worker.module_statistics();
    EXPECT_EQ(modules[0].callbacks[0].calls, 2U) << "two registrations";
    EXPECT_EQ(modules[0].callbacks[0].decided, 1U);
    EXPECT_EQ(modules[0].callbacks[1].failed, 1U);
    EXPECT_EQ(modules[0].background_calls, 2U);
    EXPECT_EQ(modules[0].failed_background_calls, 2U);
    EXPECT_EQ(modules[2].callbacks[0].calls, 0U) << "the first entry has decided";
}

TEST_F(ModuleStatisticsTest, OfSeveralWorkersAddUp) {
    ModuleStatistics one;
    one.callbacks = {{"shared", 1, 2, 3, 4, 5, {6}}};
    one.web_resources = {"/a"};
    one.background_calls = 1;
    one.caches = {{"cache", async::cache_counters()}};
    one.caches[0].counters.size = 5;
    ModuleStatistics other;
    other.callbacks = {{"only there", 1, 0, 0, 0, 0, {0}}, {"shared", 10, 20, 30, 40, 50, {3}}};
    other.web_resources = {"/a", "/b"};
    other.background_calls = 2;
    other.failed_background_calls = 1;
    other.caches = {{"cache", async::cache_counters()}};
    other.caches[0].counters.size = 6;
    one.add(other);
    EXPECT_EQ(callbacks_of(one), (std::vector<std::string>{"shared", "only there"}));
    EXPECT_EQ(one.callbacks[0].calls, 11U);
    EXPECT_EQ(one.callbacks[0].decided, 22U);
    EXPECT_EQ(one.callbacks[0].failed, 33U);
    EXPECT_EQ(one.callbacks[0].timed_calls, 44U);
    EXPECT_EQ(one.callbacks[0].timed_ns, 55U);
    EXPECT_EQ(one.callbacks[0].max_ns, 6U);
    EXPECT_EQ(one.web_resources, (std::vector<std::string>{"/a", "/b"}));
    EXPECT_EQ(one.background_calls, 3U);
    EXPECT_EQ(one.failed_background_calls, 1U);
    EXPECT_EQ(one.caches[0].counters.size, 11U);
}

TEST(ModuleStateTest, IsWhatItsCallbacksAreTogether) {
    using async::call_mode;
    const auto counts_with = [](call_mode mode, std::uint32_t share) {
        modapi::CallbackCounts counts;
        counts.mode = mode;
        counts.share = share;
        return counts;
    };
    constexpr std::uint32_t all = async::call_limits::whole;
    ModuleStatistics module;
    module.mode = call_mode::off;
    EXPECT_EQ(modapi::state_of(module), "running") << "it has no callbacks, but may have web resources";
    EXPECT_EQ(module.mode_in_force(), call_mode::off) << "as its entry says";
    module.callbacks = {counts_with(call_mode::off, all), counts_with(call_mode::enforce, 0)};
    EXPECT_EQ(modapi::state_of(module), "off");
    EXPECT_EQ(module.mode_in_force(), std::nullopt) << "they differ";
    EXPECT_EQ(module.share_in_force(), std::nullopt);
    module.callbacks.push_back(counts_with(call_mode::shadow, all));
    EXPECT_EQ(modapi::state_of(module), "shadow");
    module.callbacks[2].breaker = async::breaker_state::open;
    EXPECT_EQ(modapi::state_of(module), "shadow") << "whose breaker keeps nothing from anybody";
    module.callbacks.push_back(counts_with(call_mode::enforce, 1));
    EXPECT_EQ(modapi::state_of(module), "running");
    module.callbacks[3].breaker = async::breaker_state::closed;
    EXPECT_EQ(modapi::state_of(module), "running");
    module.callbacks[3].breaker = async::breaker_state::half_open;
    EXPECT_EQ(modapi::state_of(module), "breaker_open");
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
TEST(CallbackCountsTest, KnowTheirLongestTimeByItsFormerNameToo) {
    const modapi::CallbackCounts counts{.callback = "check_event_for_spam", .longest_ns = 7};
    EXPECT_EQ(counts.max_ns, 7U);
    EXPECT_EQ(counts.longest_ns, 7U);
}
#pragma GCC diagnostic pop

TEST_F(ModuleStatisticsTest, AModuleThatIsListedTwiceHasTwoCachesOnEachWorker) {
    construct(here);
    construct(there);
    ASSERT_EQ(Busy::built.size(), 4U);
    for (Busy* const module : {Busy::built[0], Busy::built[1]}) EXPECT_EQ(here.wait(module->ask()), "alice1");
    for (Busy* const module : {Busy::built[2], Busy::built[3]}) EXPECT_EQ(there.wait(module->ask()), "alice1");
    here.wait(Busy::built[1]->forget());
    there.run_ready();
    EXPECT_EQ(here.wait(Busy::built[0]->ask()), "alice1") << "another entry's is another cache";
    EXPECT_EQ(there.wait(Busy::built[2]->ask()), "alice1");
    EXPECT_EQ(there.wait(Busy::built[3]->ask()), "alice2") << "that of the same entry on the other worker is told";
    EXPECT_EQ(here.worker.module_statistics()[2].caches.at(0).counters.evicted_by_invalidation, 1U);
}

}  // namespace
