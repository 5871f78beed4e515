#pragma once

#include "python_backoff.h"
#include "python_budget.h"
#include "python_entry.h"
#include "python_life.h"
#include "python_questions.h"

#include <modapi/hosting/module_environment.h>
#include <modapi/hosting/python_settings.h>

#include <async/clock.h>
#include <async/scope.h>
#include <async/task.h>

#include <boost/asio/thread_pool.hpp>

#include <cstdint>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace modapi {

/// Ends what is left of a program, and waits for that; says why it had ended, as PythonProgram::end does.
[[nodiscard]] std::string end_and_describe(PythonProgram& program);

/// Where processes are ended, which takes the kernel up to a tenth of a second for a large one.
class PythonReaper {
public:
    ~PythonReaper() { thread_.join(); }
    [[nodiscard]] boost::asio::any_io_executor executor() { return thread_.get_executor(); }

private:
    boost::asio::thread_pool thread_{1};
};

/// What processes of one configuration have together.
struct PythonSurroundings {
    PythonSettings settings;
    PythonReaper reaper{};
};

/// A worker's process with the modules that live in it, over all of its lives: built when its first module is, ended with its
/// last one, and started anew with all of them when it dies, hangs or grows too large.
///
/// Thread: the worker's. Lifetime: shared by its modules, whose environment outlives it.
class PythonProcess final : public std::enable_shared_from_this<PythonProcess>, private PythonLife::Listener {
public:
    /// `generation`: the code that it loads is at least as new.
    PythonProcess(std::shared_ptr<PythonSurroundings> surroundings, ModuleApi& first, std::uint64_t generation);
    ~PythonProcess();

    /// Whether another module can be built in it: it runs, with code that is new enough, and for the same term of background
    /// tasks.
    [[nodiscard]] bool can_take(ModuleApi& api, std::uint64_t generation) const;
    /// Builds a module there, and starts the process for the first one. Gives what `construct` answers. Each step takes at most
    /// `construction_limit`. Errors: what its parse_config or its constructor throws, as one line; what the process ended for;
    /// a cancellation. The module has been ended then, and the process if there is no other.
    [[nodiscard]] static async::task<callbacks::JsonDict> build(std::shared_ptr<PythonProcess> self,
                                                                std::shared_ptr<PythonEntry> entry);
    /// Ends a module, and the process with its last one. Waits for that.
    [[nodiscard]] static async::task<void> leave(std::shared_ptr<PythonProcess> self, std::shared_ptr<PythonEntry> entry);
    /// Likewise without waiting, for a module that nobody has asked anything.
    void abandon(const PythonEntry& entry) noexcept;

    /// The life in which modules can be asked. Errors: PythonGone: there is none now.
    [[nodiscard]] const std::shared_ptr<PythonLife>& running() const;
    /// A callback of it has given a result: it is well.
    void answered_well() noexcept { backoff_.answered(); }
    [[nodiscard]] std::optional<std::filesystem::path> directory() const;
    /// A page of a module's is asked for, until what this gives is dropped.
    [[nodiscard]] static std::shared_ptr<const void> page_begins(std::shared_ptr<PythonProcess> self, const std::string& path);
    [[nodiscard]] std::int64_t keep_state(std::shared_ptr<const callbacks::StateMap> state);
    void drop_state(std::int64_t handle) noexcept { states_.erase(handle); }
    /// Work of its modules that ends before it does.
    [[nodiscard]] async::scope& work() noexcept { return work_; }
    [[nodiscard]] const async::environment& where() const noexcept { return environment_.where; }

    /// What it may have done for it.
    [[nodiscard]] PythonBudget& budget() noexcept { return budget_; }

    /// The operations that the process waits for, to be cancelled.
    class RunningOperation {
    public:
        RunningOperation(PythonProcess& process, std::uint64_t life, std::int64_t id, async::cancellation_source& source);
        ~RunningOperation();
        RunningOperation(const RunningOperation&) = delete;
        RunningOperation& operator=(const RunningOperation&) = delete;

    private:
        PythonProcess& process_;
        std::pair<std::uint64_t, std::int64_t> key_;
    };

private:
    void said(PythonLife& life, callbacks::JsonDict message, std::size_t bytes) override;
    void printed(PythonLife& life, std::string_view line) override;
    void answered_ping() noexcept override;
    void lost(PythonLife& life, std::string reason) override;
    [[nodiscard]] bool is_asked_in_shadow() const noexcept override;

