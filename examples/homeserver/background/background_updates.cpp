#include "background/background_updates.h"

#include "background/background_work.h"

#include <async/run_on.h>

#include <utility>

namespace homeserver {

BackgroundUpdates::BackgroundUpdates(const async::environment& where, modapi::Database& database,
                                     callbacks::BackgroundUpdateControllerDispatch& controller,
                                     const modapi::BackgroundUpdateSettings& settings)
    : executor_(where.executor), table_(database), updater_("master", table_, controller, settings, where) {
    jobs_.reserve(background_work().size());  // the updater keeps their addresses
    for (const BackgroundWork& work : background_work()) {
        Job& job = jobs_.emplace_back(Job{&database, &work});
        if (work.one_shot) {
            updater_.register_one_shot_update(work.name, async::bind<&Job::batch>(&job));
        } else {
            updater_.register_update(work.name, async::bind<&Job::batch>(&job));
        }
    }
}

BackgroundUpdates::~BackgroundUpdates() = default;

async::task<void> BackgroundUpdates::stop() { return updater_.stop(); }

async::task<std::int64_t> BackgroundUpdates::Job::batch(const callbacks::JsonDict& progress, std::int64_t batch_size) {
    const std::string name = work->name;
    return database->run(name, work->batch, name, progress, batch_size);
}

BackgroundStatus BackgroundUpdates::read_status(const BackgroundUpdates* self) {
    BackgroundStatus status;
    status.enabled = self->updater_.enabled();
    status.database_name = self->updater_.database_name();
    const std::optional<std::string>& name = self->updater_.current();
    if (!name) return status;
    const modapi::UpdatePerformance performance = self->updater_.performance_of(*name);
    CurrentUpdate& current = status.current.emplace();
    current.name = *name;
    current.total_item_count = performance.total_items;
    current.total_duration_ms = performance.total_ms;
    current.average_items_per_ms = performance.average_items_per_ms();
    return status;
}

void BackgroundUpdates::change_enabled(BackgroundUpdates* self, bool enabled) { self->updater_.set_enabled(enabled); }

async::task<BackgroundStatus> BackgroundUpdates::status() {
    const BackgroundUpdates* const self = this;
    return async::run_on(executor_, &read_status, self);
}

async::task<void> BackgroundUpdates::set_enabled(bool enabled) {
    return async::run_on(executor_, &change_enabled, this, enabled);
}

async::task<void> BackgroundUpdates::look_again() { return async::run_on(executor_, &begin, this); }

}  // namespace homeserver
