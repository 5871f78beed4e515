#include "log_capture.h"
#include "worker_under_test.h"

#include <modapi/hosting/module_resolver.h>
#include <modapi/hosting/placement.h>

#include <async/cached.h>

#include <gtest/gtest.h>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// In which processes modules run.
namespace {

using modapi::Placement;
using Names = std::vector<std::string>;

/// Checks rooms, and hears of events and updates.
class Watching {
public:
    Watching(const callbacks::JsonDict&, modapi::ModuleApi& api) {
        callbacks::SpamChecker spam;
        spam.user_may_create_room = [](const std::string&) { return callbacks::Verdict(callbacks::Codes::FORBIDDEN); };
        api.register_spam_checker_callbacks(spam);
        callbacks::AccountValidity accounts;
        accounts.on_user_registration = [](const std::string&) {};
        api.register_account_validity_callbacks(accounts);
    }
};
/// Is told everywhere of what it hears.
class Listening {
public:
    Listening(const callbacks::JsonDict&, modapi::ModuleApi& api) {
        callbacks::ThirdPartyRules rules;
        rules.on_new_event = [](const callbacks::Event&, const callbacks::StateMap&) {};
        api.register_third_party_rules_callbacks(rules);
        callbacks::BackgroundUpdateController controller;
        controller.on_update = &Listening::on_update;
        api.register_background_update_controller_callbacks(controller);
    }

private:
    static async::context_manager<int> on_update(const std::string&, const std::string&, bool) {
        throw std::logic_error("never asked");
    }
};

/// Has a cached function; the newest instance is the one a test asks.
class Caching {
public:
    Caching(const callbacks::JsonDict&, modapi::ModuleApi& api) : api_(api) {
        api.register_cached_function(runs);
        newest = this;
    }
    async::task<int> ask() { co_return co_await runs(7); }
    async::task<void> forget() { co_await api_.invalidate_cache(runs, 7); }
    async::task<int> count(int) { co_return ++runs_; }

