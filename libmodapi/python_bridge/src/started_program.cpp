#include "started_program.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <stdexcept>
#include <system_error>

namespace modapi {

namespace {

/// What a program's start consists of, for the line that says where it failed.
enum class StartStep : int {
    group,
    death_signal,
    orphaned,
    limits,
    groups,
    group_of_user,
    user,
    privileges,
    needed_file,
    files,
    descriptors,
    folder,
    filter,
    program
};

constexpr std::array<const char*, 14> step_names = {"making its process group",
                                                    "having it end with the server",
                                                    "the server ended meanwhile",
                                                    "setting its limits",
                                                    "taking the groups of python.user",
                                                    "taking the group of python.user",
                                                    "taking the user of python.user",
                                                    "giving up privileges",
                                                    "reaching a file",
                                                    "restricting its files (Landlock)",
                                                    "passing its descriptors",
                                                    "going to its folder",
                                                    "restricting its system calls (seccomp)",
                                                    "running the interpreter"};

/// What the child says before it ends without having become the program.
struct StartFailure {
    StartStep step = StartStep::program;
    int error = 0;
    std::size_t needed_file = 0;
};

/// All as plain pointers: what the child uses. It shares this process's memory until its program runs.
struct ChildView {
    const ProgramStart& start;
    char* const* arguments;
    char* const* environment;
    sock_fprog filter;
    std::vector<sock_filter>& instructions;
    int report;
    pid_t parent;
};

// Everything below here, up to start_program, runs in the child.

[[noreturn]] void fail(const ChildView& view, StartStep step, std::size_t needed_file = 0) noexcept {
    StartFailure failure;
    failure.step = step;
    failure.error = errno;
    failure.needed_file = needed_file;
    [[maybe_unused]] const ssize_t written = ::write(view.report, &failure, sizeof failure);
    ::_exit(127);
}

/// Raw calls: those of the C library change all threads of the process, and the child shares its memory.
void take_user(const ChildView& view, const ProgramUser& user) noexcept {
    if (::syscall(SYS_setgroups, user.groups.size(), user.groups.data()) != 0) fail(view, StartStep::groups);
    if (::syscall(SYS_setresgid, user.group, user.group, user.group) != 0) fail(view, StartStep::group_of_user);
    if (::syscall(SYS_setresuid, user.user, user.user, user.user) != 0) fail(view, StartStep::user);
}

/// Root is then a user that owns files, and nothing more; also what it runs.
void give_up_privileges(const ChildView& view) noexcept {
    __user_cap_header_struct header{};
    header.version = _LINUX_CAPABILITY_VERSION_3;
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
    if (::syscall(SYS_capset, &header, none.data()) != 0) fail(view, StartStep::privileges);
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail(view, StartStep::privileges);
}

/// Before the user changes, since only who has the privilege may. Who hasn't loses nothing by it that it had.
void bar_privileges() noexcept {
    for (unsigned long capability = 0; capability < 64; ++capability) ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    ::prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED, 0, 0, 0);
}

/// Descriptors of ProgramStart are beyond those that the program gets.
void pass_descriptors(const ChildView& view) noexcept {
    const ProgramStart& start = view.start;
    if (::dup2(start.null, 0) < 0 || ::dup2(start.output, 1) < 0 || ::dup2(start.output, 2) < 0 ||
        ::dup2(start.connection, 3) < 0)
        fail(view, StartStep::descriptors);
    // The one for the report closes itself when the program begins.
    const auto report = static_cast<unsigned>(view.report);
    if (::syscall(SYS_close_range, 4U, report - 1, 0U) != 0 || ::syscall(SYS_close_range, report + 1, ~0U, 0U) != 0)
        fail(view, StartStep::descriptors);
}

void name_own_process_in_filter(const ChildView& view) noexcept {
    const auto own = static_cast<std::uint32_t>(::getpid());
    for (sock_filter& instruction : view.instructions)
        if (BPF_CLASS(instruction.code) == BPF_JMP && instruction.k == own_process_in_filter) instruction.k = own;
}

void reset_signals() noexcept {
    struct sigaction usual {};
    usual.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number) ::sigaction(number, &usual, nullptr);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void become_program(const ChildView& view) noexcept {
    const ProgramStart& start = view.start;
    if (::setpgid(0, 0) != 0) fail(view, StartStep::group);
    for (const auto& [resource, limit] : start.limits)
        if (::syscall(SYS_prlimit64, 0, resource, &limit, nullptr) != 0) fail(view, StartStep::limits);
    bar_privileges();
    if (start.user) take_user(view, *start.user);
    give_up_privileges(view);
    // A change of the user forgets the signal.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) fail(view, StartStep::death_signal);
    if (::getppid() != view.parent) fail(view, StartStep::orphaned);
    std::size_t place = 0;
    for (const NeededFile& file : start.needed) {
        if (::access(file.path.c_str(), file.mode) != 0) fail(view, StartStep::needed_file, place);
        ++place;
    }
    if (::chdir(start.folder.c_str()) != 0) fail(view, StartStep::folder);
    ::umask(077);
    if (start.reachable_files >= 0 && ::syscall(SYS_landlock_restrict_self, start.reachable_files, 0U) != 0)
        fail(view, StartStep::files);
    pass_descriptors(view);
    reset_signals();
    if (!view.instructions.empty()) {
        name_own_process_in_filter(view);
        if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &view.filter, 0, 0) != 0) fail(view, StartStep::filter);
    }
    ::execve(view.arguments[0], view.arguments, view.environment);
    fail(view, StartStep::program);
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

