#include "python_program.h"

#include "ended_programs.h"
#include "owned_descriptor.h"
#include "private_directories.h"
#include "program_user.h"
#include "python_sandbox.h"
#include "started_program.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

namespace modapi {

namespace {

/// Beside PythonSettings::memory: libraries that are mapped, stacks of threads, which have 8 MiB each.
constexpr std::uint64_t room_for_mappings = 1024ULL * 1024 * 1024;
/// Processes and threads that a program may have beside those that its user has when it starts.
constexpr std::uint64_t most_tasks = 256;
constexpr std::uint64_t most_descriptors = 4096;
constexpr std::uint64_t longest_file = 1024ULL * 1024 * 1024;
constexpr std::string_view longest_socket_name = "/host.sock";

OwnedDescriptor checked(int number, const char* what) {
    if (number < 0) throw std::system_error(errno, std::generic_category(), what);
    return OwnedDescriptor(number);
}

/// Where the program's own descriptors don't lie in the way of those that it gets: 0 to 3.
OwnedDescriptor out_of_the_way(const OwnedDescriptor& descriptor) {
    return checked(::fcntl(descriptor.get(), F_DUPFD_CLOEXEC, 16), "a descriptor for a Python process");
}

void set_not_blocking(const OwnedDescriptor& descriptor) {
    if (::fcntl(descriptor.get(), F_SETFL, ::fcntl(descriptor.get(), F_GETFL) | O_NONBLOCK) != 0)
        throw std::system_error(errno, std::generic_category(), "a descriptor for a Python process");
}

/// A directory that only the program's user, and root, may look into. Removed with this object, once the program has ended.
class PrivateDirectory {
public:
    explicit PrivateDirectory(const std::optional<ProgramUser>& user) {
        std::string name = private_directory_template().string();
        if (name.size() + longest_socket_name.size() >= sizeof sockaddr_un{}.sun_path)
            throw std::runtime_error("a socket in " + name +
                                     " would have a name that is too long: set TMPDIR to a shorter one");
        if (::mkdtemp(name.data()) == nullptr)
            throw std::system_error(errno, std::generic_category(), "a private directory for a Python process, " + name);
        path_ = name;
        if (user && ::lchown(name.c_str(), user->user, user->group) != 0) {
            const int error = errno;
            ::rmdir(name.c_str());
            throw std::system_error(error, std::generic_category(), "giving " + name + " to python.user");
        }
        lock_ = locked_directory(path_);
    }
    PrivateDirectory(const PrivateDirectory&) = delete;
    PrivateDirectory& operator=(const PrivateDirectory&) = delete;
    ~PrivateDirectory() {
        std::error_code lost;
        if (!path_.empty()) std::filesystem::remove_all(path_, lost);
    }
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    [[nodiscard]] std::filesystem::path release() noexcept { return std::exchange(path_, {}); }

private:
    std::filesystem::path path_;
    OwnedDescriptor lock_;
};

bool runs_as_root(const PythonSettings& settings) { return !settings.user && ::geteuid() == 0; }

/// What the program must be able to read, with the folders on the way there, in this order: the first that it can't is named.
void add_needed(std::vector<NeededFile>& needed, const std::filesystem::path& path, const std::string& key, int mode) {
    const std::string what = path.string() + " (" + key + ")";
    std::filesystem::path folder;
    const std::filesystem::path whole = std::filesystem::absolute(path).lexically_normal();
    for (const std::filesystem::path& part : whole) {
        if (part.empty()) continue;  // behind a slash at the end
        if (!folder.empty()) needed.push_back({folder.string(), X_OK, what});
        folder /= part;
    }
    needed.push_back({folder.string(), mode, what});
}

std::vector<NeededFile> needed_by(const PythonSettings& settings) {
    std::vector<NeededFile> needed;
    const auto look = [&](const std::filesystem::path& path, const std::string& key) {
        std::error_code unknown;
        add_needed(needed, path, key, std::filesystem::is_regular_file(path, unknown) ? R_OK : R_OK | X_OK);
    };
    add_needed(needed, settings.interpreter, "python.interpreter", X_OK);
    look(settings.folder / "modapi_bridge" / "__main__.py", "the framework's own");
    for (const std::filesystem::path& folder : settings.path) look(folder, "python.path");
    // On the way to different things there are the same folders.
    std::vector<NeededFile> once;
    for (NeededFile& file : needed)
        if (std::none_of(once.begin(), once.end(),
                         [&](const NeededFile& had) { return had.path == file.path && had.mode == file.mode; }))
            once.push_back(std::move(file));
    return once;
}

/// Not above what this process may have itself.
void limit(ProgramStart& start, int resource, std::uint64_t value) {
    rlimit now{};
    if (::getrlimit(static_cast<__rlimit_resource>(resource), &now) != 0) return;
    const rlim_t most = std::min<rlim_t>(value, now.rlim_max);
    start.limits.emplace_back(resource, rlimit{most, most});
}

void add_limits(ProgramStart& start, const PythonSettings& settings, uid_t user) {
    limit(start, RLIMIT_AS, settings.memory + room_for_mappings);
    limit(start, RLIMIT_CORE, 0);
    limit(start, RLIMIT_NOFILE, most_descriptors);
    limit(start, RLIMIT_FSIZE, longest_file);
    limit(start, RLIMIT_MEMLOCK, 0);
    if (user != 0) limit(start, RLIMIT_NPROC, tasks_of(user) + most_tasks);
}

ReachableFiles reachable_by(const PythonSettings& settings, const std::filesystem::path& own) {
    ReachableFiles files;
    files.readable = files_of_interpreter(settings.interpreter);
    files.readable.push_back(settings.folder);
    files.readable.insert(files.readable.end(), settings.path.begin(), settings.path.end());
    files.readable.insert(files.readable.end(), settings.readable.begin(), settings.readable.end());
    files.writable = settings.writable;
    files.writable.push_back(own);
    return files;
}

std::string description_of(int status) {
    if (WIFEXITED(status)) return "ended with status " + std::to_string(WEXITSTATUS(status));
    const int number = WTERMSIG(status);
    const char* const name = ::sigdescr_np(number);
    return "was ended by signal " + std::to_string(number) + " (" + (name != nullptr ? name : "unknown") + ")";
}

}  // namespace

struct PythonProgram::Parts {
    explicit Parts(const PythonSettings& settings);

