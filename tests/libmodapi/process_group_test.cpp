#include "journal.h"
#include "log_capture.h"
#include "test_database.h"

#include <modapi/hosting/postgresql_bus.h>
#include <modapi/hosting/process_group.h>
#include <modapi/hosting/workers.h>
#include <modapi/module_api.h>

#include <callbacks/client_event.h>

#include <async/cached.h>
#include <async/context.h>

#include <gtest/gtest.h>

#include <boost/asio/system_executor.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

/// Several processes of a host over one PostgreSQL database, with their modules. Here they are objects of one program: each has its own
/// connections, bus, threads and modules, and shares nothing with the others but the database.
namespace {

using namespace std::chrono_literals;
using callbacks::JsonDict;
using modapi::Database;
using modapi::ModuleApi;
using modapi::Transaction;
using Lines = std::vector<std::string>;

Journal group_journal;

/// A value in a table, which instances of all processes cache.
class Shared {
public:
    Shared(const JsonDict&, ModuleApi& api)
        : api_(api), place_(api.worker_name().value_or("main")), is_background_(api.should_run_background_tasks()) {
        api.register_cached_function(value_);
        api.on_broadcast("news", async::bind<&Shared::hear>(this));
        api.register_password_auth_provider_callbacks(
            {.get_displayname_for_registration = async::bind<&Shared::read>(this)});
        api.register_account_validity_callbacks({.on_user_registration = async::bind<&Shared::act>(this)});
        api.register_add_extra_fields_to_unsigned_client_event_callbacks(
            {.add_field_to_unsigned_callback = {async::bind<&Shared::add_number>(this), callbacks::EventInterest(),
                                                callbacks::once_per_event}});
        group_journal.note("built on " + place_ + (is_background_ ? " for background tasks" : ""));
        api.looping_background_call(async::bind<&Shared::work>(this), modapi::Every(100ms).first_after(0ms));
    }
    ~Shared() { group_journal.note("gone from " + place_); }
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;

private:
    async::task<std::optional<std::string>> read(const JsonDict&, const JsonDict&) {
        const std::string key = "key";
        const std::string value = co_await value_(key);
        co_return value;
    }
    async::task<std::string> fetch(const std::string& key) {
        co_return co_await api_.run_db_read("fetch", &Shared::find, key);
    }
    static std::string find(Transaction& transaction, const std::string& key) {
        return std::get<0>(transaction.query_one<std::string>("SELECT value FROM shared_values WHERE name = ?", key).value());
    }
    void add_number(const callbacks::Event&, callbacks::UnsignedWriter& out) { out.add("asked", ++asked_); }
    /// `change NAME`, `take back ID` or `tell NAME`.
    async::task<void> act(const std::string& what) {
        if (what.starts_with("take back ")) {
            co_await api_.unsigned_changed(what.substr(10));
            co_return;
        }
        if (what.starts_with("change ")) {
            co_await api_.run_db_interaction("change", &Shared::change, this, what.substr(7));
        } else {
            JsonDict content;
            content["text"] = what.substr(5);
            co_await api_.broadcast("news", std::move(content));
        }
    }
    static void change(Transaction& transaction, Shared* self, const std::string& value) {
        transaction.execute("UPDATE shared_values SET value = ? WHERE name = 'key'", value);
        transaction.invalidate_cache(self->value_, "key");
    }
    void hear(const JsonDict& content) { group_journal.note(place_ + " heard " + std::string(content.at("text").as_string())); }
    async::task<void> work() {
        co_await api_.run_db_interaction("work", &Shared::note_work, place_);
    }
    static void note_work(Transaction& transaction, const std::string& place) {
        transaction.execute("INSERT INTO shared_work (place) VALUES (?)", place);
    }

    ModuleApi& api_;
    std::string place_;
    bool is_background_;
    int asked_ = 0;
    async::cached<std::string(const std::string&)> value_{"value", async::bind<&Shared::fetch>(this)};
};

class Branch final : public modapi::HostWorker {
public:
    explicit Branch(const modapi::WorkerContext& place) : HostWorker(place) {}
    const std::string& server_name() const noexcept override { return text_; }
    const std::string& public_baseurl() const noexcept override { return text_; }

