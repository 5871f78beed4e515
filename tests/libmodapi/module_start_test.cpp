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

struct Migrates {
    Migrates(const JsonDict&, ModuleApi& api) : api_(api) {}
    async::task<void> start() {
        modapi::SchemaMigration tables;
        tables.step("greetings", "CREATE TABLE greetings (greeting TEXT NOT NULL)");
        co_await api_.migrate_schema(std::move(tables));
    }
    ModuleApi& api_;
};

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
