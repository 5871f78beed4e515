#include "log_capture.h"
#include "python_worker.h"
#include "temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <signal.h>
#include <algorithm>
#include <fstream>
#include <set>

/// Modules that are built while others serve: how long that takes, and what may go wrong with it.
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Changes = std::shared_ptr<PythonWorker::Started<modapi::ModuleChanges>>;

const std::string serving = "  - module: deadly.Deadly\n";

class PythonBuildingTest : public testing::Test {
protected:
    void SetUp() override {
        static const std::string missing = missing_for_python();
        if (!missing.empty()) GTEST_SKIP() << missing;
    }
    /// A module whose constructor blocks until `let_go`.
    [[nodiscard]] std::string blocked() const {
        return serving + "    config: {print: it has begun, waits_for: " + (folder.path() / "go").string() + "}\n";
    }
    void let_go() const { std::ofstream(folder.path() / "go").put('x'); }
    [[nodiscard]] bool has_begun(PythonWorker& modules) const {
        return modules.until([&] { return log.contains("it has begun"); });
    }
    static void serve_next(PythonWorker& modules) {
        modules.worker->build_next();
        modules.wait(modules.worker->start_next());
        modules.worker->hand_over();
        modules.worker->serve_next();
    }
    /// The line that keeps these from being next; what was begun is abandoned.
    static std::string refusal_of(PythonWorker& modules, const std::string& entries) {
        std::string line = "nothing was thrown";
        try {
            static_cast<void>(modules.wait(modules.worker->prepare_next(modules.read(entries))));
        } catch (const modapi::ConfigurationError& error) {
            line = error.what();
        }
        modules.wait(modules.worker->abandon_next());
        return line;
    }
    static std::string line_of(const std::exception_ptr& failure) {
        return failure ? callbacks::message_of(failure) : "nothing";
    }
    static std::set<pid_t> processes() {
        std::set<pid_t> found;
        for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
            std::ifstream list(task.path() / "children");
            pid_t one = 0;
            while (list >> one) found.insert(one);
        }
        return found;
    }

    LogCapture log;
    TemporaryFolder folder;
};

const std::string of_its_own = "    process: own\n";

TEST_F(PythonBuildingTest, LetsTheWorkerAnswerWhileAConstructorTakesLong) {
    PythonWorker modules;
    modules.construct(serving);
    const Changes preparing = modules.start(modules.worker->prepare_next(modules.read(serving + blocked() + of_its_own)));
    ASSERT_TRUE(has_begun(modules)) << log.text();
    for (int call = 0; call < 10; ++call) EXPECT_EQ(modules.asked_about("nothing"), "yes");
    EXPECT_FALSE(preparing->is_done);
    let_go();
    ASSERT_TRUE(modules.until([&] { return preparing->is_done; }));
    EXPECT_EQ(line_of(preparing->failure), "nothing");
    EXPECT_EQ(preparing->value->added.size(), 1U);
    serve_next(modules);
    EXPECT_EQ(modules.asked_about("refuse"), "no");
}

TEST_F(PythonBuildingTest, LetsModulesOfTheSameProcessWaitWithoutTakingThatForHung) {
    modapi::WorkerSettings impatient;
    impatient.callback_deadline = 200ms;
    PythonWorker modules(python_settings(), impatient);
    modules.construct(serving);
    const Changes preparing = modules.start(modules.worker->prepare_next(modules.read(serving + blocked())));
    ASSERT_TRUE(has_begun(modules)) << log.text();
    for (int call = 0; call < 4; ++call) EXPECT_EQ(modules.asked_about("nothing"), "deadline exceeded");
    EXPECT_FALSE(preparing->is_done);
    let_go();
    ASSERT_TRUE(modules.until([&] { return preparing->is_done; }));
    EXPECT_EQ(line_of(preparing->failure), "nothing");
    EXPECT_EQ(modules.asked_about("nothing"), "yes");
    serve_next(modules);
    EXPECT_EQ(modules.asked_about("nothing"), "yes");
    EXPECT_FALSE(log.contains("started anew")) << log.text();
}

TEST_F(PythonBuildingTest, SaysInOneLineThatTheProcessDiedAndStartsItAnewWithoutTheNewModule) {
    PythonWorker modules;
    modules.construct(serving);
    EXPECT_EQ(refusal_of(modules, serving + serving + "    config: {at_construction: exit, print: last words}\n"),
              "hs.yaml:3: modules[1]: its Python process ended with status 3: last words (module deadly.Deadly)");
    EXPECT_TRUE(modules.until([&] { return modules.asked_about("nothing") == "yes"; })) << log.text();
    EXPECT_EQ(log.count("of the modules deadly.Deadly runs"), 1U) << log.text();
    EXPECT_EQ(refusal_of(modules, serving + serving + of_its_own + "    config: {at_construction: segfault}\n"),
              "hs.yaml:3: modules[1]: its Python process was ended by signal 11 (Segmentation fault) (module deadly.Deadly)");
    EXPECT_EQ(log.count("started anew"), 1U) << "nobody is in the second one " << log.text();
}

