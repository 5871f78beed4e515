#pragma once

#include "background/background_updates.h"

#include <modapi/hosting/all_processes.h>

#include <callbacks/json.h>

#include <async/task.h>

#include <chrono>

namespace homeserver {

/// The background updates of a server whose processes take turns with them: whichever has the lease of background work runs
/// them, and any of them is asked.
///
/// Made where it is asked, on a worker; both outlive it. `limit`: for the other processes' answers.
class UpdatesOfProcesses {
public:
    UpdatesOfProcesses(BackgroundUpdates& own, modapi::WorkerGroup& workers, std::chrono::milliseconds limit) noexcept
        : own_(own), all_(workers), limit_(limit) {}

    /// Of the process that runs them; if none does at the moment, or it says nothing, what is known here: whether they are
    /// enabled.
    [[nodiscard]] async::task<BackgroundStatus> status() const;
    /// In all processes, so that it holds whoever runs them next; one that starts later has them enabled. Errors: SynapseError
    /// 503 if the process that runs them may not have heard of it.
    [[nodiscard]] async::task<void> set_enabled(bool enabled) const;
    /// Has whoever runs them look for rows that were queued since. One that doesn't answer is a line of the log: it looks when
    /// it runs them next.
    [[nodiscard]] async::task<void> look_again() const;

    /// What another process is told that asks for the topic, of this one's own.
    static constexpr const char* topic = "background_updates";
    [[nodiscard]] static async::task<callbacks::JsonDict> tell(BackgroundUpdates& own, callbacks::JsonDict question);

private:
    /// Has this process do what the others are asked to; the status then.
    [[nodiscard]] static async::task<BackgroundStatus> perform(BackgroundUpdates& own, callbacks::JsonDict question);
    [[nodiscard]] async::task<modapi::AskedProcesses> ask(callbacks::JsonDict question) const;

    BackgroundUpdates& own_;
    modapi::AllProcesses all_;
    std::chrono::milliseconds limit_;
};

}  // namespace homeserver
