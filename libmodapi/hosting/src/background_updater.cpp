#include <modapi/hosting/background_updater.h>

#include <callbacks/errors.h>

#include <async/sleep.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <stdexcept>

namespace modapi {

namespace {

constexpr int failures_until_abort = 5;
constexpr double weight_of_the_newest = 0.1;

}  // namespace

void UpdatePerformance::add(std::int64_t items, std::int64_t milliseconds) noexcept {
    total_items += items;
    total_ms += milliseconds;
    average_items += weight_of_the_newest * (static_cast<double>(items) - average_items);
    average_ms += weight_of_the_newest * (static_cast<double>(milliseconds) - average_ms);
}

std::optional<double> UpdatePerformance::average_items_per_ms() const noexcept {
    if (total_items == 0) return std::nullopt;
    return rate();
}

BackgroundUpdater::BackgroundUpdater(std::string database_name, BackgroundUpdateTable& table,
                                     const callbacks::BackgroundUpdateControllerDispatch& controller,
                                     BackgroundUpdateSettings settings, async::scope& scope)
    : database_name_(std::move(database_name)), table_(table), controller_(controller), settings_(settings), scope_(scope) {}

void BackgroundUpdater::register_update(std::string name, Handler handler) {
    updates_.insert_or_assign(std::move(name), Update{std::move(handler), false});
}

void BackgroundUpdater::register_one_shot_update(std::string name, Handler handler) {
    updates_.insert_or_assign(std::move(name), Update{std::move(handler), true});
}

void BackgroundUpdater::start() {
    if (!enabled_) return;
    looks_again_ = true;
    if (running_) return;
    running_ = true;
    all_done_ = false;
    scope_.spawn("background updates", run(*this));
}

void BackgroundUpdater::set_enabled(bool enabled) {
    enabled_ = enabled;
    if (enabled) start();
}

BackgroundUpdater::Status BackgroundUpdater::status() const noexcept {
    if (aborted_) return Status::aborted;
    if (!enabled_) return Status::disabled;
    if (all_done_) return Status::complete;
    return running_ ? Status::running : Status::not_started;
}

UpdatePerformance BackgroundUpdater::performance_of(const std::string& name) const {
    const auto found = performance_.find(name);
    return found == performance_.end() ? UpdatePerformance() : found->second;
}

async::task<void> BackgroundUpdater::run(BackgroundUpdater& self) {
    int failures = 0;
    bool cancelled = false;
    while (self.enabled_ && !self.all_done_ && !cancelled) {
        std::exception_ptr failure;
        try {
            const bool has_more = co_await next_iteration(self);
            self.all_done_ = !has_more && !self.looks_again_;
            failures = 0;
        } catch (const async::operation_cancelled&) {
            cancelled = true;
        } catch (...) {
            failure = std::current_exception();
        }
        if (!failure) continue;
        spdlog::error("database {}: background update {} failed: {}", self.database_name_, self.current_.value_or("(none)"),
                      callbacks::message_of(failure));
        if (++failures < failures_until_abort) continue;
        self.aborted_ = true;
        spdlog::error("database {}: {} back-to-back background update failures; aborting.", self.database_name_, failures);
        break;
    }
    self.running_ = false;
}

async::task<bool> BackgroundUpdater::next_iteration(BackgroundUpdater& self) {
    std::optional<Iteration> chosen = co_await choose(self);
    if (!chosen) co_return false;
    async::context_manager<int> manager = co_await manager_of(self, chosen->update->one_shot);
    const Iteration* const iteration = &*chosen;
    co_await async::with(std::move(manager), &work, &self, iteration);
    co_return true;
}

void BackgroundUpdater::finish_current(BackgroundUpdater& self) {
    const UpdatePerformance performance = self.performance_of(*self.current_);
    spdlog::info("database {}: background update {} is done: {} items in {} ms since the start", self.database_name_,
                 *self.current_, performance.total_items, performance.total_ms);
    self.current_.reset();
}

async::task<std::optional<BackgroundUpdater::Iteration>> BackgroundUpdater::choose(BackgroundUpdater& self) {
    self.looks_again_ = false;
    std::vector<PendingUpdate> rows = co_await self.table_.pending();
    const auto waits = [&](const std::string& name) {
        return std::any_of(rows.begin(), rows.end(), [&](const PendingUpdate& row) { return row.name == name; });
    };
    // The current update stays current until it removes its row, also across failures.
    if (self.current_ && !waits(*self.current_)) finish_current(self);
    if (rows.empty()) co_return std::nullopt;
    if (!self.current_) {
        const auto ready = std::find_if(rows.begin(), rows.end(),
                                        [&](const PendingUpdate& row) { return !row.depends_on || !waits(*row.depends_on); });
        if (ready == rows.end()) throw std::logic_error("the background updates that are left wait for each other");
        self.current_ = ready->name;
    }
    const auto row =
        std::find_if(rows.begin(), rows.end(), [&](const PendingUpdate& each) { return each.name == *self.current_; });
    const auto update = self.updates_.find(row->name);
    if (update == self.updates_.end()) throw std::logic_error("nothing is registered to do the background update " + row->name);
    Iteration iteration;
    iteration.update = &update->second;
    iteration.progress = std::move(row->progress);
    co_return iteration;
}

async::task<async::context_manager<int>> BackgroundUpdater::manager_of(BackgroundUpdater& self, bool one_shot) {
    std::optional<async::context_manager<int>> controlled =
        co_await self.controller_.on_update(*self.current_, self.database_name_, one_shot);
    if (controlled) co_return std::move(*controlled);
    co_return configured_pace(self);
}

async::context_manager<int> BackgroundUpdater::configured_pace(BackgroundUpdater& self) {
    if (self.settings_.sleep_enabled) co_await async::sleep_for(std::chrono::milliseconds(self.settings_.sleep_duration_ms));
    co_yield static_cast<int>(self.settings_.background_update_duration_ms);
}

async::task<void> BackgroundUpdater::work(int& target_ms, BackgroundUpdater* self, const Iteration* iteration) {
    const std::string name = *self->current_;
    const std::int64_t batch = co_await batch_size(*self, name, target_ms);
    const async::context& here = co_await async::this_context;
    const async::clock::time_point began = here.clock().now();
    const std::int64_t done = co_await iteration->update->handler.get()(iteration->progress, batch);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(here.clock().now() - began);
    self->performance_[name].add(done, took.count());
}

async::task<std::int64_t> BackgroundUpdater::batch_size(BackgroundUpdater& self, std::string name, int target_ms) {
    const UpdatePerformance performance = self.performance_of(name);
    if (performance.total_items == 0) {
        const std::optional<int> first = co_await self.controller_.default_batch_size(name, self.database_name_);
        co_return first ? *first : self.settings_.default_batch_size;
    }
    const std::optional<int> asked = co_await self.controller_.min_batch_size(name, self.database_name_);
    const std::int64_t min_size = asked ? *asked : self.settings_.min_batch_size;
    if (min_size < 1) {
        throw std::domain_error((asked ? "min_batch_size of module " + self.controlling_module()
                                       : std::string("background_updates.min_batch_size")) +
                                " is " + std::to_string(min_size) + "; it must be at least 1");
    }
    const auto wanted = static_cast<std::int64_t>(static_cast<double>(target_ms) * performance.rate());
    co_return std::max(wanted, min_size);
}

std::string BackgroundUpdater::controlling_module() const {
    std::string module;
    controller_.min_batch_size.each_registration([&](const async::callback_identity& identity) { module = identity.module; });
    return module;
}

}  // namespace modapi
