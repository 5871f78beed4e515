#include "server_process.h"

#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

namespace {

using namespace homeserver_test;
using std::chrono::steady_clock;

constexpr const char* open_settings =
    "enable_registration: true\nenable_registration_without_verification: true\nworkers: 2\nmodules:\n  - module: "
    "stubborn.Stubborn\n";

/// The server ends within five seconds of a signal; a little for a busy machine to notice.
constexpr auto longest_stop = std::chrono::milliseconds(5500);

FinishedRun run_with(const TemporaryFolder& folder, const std::string& yaml) {
    const std::filesystem::path file = folder.path() / "hs.yaml";
    std::ofstream(file) << yaml;
    return run_program(folder.path(), {"--config", file.string()});
}

/// One line on stderr, `FILE:` and the rest; nothing on stdout; status 1.
void expect_error(const TemporaryFolder& folder, const std::string& yaml, const std::string& line) {
    const FinishedRun run = run_with(folder, yaml);
    EXPECT_EQ(run.status, 1);
    EXPECT_EQ(run.output, "");
    EXPECT_EQ(run.errors, (folder.path() / "hs.yaml").string() + ":" + line + "\n");
}

TEST(StartTest, SaysWhatItIsAndHowItIsCalled) {
    const TemporaryFolder folder;
    EXPECT_TRUE(run_program(folder.path(), {"--version"}).output.starts_with("homeserver "));
    EXPECT_NE(run_program(folder.path(), {"--help"}).output.find("--config FILE [--config FILE]... [--check-config]"), std::string::npos);
    const FinishedRun run = run_program(folder.path(), {});
    EXPECT_EQ(run.status, 1);
    EXPECT_EQ(run.errors, "homeserver: --config FILE is required (--help says more)\n");
}

TEST(StartTest, RefusesAFileThatCannotBeRead) {
    const TemporaryFolder folder;
    const FinishedRun run = run_program(folder.path(), {"--config", "/nonexistent/hs.yaml"});
    EXPECT_EQ(run.status, 1);
    EXPECT_TRUE(run.errors.starts_with("/nonexistent/hs.yaml: ")) << run.errors;
}

TEST(StartTest, NamesFileLineAndKeyOfWhatIsWrong) {
    const TemporaryFolder folder;
    expect_error(folder, "workers: 1\n", "1: server_name: is required");
    expect_error(folder, "server_name: hs\nmodules:\n  - config: {}\n", "3: modules[0].module: is required");
}

TEST(StartTest, ReadsSeveralFilesOfWhichTheLaterCountMore) {
    const TemporaryFolder folder;
    const std::filesystem::path common = folder.path() / "common.yaml";
    const std::filesystem::path own = folder.path() / "own.yaml";
    std::ofstream(common) << "server_name: hs\nworkers: 1\n";
    const auto check = [&](const std::string& yaml) {
        std::ofstream(own) << yaml;
        return run_program(folder.path(), {"--config", common.string(), "--config", own.string(), "--check-config"});
    };
    const FinishedRun fine = check("workers: 3\n");
    EXPECT_EQ(fine.status, 0) << fine.errors;
    EXPECT_NE(fine.output.find("server_name: hs\n"), std::string::npos) << fine.output;
    EXPECT_NE(fine.output.find("workers: 3\n"), std::string::npos) << fine.output;
    EXPECT_EQ(check("\nworkers: 0\n").errors, own.string() + ":2: workers: must be 1 to 256\n");
    EXPECT_EQ(check("worker_name: a\n").errors,
              own.string() + ":1: worker_name: is for several processes, and a second process needs PostgreSQL: a database of SQLite is "
                             "one process's\n");
}

TEST(StartTest, NamesThePlacesThatCannotBeWrittenTo) {
    const TemporaryFolder folder;
    std::ofstream(folder.path() / "file") << "no folder";
    const std::string place = (folder.path() / "file/below").string();
    expect_error(folder, "server_name: hs\nmedia_store_path: file/below\n",
                 "2: media_store_path: " + place + " can't be written to: Not a directory");
    expect_error(folder, "server_name: hs\nemail:\n  sink_path: file/below\n",
                 "3: email.sink_path: " + place + " can't be written to: Not a directory");
}

TEST(StartTest, NamesThePortThatIsInUse) {
    const TemporaryFolder folder;
    const ServerProcess other(folder.path(), open_settings);
    const TemporaryFolder own;
    const std::string port = std::to_string(other.port());
    expect_error(own, "server_name: hs\nlisteners:\n  - port: " + port + "\n",
                 "3: listeners[0].port: 127.0.0.1:" + port + " is already in use");
}

TEST(StartTest, NamesTheDatabaseThatCannotBeOpened) {
    const TemporaryFolder folder;
    const FinishedRun run = run_with(folder, "server_name: hs\ndatabase:\n  args:\n    database: /nonexistent/hs.db\n");
    EXPECT_EQ(run.status, 1);
    EXPECT_TRUE(run.errors.starts_with((folder.path() / "hs.yaml").string() + ":4: database.args.database: ")) << run.errors;
    EXPECT_NE(run.errors.find("/nonexistent/hs.db"), std::string::npos) << run.errors;
}

TEST(StartTest, NamesTheModuleWhoseConstructorThrows) {
    const TemporaryFolder folder;
    expect_error(
        folder,
        "server_name: hs\nmodules:\n  - module: stubborn.Stubborn\n  - module: stubborn.Stubborn\n    config: {throw: 1}\n",
        "4: modules[1]: this module never starts (module stubborn.Stubborn)");
}

TEST(StartTest, NamesTheModuleWhoseStartFailsOrDoesNotEnd) {
    const TemporaryFolder folder;
    const std::string modules = "modules:\n  - module: stubborn.Stubborn\n  - module: stubborn.Stubborn\n    config: ";
    const std::string place = "5: modules[1]: start() ";
    const FinishedRun failed = run_with(folder, "server_name: hs\nworkers: 2\n" + modules + "{start: throw}\n");
    EXPECT_EQ(failed.status, 1);
    EXPECT_EQ(failed.output, "");
    const std::string file = (folder.path() / "hs.yaml").string();
    EXPECT_TRUE(
        failed.errors.ends_with("\n" + file + ":" + place + "failed: there is nobody to talk to (module stubborn.Stubborn)\n"))
        << failed.errors;
    EXPECT_NE(failed.errors.find("has stopped"), std::string::npos) << failed.errors;
    const FinishedRun hung = run_with(folder, "server_name: hs\nmodule_start_timeout: 50\n" + modules + "{start: wait}\n");
    EXPECT_EQ(hung.status, 1);
    EXPECT_TRUE(hung.errors.ends_with(place + "has not ended within 0.05 s (module stubborn.Stubborn)\n")) << hung.errors;
}

TEST(StartTest, ShowsWhatModulesSayBeforeTheServerListensAtItsLevel) {
    const TemporaryFolder folder;
    const ServerProcess server(folder.path(), std::string(open_settings) + "    config: {talks: true}\n");
    const std::string log = server.log();
    const std::size_t started = log.find(" info started: ");
    ASSERT_NE(started, std::string::npos) << log;
    const std::size_t built = log.find(" info module stubborn.Stubborn: is built\n");
    const std::size_t begins = log.find(" info module stubborn.Stubborn: begins\n");
    EXPECT_LT(built, begins) << log;
    EXPECT_LT(begins, started) << log;
    EXPECT_EQ(log.find("is built of nothing"), std::string::npos) << "which is below the log's level";
    const std::size_t loaded = log.find(" info module stubborn.Stubborn is loaded\n");
    EXPECT_LT(begins, loaded) << "what the server itself says meanwhile is kept until it runs: " << log;
    EXPECT_LT(loaded, started) << log;
}

/// The tests' own harness says at once why a server isn't there.
TEST(StartTest, OfAServerThatEndsAtItsStartATestHearsWhyAtOnce) {
    const TemporaryFolder folder;
    const auto began = std::chrono::steady_clock::now();
    try {
        const ServerProcess server(folder.path(), "modules: [{module: unknown.Unknown}]\n");
        ADD_FAILURE() << "it has started";
    } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find("ended at its start with status 1"), std::string::npos) << error.what();
        EXPECT_NE(std::string(error.what()).find("unknown.Unknown"), std::string::npos) << error.what();
    }
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));
}