TEST_F(PythonBuildingTest, GivesUpAConstructorThatNeverReturnsWhileOthersServe) {
    modapi::PythonSettings settings = python_settings();
    settings.construction_limit = 4s;  // its start too has as long as that
    PythonWorker modules(settings);
    modules.construct(serving);
    const std::size_t before = children();
    const std::string endless = serving + "    config: {at_construction: loop}\n";
    const std::string why =
        "hs.yaml:3: modules[1]: its Python process hasn't ended its constructor within 4000 ms (python.construction_limit) "
        "(module deadly.Deadly)";
    EXPECT_EQ(refusal_of(modules, serving + endless + of_its_own), why);
    EXPECT_EQ(modules.asked_about("nothing"), "yes");
    EXPECT_EQ(refusal_of(modules, serving + endless), why);
    EXPECT_TRUE(modules.until([&] { return modules.asked_about("nothing") == "yes"; })) << "its process was the same";
    EXPECT_LE(children(), before);
}

TEST_F(PythonBuildingTest, LeavesNoProcessBehindOfThoseThatWereReadyWhenAnotherFailed) {
    PythonWorker modules;
    modules.construct(serving);
    const std::size_t before = children();
    EXPECT_EQ(refusal_of(modules, serving + serving + of_its_own + serving + serving + of_its_own +
                                      "    config: {at_construction: raise}\n"),
              "hs.yaml:6: modules[3]: ValueError: what a day (module deadly.Deadly)");
    EXPECT_LE(children(), before);
    EXPECT_EQ(modules.asked_about("nothing"), "yes");
    modules.change_to(serving + serving + of_its_own);
    EXPECT_EQ(modules.asked_about("refuse"), "no");
}

TEST_F(PythonBuildingTest, EndsWithWhoWaitsForIt) {
    PythonWorker modules;
    modules.construct(serving);
    const std::size_t before = children();
    const Changes preparing = modules.start(modules.worker->prepare_next(modules.read(serving + blocked() + of_its_own)));
    ASSERT_TRUE(has_begun(modules)) << log.text();
    preparing->cancellation.emit(boost::asio::cancellation_type::all);
    ASSERT_TRUE(modules.until([&] { return preparing->is_done; }));
    EXPECT_THROW(std::rethrow_exception(preparing->failure), async::operation_cancelled);
    modules.wait(modules.worker->abandon_next());
    EXPECT_LE(children(), before);
    EXPECT_EQ(modules.asked_about("nothing"), "yes");
}

TEST_F(PythonBuildingTest, IsStartedAnewIfItDiesBeforeItsModuleServes) {
    PythonWorker modules;
    modules.construct(serving);
    const std::set<pid_t> before = processes();
    static_cast<void>(modules.wait(modules.worker->prepare_next(modules.read(serving + serving + of_its_own))));
    std::size_t killed = 0;
    for (const pid_t process : processes()) {
        if (!before.contains(process)) killed += ::kill(process, SIGKILL) == 0 ? 1 : 0;
    }
    EXPECT_GE(killed, 1U);
    serve_next(modules);
    EXPECT_TRUE(modules.until([&] { return log.contains("of the modules deadly.Deadly runs"); })) << log.text();
    EXPECT_EQ(modules.asked_about("nothing"), "yes");
}

TEST_F(PythonBuildingTest, GoesOnInAProcessWhoseOtherModulesEndMeanwhile) {
    PythonWorker modules;
    modules.construct(serving);
    modules.change_to("  []\n");  // the old one ends in the background, from here on
    const Changes preparing = modules.start(modules.worker->prepare_next(modules.read(blocked())));
    ASSERT_TRUE(has_begun(modules)) << log.text();
    let_go();
    ASSERT_TRUE(modules.until([&] { return preparing->is_done; }));
    EXPECT_EQ(line_of(preparing->failure), "nothing");
    serve_next(modules);
    EXPECT_TRUE(modules.until([&] { return log.contains("module deadly.Deadly: its old instance has ended"); }));
    EXPECT_EQ(modules.asked_about("refuse"), "no");
}

TEST_F(PythonBuildingTest, HasItsPageAlsoWhereItTakesThePlaceOfOneInTheSameProcess) {
    const std::string page = "/_synapse/client/deadly";
    PythonWorker modules;
    modules.construct(serving + "    config: {page: " + page + "}\n");
    EXPECT_EQ(modules.page(page), "{\"colour\":\"none\"}");
    static_cast<void>(
        modules.wait(modules.worker->prepare_next(modules.read(serving + "    config: {page: " + page + ", colour: green}\n"))));
    EXPECT_EQ(modules.page(page), "{\"colour\":\"none\"}") << "until then it is the old one's";
    serve_next(modules);
    EXPECT_EQ(modules.page(page), "{\"colour\":\"green\"}");
    EXPECT_TRUE(modules.until([&] { return log.contains("module deadly.Deadly: its old instance has ended"); })) << log.text();
    EXPECT_EQ(modules.page(page), "{\"colour\":\"green\"}");
}

TEST_F(PythonBuildingTest, TakesWhatIsWrongWithASectionForAMistakeInIt) {
    const std::filesystem::path spoilt = folder.path() / "spoilt";
    PythonWorker modules;
    modules.construct(serving);
    const auto read = modules.read(serving + serving + "    config: {wrong_when: " + spoilt.string() + "}\n");
    std::ofstream(spoilt).put('x');
    try {
        static_cast<void>(modules.wait(modules.worker->prepare_next(read)));
        ADD_FAILURE() << "nothing was thrown";
    } catch (const modapi::ConfigurationError& error) {
        EXPECT_STREQ(error.what(), "hs.yaml:4: modules[1].config.wrong_when: must not be there (module deadly.Deadly)");
    }
    modules.wait(modules.worker->abandon_next());
    EXPECT_EQ(modules.asked_about("nothing"), "yes");
}

}  // namespace
