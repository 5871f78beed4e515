#include "admin_server.h"

#include <gtest/gtest.h>
#include <boost/json/serialize.hpp>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

/// A server whose modules change while it serves.
namespace {

using namespace homeserver_test;
using Texts = std::vector<std::string>;

/// Two workers, and modules in a folder of their own that a test may replace.
class ReloadedServer : public AdminServer {
protected:
    ReloadedServer() : AdminServer(module_path, 2), alice(server.register_user("alice")), room(create_room(alice)) {
        std::filesystem::create_directory(folder.path() / "modules");
        replace_library(first_build);
        configure(entry("mark: a"));
        EXPECT_EQ(reload().status, 200);
    }

    /// What the file says of modules, and more.
    void configure(const std::string& modules, const std::string& more = {}) const {
        server.configure("enable_registration: true\nenable_registration_without_verification: true\nworkers: 2\n" +
                         secret_line + module_path + "modules:\n" + modules + more);
    }
    [[nodiscard]] static std::string entry(const std::string& config) {
        return "  - {module: judging.Judging, config: {" + config + "}}\n";
    }
    [[nodiscard]] Answer reload() const { return admin("POST", "/v1/modules/reload"); }
    [[nodiscard]] std::string lists(const Answer& answer) const {
        EXPECT_EQ(answer.status, 200) << answer.body;
        return boost::json::serialize(answer.body);
    }
    void replace_library(const std::filesystem::path& by) const {
        const std::filesystem::path modules = folder.path() / "modules";
        std::filesystem::copy_file(by, modules / "next.so", std::filesystem::copy_options::overwrite_existing);
        std::filesystem::rename(modules / "next.so", modules / "judging.so");
    }
    /// Who judged this message.
    [[nodiscard]] std::string judge_of(const std::string& text) {
        static_cast<void>(send(room, text, alice));
        const std::string log = server.log();
        const std::string mark = "judged " + text + " by ";
        const std::size_t at = log.find(mark);
        if (at == std::string::npos) return "nobody";
        const std::size_t begin = at + mark.size();
        return log.substr(begin, log.find(" as number", begin) - begin);
    }

