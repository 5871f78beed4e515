#include "python_program.h"

#include "tried_program.h"

#include <gmock/gmock.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fstream>
#include <set>
#include <sstream>
#include <thread>

namespace {

using modapi::test::comes_true;
using modapi::test::OpenFolder;
using modapi::test::TriedProgram;
using testing::AllOf;
using testing::AnyOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class PythonProgramTest : public testing::Test {
protected:
    void SetUp() override {
        if (::access("/usr/bin/python3", X_OK) != 0) GTEST_SKIP() << "needs /usr/bin/python3; install python3";
    }
    static void only_for_root() {
        if (::geteuid() != 0) GTEST_SKIP() << "only root can have a program run as another user";
    }
};

std::set<int> own_descriptors() {
    std::set<int> numbers;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
        numbers.insert(std::stoi(entry.path().filename()));
    return numbers;
}

std::size_t processes_in_group(pid_t group) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        std::ifstream file(entry.path() / "stat");
        std::string line;
        if (!std::getline(file, line)) continue;
        std::istringstream rest(line.substr(line.rfind(')') + 1));
        std::string state;
        pid_t parent = 0;
        pid_t of = 0;
        rest >> state >> parent >> of;
        if (of == group) ++count;
    }
    return count;
}

modapi::PythonSettings as_user(const std::string& name) {
    modapi::PythonSettings settings;
    settings.user = name;
    return settings;
}

TEST_F(PythonProgramTest, TalksOverItsConnection) {
    TriedProgram program;
    EXPECT_EQ(program.tried("result = 6 * 7"), "42");
    EXPECT_EQ(program->end(), std::nullopt);
}

TEST_F(PythonProgramTest, SeesNoEnvironmentButWhatPythonNeeds) {
    ::setenv("MODAPI_SECRET", "of the host", 1);
    TriedProgram program;
    EXPECT_EQ(program.tried("result = sorted(os.environ)"),
              R"(["HOME", "LANG", "LC_ALL", "MALLOC_ARENA_MAX", "PATH", "TMPDIR"])");
    EXPECT_EQ(program.tried("result = os.environ['HOME'] == os.getcwd() == os.environ['TMPDIR']"), "true");
    ::unsetenv("MODAPI_SECRET");
}

TEST_F(PythonProgramTest, HasFourDescriptorsAndNoneOfTheHosts) {
    const int leaked = ::open("/etc/passwd", O_RDONLY);  // without O_CLOEXEC, as a library may do it
    TriedProgram program;
    EXPECT_EQ(program.tried("import fcntl\nresult = []\nfor n in range(1024):\n"
                            "    try: fcntl.fcntl(n, fcntl.F_GETFD)\n    except OSError: continue\n    result.append(n)"),
              "[0, 1, 2, 3]");
    ::close(leaked);
}

TEST_F(PythonProgramTest, PrintsIntoThePipe) {
    TriedProgram program;
    EXPECT_EQ(program.tried("print('to the log', flush=True); print('this too', file=sys.stderr, flush=True)"), "null");
    program.send("os._exit(3)");
    EXPECT_EQ(program.printed(), "to the log\nthis too\n");
}

TEST_F(PythonProgramTest, SaysWhyItEnded) {
    TriedProgram exits;
    EXPECT_EQ(exits.tried("os._exit(3)"), "gone");
    ASSERT_TRUE(comes_true([&] { return exits->end().has_value(); }));
    EXPECT_EQ(exits->end(), "ended with status 3");
    TriedProgram crashes;
    EXPECT_EQ(crashes.tried("import ctypes\nctypes.string_at(0)"), "gone");
    ASSERT_TRUE(comes_true([&] { return crashes->end().has_value(); }));
    EXPECT_EQ(crashes->end(), "was ended by signal 11 (Segmentation fault)");
    EXPECT_EQ(crashes->memory(), 0U);
}

