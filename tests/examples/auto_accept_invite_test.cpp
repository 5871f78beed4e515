#include "admin_server.h"
#include "patience.h"

#include "postgresql/test_database.h"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

/// The ported InviteAutoAccepter in the server, over HTTP.
namespace {

using namespace homeserver_test;

class AutoAcceptInviteServer : public RoomTest {
protected:
    /// Of two workers, which share the requests, the main one accepts.
    AutoAcceptInviteServer()
        : RoomTest(
              "modules:\n"
              "  - module: synapse_auto_accept_invite.InviteAutoAccepter\n"
              "  - {module: probe.Probe, config: {name: a}}\n",
              2) {}

    [[nodiscard]] bool bob_joined(const std::string& room) const {
        return becomes_true([&] {
            const Answer answer = get("/joined_rooms", bob);
            const boost::json::array& rooms = answer.body.at("joined_rooms").as_array();
            return std::find(rooms.begin(), rooms.end(), boost::json::value(room)) != rooms.end();
        });
    }
    /// Whether bob's list of direct rooms with alice gets that long.
    [[nodiscard]] bool direct_rooms_become(std::size_t count) const {
        return becomes_true([&] {
            const Answer answer = get("/user/@bob:hs.test/account_data/m.direct", bob);
            const boost::json::value* const rooms = answer.body.if_contains("@alice:hs.test");
            return rooms != nullptr && rooms->as_array().size() == count;
        });
    }

    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");

private:
    template <class Condition>
    static bool becomes_true(Condition&& condition) {
        for (const Patience patience; patience.is_left();) {
            if (condition()) return true;
        }
        return false;
    }
};

TEST_F(AutoAcceptInviteServer, AnInvitedUserIsInTheRoomWithoutDoingAnything) {
    const std::string room = create_room(alice, R"({"preset":"private_chat","invite":["@bob:hs.test"]})");
    EXPECT_TRUE(bob_joined(room));
    EXPECT_EQ(get("/user/@bob:hs.test/account_data/m.direct", bob).status, 404);
}

TEST_F(AutoAcceptInviteServer, ADirectRoomIsMarkedInTheAccountData) {
    const std::string room = create_room(alice, R"({"is_direct":true,"invite":["@bob:hs.test"]})");
    EXPECT_TRUE(bob_joined(room));
    EXPECT_TRUE(direct_rooms_become(1));
}

TEST_F(AutoAcceptInviteServer, DirectInvitesAtTheSameTimeAreAllMarked) {
    constexpr int inviters = 4;
    constexpr int rooms_each = 5;
    std::vector<std::thread> threads;
    for (int inviter = 0; inviter < inviters; ++inviter) {
        threads.emplace_back([this] {
            for (int room = 0; room < rooms_each; ++room)
                static_cast<void>(create_room(alice, R"({"is_direct":true,"invite":["@bob:hs.test"]})"));
        });
    }
    for (std::thread& each : threads) each.join();
    EXPECT_TRUE(direct_rooms_become(std::size_t(inviters) * rooms_each));
}

TEST_F(AutoAcceptInviteServer, AJoinThatIsDeniedIsLoggedAndDoesntKeepTheServerFromStopping) {
    static_cast<void>(server.register_user("nojoin1"));
    const std::string room = create_room(alice, R"({"invite":["@nojoin1:hs.test"]})");
    EXPECT_TRUE(server.log_shows("@nojoin1:hs.test couldn't join " + room + ": Not allowed to join this room"));
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait(), 0);
}

/// The server's own: the same without a list of modules.
class BuiltInAcceptance : public AdminServer {
protected:
    explicit BuiltInAcceptance(const std::string& section) : AdminServer("auto_accept_invites:\n" + section, 2) {}