    static inline const std::string module_path = "module_path: [modules, " TEST_MODULES "]\n";
    static inline const std::string secret_line = "registration_shared_secret: between us\n";
    static inline const std::filesystem::path first_build = TEST_MODULES "/judging_1.so";
    static inline const std::filesystem::path second_build = TEST_MODULES "/judging_2.so";
    std::string alice;
    std::string room;
};

TEST_F(ReloadedServer, AsksTheModulesOfTheFileAsItIsNow) {
    EXPECT_EQ(judge_of("one"), "a of build 1");
    configure(entry("mark: b, refuses: bad") + "  - {module: list_spam_checker.ListSpamChecker, config: {evil_users: []}}\n");
    EXPECT_EQ(judge_of("two"), "a of build 1") << "nobody has asked for it";
    EXPECT_EQ(lists(reload()), R"({"kept":[],"replaced":["judging.Judging"],"added":["list_spam_checker.ListSpamChecker"],"removed":[]})");
    EXPECT_EQ(judge_of("three"), "b of build 1");
    EXPECT_EQ(send(room, "bad", alice).status, 403);
    const Answer modules = admin("GET", "/v1/modules");
    ASSERT_EQ(modules.body.at("modules").as_array().size(), 2U);
    EXPECT_EQ(modules.body.at("modules").at(1).at("name"), "list_spam_checker.ListSpamChecker");
    configure(entry("mark: b, refuses: bad"));
    EXPECT_EQ(lists(reload()), R"({"kept":["judging.Judging"],"replaced":[],"added":[],"removed":["list_spam_checker.ListSpamChecker"]})");
    EXPECT_TRUE(server.log_shows("modules were changed (asked for by @root:hs.test): kept judging.Judging; removed "
                                 "list_spam_checker.ListSpamChecker"));
}

TEST_F(ReloadedServer, IsForAdmins) {
    expect_error(server.request("POST", "/_synapse/admin/v1/modules/reload", "", alice), 403, "M_FORBIDDEN",
                 "You are not a server admin");
}

TEST_F(ReloadedServer, SaysInTheWordsOfTheStartWhatIsWrongAndGoesOn) {
    const TemporaryFolder of_start;  // the server's own log goes on in its folder
    for (const std::string wrong : {"  - {module: judging.Nobody}\n", "  - {module: judging.Judging, config: [1]}\n", "  - [\n"}) {
        configure(wrong);
        const std::string file = (folder.path() / "homeserver.yaml").string();
        const FinishedRun start = run_program(of_start.path(), {"--config", file, "--check-config"});
        const Answer refused = reload();
        EXPECT_EQ(refused.status, 400) << refused.body;
        EXPECT_EQ(refused.text("errcode"), "M_UNKNOWN");
        EXPECT_EQ(refused.text("error") + "\n", start.errors);
        EXPECT_NE(start.errors.find("homeserver.yaml:"), std::string::npos) << start.errors;
    }
    EXPECT_EQ(judge_of("still"), "a of build 1");
}

TEST_F(ReloadedServer, ListensToSIGHUPAndSaysWhatTakesARestart) {
    configure(entry("mark: b"), "user_directory: {search_all_users: true}\n");
    server.signal(SIGHUP);
    EXPECT_TRUE(server.log_shows("modules were changed (asked for by SIGHUP): replaced judging.Judging")) << server.log();
    EXPECT_TRUE(server.log_shows("homeserver.yaml: only modules change while the server runs; a restart is needed for user_directory"))
        << server.log();
    EXPECT_EQ(judge_of("one"), "b of build 1");
    configure("  - {module: judging.Nobody}\n");
    server.signal(SIGHUP);
    EXPECT_TRUE(server.log_shows("modules stay as they were (change asked for by SIGHUP): ")) << server.log();
    EXPECT_EQ(judge_of("two"), "b of build 1");
}

TEST(ReloadOfSeveralFiles, ReadsThemAllAndSaysWhichOneIsWrong) {
    const TemporaryFolder folder;
    ServerProcess server(folder.path(), "modules: []\n", "modules: [{module: list_spam_checker.ListSpamChecker, config: {evil_users: []}}]\n");
    server.configure_later("user_directory: {enabled: false}\nmodules: [{module: my_module.MyModule}]\n");
    server.signal(SIGHUP);
    EXPECT_TRUE(server.log_shows("modules were changed (asked for by SIGHUP): added my_module.MyModule; removed "
                                 "list_spam_checker.ListSpamChecker"))
        << server.log();
    const std::string common = (folder.path() / "homeserver.yaml").string();
    const std::string later = (folder.path() / "later.yaml").string();
    EXPECT_TRUE(server.log_shows(common + ", " + later + ": only modules change while the server runs; a restart is needed for user_directory"))
        << server.log();
    server.configure_later("\nmodules: 7\n");
    server.signal(SIGHUP);
    EXPECT_TRUE(server.log_shows("modules stay as they were (change asked for by SIGHUP): " + later + ":2: modules: must be a list of modules"))
        << server.log();
}

TEST_F(ReloadedServer, RunsTheLibraryThatLiesThereNowBesideTheOldOne) {
    EXPECT_EQ(judge_of("one"), "a of build 1");
    replace_library(second_build);
    EXPECT_EQ(lists(reload()), R"({"kept":[],"replaced":["judging.Judging"],"added":[],"removed":[]})");
    EXPECT_EQ(judge_of("two"), "a of build 2");
    EXPECT_EQ(lists(reload()), R"({"kept":["judging.Judging"],"replaced":[],"added":[],"removed":[]})");
    std::ofstream(folder.path() / "modules" / "next.so") << "no library";
    std::filesystem::rename(folder.path() / "modules" / "next.so", folder.path() / "modules" / "judging.so");
    EXPECT_EQ(reload().status, 400);
    EXPECT_EQ(judge_of("three"), "a of build 2");
    replace_library(first_build);
    EXPECT_EQ(reload().status, 200);
    EXPECT_EQ(judge_of("four"), "a of build 1");
}

TEST_F(ReloadedServer, ServesWhatNewModulesServeAndNothingOfThoseThatAreGone) {
    const std::string path = "/_synapse/client/judging";
    EXPECT_EQ(server.request("GET", path).status, 404);
    configure(entry("mark: b, path: " + path));
    EXPECT_EQ(reload().status, 200);
    for (int worker = 0; worker < 4; ++worker) EXPECT_EQ(server.request("GET", path).text("by"), "b of build 1");
    configure("");
    EXPECT_EQ(reload().status, 200);
    EXPECT_EQ(server.request("GET", path).status, 404);
}

TEST_F(ReloadedServer, IsNotHeldUpByAModuleThatDoesNotStop) {
    configure(entry("mark: b, hangs_in_stop: true"));
    EXPECT_EQ(reload().status, 200);
    configure(entry("mark: c"));
    EXPECT_EQ(reload().status, 200);
    EXPECT_EQ(judge_of("one"), "c of build 1");
    EXPECT_TRUE(server.log_shows("module judging.Judging: stop() has not ended within 2 s")) << server.log();
}

/// Resident memory in KiB.
long memory_of(pid_t process) {
    std::ifstream status("/proc/" + std::to_string(process) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
    }
    return 0;
}

TEST_F(ReloadedServer, HasItsMemoryBackWhenTheOldInstancesHaveEnded) {
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "a sanitizer keeps what is freed";
#endif
    const auto change_to = [&](const std::string& mark) {
        configure(entry("mark: " + mark + ", megabytes: 20"));
        EXPECT_EQ(reload().status, 200);
        EXPECT_NE(judge_of("by " + mark), "nobody");
    };
    const std::string ended = "module judging.Judging: its old instance has ended";
    const auto times = [&] {
        const std::string log = server.log();
        int found = 0;
        for (std::size_t at = log.find(ended); at != std::string::npos; at = log.find(ended, at + 1)) ++found;
        return found;
    };
    const auto memory_when_have_ended = [&](int instances) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (times() < instances && std::chrono::steady_clock::now() < end) std::this_thread::yield();
        EXPECT_EQ(times(), instances) << "of both workers";
        return memory_of(server.process());
    };
    change_to("first");
    change_to("second");
    const long before = memory_when_have_ended(4);
    // An odd number too: what is freed lies at the end of a thread's memory every other time.
    change_to("third");
    const long between = memory_when_have_ended(6);
    EXPECT_LT(between, before + before / 20) << before << " KiB before";
    for (int change = 0; change < 10; ++change) change_to("number" + std::to_string(change));
    const long after = memory_when_have_ended(26);
    EXPECT_LT(after, before + before / 20) << before << " KiB before";
}

