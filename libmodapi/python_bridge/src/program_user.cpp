#include "program_user.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <vector>

namespace modapi {

namespace {

/// An entry of the machine's users, and what its texts lie in.
struct UserEntry {
    passwd entry{};
    std::vector<char> texts = std::vector<char>(1024);
    bool is_found = false;
};

template <class Look>
UserEntry looked_up(const Look& look) {
    UserEntry user;
    passwd* result = nullptr;
    int error = 0;
    while ((error = look(&user.entry, user.texts.data(), user.texts.size(), &result)) == ERANGE &&
           user.texts.size() < 1U << 20U)
        user.texts.resize(user.texts.size() * 2);
    if (error != 0 && error != ENOENT && error != ESRCH)
        throw std::system_error(error, std::generic_category(), "the machine's users can't be read");
    user.is_found = result != nullptr;
    return user;
}

/// `Threads:` of /proc/PID/status.
std::uint64_t threads_in(const std::string& status_file) {
    const int file = ::open(status_file.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    std::array<char, 4096> text{};
    const ssize_t size = ::read(file, text.data(), text.size());
    ::close(file);
    if (size <= 0) return 0;
    const std::string_view status(text.data(), static_cast<std::size_t>(size));
    constexpr std::string_view name = "\nThreads:\t";
    const std::size_t at = status.find(name);
    if (at == std::string_view::npos) return 1;
    std::uint64_t count = 1;
    std::from_chars(status.data() + at + name.size(), status.data() + status.size(), count);
    return count;
}

}  // namespace

ProgramUser user_of(const std::string& name) {
    const UserEntry found = looked_up([&](passwd* entry, char* texts, std::size_t size, passwd** result) {
        return ::getpwnam_r(name.c_str(), entry, texts, size, result);
    });
    if (!found.is_found) throw UnfitUser("this machine has no user " + name);
    ProgramUser user;
    user.user = found.entry.pw_uid;
    user.group = found.entry.pw_gid;
    int count = 64;
    user.groups.resize(static_cast<std::size_t>(count));
    while (::getgrouplist(name.c_str(), user.group, user.groups.data(), &count) < 0)
        user.groups.resize(static_cast<std::size_t>(count = std::max(count, static_cast<int>(user.groups.size()) * 2)));
    user.groups.resize(static_cast<std::size_t>(count));
    if (::geteuid() != 0 && ::geteuid() != user.user)
        throw UnfitUser("only a server that is started as root can have modules run as " + name + "; this one runs as " +
                        name_of(::geteuid()));
    if (user.user == 0)
        throw UnfitUser(name + " is root, from whom nothing of the machine is kept: name a user for modules alone, as "
                               "adduser --system makes one");
    return user;
}

std::string name_of(uid_t user) {
    const UserEntry found = looked_up([&](passwd* entry, char* texts, std::size_t size, passwd** result) {
        return ::getpwuid_r(user, entry, texts, size, result);
    });
    return found.is_found ? found.entry.pw_name : std::to_string(user);
}

std::uint64_t tasks_of(uid_t user) {
    const std::unique_ptr<DIR, int (*)(DIR*)> processes(::opendir("/proc"), &::closedir);
    if (!processes) return 0;
    std::uint64_t count = 0;
    while (const dirent* const entry = ::readdir(processes.get())) {  // NOLINT: a directory of this function's own
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
        struct stat found {};
        if (::fstatat(::dirfd(processes.get()), entry->d_name, &found, 0) != 0 || found.st_uid != user) continue;
        count += threads_in(std::string("/proc/") + entry->d_name + "/status");
    }
    return count;
}

}  // namespace modapi