TEST_F(PythonProgramTest, TellsItsMemory) {
    TriedProgram program;
    ASSERT_EQ(program.tried("result = 1"), "1");
    const std::uint64_t before = program->memory();
    EXPECT_GT(before, 4U << 20U);
    ASSERT_EQ(program.tried("kept = b'x' * (64 << 20)"), "null");
    EXPECT_GT(program->memory(), before + (60U << 20U));
}

TEST_F(PythonProgramTest, CantAllocateFarMoreThanItMay) {
    TriedProgram program;
    EXPECT_EQ(program.tried("kept = bytearray(2 << 30)"), R"("MemoryError: ")");
    EXPECT_EQ(program.tried("import threading\nt = [threading.Thread(target=lambda: None) for _ in range(32)]\n"
                            "[one.start() for one in t]\n[one.join() for one in t]\nresult = 'threads'"),
              "\"threads\"");
}

TEST_F(PythonProgramTest, ReadsWhatItNeedsAndNothingOfTheHosts) {
    OpenFolder host;
    std::ofstream(host.path() / "homeserver.yaml") << "macaroon_secret_key: s3cret";
    std::ofstream(host.path() / "homeserver.db") << "rows";
    OpenFolder readable;
    std::ofstream(readable.path() / "badlist.txt") << "spam";
    OpenFolder packages;
    std::ofstream(packages.path() / "a_module.py") << "answer = 42";
    modapi::PythonSettings settings;
    settings.path = {packages.path()};
    settings.readable = {readable.path() / "badlist.txt"};
    TriedProgram program(settings);
    const auto read = [&](const std::filesystem::path& file) {
        return program.tried("result = open('" + file.string() + "').read()");
    };
    for (const std::filesystem::path& secret :
         {host.path() / "homeserver.yaml", host.path() / "homeserver.db", std::filesystem::path("/etc/shadow"),
          std::filesystem::path("/proc/self/environ"),
          std::filesystem::path("/proc/" + std::to_string(::getpid()) + "/environ"),
          std::filesystem::path("/proc/" + std::to_string(::getpid()) + "/mem")})
        EXPECT_THAT(read(secret), StartsWith("\"PermissionError")) << secret;
    EXPECT_THAT(program.tried("result = os.listdir('" + host.path().string() + "')"), StartsWith("\"PermissionError"));
    EXPECT_EQ(read(readable.path() / "badlist.txt"), "\"spam\"");
    EXPECT_EQ(program.tried("sys.path.append('" + packages.path().string() + "')\nimport a_module\nresult = a_module.answer"),
              "42");
    EXPECT_EQ(program.tried("result = open('/etc/hosts').read() != ''"), "true");
    EXPECT_EQ(
        program.tried(
            "import twisted, ssl, zoneinfo\nssl.create_default_context()\nresult = str(zoneinfo.ZoneInfo('Europe/Berlin'))"),
        "\"Europe/Berlin\"");
}

