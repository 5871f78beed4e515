#pragma once

#include "python_backoff.h"
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
    /// Builds a module there; blocks, at most for `construction_limit`. Gives what `construct` answers. Errors: what its
    /// constructor throws, as one line; what the process ended for. The module isn't there then.
    [[nodiscard]] callbacks::JsonDict build(const std::shared_ptr<PythonEntry>& entry);
    /// Ends a module, and the process with its last one. Waits for that.
    [[nodiscard]] static async::task<void> leave(std::shared_ptr<PythonProcess> self, std::shared_ptr<PythonEntry> entry);
    /// Likewise without waiting, for a module that nobody has asked anything.
    void abandon(const PythonEntry& entry) noexcept;

    /// The life in which modules can be asked. Errors: PythonGone: there is none now.
    [[nodiscard]] const std::shared_ptr<PythonLife>& running() const;
    /// A callback of it has given a result: it is well.
    void answered_well() noexcept { backoff_.answered(); }
    [[nodiscard]] std::optional<std::filesystem::path> directory() const;
    [[nodiscard]] std::int64_t keep_state(std::shared_ptr<const callbacks::StateMap> state);
    void drop_state(std::int64_t handle) noexcept { states_.erase(handle); }
    /// Work of its modules that ends before it does.
    [[nodiscard]] async::scope& work() noexcept { return work_; }
    [[nodiscard]] const async::environment& where() const noexcept { return environment_.where; }

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
    void said(PythonLife& life, callbacks::JsonDict message) override;
    void printed(PythonLife& life, std::string_view line) override;
    void answered_ping() noexcept override;
    void lost(PythonLife& life, std::string reason) override;

    void operation(PythonLife& life, const callbacks::JsonDict& message);
    void log(PythonLife& life, const callbacks::JsonDict& notice);
    void cancel_operation(std::uint64_t life, std::int64_t id);
    [[nodiscard]] std::shared_ptr<PythonEntry> entry_called(std::string_view name) const;
    [[nodiscard]] std::string names() const;

    void drop(const PythonEntry& entry) noexcept;
    /// Starts the interpreter, and what answers its questions.
    void begin_life();
    /// A transaction: within the chain of the call that it came of, which waits for it, or by itself.
    [[nodiscard]] static async::task<void> run_within(std::shared_ptr<PythonEntry> entry, std::shared_ptr<PythonLife> life,
                                                      std::int64_t call, async::task<void> work);
    void begin_to_listen();
    [[nodiscard]] callbacks::JsonDict ask_blocking(callbacks::JsonDict message, std::string_view asked,
                                                   PythonLife::time_point end);
    [[nodiscard]] async::task<callbacks::JsonDict> ask_in_time(callbacks::JsonDict message, std::string_view asked);

    // python_restart.cpp
    [[nodiscard]] static async::task<void> restart(std::shared_ptr<PythonProcess> self);
    [[nodiscard]] async::task<void> start_anew();
    [[nodiscard]] async::task<void> build_anew(std::shared_ptr<PythonEntry> entry);
    [[nodiscard]] static async::task<void> finish(std::shared_ptr<PythonProcess> self);
    /// Ends what is left of a process; says why it had ended, if it had.
    [[nodiscard]] static async::task<std::string> end_dead(std::shared_ptr<PythonProcess> self);
    void watch();
    void look_after();
    [[nodiscard]] async::clock::duration patience() const;
    void note_ping(bool is_away) noexcept;

    std::shared_ptr<PythonSurroundings> surroundings_;
    ModuleEnvironment& environment_;
    std::uint64_t generation_;
    bool runs_background_tasks_;
    std::vector<std::shared_ptr<PythonEntry>> entries_;
    std::shared_ptr<PythonLife> life_;  // null: it has ended, and the next one hasn't begun
    std::unique_ptr<PythonQuestions> questions_;
    std::uint64_t lives_ = 0;
    std::string reason_;     // of the last end
    std::string unfit_;      // what it said of itself before it ended
    std::string last_line_;  // that it printed
    static constexpr std::size_t most_lines_a_second = 100;  // that are logged of what it prints
    async::clock::time_point printing_since_{};
    std::size_t lines_printed_ = 0;  // since then
    std::string why_;        // it can't be asked; empty: it can
    PythonBackoff backoff_;
    std::unique_ptr<PythonProgram> dead_;  // to be ended by the restart
    std::unique_ptr<PythonQuestions> dead_questions_;
    bool restarts_ = false;
    bool is_ending_ = false;
    std::int64_t states_kept_ = 0;
    std::map<std::int64_t, std::shared_ptr<const callbacks::StateMap>> states_;
    std::map<std::pair<std::uint64_t, std::int64_t>, async::cancellation_source*> operations_;
    std::unique_ptr<async::timer> watch_;
    std::optional<async::clock::time_point> pinged_;
    bool ping_is_away_ = false;
    async::scope work_;
};

}  // namespace modapi