    std::optional<ProgramUser> user;
    PrivateDirectory directory;
    OwnedDescriptor connection;
    OwnedDescriptor output;
    pid_t process = -1;
    std::optional<int> status;  ///< of waitpid, once it has ended
};

PythonProgram::Parts::Parts(const PythonSettings& settings)
    : user(settings.user ? std::optional(user_of(*settings.user)) : std::nullopt), directory(user) {
    const bool is_root = runs_as_root(settings);
    const int landlock = landlock_version();

    std::array<int, 2> pair{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0)
        throw std::system_error(errno, std::generic_category(), "a connection to a Python process");
    connection = OwnedDescriptor(pair[0]);
    const OwnedDescriptor theirs = out_of_the_way(OwnedDescriptor(pair[1]));
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0)
        throw std::system_error(errno, std::generic_category(), "a pipe for what a Python process prints");
    output = OwnedDescriptor(pipe[0]);
    const OwnedDescriptor printed = out_of_the_way(OwnedDescriptor(pipe[1]));
    const OwnedDescriptor null = out_of_the_way(checked(::open("/dev/null", O_RDONLY | O_CLOEXEC), "/dev/null"));
    set_not_blocking(connection);
    set_not_blocking(output);

    const std::string own = directory.path().string();
    ProgramStart start;
    start.arguments = {settings.interpreter.string(), "-I", "-B", (settings.folder / "modapi_bridge").string(), "3"};
    // One arena: each further one reserves 64 MiB of what RLIMIT_AS counts.
    start.environment = {"MALLOC_ARENA_MAX=1", "LANG=C.UTF-8", "LC_ALL=C.UTF-8",
                         "PATH=/usr/bin:/bin", "HOME=" + own,  "TMPDIR=" + own};
    start.folder = own;
    start.null = null.get();
    start.output = printed.get();
    start.connection = theirs.get();
    start.user = user;
    start.user_name = settings.user.value_or(name_of(::geteuid()));
    start.needed = needed_by(settings);
    add_limits(start, settings, user ? user->user : ::geteuid());
    const OwnedDescriptor ruleset(ruleset_of(reachable_by(settings, directory.path())));
    start.reachable_files = ruleset.get();
    RefusedCalls refused;
    refused.new_processes = is_root;  // whose number no limit counts
    refused.signals_to_others = !settings.user && landlock < landlock_with_scopes;
    refused.permissions = !settings.user;  // the server's own files aren't another user's
    start.refused_calls = filter_of(refused);
    EndedPrograms::of_this_process();  // before there is anything to wait for
    process = start_program(start);
}

