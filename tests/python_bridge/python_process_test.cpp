#include "log_capture.h"
#include "python_worker.h"
#include "temporary_folder.h"

#include <python_backoff.h>
#include <python_errors.h>

#include <async/notification.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

/// Modules whose process dies, hangs, grows or says what it mustn't.
std::size_t children() {
    std::size_t found = 0;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::ifstream list(task.path() / "children");
        std::string one;
        while (list >> one) ++found;
    }
    return found;
}

std::size_t descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const std::string deadly = "  - module: deadly.Deadly\n";

struct FailsToStart {
    FailsToStart(const modapi::ConfigSection&, modapi::ModuleApi&) {}
    void start() { throw std::runtime_error("not today"); }
};

class PythonProcessTest : public testing::Test {
protected:
    void SetUp() override {
        static const std::string missing = missing_for_python();
        if (!missing.empty()) GTEST_SKIP() << missing;
    }
    static modapi::WorkerSettings impatient() {
        modapi::WorkerSettings settings;
        settings.callback_deadline = 300ms;
        return settings;
    }
    /// The module answers again, about as soon as it was there at first.
    static void answers_soon(PythonWorker& modules) {
        const auto begin = std::chrono::steady_clock::now();
        EXPECT_TRUE(modules.until([&] { return modules.asked_about("nothing") == "yes"; }));
        EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s + 3 * modules.time_to_build);
    }

    static async::task<void> ask_again(modapi::ModuleHost& worker, int& asked) {
        const bool may = co_await PythonWorker::judged(worker, "@nothing:example.org");
        asked += may ? 1 : 0;
    }
    static async::task<void> send_again(modapi::ModuleHost& worker) {
        static_cast<void>(co_await PythonWorker::judged(worker, "@sends:example.org"));
    }
    static async::task<void> wait_for(async::notification& happens) { co_await happens.wait(); }

    LogCapture log;
};

TEST_F(PythonProcessTest, AnswersWhatItsModuleSays) {
    PythonWorker modules;
    modules.construct(deadly);
    EXPECT_EQ(modules.asked_about("nothing"), "yes");
    EXPECT_EQ(modules.asked_about("refuse"), "no");
    EXPECT_EQ(modules.asked_about("slow"), "yes");
    EXPECT_TRUE(modules.warnings.empty());
}

TEST_F(PythonProcessTest, IsStartedAnewAtOnceHoweverItDies) {
    PythonWorker modules;
    modules.construct(deadly);
    struct Death {
        const char* user;
        const char* reason;
    };
    for (const Death& death : {Death{"kill", "was ended by signal 9"}, Death{"exit", "ended with status 3"},
                               Death{"segfault", "was ended by signal 11"}, Death{"unframe", "sent what isn't JSON"}}) {
        EXPECT_THAT(modules.asked_about(death.user), HasSubstr("its Python process "));
        EXPECT_EQ(modules.asked_about("nothing"), "its Python process has ended") << "at once, while there is none";
        answers_soon(modules);
        EXPECT_THAT(log.text(), HasSubstr(death.reason));
    }
}

TEST_F(PythonProcessTest, FailsEveryCallThatIsInFlightWhenItDies) {
    PythonWorker modules;
    modules.construct(deadly);
    std::vector<std::string> failures;
    const auto ask = [&](const char* user) {
        async::co_spawn(modules.where, PythonWorker::judged(*modules.worker, std::string("@") + user + ":example.org"),
                        [&](std::exception_ptr failure, bool) {
                            failures.push_back(failure ? callbacks::message_of(failure) : "an answer");
                        });
    };
    for (int each = 0; each < 10; ++each) ask("slow");
    ask("exit");
    EXPECT_TRUE(modules.until([&] { return failures.size() == 11; }));
    for (const std::string& failure : failures) EXPECT_EQ(failure, "its Python process has ended");
    answers_soon(modules);
}

