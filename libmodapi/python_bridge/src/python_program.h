#pragma once

#include <modapi/hosting/python_settings.h>

#include <sys/types.h>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace modapi {

/// One interpreter that runs: started, watched from outside and ended with everything that it started.
///
/// It sees nothing of this process but one end of a socket pair, `/dev/null` and a pipe for what it prints; no environment; it
/// may use so much memory, so many processes, and those files that it needs (PythonSettings). Thread: one at a time. Lifetime:
/// the destructor kills it; another thread waits for it and removes its private directory. The thread that starts it outlives
/// it: the kernel ends it with that thread, so that no process stays behind when the server is killed.
class PythonProgram {
public:
    /// Makes the private directory and starts the interpreter. Returns as soon as it runs, which says nothing of what comes of
    /// it. Errors: std::system_error, std::runtime_error that says what to do.
    explicit PythonProgram(const PythonSettings& settings);
    ~PythonProgram();
    PythonProgram(const PythonProgram&) = delete;
    PythonProgram& operator=(const PythonProgram&) = delete;

    /// The connection; not blocking. This object's.
    [[nodiscard]] int connection() const noexcept;
    /// What it prints comes here, to be logged; not blocking. This object's.
    [[nodiscard]] int output() const noexcept;
    [[nodiscard]] pid_t process() const noexcept;
    [[nodiscard]] const std::filesystem::path& directory() const noexcept;
    /// Bytes of memory that it has now; 0 once it has ended.
    [[nodiscard]] std::uint64_t memory() const noexcept;
    /// Ends it and all that it started, now, and waits until it has ended: a tenth of a second for one with much memory.
    /// Nothing if it has ended.
    void kill() noexcept;
    /// Why it ended, for a log: "ended with status 1", "was ended by signal 11 (Segmentation fault)"; none: it runs.
    [[nodiscard]] std::optional<std::string> end();

    /// What this kernel, or this user, can't keep from it: a line each, for the start. Thread: any.
    [[nodiscard]] static std::vector<std::string> missing_protections(const PythonSettings& settings);

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace modapi