PythonProgram::PythonProgram(const PythonSettings& settings) : parts_(std::make_unique<Parts>(settings)) {}

PythonProgram::~PythonProgram() {
    std::optional<pid_t> running;
    if (!parts_->status) {
        kill_group(parts_->process);
        running = parts_->process;
    }
    EndedPrograms::of_this_process().add(running, parts_->directory.release());
}

int PythonProgram::connection() const noexcept { return parts_->connection.get(); }
int PythonProgram::output() const noexcept { return parts_->output.get(); }
pid_t PythonProgram::process() const noexcept { return parts_->process; }
const std::filesystem::path& PythonProgram::directory() const noexcept { return parts_->directory.path(); }

std::uint64_t PythonProgram::memory() const noexcept {
    if (parts_->status) return 0;
    std::array<char, 64> name{};
    std::snprintf(name.data(), name.size(), "/proc/%d/statm", static_cast<int>(parts_->process));
    const OwnedDescriptor file(::open(name.data(), O_RDONLY | O_CLOEXEC));
    std::array<char, 128> text{};
    if (file.get() < 0 || ::read(file.get(), text.data(), text.size() - 1) <= 0) return 0;
    unsigned long long all = 0;
    unsigned long long resident = 0;
    if (std::sscanf(text.data(), "%llu %llu", &all, &resident) != 2) return 0;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

void PythonProgram::kill() noexcept {
    if (parts_->status) return;
    kill_group(parts_->process);
    wait_for_end(parts_->process);
    parts_->status = ended_group(parts_->process);
}

std::optional<std::string> PythonProgram::end() {
    if (!parts_->status) parts_->status = ended_group(parts_->process);
    if (!parts_->status) return std::nullopt;
    return description_of(*parts_->status);
}

std::vector<std::string> PythonProgram::missing_protections(const PythonSettings& settings) {
    std::vector<std::string> lines;
    std::optional<ProgramUser> user;
    if (settings.user) user = user_of(*settings.user);
    const std::string name = name_of(user ? user->user : ::geteuid());
    if (runs_as_root(settings))
        lines.push_back(
            "modules of Python's run as root, though without its privileges: they can start no process, and reach what root "
            "owns behind sockets; name a user with python.user");
    else if (!settings.user)
        lines.push_back("modules of Python's run as " + name +
                        ", as the server does: they can reach what trusts that user behind a "
                        "socket, as its database may; name another user with python.user");
    const int landlock = landlock_version();
    if (landlock == 0)
        lines.push_back("this kernel has no Landlock: modules of Python's can use all files that " + name + " can");
    else if (landlock < landlock_with_scopes)
        lines.push_back("this kernel's Landlock has version " + std::to_string(landlock) + " of at least " +
                        std::to_string(landlock_with_scopes) +
                        ": modules of Python's can reach all sockets whose name is no file" +
                        (landlock < 3 ? ", and empty files of " + name + " that they can name" : ""));
    if (filter_of({}).empty())
        lines.push_back("this kernel has no filter of system calls (seccomp): modules of Python's can use them all");
    return lines;
}

}  // namespace modapi