class Pipe {
public:
    Pipe() {
        if (::pipe2(ends_.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
        // Beyond those that the program gets, and with room before it.
        const int moved = ::fcntl(ends_[1], F_DUPFD_CLOEXEC, 16);
        if (moved < 0) {
            const int error = errno;
            close_all();
            throw std::system_error(error, std::generic_category(), "fcntl");
        }
        ::close(ends_[1]);
        ends_[1] = moved;
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() { close_all(); }
    [[nodiscard]] int read_end() const noexcept { return ends_[0]; }
    [[nodiscard]] int write_end() const noexcept { return ends_[1]; }
    void close_write_end() noexcept {
        ::close(ends_[1]);
        ends_[1] = -1;
    }

private:
    void close_all() noexcept {
        for (const int end : ends_)
            if (end >= 0) ::close(end);
    }
    std::array<int, 2> ends_{-1, -1};
};

[[noreturn]] void throw_failure(const ProgramStart& start, const StartFailure& failure) {
    if (failure.step == StartStep::needed_file) {
        const NeededFile& file = start.needed[failure.needed_file];
        throw std::runtime_error(file.need + " can't be used by modules of Python's, which run as " + start.user_name + ": " +
                                 file.path + ": " + std::generic_category().message(failure.error));
    }
    throw std::system_error(
        failure.error, std::generic_category(),
        std::string("a Python process can't be started: ") + step_names[static_cast<std::size_t>(failure.step)]);
}

/// No handler of this process may run in the child, which has its memory.
class SignalsBlocked {
public:
    SignalsBlocked() noexcept {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;
    ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_{};
};

/// With vfork: a fork copies the page tables of the whole process, which takes long for a large one.
[[gnu::noinline]] pid_t forked(const ChildView& view) noexcept {
    const SignalsBlocked blocked;
    const pid_t child = ::vfork();  // NOLINT: what follows is meant for it
    if (child == 0) become_program(view);
    return child;
}

}  // namespace

pid_t start_program(const ProgramStart& start) {
    const std::vector<char*> arguments = pointers_to(start.arguments);
    const std::vector<char*> environment = pointers_to(start.environment);
    std::vector<sock_filter> instructions = start.refused_calls;
    Pipe report;
    const ChildView view{start,
                         arguments.data(),
                         environment.data(),
                         {static_cast<unsigned short>(instructions.size()), instructions.data()},
                         instructions,
                         report.write_end(),
                         ::getpid()};
    const pid_t child = forked(view);
    if (child < 0) throw std::system_error(errno, std::generic_category(), "a Python process can't be started");
    report.close_write_end();
    StartFailure failure;
    ssize_t size = 0;
    do size = ::read(report.read_end(), &failure, sizeof failure);
    while (size < 0 && errno == EINTR);
    if (size == sizeof failure) {
        while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
        }
        throw_failure(start, failure);
    }
    return child;
}

}  // namespace modapi
