#include "server_process.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iomanip>
#include <ostream>
#include <sstream>

namespace {

using namespace homeserver_test;
using std::chrono::steady_clock;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool is_sanitized = true;
#else
constexpr bool is_sanitized = false;
#endif

/// The server is gone five seconds after a signal; a little for a busy machine to notice.
constexpr auto max_stop = std::chrono::milliseconds(5500);

std::string settings_with(const std::string& config, const std::string& more = {}) {
    return "enable_registration: true\nenable_registration_without_verification: true\n" + more +
           "modules:\n  - module: hostile.Hostile\n    config: {" + config + "}\n";
}

/// How often something is said in a log, each of which is one line.
std::size_t count_of(const std::string& log, const std::string& text) {
    std::size_t count = 0;
    for (std::size_t at = log.find(text); at != std::string::npos; at = log.find(text, at + text.size())) ++count;
    return count;
}

/// A request whose callback does `what`; nobody waits for the answer.
void have_done(const ServerProcess& server, RawConnection& connection, const std::string& what) {
    const std::string token = server.register_user(what);
    connection.send("GET /_matrix/client/v3/account/whoami HTTP/1.1\r\nAuthorization: Bearer " + token + "\r\n\r\n");
}

/// Of a crash; a sanitizer reports it and ends the process with a status of its own.
void expect_status(int status, int of_signal) {
    if (is_sanitized) {
        EXPECT_NE(status, 0);
    } else {
        EXPECT_EQ(status, of_signal);
    }
}

void expect_end_in_time(ServerProcess& server, int signal, int status = 0) {
    const auto began = steady_clock::now();
    server.signal(signal);
    EXPECT_EQ(server.wait(), status) << server.log();
    EXPECT_LT(steady_clock::now() - began, max_stop);
}

struct Hold {
    const char* name;
    const char* config;
    const char* said;  ///< of who holds the process when its time is over
};
void PrintTo(const Hold& hold, std::ostream* out) { *out << hold.name; }

class HostileStopTest : public testing::TestWithParam<Hold> {};

TEST_P(HostileStopTest, IsEndedInTimeAndNamesTheHolder) {
    const TemporaryFolder folder;
    ServerProcess server(folder.path(), settings_with(GetParam().config));
    expect_end_in_time(server, SIGTERM);
    const std::string log = server.log();
    EXPECT_EQ(count_of(log, "stopping takes too long: "), 1U) << log;
    EXPECT_NE(log.find(GetParam().said), std::string::npos) << log;
}

INSTANTIATE_TEST_SUITE_P(Each, HostileStopTest,
                         testing::Values(Hold{"Stop", "stop: block", "worker main is held by stop of module hostile.Hostile"},
                                         Hold{"Destructor", "destructor: block",
                                              "worker main is held by the destructor of module hostile.Hostile"},
                                         Hold{"StaticObject", "exit: static object", "the main thread is still in code of "},
                                         Hold{"ExitHandler", "exit: handler", "the main thread is still in code of "}),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

TEST(HostileModuleTest, NamesTheLibraryWhoseThreadLocalObjectHoldsAWorkersThread) {
    const TemporaryFolder folder;
    ServerProcess server(folder.path(), settings_with(""));
    RawConnection connection(server.port());
    have_done(server, connection, "thread_local");
    static_cast<void>(connection.read_until("\r\n\r\n"));
    expect_end_in_time(server, SIGTERM);
    const std::string log = server.log();
    EXPECT_NE(log.find("stopping takes too long: a thread is still in code of "), std::string::npos) << log;
    EXPECT_NE(log.find("/hostile.so\n"), std::string::npos) << log;
}

TEST(HostileModuleTest, GivesUpACallThatItDeferredForEverAndNamesItsThreadInTheStop) {
    const TemporaryFolder folder;
    ServerProcess server(folder.path(), settings_with("", "interaction_deadline: 1s\n"));
    RawConnection connection(server.port());
    have_done(server, connection, "defer");
    static_cast<void>(connection.read_until("\r\n\r\n"));
    EXPECT_TRUE(server.log_shows("module hostile.Hostile: defer_to_thread: the call took longer than its 1000 ms"))
        << server.log();
    expect_end_in_time(server, SIGTERM);
    const std::string log = server.log();
    EXPECT_EQ(count_of(log, "stopping takes too long: "), 1U) << log;
    EXPECT_NE(log.find("worker thread 1 is held by defer_to_thread of module hostile.Hostile"), std::string::npos) << log;
}

TEST(HostileModuleTest, EndsInTimeWithoutMemory) {
    if (is_sanitized) GTEST_SKIP() << "a sanitizer ends a process without memory itself";
    const TemporaryFolder folder;
    ServerProcess server(folder.path(), settings_with(""));
    RawConnection connection(server.port());
    have_done(server, connection, "no_memory");
    ASSERT_TRUE(server.log_shows("there is no memory left"));
    expect_end_in_time(server, SIGTERM);
    EXPECT_TRUE(server.log_shows("worker main is held by is_user_expired of module hostile.Hostile")) << server.log();
}

class HostileSignalsTest : public testing::TestWithParam<std::tuple<const char*, int>> {};

TEST_P(HostileSignalsTest, EndsByASignalThatAModuleTookForItself) {
    const auto [how, signal] = GetParam();
    const TemporaryFolder folder;
    ServerProcess server(folder.path(), settings_with(std::string("signals: ") + how));
    expect_end_in_time(server, signal);
    EXPECT_EQ(server.log().find("stopping takes too long"), std::string::npos) << server.log();
}

INSTANTIATE_TEST_SUITE_P(Each, HostileSignalsTest,
                         testing::Combine(testing::Values("ignore", "handle"), testing::Values(SIGTERM, SIGINT)),
                         [](const auto& parameter) {
                             return std::string(std::get<0>(parameter.param)) +
                                    (std::get<1>(parameter.param) == SIGTERM ? "Terminate" : "Interrupt");
                         });

TEST(HostileModuleTest, TakesItsSignalsBackFromACallbackAndSaysSo) {
    const TemporaryFolder folder;
    ServerProcess server(folder.path(), settings_with(""));
    RawConnection connection(server.port());
    have_done(server, connection, "ignore_signals");
    ASSERT_TRUE(server.log_shows("the handler of SIGTERM was replaced")) << server.log();
    expect_end_in_time(server, SIGTERM);
}

TEST(HostileModuleTest, EndsAtOnceByASignalThatFindsItStarting) {
    const TemporaryFolder folder;
    const std::filesystem::path file = folder.path() / "hs.yaml";
    std::ofstream(file) << "server_name: hs\nlisteners: [{port: 0}]\n" << settings_with("signals: ignore, start: block");
    const auto began = steady_clock::now();
    const FinishedRun run = run_program_until(folder.path(), {"--config", file.string()}, "was replaced", SIGTERM);
    EXPECT_EQ(run.status, 128 + SIGTERM) << run.errors;
    EXPECT_LT(steady_clock::now() - began, max_stop);
}

/// What a module does while the server starts, and the line that it ends with.
struct FailingStart {
    const char* name;
    const char* config;
    const char* library;  ///< what its static object does
    const char* said;
};
void PrintTo(const FailingStart& failing, std::ostream* out) { *out << failing.name; }

class HostileStartTest : public testing::TestWithParam<FailingStart> {};

TEST_P(HostileStartTest, EndsWithOneLineThatTellsWhatTheModuleDoes) {
    const TemporaryFolder folder;
    const std::filesystem::path file = folder.path() / "hs.yaml";
    std::ofstream(file) << "server_name: hs\nlisteners: [{port: 0}]\nmodule_start_timeout: 300\n"
                        << settings_with(GetParam().config);
    setenv("HOSTILE_LIBRARY", GetParam().library, 1);
    const auto began = steady_clock::now();
    const FinishedRun run = run_program(folder.path(), {"--config", file.string()});
    unsetenv("HOSTILE_LIBRARY");
    EXPECT_EQ(run.status, 1);
    EXPECT_EQ(run.output, "");
    const std::string line = file.string() + ":" + GetParam().said;
    EXPECT_TRUE(run.errors.ends_with(line)) << run.errors;
    EXPECT_EQ(count_of(run.errors, file.string()), 1U) << run.errors;
    EXPECT_LT(steady_clock::now() - began, std::chrono::seconds(10));
}

INSTANTIATE_TEST_SUITE_P(
    Each, HostileStartTest,
    testing::Values(
        FailingStart{"BlockedStart", "start: block", "",
                     "7: modules[0]: start() blocks its thread and has not ended within 0.3 s (module hostile.Hostile)\n"},
        FailingStart{"StartThatGoesOn", "start: wait and go on", "",
                     "7: modules[0]: start() was cut and has still not ended within 0.3 s (module hostile.Hostile)\n"},
        FailingStart{
            "BlockedConstructor", "constructor: block", "",
            "7: modules[0]: the constructor blocks its thread and has not ended within 0.3 s (module hostile.Hostile)\n"},
        FailingStart{"BlockedConfiguration", "parse: block", "",
                     "8: modules[0].config: parse_config() blocks its thread and has not ended within 0.3 s (module "
                     "hostile.Hostile)\n"},
        FailingStart{"BlockedLibrary", "", "block",
                     "7: modules[0].module: loading the library blocks its thread and has not ended within 0.3 s (module "
                     "hostile.Hostile)\n"},
        FailingStart{"OddException", "constructor: throw 42", "",
                     "7: modules[0]: an exception that is no std::exception (module hostile.Hostile)\n"}),
    [](const auto& parameter) { return std::string(parameter.param.name); });

/// Runs the program to an end that no line of a configuration is about.
FinishedRun run_to_the_end(const std::string& config, const char* library = "") {
    const TemporaryFolder folder;
    const std::filesystem::path file = folder.path() / "hs.yaml";
    std::ofstream(file) << "server_name: hs\nlisteners: [{port: 0}]\n" << settings_with(config);
    setenv("HOSTILE_LIBRARY", library, 1);
    const FinishedRun run = run_program(folder.path(), {"--config", file.string()});
    unsetenv("HOSTILE_LIBRARY");
    return run;
}

TEST(HostileModuleTest, NamesALibraryWhoseStaticObjectThrows) {
    const FinishedRun run = run_to_the_end("", "throw");
    EXPECT_EQ(run.status, 1);
    EXPECT_NE(run.errors.find("hs.yaml:6: modules[0].module: "), std::string::npos) << run.errors;
    EXPECT_TRUE(
        run.errors.ends_with("/hostile.so can't be loaded: a static object of it failed: no library today (module "
                             "hostile.Hostile)\n"))
        << run.errors;
}

TEST(HostileModuleTest, NamesALibraryThatCrashesWhileItIsLoaded) {
    const FinishedRun run = run_to_the_end("", "crash");
    expect_status(run.status, 128 + SIGSEGV);
    EXPECT_NE(run.errors.find("the server crashed: SIGSEGV in loading the library of module hostile.Hostile\n"),
              std::string::npos)
        << run.errors;
}

TEST(HostileModuleTest, NamesAConstructorThatCrashes) {
    const FinishedRun run = run_to_the_end("constructor: crash");
    expect_status(run.status, 128 + SIGSEGV);
    EXPECT_NE(run.errors.find("SIGSEGV while the constructor of module hostile.Hostile ran (worker main)\n"), std::string::npos)
        << run.errors;
}

TEST(HostileModuleTest, NamesAModuleThatEndsTheProgramWhileItStarts) {
    const FinishedRun run = run_to_the_end("start: exit");
    EXPECT_EQ(run.status, 1);
    EXPECT_NE(run.errors.find("exit() was called while start of module hostile.Hostile ran (worker main)\n"), std::string::npos)
        << run.errors;
}

std::string hour_of(std::time_t time) {
    std::ostringstream text;
    text << std::put_time(std::gmtime(&time), "%Y-%m-%dT%H:");
    return text.str();
}

TEST(HostileModuleTest, SaysOfACrashWhenItWasAsTheLogDoes) {
    const std::string before = hour_of(std::time(nullptr));
    const FinishedRun run = run_to_the_end("start: abort");
    const std::string after = hour_of(std::time(nullptr));
    const std::size_t end = run.errors.find(" critical the server crashed: SIGABRT while start of module");
    ASSERT_NE(end, std::string::npos) << run.errors;
    const std::size_t begin = run.errors.rfind('\n', end) + 1;  // 0 of a first line
    const std::string time = run.errors.substr(begin, end - begin);
    EXPECT_TRUE(time.starts_with(before) || time.starts_with(after)) << time;
    EXPECT_EQ(time.size(), std::string_view("2026-11-28T16:47:37.123+00:00").size()) << time;
}

struct Crash {
    const char* what;
    int status;
    const char* said;
};
void PrintTo(const Crash& crash, std::ostream* out) { *out << crash.what; }

class HostileCallbackTest : public testing::TestWithParam<Crash> {};

TEST_P(HostileCallbackTest, IsNamedByTheServerThatItEnds) {
    const TemporaryFolder folder;
    ServerProcess server(folder.path(), settings_with("", "workers: 2\n"));
    RawConnection connection(server.port());
    have_done(server, connection, GetParam().what);
    const int status = server.wait();
    expect_status(status, GetParam().status);
    const std::string log = server.log();
    EXPECT_NE(log.find(GetParam().said), std::string::npos) << log;
    EXPECT_EQ(count_of(log, " critical "), 1U) << log;
}

constexpr int aborted = 128 + SIGABRT;
INSTANTIATE_TEST_SUITE_P(
    Each, HostileCallbackTest,
    testing::Values(
        Crash{"crash", 128 + SIGSEGV,
              "critical the server crashed: SIGSEGV while is_user_expired of module hostile.Hostile ran (worker "},
        Crash{"recurse", 128 + SIGSEGV,
              "the server crashed: SIGSEGV while is_user_expired of module hostile.Hostile ran (worker "},
        Crash{"abort", aborted, "the server crashed: SIGABRT while is_user_expired of module hostile.Hostile ran (worker "},
        Crash{"terminate", aborted,
              "the server crashed: std::terminate while is_user_expired of module hostile.Hostile ran (worker "},
        Crash{"noexcept", aborted, "), of an exception that nothing catches: no catch\n"},
        Crash{"destructor_that_throws", aborted, "std::terminate while is_user_expired of module hostile.Hostile ran (worker "},
        Crash{"thread_that_throws", aborted, "/hostile.so, of an exception that nothing catches: no thread\n"},
        Crash{"exit", 1, "exit() was called while is_user_expired of module hostile.Hostile ran (worker "}),
    [](const auto& parameter) { return std::string(parameter.param.what); });

}  // namespace
