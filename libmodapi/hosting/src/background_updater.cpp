#include <modapi/hosting/background_updater.h>
#include <modapi/hosting/log.h>

#include <callbacks/errors.h>

#include <async/cancellation.h>
#include <async/sleep.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
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

/// What runs, and all that it needs: it may end after the updater.
struct BackgroundUpdater::Loop {
    struct Update {
        Handler handler;
        bool one_shot = false;
    };
    struct Iteration {
        const Update* update = nullptr;
        callbacks::JsonDict progress;
    };

    Loop(std::string name, BackgroundUpdateTable& rows, const callbacks::BackgroundUpdateControllerDispatch& paced_by,
         BackgroundUpdateSettings how)
        : database_name(std::move(name)), table(rows), controller(paced_by), settings(how) {}

    static async::task<void> run(std::shared_ptr<Loop> self);
    static async::task<void> run_until_done(Loop& self);
    /// False: nothing is left to do.
    static async::task<bool> next_iteration(Loop& self);
    static void finish_current(Loop& self);
    /// Chooses what to work on; none: nothing is left.
    static async::task<std::optional<Iteration>> choose(Loop& self);
    static async::task<async::context_manager<int>> manager_of(Loop& self, bool one_shot);
    static async::context_manager<int> configured_pace(Loop& self);
    static async::task<void> work(int& target_ms, Loop* self, const Iteration* iteration);
    static async::task<std::int64_t> batch_size(Loop& self, std::string name, int target_ms);
    [[nodiscard]] std::string controlling_module() const;
    [[nodiscard]] UpdatePerformance performance_of(const std::string& name) const;

    std::string database_name;
    BackgroundUpdateTable& table;
    const callbacks::BackgroundUpdateControllerDispatch& controller;
    BackgroundUpdateSettings settings;
    std::map<std::string, Update> updates;
    std::map<std::string, UpdatePerformance> performance;
    std::optional<std::string> current;
    async::cancellation_source* ending = nullptr;  ///< of what runs
    bool was_left = false;                         ///< the updater was stopped, or is gone
    bool enabled = true;
    bool running = false;
    bool looks_again = false;  ///< rows may have come since the loop last read the table
    bool all_done = false;
    bool aborted = false;
};

BackgroundUpdater::BackgroundUpdater(std::string database_name, BackgroundUpdateTable& table,
                                     const callbacks::BackgroundUpdateControllerDispatch& controller,
                                     BackgroundUpdateSettings settings, const async::environment& where)
    : loop_(std::make_shared<Loop>(std::move(database_name), table, controller, settings)),
      own_scope_(std::make_unique<async::scope>(where,
                                                [](std::string_view name, const std::exception_ptr& failure) {
                                                    framework_log().error("{} ended: {}", name, callbacks::message_of(failure));
                                                })),
      scope_(*own_scope_) {}

BackgroundUpdater::BackgroundUpdater(std::string database_name, BackgroundUpdateTable& table,
                                     const callbacks::BackgroundUpdateControllerDispatch& controller,
                                     BackgroundUpdateSettings settings, async::scope& scope)
    : loop_(std::make_shared<Loop>(std::move(database_name), table, controller, settings)), scope_(scope) {}

BackgroundUpdater::~BackgroundUpdater() {
    loop_->was_left = true;
    if (own_scope_ == nullptr && loop_->ending != nullptr) loop_->ending->request(async::cancel_reason::stopping);
}

void BackgroundUpdater::register_update(std::string name, Handler handler) {
    loop_->updates.insert_or_assign(std::move(name), Loop::Update{std::move(handler), false});
}

void BackgroundUpdater::register_one_shot_update(std::string name, Handler handler) {
    loop_->updates.insert_or_assign(std::move(name), Loop::Update{std::move(handler), true});
}

void BackgroundUpdater::start() {
    Loop& loop = *loop_;
    if (!loop.enabled || loop.was_left) return;
    loop.looks_again = true;
    if (loop.running) return;
    loop.running = true;
    loop.all_done = false;
    scope_.spawn("background updates", Loop::run(loop_));
}

async::task<void> BackgroundUpdater::stop() {
    loop_->was_left = true;
    if (own_scope_ != nullptr) own_scope_->cancel(async::cancel_reason::stopping);
    if (own_scope_ == nullptr && loop_->ending != nullptr) loop_->ending->request(async::cancel_reason::stopping);
    return scope_.join();
}

void BackgroundUpdater::set_enabled(bool enabled) {
    loop_->enabled = enabled;
    if (enabled) start();
}

bool BackgroundUpdater::enabled() const noexcept { return loop_->enabled; }
const std::optional<std::string>& BackgroundUpdater::current() const noexcept { return loop_->current; }
const std::string& BackgroundUpdater::database_name() const noexcept { return loop_->database_name; }

BackgroundUpdater::Status BackgroundUpdater::status() const noexcept {
    if (loop_->aborted) return Status::aborted;
    if (!loop_->enabled) return Status::disabled;
    if (loop_->all_done) return Status::complete;
    return loop_->running ? Status::running : Status::not_started;
}

UpdatePerformance BackgroundUpdater::performance_of(const std::string& name) const { return loop_->performance_of(name); }

UpdatePerformance BackgroundUpdater::Loop::performance_of(const std::string& name) const {
    const auto found = performance.find(name);
    return found == performance.end() ? UpdatePerformance() : found->second;
}

