#include "python_modules_test.h"
#include "temporary_folder.h"

#include <callbacks/errors.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

/// Modules that harm more than their own answers: the log, their process's directory, its children, the database.
namespace {

using namespace std::chrono_literals;
using testing::AnyOf;
using testing::HasSubstr;

/// A user whose processes are counted: those of root aren't, and it may start none. All of a user's are counted together, so whoever
/// exhausts their number is nobody whom tests beside this one run as.
modapi::PythonSettings with_user(const std::string& name) {
    modapi::PythonSettings settings = python_settings();
    if (::geteuid() == 0) settings.user = name;
    return settings;
}

/// Whether another user than this one can go to where these tests are.
bool is_open_to_others() {
    std::filesystem::path folder = PYTHON_BRIDGE_PACKAGES;
    for (; folder.has_relative_path(); folder = folder.parent_path()) {
        const std::filesystem::perms needed = std::filesystem::perms::others_read | std::filesystem::perms::others_exec;
        if ((std::filesystem::status(folder).permissions() & needed) != needed) return false;
    }
    return true;
}

class PythonHarmTest : public PythonModulesTest {
protected:
    static int page(PythonWorker& modules) {
        const modapi::Request request = modapi::Request::of("GET", "/_synapse/client/deadly");
        auto answering = modules.worker->serve(request);
        const std::optional<modapi::Response> response = modules.wait(std::move(answering));
        return response ? response->status : 0;
    }
    /// Until it has been started anew so often.
    bool runs_again(PythonWorker& modules, std::size_t times = 1) const {
        return modules.until([&] { return log.count("of the modules deadly.Deadly runs") == times; });
    }
};

TEST_F(PythonHarmTest, IsStartedAnewWhenItsProcessEndsAndAChildOfItHasTheConnection) {
    if (::geteuid() == 0 && !is_open_to_others()) GTEST_SKIP() << "nobody can't read " << PYTHON_BRIDGE_PACKAGES;
    PythonWorker modules(with_user("nobody"));
    modules.construct(deadly);
    EXPECT_EQ(modules.asked_about("fork"), "its Python process has ended");
    EXPECT_TRUE(modules.until([&] { return log.contains("ended with status 3: it is started anew now"); })) << log.text();
    EXPECT_TRUE(modules.until([&] { return modules.asked_about("nothing") == "yes"; }));
}

TEST_F(PythonHarmTest, IsEndedWithAllThatAForkBombHasStarted) {
    if (::geteuid() == 0 && !is_open_to_others()) GTEST_SKIP() << "nobody can't read " << PYTHON_BRIDGE_PACKAGES;
    PythonWorker modules(with_user("news"), impatient());
    modules.construct(deadly);
    EXPECT_THAT(modules.asked_about("bomb"), AnyOf("deadline exceeded", HasSubstr("hasn't answered"), HasSubstr("has ended")));
    EXPECT_TRUE(modules.until([&] { return modules.asked_about("nothing") == "yes"; })) << log.text();
}

TEST_F(PythonHarmTest, FillsNoLogWithItsRecords) {
    PythonWorker modules;
    modules.construct(deadly);
    for (const char* const flood : {"floods", "floods_by_itself"}) {
        const std::size_t before = log.count("deadly: a flood");
        EXPECT_EQ(modules.asked_about(flood), "yes");
        const char* const line = "records more weren't logged: more than 100 in one second";
        const std::size_t lines = log.count(line);
        EXPECT_TRUE(modules.until([&] { return log.count(line) > lines; })) << flood;
        // A hundred for each second that it takes, which is less than one.
        EXPECT_LE(log.count("deadly: a flood") - before, 500U) << flood;
        EXPECT_GE(log.count("deadly: a flood") - before, 50U) << flood;
    }
    EXPECT_TRUE(log.contains("module deadly.Deadly: ")) << log.text();
}

TEST_F(PythonHarmTest, GetsANewPrivateDirectoryWhenSomebodyRemovesWhatIsInIt) {
    PythonWorker modules(python_settings(), impatient());
    modules.construct(deadly + "    config: {empty_page: true}\n");
    std::size_t times = 0;
    for (const char* const what : {"", "web.sock", "host.sock"}) {
        EXPECT_EQ(page(modules), 200);
        EXPECT_EQ(modules.asked_about("tells_where"), "yes");
        EXPECT_TRUE(modules.until([&] { return log.count("deadly: lies in ") == times + 1; }));
        const std::string logged = log.text();
        const std::size_t at = logged.rfind("lies in ") + 8;
        const std::filesystem::path directory = logged.substr(at, logged.find(". (in", at) - at);
        ASSERT_THAT(directory.filename().string(), testing::StartsWith("modapi-python-"));
        std::filesystem::remove_all(*what != 0 ? directory / what : directory);
        EXPECT_TRUE(runs_again(modules, ++times)) << log.text();
    }
    EXPECT_EQ(log.count(" any more, which somebody has removed: it is started anew "), 3U) << log.text();
    EXPECT_EQ(page(modules), 200);
}

TEST_F(PythonHarmTest, IsStartedAnewAtOnceAgainWhenAPageHasBeenAnswered) {
    PythonWorker modules;
    modules.construct(deadly + "    config: {empty_page: true}\n");
    for (const std::size_t deaths : {1U, 2U}) {
        modules.asked_about("exit");
        ASSERT_TRUE(runs_again(modules, deaths)) << log.text();
    }
    EXPECT_EQ(page(modules), 200);
    modules.asked_about("exit");
    ASSERT_TRUE(runs_again(modules, 3)) << log.text();
    EXPECT_FALSE(log.contains("it is started anew in ")) << log.text();
}

TEST_F(PythonHarmTest, DoesntWaitForAStatementThatItsLastProcessHasBegun) {
    modapi::WorkerSettings settings;
    settings.interaction_deadline = 6s;
    PythonWorker modules(python_settings(), settings);
    modules.construct("  - module: transacting.Transacting\n");
    const auto begin = std::chrono::steady_clock::now();
    const auto asked = modules.start(PythonWorker::judged(*modules.worker, "@is_killed_in_a_statement:example.org"));
    EXPECT_TRUE(modules.until([&] { return log.contains("of the modules transacting.Transacting runs"); })) << log.text();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s) << "the statement is cut after six";
    // Who asked waits for it: the statement is a part of that call.
    EXPECT_TRUE(modules.until([&] { return asked->is_done; }));
    ASSERT_TRUE(asked->failure);
    EXPECT_EQ(callbacks::message_of(asked->failure), "its Python process has ended");
}