TEST(StartTest, ChecksTheConfigurationWithoutStarting) {
    const TemporaryFolder folder;
    const std::filesystem::path file = folder.path() / "hs.yaml";
    std::ofstream(file) << "server_name: hs\nlisteners: [{port: 0}]\nmodules:\n  - module: stubborn.Stubborn\n";
    const FinishedRun run = run_program(folder.path(), {"--config", file.string(), "--check-config"});
    EXPECT_EQ(run.status, 0);
    EXPECT_NE(run.output.find("server_name: hs\n"), std::string::npos);
    EXPECT_NE(run.output.find("stubborn.so"), std::string::npos);
    EXPECT_EQ(run.output.find("listening on"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "homeserver.db"));
}

TEST(StartTest, SaysOfAFileThatMeansSomethingElseInYaml1_1WhereItIs) {
    const TemporaryFolder folder;
    const std::filesystem::path file = folder.path() / "hs.yaml";
    const auto check = [&](const std::string& yaml) {
        std::ofstream(file, std::ios::binary) << yaml;
        const FinishedRun run = run_program(folder.path(), {"--config", file.string(), "--check-config"});
        EXPECT_EQ(run.status, 1);
        return run.errors;
    };
    EXPECT_EQ(check("server_name: hs\nmodules:\n  - module: stubborn.Stubborn\n    config: {<<: [deny]}\n"),
              file.string() + ":4: << must name a mapping, or a list of mappings, whose keys are merged into this one\n");
    EXPECT_EQ(check("server_name: hs\n# \xe9\n"), file.string() + ":2: isn't UTF-8\n");
    EXPECT_EQ(check(std::string("server_name: hs\n\0", 17)), file.string() + ":2: isn't YAML: there is a NUL byte\n");
}