TEST_F(PythonProcessTest, IsEndedWhenItDoesntAnswerForAsLongAsACallbackMayTake) {
    PythonWorker modules(python_settings(), impatient());
    modules.construct(deadly);
    for (const char* const user : {"loop", "backtrack"}) {
        EXPECT_THAT(modules.asked_about(user), testing::AnyOf("deadline exceeded", HasSubstr("hasn't answered for 300 ms")));
        EXPECT_TRUE(modules.until([&] { return log.contains("hasn't answered for 300 ms, as long as a callback may take"); }));
        answers_soon(modules);
    }
}

TEST_F(PythonProcessTest, SurvivesWhatTheModuleRaises) {
    PythonWorker modules;
    modules.construct(deadly);
    EXPECT_THAT(modules.asked_about("raise"), HasSubstr("ValueError: what a day"));
    EXPECT_THAT(modules.asked_about("sysexit"), HasSubstr("SystemExit"));
    EXPECT_THAT(modules.asked_about("allocate"), HasSubstr("MemoryError"));
    EXPECT_EQ(modules.asked_about("nothing"), "yes");
}

TEST_F(PythonProcessTest, TurnsAnswersThatCantBeSaidIntoFailuresOfThatCall) {
    PythonWorker modules;
    modules.construct(deadly);
    EXPECT_THAT(modules.asked_about("cyclic"), HasSubstr("ValueError"));
    EXPECT_THAT(modules.asked_about("enormous"), HasSubstr("ValueError"));
    EXPECT_THAT(modules.asked_about("surrogate"), HasSubstr("ValueError"));
    EXPECT_EQ(modules.asked_about("nothing"), "yes");
}

TEST_F(PythonProcessTest, IsEndedWhenItGrowsBeyondItsMemory) {
    modapi::PythonSettings settings = python_settings();
    settings.memory = 128UL * 1024 * 1024;
    PythonWorker modules(settings, impatient());
    modules.construct(deadly);
    EXPECT_THAT(modules.asked_about("grow"),
                testing::AnyOf("yes", HasSubstr("has ended"), HasSubstr("python.memory"), HasSubstr("MemoryError")));
    if (!modules.until([&] { return log.contains("MiB, more than the 128 of python.memory"); })) GTEST_FAIL() << log.text();
    answers_soon(modules);
}

TEST_F(PythonProcessTest, SaysInOneLineWhatCantBeLoaded) {
    PythonWorker modules;
    EXPECT_THAT(
        modules.error_of("  - module: nobody_has_this.Module\n"),
        HasSubstr("hs.yaml:2: modules[0].module: is neither compiled in, nor is there a nobody_has_this.so on the module "
                  "path (which is empty), and no Python package nobody_has_this in "));
    EXPECT_THAT(modules.error_of("  - module: deadly.Missing\n"),
                HasSubstr("hs.yaml:2: modules[0].module: the Python package deadly has no class Missing"));
    EXPECT_THAT(modules.error_of("  - module: broken_syntax.Broken\n"), HasSubstr("broken_syntax.py:2: "));
    EXPECT_THAT(modules.error_of("  - module: imports_missing.Imports\n"),
                HasSubstr("imports_missing imports ldap3_that_nobody_has, which isn't there"));
    EXPECT_EQ(modules.error_of(deadly + "    config: {colour: red}\n"),
              "hs.yaml:3: modules[0].config.colour: must be green (module deadly.Deadly)");
    EXPECT_EQ(modules.error_of(deadly + "    config: {raises_at_parse: true}\n"),
              "hs.yaml:3: modules[0].config: parse_config failed: ValueError: a text (module deadly.Deadly)");
    EXPECT_THAT(modules.error_of(deadly + "    config: {dies_at_parse: true}\n"), HasSubstr("ended with status 9"));
    EXPECT_EQ(modules.error_of(deadly + "    process: mine\n"),
              "hs.yaml:3: modules[0].process: must be \"own\", for a process of its own (module deadly.Deadly)");
    EXPECT_EQ(modules.error_of(deadly), "nothing was thrown") << "what failed before harms nobody";
}

