#pragma once

#include <linux/filter.h>

#include <filesystem>
#include <vector>

namespace modapi {

/// Who is refused what, by the kernel's filter of system calls (seccomp).
struct RefusedCalls {
    bool new_processes = false;      ///< threads may be started in any case
    bool signals_to_others = false;  ///< to all processes but the first of the program's
    bool permissions = false;        ///< changing those of files, and whose they are: Landlock doesn't know of it
};

/// The filter; empty: this kernel has none. What it refuses is answered EPERM, as by a kernel that knows the call: what reaches
/// into other processes or out of the process group, changes the machine or the view of it, or gets around the filter. Its
/// instructions have own_process_in_filter in the place of the program's process. Errors: std::system_error. Thread: any. Cost:
/// a millisecond the first time, nothing afterwards.
[[nodiscard]] std::vector<sock_filter> filter_of(const RefusedCalls& refused);

/// The version of Landlock that this kernel has; 0: none.
[[nodiscard]] int landlock_version() noexcept;
/// From this version on a program's signals stay within what it has started, and so do its sockets that have a name without a
/// file.
constexpr int landlock_with_scopes = 6;

/// Files and folders that a program may use, with all within.
struct ReachableFiles {
    std::vector<std::filesystem::path> readable{};  ///< and executable
    std::vector<std::filesystem::path> writable{};  ///< and readable, not executable
};

/// A Landlock ruleset; -1: this kernel has none. What isn't there, or can't be opened by this process either, is left out.
/// Errors: std::system_error. The descriptor is the caller's.
[[nodiscard]] int ruleset_of(const ReachableFiles& files);

/// What every Python process reads: the interpreter's own files and the system's libraries, names, certificates and locales.
[[nodiscard]] std::vector<std::filesystem::path> files_of_interpreter(const std::filesystem::path& interpreter);

}  // namespace modapi
