#include "log_capture.h"
#include "worker_under_test.h"

#include <gtest/gtest.h>

#include <stdexcept>

/// When a module's start() and stop() run, and what becomes of those that fail or don't end.
namespace {

using namespace std::chrono_literals;
using callbacks::JsonDict;
using modapi::ModuleApi;
using Strings = std::vector<std::string>;

/// What happened, in order.
Strings trace;

template <char Name>
struct Traced {
    Traced(const JsonDict&, ModuleApi& api) : api_(api) {
        note("built");
        api.delayed_background_call(0, &Traced::run_in_background);
    }
    ~Traced() { note("gone"); }
    Traced(const Traced&) = delete;
    Traced& operator=(const Traced&) = delete;
    async::task<void> start() {
        co_await api_.sleep(0);
        note("started");
    }
    async::task<void> stop() {
        co_await api_.sleep(0);
        note("stopped");
    }
    static void run_in_background() { note("background"); }
    static void note(const char* what) { trace.push_back(std::string(1, Name) + " " + what); }
    ModuleApi& api_;
};
struct Plain {
    Plain(const JsonDict&, ModuleApi&) {}
    static void start() { trace.emplace_back("plain started"); }
    static void stop() { trace.emplace_back("plain stopped"); }
};
struct WithoutEither {
    WithoutEither(const JsonDict&, ModuleApi&) {}
};
struct FailsToStart : Traced<'f'> {
    using Traced::Traced;
    async::task<void> start() {
        co_await api_.sleep(0);
        throw std::runtime_error("the other server isn't there");
    }
};
struct StartFindsAMistake : Traced<'m'> {
    using Traced::Traced;
    async::task<void> start() {
        co_await api_.sleep(0);
        throw callbacks::ConfigError("is no room of this server", {"rooms", "0"});
    }
};
struct NeverStarts : Traced<'n'> {
    using Traced::Traced;
    async::task<void> start() { co_await api_.sleep(1e6); }
};
struct FailsToStop : Traced<'x'> {
    using Traced::Traced;
    async::task<void> stop() {
        co_await api_.sleep(0);
        throw std::runtime_error("no such luck");
    }
};
struct NeverStops : Traced<'s'> {
    using Traced::Traced;
    async::task<void> stop() { co_await api_.sleep(1e6); }
};

struct StopsSlowly : Traced<'w'> {
    using Traced::Traced;
    async::task<void> stop() { co_await api_.sleep(0.3); }
};

class ModuleStartTest : public testing::Test {
protected:
    ModuleStartTest() { trace.clear(); }
    template <class... Modules>
    std::string start_error(WorkerUnderTest& test) {
        try {
            test.construct<Modules...>();
        } catch (const modapi::ConfigurationError& error) {
            return error.what();
        }
        return "nothing was thrown";
    }
};

TEST_F(ModuleStartTest, AwaitsEachStartInOrderThenBeginsBackgroundCallsAndStopsInTheOppositeOrder) {
    WorkerUnderTest test;
    test.construct<Traced<'a'>, WithoutEither, Plain, Traced<'b'>>();
    test.advance(0s);
    EXPECT_EQ(trace,
              (Strings{"a built", "b built", "a started", "plain started", "b started", "a background", "b background"}));
    trace.clear();
    test.stop();
    EXPECT_EQ(trace, (Strings{"b stopped", "plain stopped", "a stopped", "b gone", "a gone"}));
}

TEST_F(ModuleStartTest, NamesTheModuleWhoseStartFailsAndStopsThoseBeforeIt) {
    WorkerUnderTest test;
    EXPECT_EQ((start_error<Traced<'a'>, FailsToStart, Traced<'b'>>(test)),
              "hs.yaml:4: modules[1]: start() failed: the other server isn't there (module test.Module1)");
    EXPECT_EQ(trace, (Strings{"a built", "f built", "b built", "a started", "a stopped", "b gone", "f gone", "a gone"}));
}

TEST_F(ModuleStartTest, NamesTheKeyThatAStartFindsFaultWith) {
    WorkerUnderTest test;
    EXPECT_EQ(start_error<StartFindsAMistake>(test),
              "hs.yaml:3: modules[0].config.rooms[0]: start() failed: is no room of this server (module test.Module0)");
}

TEST_F(ModuleStartTest, CutsAStartThatTakesTooLong) {
    modapi::WorkerSettings settings;
    settings.start_deadline = 1500ms;
    WorkerUnderTest test(settings);
    EXPECT_EQ((start_error<NeverStarts>(test)),
              "hs.yaml:2: modules[0]: start() has not ended within 1.5 s (module test.Module0)");
    EXPECT_EQ(trace, (Strings{"n built", "n gone"}));
}

TEST_F(ModuleStartTest, LogsAStopThatFailsAndGoesOn) {
    const LogCapture log;
    WorkerUnderTest test;
    test.construct<Traced<'a'>, FailsToStop>();
    test.stop();
    EXPECT_TRUE(log.contains("error: module test.Module1: stop() failed: no such luck"));
    EXPECT_EQ(Strings(trace.end() - 3, trace.end()), (Strings{"a stopped", "x gone", "a gone"}));
}

TEST_F(ModuleStartTest, CutsAStopThatTakesTooLongAndGoesOn) {
    const LogCapture log;
    WorkerUnderTest test;
    test.construct<Traced<'a'>, NeverStops>();
    test.stop();
    EXPECT_TRUE(log.contains("error: module test.Module1: stop() has not ended within 2 s"));
    EXPECT_EQ(Strings(trace.end() - 2, trace.end()), (Strings{"s gone", "a gone"}));
}

TEST_F(ModuleStartTest, NamesTheWholeLimitToAStopThatTheOthersLeftLessTimeFor) {
    const LogCapture log;
    WorkerUnderTest test;
    test.construct<NeverStops, StopsSlowly>();
    test.stop();
    EXPECT_TRUE(log.contains("error: module test.Module0: stop() has not ended within 2 s"));
}

struct BecomesReady : Traced<'r'> {
    using Traced::Traced;
    async::task<void> ready() {
        co_await api_.sleep(0);
        note("ready");
    }
};
struct PlainReady {
    PlainReady(const JsonDict&, ModuleApi&) {}
    static void ready() { trace.emplace_back("plain ready"); }
};
struct FailsToBecomeReady : Traced<'u'> {
    using Traced::Traced;
    async::task<void> ready() {
        co_await api_.sleep(0);
        throw callbacks::ConfigError("there is no such table", {"table"});
    }
};
struct NeverBecomesReady : Traced<'v'> {
    using Traced::Traced;
    async::task<void> ready() { co_await api_.sleep(1e6); }
};

TEST_F(ModuleStartTest, AwaitsEachReadyInOrderWhenAllHaveStartedAndBeforeBackgroundCalls) {
    WorkerUnderTest test;
    test.construct<BecomesReady, PlainReady, Traced<'a'>>();
    test.advance(0s);
    EXPECT_EQ(trace, (Strings{"r built", "a built", "r started", "a started", "r ready", "plain ready", "r background",
                              "a background"}));
    trace.clear();
    test.stop();
    EXPECT_EQ(trace, (Strings{"a stopped", "r stopped", "a gone", "r gone"}));
}

TEST_F(ModuleStartTest, NamesTheModuleWhoseReadyFailsAndStopsAllThatHaveStarted) {
    WorkerUnderTest test;
    EXPECT_EQ((start_error<FailsToBecomeReady, BecomesReady>(test)),
              "hs.yaml:3: modules[0].config.table: ready() failed: there is no such table (module test.Module0)");
    EXPECT_EQ(trace, (Strings{"u built", "r built", "u started", "r started", "r stopped", "u stopped", "r gone", "u gone"}));
}

TEST_F(ModuleStartTest, SaysWhichFunctionOfTheModuleFailed) {
    const auto failed = [](auto construct) {
        WorkerUnderTest test;
        try {
            construct(test);
        } catch (const modapi::ConfigurationError& error) {
            return error.module() + " " + error.callback();
        }
        return std::string("nothing");
    };
    EXPECT_EQ(failed([](WorkerUnderTest& test) { test.construct<FailsToStart>(); }), "test.Module0 start");
    EXPECT_EQ(failed([](WorkerUnderTest& test) { test.construct<FailsToBecomeReady>(); }), "test.Module0 ready");
}

TEST_F(ModuleStartTest, CutsAReadyThatTakesTooLong) {
    WorkerUnderTest test;
    EXPECT_EQ((start_error<NeverBecomesReady>(test)),
              "hs.yaml:2: modules[0]: ready() has not ended within 60 s (module test.Module0)");
    EXPECT_EQ(trace, (Strings{"v built", "v started", "v stopped", "v gone"}));
}

struct Migrates {
    Migrates(const JsonDict&, ModuleApi& api) : api_(api) {}
    async::task<void> start() {
        modapi::SchemaMigration tables;
        tables.step("greetings", "CREATE TABLE greetings (greeting TEXT NOT NULL)");
        co_await api_.migrate_schema(std::move(tables));
    }
    ModuleApi& api_;
};

/// Needs the table of another module.
struct Greets {
    Greets(const JsonDict&, ModuleApi& api) : api_(api) {}
    async::task<void> ready() {
        const bool is_there = co_await api_.run_db_read("greets.look", &has_greetings);
        if (!is_there) throw callbacks::ConfigError("needs the module that keeps the greetings");
    }
    static bool has_greetings(modapi::Transaction& transaction) {
        return transaction
            .query_one<std::string>("SELECT step FROM module_schema_steps WHERE module = 'test.Module1' AND step = 'greetings'")
            .has_value();
    }
    ModuleApi& api_;
};
struct MigratesNothing {
    MigratesNothing(const JsonDict&, ModuleApi& api) : api_(api) {}
    async::task<void> start() { co_await api_.migrate_schema(modapi::SchemaMigration()); }
    ModuleApi& api_;
};

TEST_F(ModuleStartTest, AModuleFindsTheTableOfOneThatIsListedAfterIt) {
    WorkerUnderTest test;
    EXPECT_EQ((start_error<Greets, Migrates>(test)), "nothing was thrown");
    WorkerUnderTest without;
    EXPECT_EQ((start_error<Greets, MigratesNothing>(without)),
              "hs.yaml:2: modules[0]: ready() failed: needs the module that keeps the greetings (module test.Module0)");
}

TEST_F(ModuleStartTest, MakesAModulesTablesUnderItsName) {
    WorkerUnderTest test;
    test.construct<Migrates>();
    const auto steps = [](modapi::Transaction& transaction) {
        return transaction.query<std::string, std::string>("SELECT module, step FROM module_schema_steps");
    };
    EXPECT_EQ(test.wait(test.database->read("steps", steps)),
              (std::vector<std::tuple<std::string, std::string>>{{"test.Module0", "greetings"}}));
}

}  // namespace
