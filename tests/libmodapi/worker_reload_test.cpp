#include "journal.h"
#include "log_capture.h"
#include "test_database.h"

#include <modapi/hosting/workers.h>
#include <modapi/module_api.h>

#include <async/child_context.h>
#include <async/sleep.h>

#include <gtest/gtest.h>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <future>
#include <latch>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

/// Other modules that take the place of those of all workers of a process, while these serve.
namespace {

using namespace std::chrono_literals;
using modapi::ModuleApi;
using modapi::ModuleChanges;
using Lines = std::vector<std::string>;

Journal reload_journal;

/// Answers with its version.
class Versioned {
public:
    Versioned(callbacks::JsonDict config, ModuleApi& api)
        : config_(std::move(config)), place_(text("version") + " on " + api.worker_name().value_or("main")) {
        api.register_password_auth_provider_callbacks(
            {.get_displayname_for_registration = async::bind<&Versioned::get_displayname>(this)});
    }
    ~Versioned() { reload_journal.note("gone " + place_); }
    Versioned(const Versioned&) = delete;
    Versioned& operator=(const Versioned&) = delete;
    async::task<void> start() {
        reload_journal.note("start " + place_);
        if (place_ == text("fails_on")) throw std::runtime_error("no luck");
        if (place_ == text("hangs_on")) {
            while_it_hangs();
            co_await async::sleep_for(24h);
        }
    }
    void stop() { reload_journal.note("stop " + place_); }
    callbacks::JsonDict save() {
        callbacks::JsonDict saved;
        saved["by"] = place_;
        return saved;
    }
    void restore(const callbacks::JsonDict& saved) {
        reload_journal.note("from " + std::string(saved.at("by").as_string()) + " to " + place_);
    }

    static inline std::function<void()> while_it_hangs;

private:
    [[nodiscard]] std::string text(std::string_view key) const {
        return config_.contains(key) ? std::string(config_.at(key).as_string()) : std::string();
    }
    std::optional<std::string> get_displayname(const callbacks::JsonDict&, const callbacks::JsonDict&) { return text("version"); }

    callbacks::JsonDict config_;
    std::string place_;
};

/// What is awaited before a `my.Prepared` is built: until a test says so, if its configuration has `waits`.
std::atomic<bool> may_be_prepared = true;
async::task<std::shared_ptr<const void>> prepare_versioned(std::shared_ptr<const void> parsed, ModuleApi& api) {
    const auto& config = *static_cast<const callbacks::JsonDict*>(parsed.get());
    const std::string place = std::string(config.at("version").as_string()) + " on " + api.worker_name().value_or("main");
    reload_journal.note("preparing " + place);
    while (config.contains("waits") && !may_be_prepared) co_await async::sleep_for(1ms);
    reload_journal.note("prepared " + place);
    co_return parsed;
}

class Hotel final : public modapi::HostWorker {
public:
    explicit Hotel(const modapi::WorkerContext& place) : HostWorker(place), workers_(place.workers) {}

    const std::string& server_name() const noexcept override { return text_; }
    const std::string& public_baseurl() const noexcept override { return text_; }

    async::task<std::string> version() {
        const callbacks::JsonDict nothing;
        const std::optional<std::string> version =
            co_await hooks().password_auth_provider.get_displayname_for_registration(nothing, nothing);
        co_return version.value_or("none");
    }
    async::task<ModuleChanges> reload() {
        ModuleChanges changes = co_await workers_.reload("a guest");
        co_return changes;
    }
    /// Goes away as soon as the change has begun.
    async::task<bool> reload_and_go_away() {
        const async::context& here = co_await async::this_context;
        async::child_context request(here);
        going_away_ = &request.source();
        try {
            async::task<ModuleChanges> changing = workers_.reload("a guest");
            static_cast<void>(co_await std::move(changing).in(request.here()));
        } catch (const async::operation_cancelled&) {
            co_return true;
        }
        co_return false;
    }
    async::task<bool> go_away() {
        going_away_->request(async::cancel_reason::caller_gone);
        co_return true;
    }
    /// The refusal, or nothing.
    async::task<std::string> refused_reload() {
        std::string line;
        try {
            static_cast<void>(co_await workers_.reload("a guest"));
        } catch (const modapi::ReloadRefused& refusal) {
            line = refusal.what();
        }
        co_return line;
    }

    std::string refusal_while_draining;

private:
    async::task<void> drain() override { refusal_while_draining = co_await refused_reload(); }