    [[nodiscard]] bool has_joined(const std::string& room, const std::string& token) const {
        const Answer answer = get("/joined_rooms", token);
        const boost::json::array& rooms = answer.body.at("joined_rooms").as_array();
        return std::find(rooms.begin(), rooms.end(), boost::json::value(room)) != rooms.end();
    }
    [[nodiscard]] bool joins(const std::string& room, const std::string& token) const {
        for (const Patience patience; patience.is_left();) {
            if (has_joined(room, token)) return true;
        }
        return false;
    }
    [[nodiscard]] std::vector<std::string> module_names() const {
        std::vector<std::string> names;
        const Answer answer = admin("GET", "/v1/modules");
        for (const boost::json::value& module : answer.body.at("modules").as_array())
            names.emplace_back(module.at("name").as_string());
        return names;
    }
    /// Has another file read.
    [[nodiscard]] Answer reload(const std::string& section) const {
        const std::string workers = section.find("workers:") == std::string::npos ? "workers: 2\n" : "";
        server.configure(
            "enable_registration: true\nenable_registration_without_verification: true\n" + workers +
            "registration_shared_secret: " +
            std::string(admins_secret) + "\nauto_accept_invites:\n" + section);
        return admin("POST", "/v1/modules/reload");
    }

    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
};

class BuiltInAcceptanceOfAll : public BuiltInAcceptance {
protected:
    BuiltInAcceptanceOfAll() : BuiltInAcceptance("  enabled: true\nmodules:\n  - {module: probe.Probe, config: {name: a}}\n") {}
};

TEST_F(BuiltInAcceptanceOfAll, IsTheLastModuleAndAcceptsInvites) {
    EXPECT_EQ(module_names(), (std::vector<std::string>{"probe.Probe", "auto_accept_invites"}));
    const std::string room = create_room(alice, R"({"is_direct":true,"invite":["@bob:hs.test"]})");
    EXPECT_TRUE(joins(room, bob));
    bool is_marked = false;
    for (const Patience patience; patience.is_left() && !is_marked;)
        is_marked = get("/user/@bob:hs.test/account_data/m.direct", bob).body.contains("@alice:hs.test");
    EXPECT_TRUE(is_marked);
}

TEST_F(BuiltInAcceptanceOfAll, IsReloadedWithTheOthersAndStaysTheLastOne) {
    const std::string list = "modules:\n  - {module: probe.Probe, config: {name: a}}\n  - {module: my_module.MyModule}\n";
    EXPECT_EQ(reload("  enabled: true\n" + list).status, 200);
    EXPECT_FALSE(server.log().find("a restart is needed") != std::string::npos) << server.log();
    EXPECT_EQ(module_names(), (std::vector<std::string>{"probe.Probe", "my_module.MyModule", "auto_accept_invites"}));
    const std::string room = create_room(alice, R"({"invite":["@bob:hs.test"]})");
    EXPECT_TRUE(joins(room, bob));
    EXPECT_EQ(reload("  enabled: false\n" + list).status, 200);
    EXPECT_EQ(module_names(), (std::vector<std::string>{"probe.Probe", "my_module.MyModule"}));
    const auto expect_mistake = [&](const std::string& line, const std::string& mistake) {
        const Answer refused = reload(line + list);
        EXPECT_EQ(refused.status, 400);
        EXPECT_NE(refused.text("error").find(mistake), std::string::npos) << refused.body;
    };
    expect_mistake("  enabled: 7\n",
                   "auto_accept_invites.enabled: must be a boolean, not a number (module auto_accept_invites)");
    // What serves are two workers, whatever another file says.
    if (!postgresql_test::is_chosen()) {
        expect_mistake("  worker_to_run_on: worker2\nworkers: 3\n",
                       "auto_accept_invites.worker_to_run_on: there is no worker worker2 to accept invites; the workers are "
                       "main, worker1 (module auto_accept_invites)");
    }
    EXPECT_EQ(reload("  only_from_friends: true\n" + list).status, 200);
    EXPECT_TRUE(server.log_shows("auto_accept_invites.only_from_friends: is no key that this server knows; it has no effect"));
    expect_mistake("  enabled: true\n  worker_to_run_on: all\n", "auto_accept_invites.worker_to_run_on: ");
}

class BuiltInAcceptanceOfDirectInvites : public BuiltInAcceptance {
protected:
    BuiltInAcceptanceOfDirectInvites()
        : BuiltInAcceptance(
              "  enabled: true\n  only_for_direct_messages: true\n  only_from_local_users: true\n"
              "  worker_to_run_on: worker1\n") {}
};

