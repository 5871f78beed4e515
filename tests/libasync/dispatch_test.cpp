#include <async/combine.h>
#include <async/dispatch.h>
#include <async/error_rule.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dispatch_test {

using namespace std::chrono_literals;

using notify = async::dispatch<"notify", void(const std::string&), async::run_all, async::log_and_go_on>;
using decide = async::dispatch<"decide", bool(const std::string&), async::first_not<true>, async::skip>;

/// Hears what a dispatcher reports.
class Ear final : public async::dispatch_observer {
public:
    void on_error(const async::observed_run& run, async::error_level, const std::exception_ptr&) noexcept override {
        heard.push_back(run.callback.module + " failed " + std::string(run.callback.callback));
    }
    void on_slow(const async::callback_identity& callback, async::clock::duration) noexcept override {
        heard.push_back(callback.module + " is slow");
    }
    void on_decision(const async::observed_run& run) noexcept override {
        heard.push_back(run.callback.module + " decided");
    }
    std::vector<std::string> heard;
};

class Module {
public:
    explicit Module(std::string& trace) : trace_(trace) {}
    void note(const std::string& what) { trace_ += what + " "; }
    void fail(const std::string&) { throw std::runtime_error("no"); }
    async::task<void> note_later(const std::string& what) {
        co_await async::sleep_for(2s);
        trace_ += "later " + what + " ";
    }
    bool refuse(const std::string&) { return false; }
    bool pass(const std::string&) { return true; }

private:
    std::string& trace_;
};

async::task<void> notify_all(const notify& dispatcher, std::string what) { co_await dispatcher(what); }
async::task<bool> ask(const decide& dispatcher, std::string what) { co_return co_await dispatcher(what); }

TEST(Dispatch, AwaitsEachHookBeforeTheNextInTheOrderOfRegistration) {
    async::testing::simulation time;
    std::string trace;
    Module module(trace);
    notify dispatcher;
    dispatcher.add("first", async::bind<&Module::note_later>(&module), nullptr);
    dispatcher.add("second", async::bind<&Module::note>(&module), nullptr);
    time.run(notify_all(dispatcher, "x"));
    EXPECT_EQ(trace, "later x x ");
}

TEST(Dispatch, ReportsFailuresSlownessAndDecisionsWithTheModulesName) {
    async::testing::simulation time;
    std::string trace;
    Module module(trace);
    Ear ear;
    async::dispatch_settings settings;
    settings.observer = &ear;
    notify notifier;
    notifier.add("bad", async::bind<&Module::fail>(&module), &settings);
    notifier.add("slow", async::bind<&Module::note_later>(&module), &settings);
    time.run(notify_all(notifier, "x"));
    decide decider;
    decider.add("liberal", async::bind<&Module::pass>(&module), &settings);
    decider.add("strict", async::bind<&Module::refuse>(&module), &settings);
    EXPECT_FALSE(time.run(ask(decider, "x")));
    EXPECT_EQ(ear.heard, (std::vector<std::string>{"bad failed notify", "slow is slow", "strict decided"}));
}

TEST(Dispatch, CountsWhatEachRegistrationDid) {
    async::testing::simulation time;
    std::string trace;
    Module module(trace);
    decide dispatcher;
    dispatcher.add("strict", async::bind<&Module::refuse>(&module), nullptr);
    dispatcher.add("unasked", async::bind<&Module::pass>(&module), nullptr);
    for (int turn = 0; turn < 3; ++turn) EXPECT_FALSE(time.run(ask(dispatcher, "x")));
    std::vector<std::uint64_t> runs;
    std::vector<std::uint64_t> decisions;
    dispatcher.each_registration([&](const async::callback_identity& identity) {
        runs.push_back(identity.statistics.runs);
        decisions.push_back(identity.statistics.decisions);
    });
    EXPECT_EQ(runs, (std::vector<std::uint64_t>{3, 0}));
    EXPECT_EQ(decisions, (std::vector<std::uint64_t>{3, 0}));
}

/// Registers another hook while it runs.
struct Grower {
    notify& dispatcher;
    Module& module;
    void grow(const std::string&) { dispatcher.add("grown", async::bind<&Module::note>(&module), nullptr); }
};

TEST(Dispatch, ARegistrationDuringACallCountsForTheNext) {
    async::testing::simulation time;
    std::string trace;
    Module module(trace);
    notify dispatcher;
    Grower grower{dispatcher, module};
    dispatcher.add("grower", async::bind<&Grower::grow>(&grower), nullptr);
    time.run(notify_all(dispatcher, "one"));
    EXPECT_EQ(trace, "");
    time.run(notify_all(dispatcher, "two"));
    EXPECT_EQ(trace, "two ");
}

TEST(Dispatch, WithoutAHookTheAnswerIsTheNeutralOne) {
    async::testing::simulation time;
    const decide dispatcher;
    EXPECT_TRUE(dispatcher.empty());
    EXPECT_TRUE(time.run(ask(dispatcher, "x")));
}

}  // namespace dispatch_test
