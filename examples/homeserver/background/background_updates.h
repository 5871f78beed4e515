#pragma once

#include <modapi/database.h>
#include <modapi/hosting/background_update_rows.h>
#include <modapi/hosting/background_updater.h>

#include <async/task.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace homeserver {

struct BackgroundWork;

/// What the admin API tells of the update that is being worked on.
struct CurrentUpdate {
    std::string name;
    std::int64_t total_item_count = 0;
    std::int64_t total_duration_ms = 0;
    std::optional<double> average_items_per_ms;
};
struct BackgroundStatus {
    bool enabled = true;
    std::string database_name;
    bool is_run_here = true;  ///< false: by another process
    std::optional<CurrentUpdate> current;
};

/// The background updates of the server's database, run by the first worker of one of its processes.
///
/// Thread: `start` and `stop` on that worker's; `status` and `set_enabled` from any worker, they hop there and back.
/// Lifetime: the worker's; stopped before it ends.
class BackgroundUpdates {
public:
    /// All outlive it.
    BackgroundUpdates(const async::environment& where, modapi::Database& database,
                      callbacks::BackgroundUpdateControllerDispatch& controller,
                      const modapi::BackgroundUpdateSettings& settings);
    ~BackgroundUpdates();

    /// `lease`: what must hold for a batch to be committed; null: nothing.
    void start(std::shared_ptr<const modapi::TransactionCondition> lease);
    /// Ends what runs; it goes on after the next start, in whichever process, from the progress that is in the database.
    [[nodiscard]] async::task<void> stop();

    [[nodiscard]] async::task<BackgroundStatus> status();
    /// True also starts the updates that were queued meanwhile.
    [[nodiscard]] async::task<void> set_enabled(bool enabled);
    /// Looks for rows that were queued since.
    [[nodiscard]] async::task<void> look_again();

private:
    /// One update's work, as the updater calls it.
    struct Job {
        modapi::Database* database;
        const BackgroundWork* work;
        std::shared_ptr<const modapi::TransactionCondition> lease;
        [[nodiscard]] async::task<std::int64_t> batch(const callbacks::JsonDict& progress, std::int64_t batch_size);
    };

    [[nodiscard]] static BackgroundStatus read_status(const BackgroundUpdates* self);
    static void change_enabled(BackgroundUpdates* self, bool enabled);
    static void begin(BackgroundUpdates* self);

    const async::environment& where_;
    modapi::Database& database_;
    callbacks::BackgroundUpdateControllerDispatch& controller_;
    const modapi::BackgroundUpdateSettings settings_;
    modapi::BackgroundUpdateRows table_;
    std::vector<Job> jobs_;
    std::shared_ptr<modapi::BackgroundUpdater> updater_;  ///< null: they don't run here
    bool is_enabled_ = true;                              ///< as the administrator wants it here
};

}  // namespace homeserver
