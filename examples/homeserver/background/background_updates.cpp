#include "background/background_updates.h"

#include "background/background_work.h"

#include <async/run_on.h>

#include <utility>

namespace homeserver {

namespace {

constexpr const char* database_name = "master";

}  // namespace

BackgroundUpdates::BackgroundUpdates(const async::environment& where, modapi::Database& database,
                                     callbacks::BackgroundUpdateControllerDispatch& controller,
                                     const modapi::BackgroundUpdateSettings& settings)
    : where_(where), database_(database), controller_(controller), settings_(settings), table_(database) {}

BackgroundUpdates::~BackgroundUpdates() = default;

void BackgroundUpdates::start(std::shared_ptr<const modapi::TransactionCondition> lease) {
    updater_ = std::make_shared<modapi::BackgroundUpdater>(database_name, table_, controller_, settings_, where_);
    jobs_.clear();
    jobs_.reserve(background_work().size());  // the updater keeps their addresses
    for (const BackgroundWork& work : background_work()) {
        Job& job = jobs_.emplace_back(Job{&database_, &work, lease});
        if (work.one_shot) {
            updater_->register_one_shot_update(work.name, async::bind<&Job::batch>(&job));
        } else {
            updater_->register_update(work.name, async::bind<&Job::batch>(&job));
        }
    }
    updater_->set_enabled(is_enabled_);
    updater_->start();
}

async::task<void> BackgroundUpdates::stop() {
    // It may be stopped twice at once; each waits for it.
    const std::shared_ptr<modapi::BackgroundUpdater> stopped = updater_;
    if (!stopped) co_return;
    co_await stopped->stop();
    if (updater_ == stopped) updater_.reset();
}

async::task<std::int64_t> BackgroundUpdates::Job::batch(const callbacks::JsonDict& progress, std::int64_t batch_size) {
    const std::string name = work->name;
    return database->run_under(lease.get(), std::nullopt, name, work->batch, name, progress, batch_size);
}

BackgroundStatus BackgroundUpdates::read_status(const BackgroundUpdates* self) {
    BackgroundStatus status;
    status.enabled = self->is_enabled_;
    status.database_name = database_name;
    status.is_run_here = self->updater_ != nullptr;
    if (!status.is_run_here) return status;
    const std::optional<std::string>& name = self->updater_->current();
    if (!name) return status;
    const modapi::UpdatePerformance performance = self->updater_->performance_of(*name);
    CurrentUpdate& current = status.current.emplace();
    current.name = *name;
    current.total_item_count = performance.total_items;
    current.total_duration_ms = performance.total_ms;
    current.average_items_per_ms = performance.average_items_per_ms();
    return status;
}

void BackgroundUpdates::change_enabled(BackgroundUpdates* self, bool enabled) {
    self->is_enabled_ = enabled;
    if (self->updater_) self->updater_->set_enabled(enabled);
}

void BackgroundUpdates::begin(BackgroundUpdates* self) {
    if (self->updater_) self->updater_->start();
}

async::task<BackgroundStatus> BackgroundUpdates::status() {
    const BackgroundUpdates* const self = this;
    return async::run_on(where_.executor, &read_status, self);
}

async::task<void> BackgroundUpdates::set_enabled(bool enabled) {
    return async::run_on(where_.executor, &change_enabled, this, enabled);
}

async::task<void> BackgroundUpdates::look_again() { return async::run_on(where_.executor, &begin, this); }

}  // namespace homeserver