    void operation(PythonLife& life, const callbacks::JsonDict& message, std::size_t bytes);
    void log(PythonLife& life, const callbacks::JsonDict& notice);
    void left_out(const callbacks::JsonDict& notice);
    /// Whether a record of this entry's is logged; null: of none.
    [[nodiscard]] bool may_log(PythonEntry* entry);
    /// Says how much wasn't logged in seconds that are over, or at the end, without `now`, at all.
    void tell_left_out(std::optional<async::clock::time_point> now);
    void cancel_operation(std::uint64_t life, std::int64_t id);
    [[nodiscard]] std::shared_ptr<PythonEntry> entry_called(std::string_view name) const;
    [[nodiscard]] std::string names() const;

    void drop(const PythonEntry& entry) noexcept;
    /// Starts the interpreter, and what answers its questions.
    void begin_life();
    /// A transaction: within the chain of the call that it came of, which waits for it, or by itself.
    [[nodiscard]] static async::task<void> run_within(std::shared_ptr<PythonEntry> entry, std::shared_ptr<PythonLife> life,
                                                      std::int64_t call, async::task<void> work);

    // python_building.cpp: the first time, and whenever the process is started anew.
    /// Starts the interpreter and greets it; `any` is of one of its modules. Errors: PythonGone, std::runtime_error.
    [[nodiscard]] async::task<void> start_life(ModuleApi& any);
    /// Has a module parse its configuration and construct itself; what that answered. Errors: PythonGone for the end of the
    /// life, which comes too where one of the two takes too long; what the module raised, as one line.
    [[nodiscard]] async::task<callbacks::JsonDict> construct(std::shared_ptr<PythonLife> life,
                                                             std::shared_ptr<PythonEntry> entry);
    [[nodiscard]] async::task<callbacks::JsonDict> ask_in_time(std::shared_ptr<PythonLife> life, callbacks::JsonDict message,
                                                               std::string_view asked);
    /// As `build`, but leaves it to that to end the module.
    [[nodiscard]] async::task<callbacks::JsonDict> begin(std::shared_ptr<PythonEntry> entry);
    /// Why this life has ended, as one line, once it is known.
    [[nodiscard]] static async::task<std::string> end_of(std::shared_ptr<PythonProcess> self, std::uint64_t life);

    // python_restart.cpp
    [[nodiscard]] static async::task<void> restart(std::shared_ptr<PythonProcess> self);
    /// Remembers why the last life has ended, for those who wait to know.
    void note_end(const std::string& end);
    [[nodiscard]] async::task<void> start_anew();
    [[nodiscard]] async::task<void> build_anew(std::shared_ptr<PythonLife> life, std::shared_ptr<PythonEntry> entry);
    [[nodiscard]] static async::task<void> finish(std::shared_ptr<PythonProcess> self);
    /// Ends what is left of a process; says why it had ended, if it had.
    [[nodiscard]] static async::task<std::string> end_dead(std::shared_ptr<PythonProcess> self);
    void watch();
    void look_after();
    /// For a log: which callbacks and pages it is asked for, the first three; empty: none.
    [[nodiscard]] std::string asked_now() const;
    /// A socket that it must have in its private directory, and hasn't any more; none: all are there.
    [[nodiscard]] std::optional<std::string> missing_socket() const;
    [[nodiscard]] async::clock::duration patience() const;
    void note_ping(bool is_away) noexcept;

    std::shared_ptr<PythonSurroundings> surroundings_;
    ModuleEnvironment& environment_;
    std::uint64_t generation_;
    bool runs_background_tasks_;
    std::vector<std::shared_ptr<PythonEntry>> entries_;
    std::vector<std::shared_ptr<PythonEntry>> arriving_;  // that are being built
    std::shared_ptr<PythonLife> life_;  // null: it has ended, and the next one hasn't begun
    std::unique_ptr<PythonQuestions> questions_;
    std::uint64_t lives_ = 0;
    std::string reason_;     // of the last end
    std::uint64_t ended_life_ = 0;  // the last one of which that is known
    std::string end_of_it_;         // as one line
    async::notification end_is_known_;
    std::string unfit_;      // what it said of itself before it ended
    std::string last_line_;  // that it printed
    LinesASecond printed_lines_;
    LinesASecond record_lines_;  // of what belongs to no entry
    std::string why_;        // it can't be asked; empty: it can
    PythonBackoff backoff_;
    std::unique_ptr<PythonProgram> dead_;  // to be ended by the restart
    std::unique_ptr<PythonQuestions> dead_questions_;
    bool restarts_ = false;
    bool is_ending_ = false;
    PythonBudget budget_;
    std::int64_t states_kept_ = 0;
    std::map<std::int64_t, std::shared_ptr<const callbacks::StateMap>> states_;
    std::map<std::pair<std::uint64_t, std::int64_t>, async::cancellation_source*> operations_;
    std::unique_ptr<async::timer> watch_;
    std::optional<async::clock::time_point> pinged_;
    std::string asked_at_ping_;
    std::list<std::string> pages_;  // that it is asked for
    bool ping_is_away_ = false;
    async::scope work_;
};

}  // namespace modapi