TEST_F(PythonProgramTest, WritesOnlyInItsDirectoryAndWhereItMay) {
    OpenFolder packages;
    OpenFolder writable;
    modapi::PythonSettings settings;
    settings.path = {packages.path()};
    settings.writable = {writable.path()};
    TriedProgram program(settings);
    const auto written = [&](const std::filesystem::path& folder) {
        return program.tried("result = open('" + (folder / "left.txt").string() + "', 'w').write('abc')");
    };
    EXPECT_EQ(written(program->directory()), "3");
    EXPECT_EQ(written(writable.path()), "3");
    EXPECT_EQ(program.tried("import tempfile\nresult = tempfile.TemporaryFile().write(b'ab')"), "2");
    EXPECT_EQ(program.tried("import socket\ns = socket.socket(socket.AF_UNIX)\ns.bind('" +
                            (program->directory() / "web.sock").string() + "')"),
              "null");
    for (const std::filesystem::path& folder : {packages.path(), program.folder(), std::filesystem::path("/tmp"),
                                                std::filesystem::path("/usr/local/lib"), std::filesystem::path("/root")})
        EXPECT_THAT(written(folder), StartsWith("\"PermissionError")) << folder;
    EXPECT_THAT(program.tried("os.truncate('/etc/hosts', 0)"), StartsWith("\"PermissionError"));
    EXPECT_THAT(program.tried("os.rename('" + (packages.path() / "a").string() + "', 'a')"),
                AnyOf(StartsWith("\"PermissionError"), StartsWith("\"FileNotFoundError")));
    std::ofstream(packages.path() / "a.py") << "a = 1";
    std::filesystem::permissions(packages.path() / "a.py", std::filesystem::perms(0644));
    const std::string named = "F = '" + (packages.path() / "a.py").string() + "'\n";
    for (const char* const change : {"os.chown(F, 1, 1)", "os.setxattr(F, 'user.a', b'b')"})
        EXPECT_THAT(program.tried(named + change), StartsWith("\"PermissionError")) << change;
    // As if it were done, for what copies a file.
    EXPECT_EQ(
        program.tried(named +
                      "import shutil\nos.chmod(F, 0o777); os.fchmod(os.open(F, 0), 0o777); shutil.copy(F, 'b.py'); result = 1"),
        "1");
    struct stat found {};
    ASSERT_EQ(::stat((packages.path() / "a.py").c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777U, 0644U);
    ASSERT_EQ(::stat((program->directory() / "b.py").c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777U, 0600U);
}

TEST_F(PythonProgramTest, LeavesNeitherItsGroupNorTheMachineAsItIs) {
    TriedProgram program;
    ASSERT_EQ(program.tried("import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
                            "def call(*a):\n    ctypes.set_errno(0)\n    r = libc.syscall(*a)\n"
                            "    return os.strerror(ctypes.get_errno()) if r < 0 else 'done'"),
              "null");
    EXPECT_THAT(program.tried("os.setsid()"), StartsWith("\"PermissionError"));
    EXPECT_THAT(program.tried("os.setpgid(0, os.getppid())"), StartsWith("\"PermissionError"));
    const std::string host = std::to_string(::getpid());
    // ptrace, process_vm_readv, mount, unshare, setns, bpf, keyctl, io_uring_setup, pidfd_getfd, prctl(PR_SET_PDEATHSIG), of
    // x86-64.
    for (const std::string& call : std::vector<std::string>{
             "101, 16, " + host + ", 0, 0", "310, " + host + ", 0, 0, 0, 0, 0", "165, 0, 0, 0, 0, 0", "272, 0x10000000",
             "308, 3, 0", "321, 0, 0, 0", "250, 0, 0", "425, 8, 0", "438, 3, 0, 0", "157, 1, 0"})
        EXPECT_EQ(program.tried("result = call(" + call + ")"), "\"Operation not permitted\"") << call;
    EXPECT_EQ(program.tried("result = call(435, 0, 0)"), "\"Function not implemented\"");  // clone3
    EXPECT_EQ(program.tried("result = call(56, 0x10000000 | 17, 0, 0, 0, 0)"),
              "\"Operation not permitted\"");  // clone(CLONE_NEWUSER)
    EXPECT_THAT(program.tried("import resource\nresource.prlimit(" + host + ", resource.RLIMIT_NOFILE, (10, 10))"),
                StartsWith("\"PermissionError"));
    EXPECT_THAT(program.tried("import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))"),
                AnyOf(StartsWith("\"ValueError"), StartsWith("\"PermissionError")));
}

TEST_F(PythonProgramTest, CantSignalTheHost) {
    TriedProgram program;
    EXPECT_THAT(program.tried("os.kill(os.getppid(), 0)"), StartsWith("\"PermissionError"));
    EXPECT_THAT(program.tried("os.kill(os.getppid(), 9)"), StartsWith("\"PermissionError"));
    EXPECT_EQ(program.tried("import signal\nsignal.signal(10, lambda *_: None)\nos.kill(os.getpid(), 10)\nresult = 'itself'"),
              "\"itself\"");
}

TEST_F(PythonProgramTest, HasNoPrivilegesEvenAsRoot) {
    only_for_root();
    TriedProgram program;
    EXPECT_THAT(program.tried("os.chown(os.environ['HOME'], 1, 1)"), StartsWith("\"PermissionError"));
    EXPECT_THAT(program.tried("os.setuid(1)"), StartsWith("\"PermissionError"));
    EXPECT_THAT(program.tried("os.nice(-5)"), StartsWith("\"PermissionError"));
}

TEST_F(PythonProgramTest, StartsNoProcessAsRootWhereNoLimitCountsThem) {
    only_for_root();
    TriedProgram program;
    EXPECT_THAT(program.tried("os.fork()"), StartsWith("\"BlockingIOError"));
    EXPECT_THAT(program.tried("import subprocess\nsubprocess.run(['/bin/true'])"), StartsWith("\"BlockingIOError"));
}

TEST_F(PythonProgramTest, RunsAsAnotherUser) {
    only_for_root();
    TriedProgram program(as_user("nobody"));
    EXPECT_EQ(program.tried("import pwd\nresult = [pwd.getpwuid(i).pw_name for i in os.getresuid()] + sorted(os.getgroups())"),
              R"(["nobody", "nobody", "nobody", 65534])");
    EXPECT_THAT(program.tried("os.setuid(0)"), StartsWith("\"PermissionError"));
    EXPECT_EQ(program.tried(
                  "import subprocess\nresult = subprocess.run(['/bin/echo', 'child'], capture_output=True).stdout.decode()"),
              "\"child\\n\"");
    EXPECT_THAT(program.tried("os.kill(" + std::to_string(::getpid()) + ", 0)"), StartsWith("\"PermissionError"));
    EXPECT_THAT(program.tried("result = open('private.txt', 'w').write('x')"), "1");
    struct stat found {};
    ASSERT_EQ(::stat(program->directory().c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777U, 0700U);
    EXPECT_NE(found.st_uid, 0U);
}

TEST_F(PythonProgramTest, EndsAForkBombWithAllThatItStarted) {
    only_for_root();
    // The limit of processes is one for all of a user's: tests that run beside this one as nobody couldn't start any.
    TriedProgram program(as_user("games"));
    const pid_t group = program->process();
    program.send("import time\ndef bomb():\n    while True:\n        try: os.fork()\n        except OSError: time.sleep(0.05)\nbomb()");
    ASSERT_TRUE(comes_true([&] { return processes_in_group(group) > 100; }));
    EXPECT_LT(processes_in_group(group), 400U);
    program->kill();
    ASSERT_TRUE(comes_true([&] { return program->end().has_value(); }));
    EXPECT_EQ(program->end(), "was ended by signal 9 (Killed)");
    EXPECT_TRUE(comes_true([&] { return processes_in_group(group) == 0; }));
}

TEST_F(PythonProgramTest, EndsWhatAProgramLeftThatEndedByItself) {
    only_for_root();
    TriedProgram program(as_user("nobody"));
    const pid_t group = program->process();
    EXPECT_EQ(program.tried("import subprocess\nfor _ in range(3): subprocess.Popen(['/bin/sleep', '1000'])\nresult = 1"), "1");
    EXPECT_EQ(processes_in_group(group), 4U);
    EXPECT_EQ(program.tried("os._exit(0)"), "gone");
    ASSERT_TRUE(comes_true([&] { return program->end().has_value(); }));
    EXPECT_TRUE(comes_true([&] { return processes_in_group(group) == 0; }));
}

TEST_F(PythonProgramTest, LeavesNoDescriptorProcessOrDirectoryAfterAHundredStarts) {
    const std::set<int> before = own_descriptors();
    std::vector<pid_t> groups;
    std::vector<std::filesystem::path> directories;
    for (int round = 0; round < 100; ++round) {
        TriedProgram program;
        groups.push_back(program->process());
        directories.push_back(program->directory());
        if (round % 10 == 0) {
            EXPECT_EQ(program.tried("open('left', 'w').write('x'); result = 1"), "1");
        }
        if (round % 2 == 0) program->kill();
    }
    EXPECT_TRUE(comes_true([&] {
        for (const pid_t group : groups)
            if (processes_in_group(group) != 0) return false;
        for (const std::filesystem::path& directory : directories)
            if (std::filesystem::exists(directory)) return false;
        return true;
    }));
    // The thread that removes directories has one open meanwhile.
    EXPECT_TRUE(comes_true([&] { return own_descriptors() == before; })) << own_descriptors().size() << " instead of " << before.size();
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a zombie is left";
}

TEST_F(PythonProgramTest, EndsWithTheThreadThatStartedIt) {
    std::unique_ptr<TriedProgram> program;
    std::thread([&] {
        program = std::make_unique<TriedProgram>();
        EXPECT_EQ(program->tried("result = 1"), "1");
    }).join();
    EXPECT_TRUE(comes_true([&] { return (*program)->end().has_value(); }));
}

TEST_F(PythonProgramTest, NamesTheFirstFolderThatItsUserCantRead) {
    only_for_root();
    OpenFolder home;
    std::filesystem::create_directories(home.path() / "joe" / "venv");
    std::filesystem::permissions(home.path() / "joe", std::filesystem::perms(0700));
    modapi::PythonSettings settings = as_user("nobody");
    settings.path = {home.path() / "joe" / "venv"};
    try {
        const TriedProgram program(settings);
        FAIL() << "it started";
    } catch (const std::runtime_error& error) {
        EXPECT_EQ(error.what(), (home.path() / "joe" / "venv").string() +
                                    " (python.path) can't be used by modules of Python's, which run as nobody: " +
                                    (home.path() / "joe").string() + ": Permission denied");
    }
}

TEST_F(PythonProgramTest, SaysWhatIsMissingToStartIt) {
    const auto failure_of = [](const modapi::PythonSettings& settings) -> std::string {
        try {
            const TriedProgram program(settings);
            return "it started";
        } catch (const std::runtime_error& error) {
            return error.what();
        }
    };
    modapi::PythonSettings settings;
    settings.interpreter = "/usr/bin/python9";
    EXPECT_THAT(failure_of(settings),
                StartsWith("/usr/bin/python9 (python.interpreter) can't be used by modules of Python's, which run as "));
    settings = {};
    settings.path = {"/nowhere/packages"};
    EXPECT_THAT(failure_of(settings),
                AllOf(StartsWith("/nowhere/packages (python.path)"), HasSubstr(": /nowhere: No such file or directory")));
    settings = {};
    settings.user = "nobody-of-this-name";
    EXPECT_EQ(failure_of(settings), "python.user: this machine has no user nobody-of-this-name");
    settings = {};
    OpenFolder folder;
    std::ofstream(folder.path() / "python3") << "no program";
    settings.interpreter = folder.path() / "python3";
    EXPECT_THAT(failure_of(settings), HasSubstr("Permission denied"));
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a zombie is left";
}

TEST_F(PythonProgramTest, SaysWhatIsNotKeptFromModules) {
    const std::vector<std::string> lines = modapi::PythonProgram::missing_protections({});
    if (::geteuid() == 0) {
        EXPECT_THAT(lines, Contains(StartsWith("modules of Python's run as root")));
        EXPECT_THAT(modapi::PythonProgram::missing_protections(as_user("nobody")),
                    Not(Contains(StartsWith("modules of Python's run as"))));
    } else {
        EXPECT_THAT(lines, Contains(HasSubstr("as the server does")));
    }
}

}  // namespace