    modapi::WorkerGroup& workers_;
    async::cancellation_source* going_away_ = nullptr;
    std::string text_ = "example.org";
};

using Hotels = modapi::Workers<Hotel>;

class WorkerReload : public testing::Test {
protected:
    WorkerReload() : database(modapi::Database::open(files.settings())) {
        resolver.add<Versioned>("my.Versioned");
        modapi::ModuleDefinition prepared = modapi::definition_of<Versioned>();
        prepared.prepare = &prepare_versioned;
        resolver.add("my.Prepared", prepared);
        may_be_prepared = true;
        settings.count = 3;
        settings.grace = 0ms;
        settings.time_to_stop = 60s;
        settings.signals = {SIGUSR1};
        settings.read_modules = [this] { return read(); };
        static_cast<void>(reload_journal.take());
    }
    std::vector<modapi::ConfiguredModule> read() {
        if (while_reading) while_reading();
        return modapi::configure_modules(modapi::ConfigurationFile::parse(text(), "hotel.yaml"), resolver,
                                         [](const std::string&) {});
    }
    void set(std::string entries) {
        const std::scoped_lock lock(mutex);
        text_ = "modules:\n" + std::move(entries);
    }
    std::string text() {
        const std::scoped_lock lock(mutex);
        return text_;
    }
    static std::string versions_of(Hotels& workers) {
        std::string versions;
        for (std::size_t index = 0; index < workers.size(); ++index) versions += workers.call(index, &Hotel::version) + " ";
        return versions;
    }
    /// Lets a test go on once something was noted.
    static bool eventually(const std::string& line) {
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (!Journal::has(reload_journal.lines(), line)) {
            if (std::chrono::steady_clock::now() > end) return false;
            std::this_thread::yield();
        }
        return true;
    }
    static std::string line_of(const std::function<void()>& act) {
        try {
            act();
        } catch (const modapi::HostError& error) {
            return error.what();
        }
        return "nothing";
    }