TEST_F(PythonProcessTest, GivesUpAParseConfigAndAConstructorThatNeverReturn) {
    modapi::PythonSettings settings = python_settings();
    settings.construction_limit = 4s;
    PythonWorker modules(settings);
    EXPECT_THAT(modules.error_of(deadly + "    config: {hangs_at_parse: true}\n"),
                HasSubstr("hasn't ended parse_config within 4000 ms"));
    EXPECT_THAT(modules.construction_error_of(deadly + "    config: {at_construction: loop}\n"),
                HasSubstr("its Python process hasn't ended its constructor in time (module deadly.Deadly)"));
}

TEST_F(PythonProcessTest, SaysInOneLineWhyAConstructorFailed) {
    PythonWorker modules;
    EXPECT_EQ(modules.construction_error_of(deadly + "    config: {at_construction: raise}\n"),
              "hs.yaml:2: modules[0]: ValueError: what a day (module deadly.Deadly)");
    EXPECT_THAT(modules.construction_error_of(deadly + "    config: {at_construction: segfault}\n"),
                HasSubstr("its Python process was ended by signal 11"));
    EXPECT_THAT(modules.construction_error_of(deadly + "    config: {at_construction: exit, print: last words}\n"),
                HasSubstr("its Python process ended with status 3: last words"));
    EXPECT_EQ(modules.construction_error_of(deadly + "    config: {at_construction: sysexit}\n"),
              "hs.yaml:2: modules[0]: SystemExit: 1 (module deadly.Deadly)");
}

TEST_F(PythonProcessTest, StaysFailedForAModuleThatRegistersSomethingElseWhenItIsBuiltAnew) {
    const TemporaryFolder folder;
    const std::filesystem::path marker = folder.path() / "marker";
    PythonWorker modules;
    modules.construct(deadly + "    config: {registers_more_when: " + marker.string() + "}\n" + deadly);
    std::ofstream(marker).put('x');
    modules.asked_about("exit");
    EXPECT_TRUE(modules.until([&] { return log.contains("it has registered something else than before"); })) << log.text();
    EXPECT_TRUE(modules.until([&] { return log.contains(" runs"); }));
    EXPECT_THAT(modules.asked_about("nothing"),
                HasSubstr("the module couldn't be built anew: it has registered something else"));
}

/// A hundred deaths, of all kinds together.
class PythonDeathsTest : public PythonProcessTest, public testing::WithParamInterface<const char*> {};

TEST_P(PythonDeathsTest, LeaveNeitherDescriptorsNorProcessesBehind) {
    const std::size_t processes_before = children();
    std::size_t descriptors_before = 0;
    PythonWorker modules;
    modules.construct(deadly);
    for (int round = 0; round < 25; ++round) {
        if (round == 1) descriptors_before = descriptors();
        EXPECT_THAT(modules.asked_about(GetParam()), HasSubstr("its Python process "));
        ASSERT_TRUE(modules.until([&] { return modules.asked_about("nothing") == "yes"; })) << log.text();
    }
    EXPECT_LE(descriptors(), descriptors_before + 3);
    modules.stop();
    modules.forget_python();
    EXPECT_TRUE(modules.until([&] { return children() == processes_before; })) << children();
}

INSTANTIATE_TEST_SUITE_P(Kinds, PythonDeathsTest, testing::Values("kill", "exit", "segfault", "unframe"),
                         [](const testing::TestParamInfo<const char*>& kind) { return std::string(kind.param); });

TEST_F(PythonProcessTest, IsSharedByTheModulesOfAWorkerUnlessAnEntryHasOneOfItsOwn) {
    const std::size_t before = children();
    PythonWorker modules;
    modules.construct(deadly + deadly);
    EXPECT_EQ(children() - before, 2U) << "theirs, and the one that has read the file";
    modules.change_to(deadly + deadly + deadly + "    process: own\n");
    EXPECT_EQ(children() - before, 3U);
    EXPECT_TRUE(modules.warnings.empty());
    modules.change_to("  []\n");
    EXPECT_TRUE(modules.until([&] { return children() - before <= 1; })) << children() - before;
}

