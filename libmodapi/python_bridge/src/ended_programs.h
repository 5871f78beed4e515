#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

namespace modapi {

/// Kills a process group, of which this process still has the first process to wait for: nothing that it started is left then,
/// since the kernel starts no process for one that is about to be killed.
void kill_group(pid_t group) noexcept;

/// Waits until the first process of a group has ended. It stays to be waited for.
void wait_for_end(pid_t group) noexcept;

/// Looks whether the first process of a group has ended; if so, kills the rest and forgets the group, whose number may mean
/// another one from then on. Gives waitpid's status. None: it runs.
[[nodiscard]] std::optional<int> ended_group(pid_t group) noexcept;

/// Waits for killed programs and removes their directories, on a thread of its own: a process with much memory takes long to
/// end, and what it left may be many files. Ends with this process, when it is through with all.
class EndedPrograms {
public:
    static EndedPrograms& of_this_process();
    ~EndedPrograms();
    EndedPrograms(const EndedPrograms&) = delete;
    EndedPrograms& operator=(const EndedPrograms&) = delete;

    /// `group`: none if it was waited for already.
    void add(std::optional<pid_t> group, std::filesystem::path directory);

private:
    struct Left {
        std::optional<pid_t> group;
        std::filesystem::path directory;
    };
    EndedPrograms();
    void work(const std::stop_token& stop);
    static void remove(const Left& left) noexcept;

    std::mutex guard_;
    std::condition_variable_any added_;
    std::deque<Left> left_;
    std::jthread thread_;
};

}  // namespace modapi