    LogCapture log;
    TestDatabase files;
    modapi::ModuleResolver resolver = modapi::ModuleResolver({});
    std::unique_ptr<modapi::Database> database;
    modapi::WorkerGroupSettings settings;
    std::function<void()> while_reading;
    std::mutex mutex;

private:
    std::string text_;
};

TEST_F(WorkerReload, TakesPlaceOnAllWorkersStepByStep) {
    set("  - {module: my.Versioned, config: {version: a}}\n");
    Hotels workers(settings, *database, read());
    EXPECT_EQ(versions_of(workers), "a a a ");
    static_cast<void>(reload_journal.take());
    set("  - {module: my.Versioned, config: {version: b}}\n  - {module: my.Versioned, config: {version: c}}\n");
    const ModuleChanges changes = workers.call(1, &Hotel::reload);
    EXPECT_EQ(changes.replaced, Lines{"my.Versioned"});
    EXPECT_EQ(changes.added, Lines{"my.Versioned"});
    EXPECT_EQ(versions_of(workers), "b b b ");
    EXPECT_TRUE(log.contains("modules were changed (asked for by a guest): replaced my.Versioned; added my.Versioned")) << log.text();
    workers.stop();
    const Lines lines = reload_journal.take();
    const auto at = [&](const std::string& line) { return std::find(lines.begin(), lines.end(), line) - lines.begin(); };
    for (const std::string worker : {"main", "worker1", "worker2"}) {
        for (const std::string other : {"main", "worker1", "worker2"}) {
            EXPECT_LT(at("start b on " + worker), at("from a on " + other + " to b on " + other));
            EXPECT_LT(at("from a on " + worker + " to b on " + worker), at("stop a on " + other));
        }
        EXPECT_LT(at("stop a on " + worker), at("gone a on " + worker));
        EXPECT_LT(at("stop b on " + worker), at("gone b on " + worker));
    }
}

TEST_F(WorkerReload, ChangesNothingAnywhereWhereOneWorkerFails) {
    set("  - {module: my.Versioned, config: {version: a}}\n");
    Hotels workers(settings, *database, read());
    set("  - {module: my.Versioned, config: {version: b, fails_on: b on worker2}}\n");
    const std::string why = "hotel.yaml:2: modules[0]: start() failed: no luck (module my.Versioned on worker worker2)";
    EXPECT_EQ(line_of([&] { workers.call(0, &Hotel::reload); }), why);
    EXPECT_EQ(versions_of(workers), "a a a ");
    const Lines lines = reload_journal.take();
    EXPECT_TRUE(Journal::has(lines, "stop b on main") && Journal::has(lines, "gone b on main") && Journal::has(lines, "gone b on worker2"));
    EXPECT_FALSE(Journal::has(lines, "stop a on main"));
    EXPECT_TRUE(log.contains("modules stay as they were (change asked for by a guest): " + why)) << log.text();
    set("  - {module: my.Versioned, config: {version: c}}\n");
    workers.call(2, &Hotel::reload);
    EXPECT_EQ(versions_of(workers), "c c c ");
}

TEST_F(WorkerReload, SaysWhatCannotBeRead) {
    set("  - {module: my.Versioned, config: {version: a}}\n");
    Hotels workers(settings, *database, read());
    set("  - {module: my.Unknown}\n");
    const std::string line = line_of([&] { workers.call(0, &Hotel::reload); });
    EXPECT_TRUE(line.starts_with("hotel.yaml:2: modules[0].module: ")) << line;
    EXPECT_EQ(versions_of(workers), "a a a ");
}

TEST_F(WorkerReload, WaitsForAnEarlierOne) {
    set("  - {module: my.Versioned, config: {version: a}}\n");
    Hotels workers(settings, *database, read());
    std::latch both_were_asked_for(1);
    std::latch first_is_read(1);
    std::atomic<int> readings = 0;
    while_reading = [&] {
        if (++readings > 1) return set("  - {module: my.Versioned, config: {version: c}}\n");
        first_is_read.count_down();
        both_were_asked_for.wait();
        set("  - {module: my.Versioned, config: {version: b}}\n");
    };
    auto first = std::async(std::launch::async, [&] { return workers.call(1, &Hotel::reload); });
    first_is_read.wait();
    auto second = std::async(std::launch::async, [&] { return workers.call(2, &Hotel::reload); });
    // The main worker has the second request when it answers this.
    while (workers.call(2, &Hotel::version) != "a") continue;
    static_cast<void>(workers.call(0, &Hotel::version));
    both_were_asked_for.count_down();
    EXPECT_EQ(first.get().replaced, Lines{"my.Versioned"});
    EXPECT_EQ(second.get().replaced, Lines{"my.Versioned"});
    EXPECT_EQ(versions_of(workers), "c c c ");
    EXPECT_EQ(readings, 2);
}

TEST_F(WorkerReload, IsRefusedWhileTheWorkersStop) {
    Hotels workers(settings, *database, {});
    workers.stop();
    EXPECT_EQ(workers[1].refusal_while_draining, "the workers are stopping");
    workers.request_reload("somebody");
    EXPECT_TRUE(log.contains("modules stay as they were (change asked for by somebody): the workers are stopping")) << log.text();
}

TEST_F(WorkerReload, IsRefusedByAHostThatDoesNotSayWhatToRead) {
    settings.read_modules = nullptr;
    Hotels workers(settings, *database, {});
    EXPECT_EQ(workers.call(0, &Hotel::refused_reload), "these modules can't be changed while they are asked");
}

TEST_F(WorkerReload, IsEndedByAStopThatFindsItUnderWay) {
    set("  - {module: my.Versioned, config: {version: a}}\n");
    Hotels workers(settings, *database, read());
    std::latch hangs(1);
    Versioned::while_it_hangs = [&] { hangs.count_down(); };
    set("  - {module: my.Versioned, config: {version: b, hangs_on: b on worker1}}\n");
    auto waiting = std::async(std::launch::async, [&] { return line_of([&] { workers.call(0, &Hotel::reload); }); });
    hangs.wait();
    workers.stop();
    Versioned::while_it_hangs = nullptr;
    EXPECT_NE(waiting.get(), "nothing");
    const Lines lines = reload_journal.take();
    EXPECT_TRUE(Journal::has(lines, "stop b on main") && Journal::has(lines, "gone b on worker1") && Journal::has(lines, "gone a on worker2"));
    EXPECT_TRUE(log.contains("modules stay as they were (change asked for by a guest): the workers are stopping")) << log.text();
}

TEST_F(WorkerReload, IsAskedForBySIGHUP) {
    set("  - {module: my.Versioned, config: {version: a}}\n");
    Hotels workers(settings, *database, read());
    set("  - {module: my.Versioned, config: {version: b}}\n");
    boost::asio::post(workers.front(), [] { static_cast<void>(std::raise(SIGHUP)); });
    auto changed = std::async(std::launch::async, [&] {
        const bool was_logged = log.wait_for("modules were changed (asked for by SIGHUP): replaced my.Versioned");
        const std::string versions = versions_of(workers);
        workers.request_stop();
        return was_logged ? versions : log.text();
    });
    workers.serve();
    EXPECT_EQ(changed.get(), "b b b ");
}

TEST_F(WorkerReload, PreparesOnOneWorkerAfterTheOtherBeforeAnyBuildsAndAllAnswerMeanwhile) {
    set("  - {module: my.Prepared, config: {version: a}}\n");
    Hotels workers(settings, *database, read());
    EXPECT_EQ(reload_journal.take(),
              (Lines{"preparing a on main", "prepared a on main", "preparing a on worker1", "prepared a on worker1",
                     "preparing a on worker2", "prepared a on worker2", "start a on main", "start a on worker1",
                     "start a on worker2"}));
    set("  - {module: my.Prepared, config: {version: b, waits: true}}\n");
    may_be_prepared = false;
    auto changing = std::async(std::launch::async, [&] { return workers.call(1, &Hotel::reload); });
    EXPECT_TRUE(eventually("preparing b on main"));
    EXPECT_EQ(versions_of(workers), "a a a ");
    EXPECT_EQ(reload_journal.take(), Lines{"preparing b on main"});
    may_be_prepared = true;
    EXPECT_EQ(changing.get().replaced, Lines{"my.Prepared"});
    EXPECT_EQ(versions_of(workers), "b b b ");
    Lines lines = reload_journal.take();
    lines.resize(std::min<std::size_t>(lines.size(), 8));
    EXPECT_EQ(lines, (Lines{"prepared b on main", "preparing b on worker1", "prepared b on worker1", "preparing b on worker2",
                            "prepared b on worker2", "start b on main", "start b on worker1", "start b on worker2"}));
}

TEST_F(WorkerReload, WaitsForOneThatIsBeingPreparedAndLooksAtTheFileThen) {
    set("  - {module: my.Prepared, config: {version: a}}\n");
    Hotels workers(settings, *database, read());
    may_be_prepared = false;
    set("  - {module: my.Prepared, config: {version: b, waits: true}}\n");
    auto first = std::async(std::launch::async, [&] { return workers.call(1, &Hotel::reload); });
    EXPECT_TRUE(eventually("preparing b on main"));
    set("  - {module: my.Versioned, config: {version: c}}\n");
    auto second = std::async(std::launch::async, [&] { return workers.call(2, &Hotel::reload); });
    EXPECT_EQ(versions_of(workers), "a a a ");
    may_be_prepared = true;
    EXPECT_EQ(first.get().replaced, Lines{"my.Prepared"});
    const ModuleChanges changes = second.get();
    EXPECT_EQ(changes.removed, Lines{"my.Prepared"});
    EXPECT_EQ(changes.added, Lines{"my.Versioned"});
    EXPECT_EQ(versions_of(workers), "c c c ");
}

TEST_F(WorkerReload, IsEndedByAStopWhileAModuleIsPrepared) {
    set("  - {module: my.Versioned, config: {version: a}}\n");
    Hotels workers(settings, *database, read());
    may_be_prepared = false;
    set("  - {module: my.Prepared, config: {version: b, waits: true}}\n");
    auto waiting = std::async(std::launch::async, [&] { return line_of([&] { workers.call(0, &Hotel::reload); }); });
    EXPECT_TRUE(eventually("preparing b on main"));
    workers.stop();
    EXPECT_NE(waiting.get(), "nothing");
    const Lines lines = reload_journal.take();
    EXPECT_TRUE(Journal::has(lines, "gone a on worker2"));
    EXPECT_FALSE(Journal::has(lines, "prepared b on main") || Journal::has(lines, "start b on main"));
    EXPECT_TRUE(log.contains("modules stay as they were (change asked for by a guest): the workers are stopping")) << log.text();
}

TEST_F(WorkerReload, GoesOnWhenWhoAskedForItHasGone) {
    set("  - {module: my.Prepared, config: {version: a}}\n");
    Hotels workers(settings, *database, read());
    may_be_prepared = false;
    set("  - {module: my.Prepared, config: {version: b, waits: true}}\n");
    auto asking = std::async(std::launch::async, [&] { return workers.call(1, &Hotel::reload_and_go_away); });
    EXPECT_TRUE(eventually("preparing b on main"));
    EXPECT_TRUE(workers.call(1, &Hotel::go_away));
    EXPECT_TRUE(asking.get()) << "without waiting for it";
    EXPECT_EQ(versions_of(workers), "a a a ");
    may_be_prepared = true;
    EXPECT_TRUE(log.wait_for("modules were changed (asked for by a guest): replaced my.Prepared")) << log.text();
    EXPECT_EQ(versions_of(workers), "b b b ");
}

TEST_F(WorkerReload, GivesAReadingUpThatDoesNotEndAndRefusesOthersUntilItHas) {
    settings.each.start_deadline = 10ms;
    set("  - {module: my.Versioned, config: {version: a}}\n");
    Hotels workers(settings, *database, read());
    std::latch may_end(1);
    while_reading = [&] { may_end.wait(); };
    EXPECT_EQ(workers.call(0, &Hotel::refused_reload),
              "reading the modules has not ended within 10 ms; nothing can be changed until it has");
    EXPECT_EQ(workers.call(1, &Hotel::refused_reload),
              "an earlier change is still being read: reading the modules has not ended; nothing can be changed until it has");
    may_end.count_down();
    std::string refusal = "none yet";
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!refusal.empty() && std::chrono::steady_clock::now() < end) refusal = workers.call(0, &Hotel::refused_reload);
    EXPECT_EQ(refusal, "");
}

}  // namespace