/// Sends, syncs and logins by several clients at once.
class ReloadUnderLoad : public ReloadedServer {
protected:
    struct Client {
        std::vector<int> statuses;
        Texts sent;
    };
    void send_until_told(int number, Client& of) {
        for (int message = 0; !is_over; ++message) {
            const std::string text = "m" + std::to_string(number) + "-" + std::to_string(message) + ".";
            const std::string path =
                client + "/rooms/" + room + "/send/m.room.message/c" + std::to_string(number) + "x" + std::to_string(message);
            of.statuses.push_back(server.request("PUT", path, R"({"msgtype":"m.text","body":")" + text + "\"}", alice).status);
            of.sent.push_back(text);
        }
    }
    void sync_until_told(Client& of) {
        while (!is_over) of.statuses.push_back(server.request("GET", client + "/sync?timeout=0", "", alice).status);
    }
    void log_in_until_told(Client& of) {
        const std::string body =
            R"({"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"secret of alice"})";
        while (!is_over) of.statuses.push_back(server.request("POST", client + "/login", body).status);
    }
    std::atomic<bool> is_over = false;
};

TEST_F(ReloadUnderLoad, FailsNoRequestAndHasEachMessageJudgedOnce) {
    std::vector<Client> clients(4);
    std::vector<std::thread> threads;
    threads.emplace_back([&] { send_until_told(0, clients[0]); });
    threads.emplace_back([&] { send_until_told(1, clients[1]); });
    threads.emplace_back([&] { sync_until_told(clients[2]); });
    threads.emplace_back([&] { log_in_until_told(clients[3]); });
    for (int change = 0; change < 10; ++change) {
        configure(change == 4 ? "  - {module: judging.Judging, config: {mark: [}}\n" : entry("mark: v" + std::to_string(change)));
        if (change == 7) replace_library(second_build);
        EXPECT_EQ(reload().status, change == 4 ? 400 : 200);
        // Some messages are judged by this one.
        const std::string mark = "by v" + std::to_string(change) + " of build " + (change < 7 ? "1" : "2");
        EXPECT_TRUE(change == 4 || server.log_shows(mark)) << mark;
    }
    is_over = true;
    for (std::thread& thread : threads) thread.join();
    std::map<int, std::size_t> statuses;
    for (const Client& each : clients) {
        for (const int status : each.statuses) ++statuses[status];
    }
    EXPECT_EQ(statuses.size(), 1U);
    EXPECT_GT(statuses[200], 0U);
    for (const auto& [status, count] : statuses) RecordProperty("status " + std::to_string(status), std::to_string(count));
    std::map<std::string, int> judged;
    std::istringstream log(server.log());
    for (std::string line; std::getline(log, line);) {
        const std::size_t at = line.find("judged m");
        if (at != std::string::npos) ++judged[line.substr(at + 7, line.find(' ', at + 7) - at - 7)];
    }
    for (const Client& each : clients) {
        for (const std::string& text : each.sent) EXPECT_EQ(judged[text], 1) << text;
    }
}

}  // namespace