    async::task<std::string> value() {
        const JsonDict nothing;
        const std::optional<std::string> found =
            co_await hooks().password_auth_provider.get_displayname_for_registration(nothing, nothing);
        co_return found.value_or("none");
    }
    /// What a client gets of the same event each time.
    async::task<std::string> event() {
        std::vector<callbacks::OutgoingEvent> outgoing(1);
        outgoing.front().event = &event_;
        const std::string_view text = co_await writer_.write(hooks().unsigned_section, outgoing);
        co_return std::string(text);
    }
    async::task<void> act(std::string what) { co_await hooks().account_validity.on_user_registration(what); }
    async::task<bool> runs_background_tasks() { co_return is_main(); }

private:
    void background_tasks_changed() override {
        group_journal.note(name() + (is_main() ? " has the background tasks" : " has lost the background tasks"));
    }
    static callbacks::Event sample() {
        callbacks::EventFields fields;
        fields.event_id = "$event";
        return callbacks::Event(std::move(fields));
    }
    static callbacks::ClientEventText text_of_sample() {
        callbacks::ClientEventText text;
        text.member("type", "m.room.message");
        text.begin_unsigned();
        text.end_before_number("age");
        return text;
    }

    std::string text_ = "example.org";
    callbacks::ClientEvent event_{sample(), text_of_sample()};
    callbacks::ClientEvents writer_;
};

/// One process.
struct Company {
    Company(const modapi::DatabaseSettings& settings, const std::optional<std::string>& name, const std::string& modules,
            const std::function<void(modapi::ProcessGroupSettings&)>& changed)
        : database(Database::open(settings)) {
        modapi::ProcessGroupSettings of_group;
        of_group.name = name.value_or("main");
        of_group.version = "1";
        of_group.lease.length = 5s;
        of_group.lease.renew_every = 100ms;
        of_group.lease.try_every = 50ms;
        if (changed) changed(of_group);
        processes.emplace(*database, settings, std::make_unique<modapi::PostgresqlBus>(settings.postgresql_connection), of_group);
        resolver.add<Shared>("my.Shared");
        modapi::WorkerGroupSettings workers_settings;
        workers_settings.count = 2;
        workers_settings.grace = 0ms;
        workers_settings.time_to_stop = 60s;
        workers_settings.signals = {};
        workers_settings.worker_name = name;
        workers_settings.processes = &*processes;
        const auto configured = modapi::configure_modules(modapi::ConfigurationFile::parse(modules, "shared.yaml"), resolver,
                                                          [](const std::string&) {});
        workers.emplace(std::move(workers_settings), *database, configured);
    }
    std::string value(std::size_t worker) { return workers->call(worker, &Branch::value); }
    std::string event(std::size_t worker) { return workers->call(worker, &Branch::event); }
    void act(std::size_t worker, const std::string& what) { workers->call(worker, &Branch::act, what); }
    bool runs_background_tasks() { return workers->call(0, &Branch::runs_background_tasks); }

    modapi::ModuleResolver resolver{std::vector<std::filesystem::path>()};
    std::unique_ptr<Database> database;
    std::optional<modapi::ProcessGroup> processes;
    std::optional<modapi::Workers<Branch>> workers;
};

void wait_until(const std::function<bool()>& is_so) {
    const auto give_up_at = std::chrono::steady_clock::now() + 30s;
    while (!is_so() && std::chrono::steady_clock::now() < give_up_at) std::this_thread::sleep_for(1ms);
    EXPECT_TRUE(is_so());
}

class ProcessGroupTest : public testing::Test {
protected:
    ProcessGroupTest() {
        static_cast<void>(group_journal.take());
        const std::unique_ptr<Database> database = Database::open(settings());
        database->run_blocking(
            "create",
            [](Transaction& transaction, void*) {
                transaction.execute("CREATE TABLE shared_values (name TEXT PRIMARY KEY, value TEXT NOT NULL)");
                transaction.execute("INSERT INTO shared_values (name, value) VALUES ('key', 'old')");
                transaction.execute("CREATE TABLE shared_work (number BIGSERIAL, place TEXT NOT NULL)");
            },
            nullptr);
    }
    [[nodiscard]] modapi::DatabaseSettings settings() const { return files.settings(); }
    [[nodiscard]] std::unique_ptr<Company> open(const std::optional<std::string>& name,
                                                const std::function<void(modapi::ProcessGroupSettings&)>& changed = nullptr) {
        return std::make_unique<Company>(settings(), name, modules, changed);
    }
    [[nodiscard]] static bool noted(const std::string& line) {
        return Journal::has(group_journal.lines(), line);
    }
    [[nodiscard]] std::string places_of_work() const {
        return postgresql_test::administrate("SELECT string_agg(DISTINCT place, ' ' ORDER BY place) FROM \"" + files.name() +
                                             "\".shared_work");
    }
    void forget_work() const { postgresql_test::administrate("DELETE FROM \"" + files.name() + "\".shared_work"); }