TEST_F(PythonProcessTest, IsAnotherOneForCodeThatHasChanged) {
    const TemporaryFolder folder;
    const std::filesystem::path file = folder.path() / "changing.py";
    const auto write = [&](const std::string& answer) {
        std::ofstream(file) << "from synapse.module_api import NOT_SPAM\nfrom synapse.module_api.errors import Codes\n\n\n"
                               "class Changing:\n    def __init__(self, config, api):\n"
                               "        api.register_spam_checker_callbacks(user_may_create_room=self.judge)\n\n"
                               "    async def judge(self, user):\n        return "
                            << answer << "\n";
    };
    write("NOT_SPAM");
    modapi::PythonSettings settings = python_settings();
    settings.path.push_back(folder.path());
    PythonWorker modules(settings);
    modules.construct("  - module: changing.Changing\n" + deadly);
    EXPECT_EQ(modules.asked_about("nothing"), "yes");
    modules.change_to("  - module: changing.Changing\n" + deadly);
    EXPECT_EQ(log.count("is loaded"), 2U) << "nothing has changed";
    write("Codes.FORBIDDEN");
    modules.change_to("  - module: changing.Changing\n" + deadly);
    EXPECT_EQ(modules.asked_about("nothing"), "no");
    EXPECT_TRUE(modules.until([&] { return log.contains("module changing.Changing: its old instance has ended"); }));
    EXPECT_EQ(modules.asked_about("nothing"), "no");
}

TEST_F(PythonProcessTest, HasWhatModulesLogBesideTheirNameAndTheCallback) {
    PythonWorker modules;
    modules.construct(deadly + "    config: {print: hello}\n");
    EXPECT_EQ(modules.asked_about("logs"), "yes");
    EXPECT_TRUE(modules.until([&] {
        return log.contains("warning: deadly: careful with logs (in spam_checker.user_may_create_room)");
    })) << log.text();
    EXPECT_TRUE(modules.until([&] { return log.contains("info: Python, modules deadly.Deadly: hello"); })) << log.text();
}

TEST_F(PythonProcessTest, HasNothingComeOfWhatACallInShadowModeLeavesBehind) {
    PythonWorker modules;
    modules.construct(deadly + "    callbacks: {mode: shadow}\n");
    EXPECT_EQ(modules.asked_about("leaves"), "yes");
    EXPECT_TRUE(modules.until([&] {
        return log.contains("was kept from create_and_send_event_into_room, which it asked for behind a callback in shadow mode");
    })) << log.text();
}

TEST_F(PythonProcessTest, FillsNoLogWithWhatItPrints) {
    PythonWorker modules;
    modules.construct(deadly);
    EXPECT_EQ(modules.asked_about("chatter"), "yes");
    EXPECT_EQ(modules.asked_about("exit"), "its Python process has ended") << "with all that it printed before";
    const std::string logged = log.text();
    std::size_t lines = 0;
    for (std::size_t at = logged.find(": chatter\n"); at != std::string::npos; at = logged.find(": chatter\n", at + 1)) ++lines;
    EXPECT_EQ(lines, 100U);
}

TEST_F(PythonProcessTest, IsAskedAgainByWhatACallbackDoes) {
    PythonWorker modules;
    modules.construct(deadly);
    int asked = 0;
    modules.server.while_sending = [&]() -> async::task<void> { return ask_again(*modules.worker, asked); };
    EXPECT_EQ(modules.asked_about("sends"), "yes");
    EXPECT_EQ(asked, 1);
    EXPECT_EQ(modules.server.sent.size(), 1U);
}