async::task<void> BackgroundUpdater::Loop::run(std::shared_ptr<Loop> self) {
    const async::context& outer = co_await async::this_context;
    async::cancellation_source ending(outer.cancellation);
    async::context inner = outer;
    inner.end_with(ending);
    self->ending = &ending;
    async::task<void> running = run_until_done(*self);
    co_await std::move(running).in(inner);
    self->ending = nullptr;
    self->running = false;
}

async::task<void> BackgroundUpdater::Loop::run_until_done(Loop& self) {
    int failures = 0;
    bool cancelled = false;
    while (self.enabled && !self.all_done && !cancelled && !self.was_left) {
        std::exception_ptr failure;
        try {
            const bool has_more = co_await next_iteration(self);
            self.all_done = !has_more && !self.looks_again;
            failures = 0;
        } catch (const async::operation_cancelled&) {
            cancelled = true;
        } catch (...) {
            failure = std::current_exception();
        }
        if (!failure) continue;
        framework_log().error("database {}: background update {} failed: {}", self.database_name,
                              self.current.value_or("(none)"), callbacks::message_of(failure));
        if (++failures < failures_until_abort) continue;
        self.aborted = true;
        framework_log().error("database {}: {} back-to-back background update failures; aborting.", self.database_name,
                              failures);
        break;
    }
}

async::task<bool> BackgroundUpdater::Loop::next_iteration(Loop& self) {
    std::optional<Iteration> chosen = co_await choose(self);
    if (!chosen) co_return false;
    async::context_manager<int> manager = co_await manager_of(self, chosen->update->one_shot);
    const Iteration* const iteration = &*chosen;
    co_await async::with(std::move(manager), &work, &self, iteration);
    co_return true;
}

void BackgroundUpdater::Loop::finish_current(Loop& self) {
    const UpdatePerformance performance = self.performance_of(*self.current);
    framework_log().info("database {}: background update {} is done: {} items in {} ms since the start", self.database_name,
                         *self.current, performance.total_items, performance.total_ms);
    self.current.reset();
}

async::task<std::optional<BackgroundUpdater::Loop::Iteration>> BackgroundUpdater::Loop::choose(Loop& self) {
    self.looks_again = false;
    std::vector<PendingUpdate> rows = co_await self.table.pending();
    const auto waits = [&](const std::string& name) {
        return std::any_of(rows.begin(), rows.end(), [&](const PendingUpdate& row) { return row.name == name; });
    };
    // The current update stays current until it removes its row, also across failures.
    if (self.current && !waits(*self.current)) finish_current(self);
    if (rows.empty()) co_return std::nullopt;
    if (!self.current) {
        const auto ready = std::find_if(rows.begin(), rows.end(),
                                        [&](const PendingUpdate& row) { return !row.depends_on || !waits(*row.depends_on); });
        if (ready == rows.end()) throw std::logic_error("the background updates that are left wait for each other");
        self.current = ready->name;
    }
    const auto row =
        std::find_if(rows.begin(), rows.end(), [&](const PendingUpdate& each) { return each.name == *self.current; });
    const auto update = self.updates.find(row->name);
    if (update == self.updates.end()) throw std::logic_error("nothing is registered to do the background update " + row->name);
    Iteration iteration;
    iteration.update = &update->second;
    iteration.progress = std::move(row->progress);
    co_return iteration;
}

async::task<async::context_manager<int>> BackgroundUpdater::Loop::manager_of(Loop& self, bool one_shot) {
    std::optional<async::context_manager<int>> controlled =
        co_await self.controller.on_update(*self.current, self.database_name, one_shot);
    if (controlled) co_return std::move(*controlled);
    co_return configured_pace(self);
}

async::context_manager<int> BackgroundUpdater::Loop::configured_pace(Loop& self) {
    if (self.settings.sleep_enabled) co_await async::sleep_for(std::chrono::milliseconds(self.settings.sleep_duration_ms));
    co_yield static_cast<int>(self.settings.background_update_duration_ms);
}

async::task<void> BackgroundUpdater::Loop::work(int& target_ms, Loop* self, const Iteration* iteration) {
    const std::string name = *self->current;
    const std::int64_t batch = co_await batch_size(*self, name, target_ms);
    const async::context& here = co_await async::this_context;
    const async::clock::time_point began = here.clock().now();
    const std::int64_t done = co_await iteration->update->handler.get()(iteration->progress, batch);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(here.clock().now() - began);
    self->performance[name].add(done, took.count());
}

async::task<std::int64_t> BackgroundUpdater::Loop::batch_size(Loop& self, std::string name, int target_ms) {
    const UpdatePerformance performance = self.performance_of(name);
    if (performance.total_items == 0) {
        const std::optional<int> first = co_await self.controller.default_batch_size(name, self.database_name);
        co_return first ? *first : self.settings.default_batch_size;
    }
    const std::optional<int> asked = co_await self.controller.min_batch_size(name, self.database_name);
    const std::int64_t min_size = asked ? *asked : self.settings.min_batch_size;
    if (min_size < 1) {
        throw std::domain_error((asked ? "min_batch_size of module " + self.controlling_module()
                                       : std::string("background_updates.min_batch_size")) +
                                " is " + std::to_string(min_size) + "; it must be at least 1");
    }
    const auto wanted = static_cast<std::int64_t>(static_cast<double>(target_ms) * performance.rate());
    co_return std::max(wanted, min_size);
}

std::string BackgroundUpdater::Loop::controlling_module() const {
    std::string module;
    controller.min_batch_size.each_registration([&](const async::callback_identity& identity) { module = identity.module; });
    return module;
}

}  // namespace modapi