TEST_F(BuiltInAcceptanceOfDirectInvites, AcceptsNoOthersAndDoesItOnTheWorkerThatIsNamed) {
    EXPECT_TRUE(server.log_shows("module auto_accept_invites: invites are accepted on worker worker1, not on the main worker"));
    const std::string other = create_room(alice, R"({"invite":["@bob:hs.test"]})");
    const std::string direct = create_room(alice, R"({"is_direct":true,"invite":["@bob:hs.test"]})");
    EXPECT_TRUE(joins(direct, bob));
    EXPECT_FALSE(has_joined(other, bob));
}

/// What the server says of a section when it reads its configuration.
class BuiltInAcceptanceSection : public testing::Test {
protected:
    [[nodiscard]] FinishedRun check(const std::string& rest) const {
        std::ofstream(file) << "server_name: hs\n" << rest;
        return run_program(folder.path(), {"--config", file.string(), "--check-config"});
    }
    void expect_error_line(const std::string& rest, const std::string& line) const {
        const FinishedRun run = check(rest);
        EXPECT_EQ(run.status, 1);
        EXPECT_EQ(run.errors, file.string() + ":" + line + "\n");
    }
    void expect_warning(const std::string& rest, const std::string& line) const {
        const FinishedRun run = check(rest);
        EXPECT_EQ(run.status, 0) << run.errors;
        EXPECT_TRUE(run.errors.ends_with(" warning " + file.string() + ":" + line + "\n")) << run.errors;
        EXPECT_EQ(std::count(run.errors.begin(), run.errors.end(), '\n'), 1) << run.errors;
    }
    void expect_silence(const std::string& rest) const {
        const FinishedRun run = check(rest);
        EXPECT_EQ(run.status, 0);
        EXPECT_EQ(run.errors, "");
    }

    const TemporaryFolder folder;
    const std::filesystem::path file = folder.path() / "hs.yaml";
    const std::string of_nobody = "auto_accept_invites:\n  enabled: true\n  worker_to_run_on: nobody\n";
    const std::string postgresql = "database: {name: psycopg2}\n";
};

TEST_F(BuiltInAcceptanceSection, NamesAWorkerThatIsThereIfThereAreNoOtherProcesses) {
    const std::string refusal =
        "auto_accept_invites.worker_to_run_on: there is no worker nobody to accept invites; the workers are ";
    expect_error_line(of_nobody, "4: " + refusal + "main (module auto_accept_invites)");
    expect_error_line(of_nobody + "workers: 2\n", "4: " + refusal + "main, worker1 (module auto_accept_invites)");
    expect_error_line(of_nobody + "workers: 9\n", "4: " + refusal + "main, worker1 to worker8 (module auto_accept_invites)");
    expect_silence("auto_accept_invites: {enabled: true, worker_to_run_on: main}\n");
    expect_silence("auto_accept_invites: {enabled: true, worker_to_run_on: worker8}\nworkers: 9\n");
}

TEST_F(BuiltInAcceptanceSection, IsWarnedAboutAWorkerThatOnlyAnotherProcessCanHave) {
    const std::string warning = "4: auto_accept_invites.worker_to_run_on: this process has no worker nobody, only ";
    const std::string end = ": invites are accepted while another process has it";
    const std::string sync = "worker_name: sync\nworkers: 2\n" + postgresql;
    expect_warning(of_nobody + postgresql, warning + "main" + end);
    expect_warning(of_nobody + sync, warning + "sync, sync-1" + end);
    expect_silence("auto_accept_invites: {enabled: true, worker_to_run_on: sync-1}\n" + sync);
    expect_silence("auto_accept_invites: {enabled: true, worker_to_run_on: main}\n" + sync);
}

TEST_F(BuiltInAcceptanceSection, IsWarnedAboutAKeyThatNobodyKnows) {
    expect_warning("auto_accept_invites:\n  enable: true\n",
                   "3: auto_accept_invites.enable: is no key that this server knows; it has no effect");
}

TEST_F(BuiltInAcceptanceSection, IsAMapping) {
    expect_error_line("auto_accept_invites: true\n", "2: auto_accept_invites: must be a mapping, not a boolean");
}

}  // namespace