class StopTest : public testing::Test {
protected:
    /// Sends a request of `user` that doesn't come back.
    void ask(RawConnection& connection, const std::string& user) const {
        const std::string token = server.register_user(user);
        connection.send("GET /_matrix/client/v3/account/whoami HTTP/1.1\r\nAuthorization: Bearer " + token + "\r\n\r\n");
    }
    void expect_end_in_time(int signal) {
        const auto began = steady_clock::now();
        server.signal(signal);
        EXPECT_EQ(server.wait(), 0);
        EXPECT_LT(steady_clock::now() - began, longest_stop);
    }

    TemporaryFolder folder;
    ServerProcess server{folder.path(), open_settings};
};

TEST_F(StopTest, EndsAtOnceWithIdleConnections) {
    RawConnection idle(server.port());
    expect_end_in_time(SIGTERM);
    EXPECT_EQ(server.log().find("stopping takes too long"), std::string::npos) << server.log();
}

TEST_F(StopTest, EndsOnAnInterruptToo) { expect_end_in_time(SIGINT); }

TEST_F(StopTest, LetsARunningRequestEnd) {
    RawConnection connection(server.port());
    ask(connection, "slow");
    ASSERT_TRUE(server.log_shows("begins for @slow:hs.test"));
    expect_end_in_time(SIGTERM);
    EXPECT_TRUE(connection.read_to_end().starts_with("HTTP/1.1 200 "));
}

TEST_F(StopTest, CutsACallbackThatWaitsForever) {
    RawConnection connection(server.port());
    ask(connection, "waits");
    ASSERT_TRUE(server.log_shows("begins for @waits:hs.test"));
    expect_end_in_time(SIGTERM);
    EXPECT_EQ(server.log().find("stopping takes too long"), std::string::npos) << server.log();
}

TEST_F(StopTest, LeavesACallbackBehindThatBlocksItsThreadAndNamesIt) {
    RawConnection connection(server.port());
    ask(connection, "blocks");
    ASSERT_TRUE(server.log_shows("blocks its thread"));
    expect_end_in_time(SIGTERM);
    EXPECT_TRUE(server.log_shows("is held by is_user_expired of module stubborn.Stubborn")) << server.log();
}

class ModulesStopTest : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(ModulesStopTest, EndsInTimeAndStopsTheOthersWhateverOneDoes) {
    const TemporaryFolder folder;
    ServerProcess server(folder.path(), std::string("modules:\n  - module: stubborn.Stubborn\n  - module: stubborn.Stubborn\n"
                                                    "    config: {stop: ") +
                                            GetParam().first + "}\n");
    const auto began = steady_clock::now();
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait(), 0);
    EXPECT_LT(steady_clock::now() - began, longest_stop);
    const std::string log = server.log();
    const std::size_t failure = log.find(std::string("module stubborn.Stubborn: stop() ") + GetParam().second);
    EXPECT_NE(failure, std::string::npos) << log;
    EXPECT_NE(log.find("has stopped", failure), std::string::npos) << log;
    EXPECT_EQ(log.find("stopping takes too long"), std::string::npos) << log;
}

INSTANTIATE_TEST_SUITE_P(Each, ModulesStopTest,
                         testing::Values(std::pair("throw", "failed: there is nobody to talk to"),
                                         std::pair("wait", "has not ended within 2 s")),
                         [](const auto& parameter) { return std::string(parameter.param.first); });

TEST(RestartTest, KeepsWhatWasAcknowledgedThroughAKill) {
    const TemporaryFolder folder;
    std::string token;
    {
        ServerProcess server(folder.path(), open_settings);
        token = server.register_user("alice");
        const std::string target = "/_matrix/client/v3/user/@alice:hs.test/account_data/org.example.data";
        ASSERT_EQ(server.request("PUT", target, R"({"kept":true})", token).status, 200);
        server.kill();
    }
    const ServerProcess server(folder.path(), open_settings);
    const Answer data =
        server.request("GET", "/_matrix/client/v3/user/@alice:hs.test/account_data/org.example.data", "", token);
    EXPECT_EQ(data.status, 200);
    EXPECT_TRUE(data.body.at("kept").as_bool());
}

}  // namespace