TEST_F(PythonHarmTest, HasNothingRunInAQuestionThatDoesntWaitForIt) {
    const TemporaryFolder folder;
    const std::filesystem::path marker = folder.path() / "marker";
    PythonWorker modules;
    modules.construct(deadly + "    config: {holds_a_transaction_when: " + marker.string() + "}\n");
    std::ofstream(marker).put('x');
    modules.asked_about("exit");
    // The constructor's question has ended long before.
    EXPECT_TRUE(modules.until([&] { return log.contains("the transaction that was held has ended"); })) << log.text();
    EXPECT_EQ(modules.asked_about("nothing"), "yes");
    EXPECT_EQ(log.count("of the modules deadly.Deadly runs"), 1U) << log.text();
}

TEST_F(PythonHarmTest, FailsOnlyTheCallWhoseAnswerIsOfAWrongTypeOrWhoseErrorNobodyKnows) {
    PythonWorker modules;
    modules.construct(deadly);
    EXPECT_EQ(modules.asked_about("wrong"), "no");
    EXPECT_THAT(modules.asked_about("weird"), HasSubstr("Weird: what a day"));
    EXPECT_EQ(modules.asked_about("nothing"), "yes");
    EXPECT_FALSE(log.contains("started anew")) << log.text();
}

TEST_F(PythonHarmTest, EndsWhenItSendsWhatIsntUtf8) {
    PythonWorker modules;
    modules.construct(deadly);
    EXPECT_THAT(modules.asked_about("latin"), HasSubstr("its Python process "));
    EXPECT_TRUE(modules.until([&] { return log.contains("sent what isn't JSON"); })) << log.text();
    EXPECT_TRUE(modules.until([&] { return modules.asked_about("nothing") == "yes"; }));
}

TEST(PythonUserTest, IsARealOneAndNotRoot) {
    const auto refusal_of = [](const std::string& user) -> std::string {
        modapi::PythonSettings settings = python_settings();
        settings.user = user;
        try {
            static_cast<void>(python_modules(settings));
        } catch (const callbacks::ConfigError& error) {
            EXPECT_EQ(error.path(), std::vector<std::string>{"user"});
            return error.what();
        }
        return "nothing was thrown";
    };
    EXPECT_EQ(refusal_of("nobody-of-this-name"), "this machine has no user nobody-of-this-name");
    if (::geteuid() != 0) return;
    EXPECT_THAT(refusal_of("root"), HasSubstr("root is root, "));
}

}  // namespace
