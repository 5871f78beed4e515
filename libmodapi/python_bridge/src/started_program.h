#pragma once

#include <linux/filter.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace modapi {

/// Whom a program runs as.
struct ProgramUser {
    uid_t user = 0;
    gid_t group = 0;
    std::vector<gid_t> groups{};
};

/// Something that a program's user must be able to reach, or it isn't started.
struct NeededFile {
    std::string path;
    int mode = 0;      ///< of access()
    std::string need;  ///< the file or folder that it is on the way to, with the key that names that
};

/// All that a program is started with, made before the fork: between that and the program's own beginning only what is safe
/// while other threads of this process may hold any lock.
struct ProgramStart {
    std::vector<std::string> arguments{};    ///< the first is the program's path
    std::vector<std::string> environment{};  ///< all of it, as NAME=value
    std::string folder;                      ///< where it runs
    int null = -1;                           ///< its standard input
    int output = -1;                         ///< its standard output and error
    int connection = -1;                     ///< its descriptor 3; it has no others
    std::vector<std::pair<int, rlimit>> limits{};
    std::optional<ProgramUser> user{};  ///< none: this process's
    std::string user_name;
    std::vector<NeededFile> needed{};
    int reachable_files = -1;                  ///< a Landlock ruleset; -1: the kernel has none
    std::vector<sock_filter> refused_calls{};  ///< a seccomp filter; empty: the kernel has none
};

/// Stands in a filter for the program's own process.
constexpr std::uint32_t own_process_in_filter = 0x5afe9d1d;

/// Starts a program as the first of a process group of its own, without any privilege; the kernel kills it when the thread ends
/// that called this. Returns when the program's own code begins to run. Errors: std::system_error with the step that failed;
/// std::runtime_error for a needed file. Cost: this thread stands for about a millisecond, however large this process is.
[[nodiscard]] pid_t start_program(const ProgramStart& start);

}  // namespace modapi