    static inline Caching* newest = nullptr;
    async::cached<int(int)> runs{"runs", async::bind<&Caching::count>(this)};

private:
    modapi::ModuleApi& api_;
    int runs_ = 0;
};

std::vector<modapi::ConfiguredModule> read_modules(const std::string& entries) {
    modapi::ModuleResolver resolver({});
    resolver.add<Watching>("my.Watching");
    resolver.add<Listening>("my.Listening");
    resolver.add<Caching>("my.Caching");
    const auto file = modapi::ConfigurationFile::parse("modules:\n" + entries, "hs.yaml");
    return modapi::configure_modules(file, resolver, [](const std::string& line) { ADD_FAILURE() << line; });
}

Placement read_placement(const std::string& run_on) {
    return read_modules("  - {module: my.Watching, run_on: " + run_on + "}\n")[0].placement;
}

std::string placement_error(const std::string& run_on) {
    try {
        static_cast<void>(read_placement(run_on));
    } catch (const modapi::ConfigurationError& error) {
        return error.what();
    }
    return "nothing was thrown";
}

TEST(PlacementTest, IsReadFromTheEntry) {
    EXPECT_TRUE(read_modules("  - {module: my.Watching}\n")[0].placement.is_everywhere());
    EXPECT_TRUE(read_placement("all").is_everywhere());
    EXPECT_TRUE(read_placement("~").is_everywhere());
    EXPECT_EQ(read_placement("background"), Placement::background());
    EXPECT_EQ(read_placement("worker1"), Placement::on({"worker1"}));
    EXPECT_EQ(read_placement("[worker1, main]"), Placement::on({"main", "worker1"}));
}

TEST(PlacementTest, OfAnythingElseIsAnErrorWithItsPlace) {
    const std::string at = "hs.yaml:2: modules[0].run_on";
    const std::string of = " (module my.Watching)";
    for (const std::string other : {"7", "true", "{main: 1}"})
        EXPECT_EQ(placement_error(other), at + ": must be all, background or a list of names of processes" + of);
    EXPECT_EQ(placement_error("[]"), at + ": must name one process at least" + of);
    EXPECT_EQ(placement_error("[main, 7]"), at + "[1]: must be the name of a process" + of);
    EXPECT_EQ(placement_error("[all]"),
              at + "[0]: must be another name: \"all\" is a word of run_on, which doesn't mean a process" + of);
    EXPECT_EQ(placement_error("'a b'"), at + ": must be 1 to 64 letters, digits, dots, hyphens and underscores" + of);
}

TEST(PlacementTest, SaysOnWhichWorkersThereAreInstances) {
    EXPECT_TRUE(Placement().runs_on("a", false));
    EXPECT_TRUE(Placement::background().runs_on("a", true));
    EXPECT_FALSE(Placement::background().runs_on("main", false));
    const Placement on_two = Placement::on({"main", "a"});
    EXPECT_TRUE(on_two.runs_on("a", false));
    EXPECT_TRUE(on_two.runs_on("", false)) << "the process without a name is the main one";
    EXPECT_FALSE(on_two.runs_on("b", true));
    EXPECT_EQ(on_two.text(), "a, main");
}

TEST(PlacementTest, OfAnEntryThatWasMovedMakesItAnotherOne) {
    const auto entry = [](const std::string& run_on) {
        return read_modules("  - {module: my.Watching, run_on: " + run_on + "}\n")[0];
    };
    EXPECT_TRUE(entry("[a, b]").is_same_as(entry("[b, a]")));
    EXPECT_FALSE(entry("[a, b]").is_same_as(entry("a")));
    EXPECT_FALSE(entry("all").is_same_as(entry("background")));
}

/// One worker of a process, or its only one.
class PlacedModules : public testing::Test {
protected:
    static modapi::WorkerSettings of(const std::string& process, bool runs_background_tasks) {
        modapi::WorkerSettings settings;
        settings.process_name = process;
        settings.run_background_tasks = runs_background_tasks;
        return settings;
    }
    static std::string entry(const std::string& run_on, const std::string& module = "my.Watching") {
        return "  - {module: " + module + ", run_on: " + run_on + "}\n";
    }
    static void begin(WorkerUnderTest& worker, const std::string& entries) {
        worker.worker.construct_modules(read_modules(entries));
        worker.wait(worker.worker.start_modules());
    }
    static modapi::ModuleChanges change(WorkerUnderTest& worker, const std::string& entries) {
        modapi::ModuleChanges changes = worker.worker.build_next(read_modules(entries));
        worker.wait(worker.worker.start_next());
        worker.worker.hand_over();
        worker.worker.serve_next();
        worker.run_ready();
        return changes;
    }
    static std::vector<std::size_t> positions(const WorkerUnderTest& worker) {
        std::vector<std::size_t> found;
        for (const modapi::ModuleStatistics& module : worker.worker.module_statistics()) found.push_back(module.position);
        return found;
    }
};

TEST_F(PlacedModules, AreBuiltWhereTheyRunAndKeepTheirPositionInTheList) {
    const std::string entries = entry("other") + entry("background") + entry("[main, other]") + entry("all");
    WorkerUnderTest main(of("", true));
    WorkerUnderTest second(of("main", false));
    WorkerUnderTest other(of("other", false));
    for (WorkerUnderTest* const each : {&main, &second, &other}) begin(*each, entries);
    EXPECT_EQ(positions(main), (std::vector<std::size_t>{1, 2, 3}));
    EXPECT_EQ(positions(second), (std::vector<std::size_t>{2, 3}));
    EXPECT_EQ(positions(other), (std::vector<std::size_t>{0, 2, 3}));
    EXPECT_EQ(second.worker.module_at(0), "my.Watching") << "it is an entry all the same";
    EXPECT_EQ(second.worker.positions_of("my.Watching").size(), 4U);
    EXPECT_FALSE(second.worker.runs(0));
    EXPECT_TRUE(second.worker.runs(3));
    EXPECT_EQ(second.worker.module_statistics().at(0).entry, 3);
    std::vector<modapi::ModuleStatistics> together = second.worker.module_statistics();
    add_up(together, other.worker.module_statistics());
    add_up(together, main.worker.module_statistics());
    ASSERT_EQ(together.size(), 4U);
    for (std::size_t position = 0; position < together.size(); ++position) EXPECT_EQ(together[position].position, position);
}

TEST_F(PlacedModules, ThatAreChangedStayWhereTheyRun) {
    WorkerUnderTest worker(of("a", false));
    begin(worker, entry("all") + entry("b"));
    EXPECT_EQ(change(worker, entry("b") + entry("all", "my.Listening") + entry("all")).kept, Names{"my.Watching"});
    EXPECT_EQ(positions(worker), (std::vector<std::size_t>{1, 2}));
    const modapi::ModuleChanges moved = change(worker, entry("[a, b]") + entry("b", "my.Listening"));
    EXPECT_EQ(moved.replaced, Names{"my.Watching"});
    EXPECT_EQ(moved.removed, Names{"my.Listening"});
    EXPECT_EQ(positions(worker), (std::vector<std::size_t>{0}));
}

TEST_F(PlacedModules, ChangeTheirRulesByTheirPositionInTheList) {
    WorkerUnderTest worker(of("a", false));
    begin(worker, entry("b") + entry("a"));
    modapi::RuleChange off;
    off.mode = async::call_mode::off;
    worker.worker.change_rules(0, "my.Watching", off);
    EXPECT_EQ(worker.counts(0, "user_may_create_room").mode, async::call_mode::enforce) << "the other entry was meant";
    worker.worker.change_rules(1, "my.Watching", off);
    EXPECT_EQ(worker.counts(0, "user_may_create_room").mode, async::call_mode::off);
}

TEST_F(PlacedModules, WarnOfCallbacksThatOnlyMakeSenseEverywhere) {
    const std::string means =
        ", but these callbacks are called where an operation is served: user_may_create_room, "
        "on_user_registration; what is served elsewhere goes on without them, as if the module had nothing to "
        "say: only run_on: all has them called everywhere (module my.Watching)";
    const LogCapture log;
    WorkerUnderTest worker(of("a", true));
    begin(worker, entry("background") + entry("[b, a]") + entry("all") + entry("a", "my.Listening") + entry("b"));
    EXPECT_TRUE(log.contains("warning: hs.yaml:2: modules[0].run_on: is background" + means)) << log.text();
    EXPECT_TRUE(log.contains("warning: hs.yaml:3: modules[1].run_on: is a, b" + means)) << log.text();
    EXPECT_EQ(log.count("these callbacks"), 2U) << "what runs everywhere, or is told everywhere, needs no warning";
    EXPECT_TRUE(log.contains("info: module my.Watching isn't run here: its run_on is b"));
}

TEST_F(PlacedModules, WarnOnOneWorkerOfAProcess) {
    const LogCapture log;
    modapi::WorkerSettings settings = of("a", false);
    settings.place = modapi::WorkerPlace{1, 2};
    WorkerUnderTest worker(settings);
    begin(worker, entry("a"));
    EXPECT_EQ(log.count("these callbacks"), 0U);
}

TEST_F(PlacedModules, AreKnownAmongWorkersByTheSameNameWhereverTheyRun) {
    modapi::InProcessInvalidationBus bus;
    WorkerUnderTest main(of("", true), &bus);
    WorkerUnderTest second(of("", false), &bus);
    const std::string first = entry("background", "my.Caching");
    std::vector<Caching*> instances;
    for (WorkerUnderTest* const each : {&main, &second}) {
        begin(*each, first + entry("all", "my.Caching"));
        change(*each, first + "  - {module: my.Caching, config: {x: 1}}\n");
        instances.push_back(Caching::newest);
    }
    EXPECT_EQ(second.wait(instances[1]->ask()), 1);
    main.wait(instances[0]->forget());
    second.run_ready();
    EXPECT_EQ(second.wait(instances[1]->ask()), 2) << "it has heard of its other instance's invalidation";
}

}  // namespace
