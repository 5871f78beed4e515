#pragma once

#include <modapi/database.h>
#include <modapi/hosting/background_update_rows.h>
#include <modapi/hosting/background_updater.h>

#include <async/task.h>

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
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
    std::optional<CurrentUpdate> current;
};

/// The background updates of the server's database, run by its main worker.
///
/// Thread: `start` and `stop` on the main worker's; `status` and `set_enabled` from any worker, they hop there and back.
/// Lifetime: the worker's; stopped before it ends.
class BackgroundUpdates {
public:
    /// All outlive it.
    BackgroundUpdates(const async::environment& where, modapi::Database& database,
                      callbacks::BackgroundUpdateControllerDispatch& controller,
                      const modapi::BackgroundUpdateSettings& settings);
    ~BackgroundUpdates();

    void start() { updater_.start(); }
    /// Ends what runs; it goes on after the next start from the progress that is in the database.
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
        [[nodiscard]] async::task<std::int64_t> batch(const callbacks::JsonDict& progress, std::int64_t batch_size);
    };

    [[nodiscard]] static BackgroundStatus read_status(const BackgroundUpdates* self);
    static void change_enabled(BackgroundUpdates* self, bool enabled);
    static void begin(BackgroundUpdates* self) { self->start(); }

    boost::asio::any_io_executor executor_;
    modapi::BackgroundUpdateRows table_;
    std::vector<Job> jobs_;
    modapi::BackgroundUpdater updater_;
};

}  // namespace homeserver
