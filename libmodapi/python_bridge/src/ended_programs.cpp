#include "ended_programs.h"

#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

namespace modapi {

namespace {

/// What the first process had started is this process's to wait for where this one is the machine's first, as in a container.
void collect_orphans(pid_t group) noexcept {
    while (::waitpid(-group, nullptr, WNOHANG) > 0) {
    }
}

}  // namespace

void kill_group(pid_t group) noexcept {
    if (::kill(-group, SIGKILL) != 0) ::kill(group, SIGKILL);
}

void wait_for_end(pid_t group) noexcept {
    siginfo_t found{};
    while (::waitid(P_PID, static_cast<id_t>(group), &found, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
    }
}

std::optional<int> ended_group(pid_t group) noexcept {
    siginfo_t found{};
    // Not waited for yet: while it is there, the group's number is its own.
    if (::waitid(P_PID, static_cast<id_t>(group), &found, WEXITED | WNOHANG | WNOWAIT) != 0 || found.si_pid != group)
        return std::nullopt;
    kill_group(group);
    int status = 0;
    while (::waitpid(group, &status, 0) < 0)
        if (errno != EINTR) return std::nullopt;
    collect_orphans(group);
    return status;
}

EndedPrograms& EndedPrograms::of_this_process() {
    static EndedPrograms programs;
    return programs;
}

EndedPrograms::EndedPrograms() : thread_([this](const std::stop_token& stop) { work(stop); }) {}

EndedPrograms::~EndedPrograms() {
    thread_.request_stop();
    thread_.join();
}

void EndedPrograms::add(std::optional<pid_t> group, std::filesystem::path directory) {
    {
        const std::scoped_lock lock(guard_);
        left_.push_back({group, std::move(directory)});
    }
    added_.notify_one();
}

void EndedPrograms::work(const std::stop_token& stop) {
    std::unique_lock lock(guard_);
    while (true) {
        added_.wait(lock, stop, [this] { return !left_.empty(); });
        if (left_.empty()) return;
        const Left next = std::move(left_.front());
        left_.pop_front();
        lock.unlock();
        remove(next);
        lock.lock();
    }
}

void EndedPrograms::remove(const Left& left) noexcept {
    if (left.group) {
        while (::waitpid(*left.group, nullptr, 0) < 0 && errno == EINTR) {
        }
        collect_orphans(*left.group);
    }
    std::error_code lost;
    std::filesystem::remove_all(left.directory, lost);
}

}  // namespace modapi