TEST_F(PythonProcessTest, CantBeTheCauseOfItselfForEver) {
    PythonWorker modules;
    modules.construct(deadly);
    modules.server.while_sending = [&]() -> async::task<void> { return send_again(*modules.worker); };
    EXPECT_THAT(modules.asked_about("sends"), HasSubstr("50 calls lie within each other"));
    modules.server.while_sending = nullptr;
    EXPECT_EQ(modules.asked_about("sends"), "yes");
}

TEST_F(PythonProcessTest, IsToldThatAnOperationHasEndedWithTheCallThatItWasFor) {
    PythonWorker modules(python_settings(), impatient());
    modules.construct(deadly);
    async::notification never;
    modules.server.while_sending = [&]() -> async::task<void> { return wait_for(never); };
    EXPECT_EQ(modules.asked_about("sends"), "deadline exceeded");
    EXPECT_EQ(never.waiting(), 0U);
    EXPECT_EQ(modules.asked_about("nothing"), "yes");
    EXPECT_FALSE(log.contains("started anew"));
}

TEST_F(PythonProcessTest, EndsWithAStartThatFailsBeforeItsModuleIsStarted) {
    const std::size_t before = children();
    PythonWorker modules;
    modules.resolver->add<FailsToStart>("test.FailsToStart");
    modules.worker->construct_modules(modules.read("  - module: test.FailsToStart\n" + deadly));
    EXPECT_THROW(modules.wait(modules.worker->start_modules()), modapi::ConfigurationError);
    modules.forget_python();
    EXPECT_TRUE(modules.until([&] { return children() == before; })) << children() - before;
}

TEST_F(PythonProcessTest, ThatOnlyReadsAFileEndsSoonAfterIt) {
    PythonWorker modules;
    const std::size_t before = children();
    EXPECT_EQ(modules.error_of(deadly), "nothing was thrown");
    EXPECT_EQ(children(), before + 1);
    EXPECT_TRUE(modules.until([&] { return children() == before; }));
}

TEST_F(PythonProcessTest, IsStartedAnewLaterAndLaterWhenItDiesAllTheTime) {
    WorkerUnderTest modules;
    modapi::ModuleResolver resolver({});
    resolver.add_last_resort(python_modules());
    modules.construct_from("modules:\n" + deadly, resolver);
    const auto die = [&] {
        EXPECT_THROW(modules.wait(PythonWorker::judged(modules.worker, "@exit:example.org")), modapi::PythonGone);
    };
    const auto answers = [&] {
        try {
            return modules.wait(PythonWorker::judged(modules.worker, "@nothing:example.org"));
        } catch (const modapi::PythonGone&) {
            return false;
        }
    };
    for (const std::size_t deaths : {1U, 2U}) {
        die();
        modules.advance(0s);
        EXPECT_EQ(log.count("of the modules deadly.Deadly runs"), deaths) << log.text();
    }
    die();
    modules.advance(999ms);
    EXPECT_FALSE(answers());
    modules.advance(1ms);
    EXPECT_EQ(log.count("of the modules deadly.Deadly runs"), 3U) << log.text();
    die();
    modules.advance(1999ms);
    EXPECT_FALSE(answers());
    modules.advance(1ms);
    EXPECT_TRUE(answers());
    die();
    modules.advance(0s);
    EXPECT_TRUE(answers()) << "at once after a good answer";
}

TEST(PythonBackoffTest, WaitsLongerAndLongerAfterThreeDeathsWithoutAGoodAnswer) {
    modapi::PythonBackoff backoff;
    std::vector<std::chrono::seconds> waits;
    for (int death = 0; death < 12; ++death) {
        backoff.died();
        waits.push_back(std::chrono::duration_cast<std::chrono::seconds>(backoff.wait()));
    }
    EXPECT_EQ(waits, (std::vector<std::chrono::seconds>{0s, 0s, 1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s, 60s, 60s}));
    backoff.answered();
    backoff.died();
    EXPECT_EQ(backoff.wait(), 0s);
}

}  // namespace
