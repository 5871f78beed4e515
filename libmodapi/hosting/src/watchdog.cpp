#include <modapi/database.h>
#include <modapi/hosting/log.h>
#include <modapi/hosting/watchdog.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace modapi {

namespace {

using time_point = std::chrono::steady_clock::time_point;

/// How often a mark is looked at while its run may not yet be called blocked.
constexpr int looks_per_limit = 8;
constexpr std::chrono::milliseconds rarest_look{500};

struct Watched {
    const std::atomic<const async::callback_identity*>* on_stack;
    std::chrono::milliseconds limit;
    std::string place;  // " (worker NAME)", or nothing
    const async::callback_identity* seen = nullptr;
    std::uint64_t run = 0;
    time_point since{};
    bool warned = false;
    std::string name;  // of the run that was warned about: its identity may be gone when it ends
};

std::int64_t in_ms(std::chrono::steady_clock::duration duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

/// The mark alone doesn't tell a long run from many short ones of the same callback; the count of its runs does.
void look(Watched& watched, time_point now) {
    const async::callback_identity* const current = watched.on_stack->load(std::memory_order_acquire);
    const std::uint64_t run = current != nullptr ? current->statistics.runs.load(std::memory_order_relaxed) : 0;
    if (current == nullptr || current != watched.seen || run != watched.run) {
        if (watched.warned) {
            framework_log().warn("{} gave its thread back after about {} ms{}", watched.name, in_ms(now - watched.since),
                                 watched.place);
        }
        watched.seen = current;
        watched.run = run;
        watched.since = now;
        watched.warned = false;
        return;
    }
    if (watched.warned || now - watched.since < watched.limit) return;
    watched.warned = true;
    watched.name = "module " + current->module + ", " + std::string(current->callback) + ",";
    framework_log().warn("{} blocks its thread for {} ms now{}", watched.name, in_ms(now - watched.since), watched.place);
}

/// A database, and those of its interactions that were named.
struct WatchedDatabase {
    const Database* database;
    std::chrono::milliseconds limit;
    std::vector<Database::Running> named;
};

bool is_same(const Database::Running& one, const Database::Running& other) {
    return one.since == other.since && one.desc == other.desc;
}

void look(WatchedDatabase& watched, time_point now) {
    const std::vector<Database::Running> running = watched.database->running();
    const auto is_one_of = [](const std::vector<Database::Running>& all, const Database::Running& one) {
        return std::any_of(all.begin(), all.end(), [&](const Database::Running& each) { return is_same(each, one); });
    };
    std::erase_if(watched.named, [&](const Database::Running& one) {
        if (is_one_of(running, one)) return false;
        framework_log().warn("database interaction {} ended after about {} ms", one.desc, in_ms(now - one.since));
        return true;
    });
    for (const Database::Running& one : running) {
        if (now - one.since < watched.limit || is_one_of(watched.named, one)) continue;
        framework_log().warn("database interaction {} has been at work for {} ms now", one.desc, in_ms(now - one.since));
        watched.named.push_back(one);
    }
}

/// Without memory there is no line, but who watches goes on.
void look_without_fail(auto& each, time_point now) {
    try {
        look(each, now);
    } catch (const std::bad_alloc&) {  // NOLINT: nothing can be said
    }
}

}  // namespace

struct Watchdog::State {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<Watched> watched;
    std::vector<WatchedDatabase> databases;
    bool stopping = false;
    std::thread thread;

    void run() {
        std::unique_lock lock(mutex);
        while (!stopping) {
            if (watched.empty() && databases.empty()) {
                changed.wait(lock);
                continue;
            }
            std::chrono::milliseconds pause = rarest_look;
            for (const Watched& each : watched) pause = std::min(pause, each.limit / looks_per_limit);
            for (const WatchedDatabase& each : databases) pause = std::min(pause, each.limit / looks_per_limit);
            changed.wait_for(lock, std::max(pause, std::chrono::milliseconds(1)));
            const time_point now = std::chrono::steady_clock::now();
            for (Watched& each : watched) look_without_fail(each, now);
            for (WatchedDatabase& each : databases) look_without_fail(each, now);
        }
    }
};

Watchdog::Watchdog() : state_(std::make_unique<State>()) {
    state_->thread = std::thread([state = state_.get()] { state->run(); });
}

Watchdog::~Watchdog() {
    {
        const std::scoped_lock lock(state_->mutex);
        state_->stopping = true;
    }
    state_->changed.notify_one();
    state_->thread.join();
}

void Watchdog::watch(const std::atomic<const async::callback_identity*>& on_stack, std::chrono::milliseconds blocked,
                     std::string worker) {
    {
        const std::scoped_lock lock(state_->mutex);
        Watched added;
        added.on_stack = &on_stack;
        added.limit = blocked;
        if (!worker.empty()) added.place = " (worker " + worker + ")";
        state_->watched.push_back(std::move(added));
    }
    state_->changed.notify_one();
}

void Watchdog::watch(const Database& database, std::chrono::milliseconds slow) {
    {
        const std::scoped_lock lock(state_->mutex);
        state_->databases.push_back({&database, slow, {}});
    }
    state_->changed.notify_one();
}

void Watchdog::forget_seen(const std::atomic<const async::callback_identity*>& on_stack) {
    const std::scoped_lock lock(state_->mutex);
    for (Watched& each : state_->watched) {
        if (each.on_stack == &on_stack) each.seen = nullptr;
    }
}

std::optional<std::pair<std::string, std::string>> Watchdog::on_stack_of(
    const std::atomic<const async::callback_identity*>& on_stack) const {
    // Held by whoever lets an identity end, too.
    const std::scoped_lock lock(state_->mutex);
    const async::callback_identity* const current = on_stack.load(std::memory_order_relaxed);
    if (current == nullptr) return std::nullopt;
    return std::pair(current->module, std::string(current->callback));
}

void Watchdog::forget(const std::atomic<const async::callback_identity*>& on_stack) {
    const std::scoped_lock lock(state_->mutex);
    std::erase_if(state_->watched, [&](const Watched& each) { return each.on_stack == &on_stack; });
}

}  // namespace modapi