    TestDatabase files;
    std::string modules = "modules: [{module: my.Shared}]\n";
};

TEST_F(ProcessGroupTest, AnInvalidationReachesAllWorkersOfAllProcesses) {
    const std::unique_ptr<Company> a = open(std::nullopt);
    const std::unique_ptr<Company> b = open("b");
    for (const std::size_t worker : {0U, 1U}) {
        EXPECT_EQ(a->value(worker), "old");
        EXPECT_EQ(b->value(worker), "old");
    }
    a->act(1, "change new");
    EXPECT_EQ(a->value(1), "new") << "at once on the worker that did it";
    wait_until([&] { return a->value(0) == "new" && b->value(0) == "new" && b->value(1) == "new"; });
}

TEST_F(ProcessGroupTest, UnsignedThatHasChangedReachesAllWorkersOfAllProcesses) {
    const std::unique_ptr<Company> a = open(std::nullopt);
    const std::unique_ptr<Company> b = open("b");
    const std::string first = R"({"type":"m.room.message","unsigned":{"age":0,"asked":1}})";
    const std::string second = R"({"type":"m.room.message","unsigned":{"age":0,"asked":2}})";
    for (int turn = 0; turn < 2; ++turn) {
        for (const std::size_t worker : {0U, 1U}) {
            EXPECT_EQ(a->event(worker), first);
            EXPECT_EQ(b->event(worker), first);
        }
    }
    a->act(1, "take back $event");
    EXPECT_EQ(a->event(1), second) << "at once on the worker that says so";
    wait_until([&] { return a->event(0) == second && b->event(0) == second && b->event(1) == second; });
    b->act(0, "take back $other");
    EXPECT_EQ(b->event(0), second);
}

TEST_F(ProcessGroupTest, InvalidationsOfManyChangesLeaveNothingStale) {
    const std::unique_ptr<Company> a = open(std::nullopt);
    const std::unique_ptr<Company> b = open("b");
    for (int number = 0; number < 50; ++number) {
        const std::string value = "value " + std::to_string(number);
        (number % 2 == 0 ? a : b)->act(static_cast<std::size_t>(number % 3 == 0), "change " + value);
        wait_until([&] { return a->value(0) == value && a->value(1) == value && b->value(0) == value && b->value(1) == value; });
    }
}

TEST_F(ProcessGroupTest, ABroadcastReachesAllInstancesOfAllProcesses) {
    const std::unique_ptr<Company> a = open(std::nullopt);
    const std::unique_ptr<Company> b = open("b");
    a->act(0, "tell one");
    b->act(1, "tell two");
    for (const char* const place : {"main", "worker1", "b", "b-1"}) {
        wait_until([&] { return noted(std::string(place) + " heard one") && noted(std::string(place) + " heard two"); });
    }
}

TEST_F(ProcessGroupTest, BackgroundTasksAreOneProcessesAndAnotherOnesOnceThatHasStopped) {
    std::unique_ptr<Company> a = open(std::nullopt);
    const std::unique_ptr<Company> b = open("b");
    EXPECT_TRUE(a->runs_background_tasks());
    EXPECT_FALSE(b->runs_background_tasks());
    EXPECT_TRUE(noted("built on main for background tasks"));
    EXPECT_TRUE(noted("built on b"));
    wait_until([&] { return places_of_work() == "main"; });
    a.reset();
    forget_work();
    wait_until([&] { return noted("built on b for background tasks") && noted("b has the background tasks"); });
    EXPECT_TRUE(b->runs_background_tasks());
    wait_until([&] { return places_of_work() == "b"; });
    wait_until([&] { return noted("gone from b"); });
    EXPECT_FALSE(noted("gone from b-1")) << "nothing has changed for the other workers";
    EXPECT_EQ(b->value(0), "old");
}

TEST_F(ProcessGroupTest, WhoLosesTheLeaseRebuildsItsModulesAndWritesNoMore) {
    const std::unique_ptr<Company> a = open(std::nullopt);
    const std::unique_ptr<Company> b = open("b");
    wait_until([&] { return places_of_work() == "main"; });
    // As if this process had stood still for longer than its lease, and another one had had it meanwhile.
    postgresql_test::administrate("UPDATE \"" + files.name() +
                                  "\".modapi_lease SET owner_name = 'other', owner_instance = 'other', ends_ms = 0");
    wait_until([&] { return noted("main has lost the background tasks"); });
    wait_until([&] {
        const bool is_a = a->runs_background_tasks();
        if (is_a == b->runs_background_tasks()) return false;
        forget_work();
        wait_until([&] { return !places_of_work().empty(); });
        return places_of_work() == (is_a ? "main" : "b");
    });
}

TEST_F(ProcessGroupTest, ANameThatIsTakenIsRefused) {
    const std::unique_ptr<Company> a = open("same");
    EXPECT_THROW(static_cast<void>(open("same")), modapi::ProcessNameTaken);
}

TEST_F(ProcessGroupTest, WhoHasTheNameOfTheLeasesOwnerHasItAtOnce) {
    const auto for_long = [](modapi::ProcessGroupSettings& group) { group.lease.length = 1h; };
    std::unique_ptr<Company> a = open(std::nullopt, for_long);
    const std::unique_ptr<Company> b = open("b", for_long);
    EXPECT_TRUE(a->runs_background_tasks());
    // Killed: nothing is given back.
    postgresql_test::administrate("UPDATE \"" + files.name() + "\".modapi_lease SET owner_instance = 'killed'");
    a.reset();
    a = open(std::nullopt, for_long);
    EXPECT_TRUE(a->runs_background_tasks());
    EXPECT_FALSE(b->runs_background_tasks());
}

TEST_F(ProcessGroupTest, RunOnABackgroundProcessMovesWithTheLease) {
    modules = "modules: [{module: my.Shared, run_on: background}]\n";
    std::unique_ptr<Company> a = open(std::nullopt);
    const std::unique_ptr<Company> b = open("b");
    EXPECT_EQ(a->value(0), "old");
    EXPECT_EQ(a->value(1), "none");
    EXPECT_EQ(b->value(0), "none");
    a.reset();
    wait_until([&] { return b->value(0) == "old"; });
}

TEST_F(ProcessGroupTest, AQuestionIsAnsweredByAllOthersAndWhoSaysNothingIsNamed) {
    const std::unique_ptr<Company> a = open(std::nullopt);
    const std::unique_ptr<Company> b = open("b");
    std::unique_ptr<Database> database = Database::open(settings());
    // A process that lives and hears nothing.
    modapi::ProcessRegistry deaf(*database, settings(), modapi::ProcessIdentity::of_this_process("deaf", "1", ""),
                                 *async::environment(boost::asio::system_executor()).clock);
    deaf.enter();
    const auto ask = [&](modapi::Workers<Branch>& workers) {
        return workers.call(0, [&](Branch&) {
            JsonDict question;
            question["number"] = 7;
            return modapi::Questions::ask(a->processes->questions(), "who", std::move(question), 2s);
        });
    };
    const modapi::ProcessAnswers answers = ask(*a->workers);
    EXPECT_TRUE(answers.answers.empty()) << "nobody knows that topic";
    EXPECT_EQ(answers.silent, (Lines{"b", "deaf"}));
}

}  // namespace
