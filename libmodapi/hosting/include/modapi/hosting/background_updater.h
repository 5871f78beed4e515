#pragma once

#include <callbacks/background_update_controller.h>
#include <callbacks/json.h>

#include <async/hook.h>
#include <async/scope.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

/// One row of the table of updates that are still to do.
struct PendingUpdate {
    std::string name;
    std::optional<std::string> depends_on;  ///< runs only when no row of this name is left
    callbacks::JsonDict progress;
};

/// Where updates wait, supplied by the host. Whoever works on an update writes its progress and removes its row itself, in the
/// transaction of the work: that is what makes a kill in the middle lose and repeat nothing.
class BackgroundUpdateTable {
public:
    virtual ~BackgroundUpdateTable() = default;
    /// All rows, ordered by (ordering, name).
    [[nodiscard]] virtual async::task<std::vector<PendingUpdate>> pending() = 0;
};

/// Section `background_updates` of the configuration. Durations in milliseconds.
struct BackgroundUpdateSettings {
    std::int64_t background_update_duration_ms = 100;  ///< target of one iteration
    bool sleep_enabled = true;
    std::int64_t sleep_duration_ms = 1000;  ///< pause before each iteration
    std::int64_t min_batch_size = 100;
    std::int64_t default_batch_size = 100;
};

/// What an update did since the process started.
struct UpdatePerformance {
    std::int64_t total_items = 0;
    std::int64_t total_ms = 0;
    double average_items = 0;  ///< exponential moving averages, the newest iteration weighs 0.1
    double average_ms = 0;

    /// One more batch, of so many items, took as long.
    void add(std::int64_t items, std::int64_t milliseconds) noexcept;
    /// Items per millisecond; 0 while nothing was measured.
    [[nodiscard]] double rate() const noexcept { return average_ms == 0 ? 0 : average_items / average_ms; }
    /// None before the first item.
    [[nodiscard]] std::optional<double> average_items_per_ms() const noexcept;
};

/// Runs the background updates of one database, one iteration after another, paced by the module that controls them or by the
/// configuration (contract: background update controller).
///
/// Thread: one worker, the main one. Lifetime: table and hooks outlive it; stop() was awaited before it is destroyed if it was
/// started (the program ends with a message otherwise).
/// Errors: a failing iteration is logged and retried; 5 in a row abort all updates of this database.
class BackgroundUpdater {
public:
    /// Works on one batch: gets the stored progress and the number of items to do, gives the number done. A one-shot update
    /// ignores the number and gives 1.
    using Handler = async::owned_hook<std::int64_t(const callbacks::JsonDict& progress, std::int64_t batch_size)>;
    /// What the updater does, by the numbers that the contract's server has for it.
    enum class Status : signed char { aborted = -1, disabled = 0, not_started = 1, running = 2, complete = 3 };

    BackgroundUpdater(std::string database_name, BackgroundUpdateTable& table,
                      const callbacks::BackgroundUpdateControllerDispatch& controller, BackgroundUpdateSettings settings,
                      const async::environment& where);
    /// Runs in a scope of the host's, which is cancelled and joined in the place of stop(). Destroyed before that, the updater
    /// cuts its loop, which then touches it no more and ends while the scope is joined; table and hooks live until then.
    BackgroundUpdater(std::string database_name, BackgroundUpdateTable& table,
                      const callbacks::BackgroundUpdateControllerDispatch& controller, BackgroundUpdateSettings settings,
                      async::scope& scope);
    ~BackgroundUpdater();
    BackgroundUpdater(const BackgroundUpdater&) = delete;
    BackgroundUpdater& operator=(const BackgroundUpdater&) = delete;

    /// What does the work of an update. Before it first runs.
    void register_update(std::string name, Handler handler);
    /// As register_update, of one that is done in one go: its handler runs once.
    void register_one_shot_update(std::string name, Handler handler);

    /// Starts the loop; nothing if it is disabled or was stopped. One that runs looks once more before it ends.
    void start();
    /// Cuts what runs, for good, and waits for it; it goes on when the program is started again, from the progress that is in
    /// the table.
    [[nodiscard]] async::task<void> stop();
    /// False takes effect after the iteration that is running; true starts the loop again.
    void set_enabled(bool enabled);
    [[nodiscard]] bool enabled() const noexcept;
    [[nodiscard]] Status status() const noexcept;
    /// The update being worked on; none between updates.
    [[nodiscard]] const std::optional<std::string>& current() const noexcept;
    /// How fast an update was in this process; all zero for one that wasn't run.
    [[nodiscard]] UpdatePerformance performance_of(const std::string& name) const;
    [[nodiscard]] const std::string& database_name() const noexcept;

private:
    struct Loop;

    std::shared_ptr<Loop> loop_;  // also held by what runs
    std::unique_ptr<async::scope> own_scope_;
    async::scope& scope_;
};

}  // namespace modapi
