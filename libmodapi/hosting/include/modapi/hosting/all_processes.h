#pragma once

#include <modapi/hosting/decision.h>
#include <modapi/hosting/rule_change.h>
#include <modapi/hosting/workers.h>

#include <callbacks/json.h>

#include <async/task.h>

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace modapi {

/// A living process that didn't answer.
struct SilentProcess {
    std::string process;
    std::string error;  ///< what it said instead; empty: nothing in time
};

/// What all processes but this one answered.
struct AskedProcesses {
    /// One process and what it said.
    struct Answer {
        std::string process;
        callbacks::JsonDict content;
    };
    std::vector<Answer> answers;  ///< by name
    std::vector<SilentProcess> silent;
};

/// What the workers of each process did.
struct AnsweredProcesses {
    /// One process and its workers' answers.
    struct Process {
        std::string process;
        AnsweredWorkers answered;
    };
    std::vector<Process> processes;  ///< by name, with this one
    std::vector<SilentProcess> silent;
};

/// Decisions of all processes: those of one that didn't answer are missing, as far as they aren't kept in the database.
struct DecisionsOfProcesses : DecisionPage {
    std::vector<SilentProcess> silent;
};

/// What came of the changes of modules that each process was asked to make.
struct ReloadedProcesses {
    /// One process and what it did.
    struct Process {
        std::string process;
        std::optional<ModuleChanges> changes;  ///< none: everything stays as it was
        std::string error;                     ///< then why
    };
    std::vector<Process> processes;   ///< by name, with this one
    std::vector<std::string> silent;  ///< nobody knows what came of it there
};

/// Rules that were changed in all processes in which the entry runs.
struct ChangedRulesOfProcesses : ChangedRules {
    std::vector<SilentProcess> silent;  ///< nothing has changed there, or nobody knows
};

/// What each of the processes that are one server knows of itself alone, asked of all of them by any: what their modules did,
/// what they decided; and what all are to do. Where a process is alone, it is what its workers say.
///
/// Made where it is asked, of no cost; the workers outlive it. Its functions are awaited on a worker. Their limits are for the
/// other processes' answers; the workers of one that doesn't answer for all of its own are named. Cost: a row in the database
/// for each question, and one for each answer. Errors of all: DatabaseError.
class AllProcesses {
public:
    explicit AllProcesses(WorkerGroup& workers) noexcept : workers_(workers) {}

    /// Whether there can be others.
    [[nodiscard]] bool is_alone() const noexcept { return workers_.processes() == nullptr; }

    /// The whole answer is there not long after `limit`, whatever blocks some workers or processes.
    [[nodiscard]] async::task<AnsweredProcesses> statistics_within(std::chrono::milliseconds limit) const;
    /// WorkerGroup::find_decisions of all: a page of one list, whichever process is asked.
    [[nodiscard]] async::task<DecisionsOfProcesses> find_decisions(DecisionFilter filter, std::optional<DecisionPlace> from,
                                                                   std::size_t count, std::chrono::milliseconds limit) const;
    /// WorkerGroup::reload of each: each reads its own files, first this one, then the others at once. What goes wrong in one
    /// changes nothing there.
    [[nodiscard]] async::task<ReloadedProcesses> reload(std::string by, std::chrono::milliseconds limit) const;
    /// WorkerGroup::change_rules of each in which the entry runs: of the module that is named so, or stands there in this
    /// process's list, if it stands there in theirs. `by`: who asked for it, for their logs. Errors: as of that, where nothing
    /// has changed in any of them.
    [[nodiscard]] async::task<ChangedRulesOfProcesses> change_rules(std::string which, RuleChange change, std::string by,
                                                                    std::chrono::milliseconds limit) const;
    /// What the host itself answers in each (WorkerGroupSettings::answers), this one left out.
    [[nodiscard]] async::task<AskedProcesses> ask(std::string topic, callbacks::JsonDict question,
                                                  std::chrono::milliseconds limit) const;

    /// How a group answers other ones of these.
    [[nodiscard]] static std::map<std::string, ProcessAnswering> answers();

private:
    WorkerGroup& workers_;
};

}  // namespace modapi
