#include "log_capture.h"
#include "test_database.h"

#include <modapi/hosting/all_processes.h>
#include <modapi/hosting/joined_processes.h>
#include <modapi/hosting/metrics.h>
#include <modapi/hosting/postgresql_bus.h>
#include <modapi/hosting/process_answers.h>
#include <modapi/module_api.h>

#include <gmock/gmock.h>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <chrono>
#include <latch>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

/// What each of several processes knows alone, asked of all of them by one: two of them in this program, each with workers of
/// its own, over one PostgreSQL database.
namespace {

using namespace std::chrono_literals;
using modapi::AllProcesses;
using modapi::AnsweredProcesses;
using modapi::DecisionFilter;
using modapi::DecisionPlace;
using modapi::DecisionsOfProcesses;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Texts = std::vector<std::string>;

/// Refuses users called old, and blocks its thread for one called slow.
class Doorkeeper {
public:
    Doorkeeper(const callbacks::JsonDict&, modapi::ModuleApi& api) {
        callbacks::AccountValidity accounts;
        accounts.is_user_expired = async::bind<&Doorkeeper::is_expired>(this);
        api.register_account_validity_callbacks(accounts);
    }

    struct Block {
        std::latch begun{1};
        std::latch over{1};
    };
    static inline Block* block = nullptr;

private:
    std::optional<bool> is_expired(const std::string& user) {
        if (user.starts_with("@slow")) {
            block->begun.count_down();
            block->over.wait();
        }
        if (user.starts_with("@old")) return true;
        return std::nullopt;
    }
};

/// Another module of the list's first place.
class Gardener {
public:
    Gardener(const callbacks::JsonDict&, modapi::ModuleApi&) {}
};

class Office final : public modapi::HostWorker {
public:
    explicit Office(const modapi::WorkerContext& place) : HostWorker(place) {}
    const std::string& server_name() const noexcept override { return text_; }
    const std::string& public_baseurl() const noexcept override { return text_; }

    async::task<void> admit(std::string user) { static_cast<void>(co_await hooks().account_validity.is_user_expired(user)); }

private:
    std::string text_ = "example.org";
};

using Offices = modapi::Workers<Office>;

class AllProcessesTest : public testing::Test {
protected:
    struct Process {
        Process(const TestDatabase& test, modapi::ModuleResolver& resolver, const std::string& name, const std::string& module)
            : list{{module, {}}}, database(modapi::Database::open(test.settings())) {
            modapi::ProcessGroupSettings of_group;
            of_group.name = name;
            of_group.version = "1";
            of_group.modules = modapi::digest_of(modapi::configure_modules(list, resolver));
            group = std::make_unique<modapi::ProcessGroup>(
                *database, test.settings(), std::make_unique<modapi::PostgresqlBus>(test.settings().postgresql_connection),
                std::move(of_group));
            modapi::WorkerGroupSettings settings;
            settings.count = 2;
            settings.grace = 0ms;
            settings.time_to_stop = 60s;
            settings.signals = {};
            if (name != "main") settings.worker_name = name;
            settings.processes = group.get();
            settings.read_modules = [this, &resolver] {
                if (list.empty()) throw std::runtime_error("homeserver.yaml:1: modules: must be a list");
                return modapi::configure_modules(list, resolver);
            };
            settings.answers["weather"] = &Process::tell_weather;
            workers = std::make_unique<Offices>(std::move(settings), *database, modapi::configure_modules(list, resolver));
        }
        static async::task<callbacks::JsonDict> tell_weather(modapi::WorkerGroup& of, callbacks::JsonDict question) {
            if (question.contains("storm")) throw std::runtime_error("no windows");
            callbacks::JsonDict answer;
            answer["in"] = of.process();
            co_return answer;
        }
        /// Runs a function of AllProcesses on the process's first worker.
        template <class Function, class... Arguments>
        auto ask(Function function, Arguments... arguments) {
            return workers->call(0, [this, function, ... given = std::move(arguments)](Office&) {
                return on_worker(*workers, function, given...);
            });
        }
        template <class Function, class... Arguments>
        static auto on_worker(modapi::WorkerGroup& of, Function function, Arguments... arguments)
            -> decltype((AllProcesses(of).*function)(arguments...)) {
            const AllProcesses all(of);
            auto asking = (all.*function)(std::move(arguments)...);
            co_return co_await std::move(asking);
        }
        void admit(const std::string& user, std::size_t worker = 0) const { workers->call(worker, &Office::admit, user); }
        [[nodiscard]] AnsweredProcesses statistics(std::chrono::milliseconds limit = 5s) {
            return ask(&AllProcesses::statistics_within, limit);
        }
        [[nodiscard]] DecisionsOfProcesses decisions(const DecisionFilter& filter = {}, std::optional<DecisionPlace> from = {},
                                                     std::size_t count = 100) {
            return ask(&AllProcesses::find_decisions, filter, std::move(from), count, std::chrono::milliseconds(5s));
        }

        std::vector<modapi::ModuleEntry> list;
        std::unique_ptr<modapi::Database> database;
        std::unique_ptr<modapi::ProcessGroup> group;
        std::unique_ptr<Offices> workers;
    };

    AllProcessesTest() {
        resolver.add<Doorkeeper>("my.Doorkeeper");
        resolver.add<Gardener>("my.Gardener");
    }
    std::unique_ptr<Process> begin(const std::string& name, const std::string& module = "my.Doorkeeper") {
        return std::make_unique<Process>(test_database, resolver, name, module);
    }
    /// PROCESS: WORKER calls, ...
    static Texts calls_of(const AnsweredProcesses& all) {
        Texts lines;
        for (const AnsweredProcesses::Process& process : all.processes) {
            std::string line = process.process + ":";
            for (const modapi::WorkerStatistics& worker : process.answered.workers)
                line += " " + worker.worker + " " + std::to_string(worker.modules.at(0).callbacks.at(0).calls);
            lines.push_back(std::move(line));
        }
        return lines;
    }
    static Texts users_of(const DecisionsOfProcesses& found) {
        Texts users;
        for (const modapi::Decision& decision : found.decisions)
            users.push_back(decision.user_id + " " + decision.process + " " + decision.worker);
        return users;
    }

    LogCapture log;
    TestDatabase test_database;
    modapi::ModuleResolver resolver = modapi::ModuleResolver({});
};

TEST_F(AllProcessesTest, SayWhatTheWorkersOfEachDidWhicheverIsAsked) {
    const auto main = begin("main");
    const auto sync = begin("sync");
    main->admit("@alice:x");
    main->admit("@alice:x", 1);
    sync->admit("@bob:x", 1);
    for (Process* const asked : {main.get(), sync.get()}) {
        const AnsweredProcesses all = asked->statistics();
        EXPECT_THAT(calls_of(all), ElementsAre("main: main 1 worker1 1", "sync: sync 0 sync-1 1"));
        EXPECT_THAT(all.silent, IsEmpty());
    }
}

TEST_F(AllProcessesTest, NameAWorkerThatIsBlockedInAnotherProcess) {
    const auto main = begin("main");
    const auto sync = begin("sync");
    Doorkeeper::Block block;
    Doorkeeper::block = &block;
    std::thread blocked([&] { sync->admit("@slow:x", 1); });
    block.begun.wait();
    const AnsweredProcesses all = main->statistics(500ms);
    block.over.count_down();
    blocked.join();
    ASSERT_EQ(all.processes.size(), 2U);
    EXPECT_THAT(calls_of(all), ElementsAre("main: main 0 worker1 0", "sync: sync 0"));
    ASSERT_EQ(all.processes[1].answered.silent.size(), 1U);
    EXPECT_EQ(all.processes[1].answered.silent[0].worker, "sync-1");
    EXPECT_EQ(all.processes[1].answered.silent[0].callback, "is_user_expired");
}

TEST_F(AllProcessesTest, KeepModulesApartThatStandAtTheSamePlaceOfDifferentLists) {
    const auto main = begin("main");
    const auto sync = begin("sync", "my.Gardener");
    std::vector<modapi::ModuleStatistics> together;
    const AnsweredProcesses all = main->statistics();
    for (const AnsweredProcesses::Process& process : all.processes) {
        for (const modapi::WorkerStatistics& worker : process.answered.workers) add_up(together, worker.modules);
    }
    ASSERT_EQ(together.size(), 2U);
    EXPECT_EQ(together[0].module, "my.Doorkeeper");
    EXPECT_EQ(together[1].module, "my.Gardener");
    EXPECT_EQ(together[0].position, together[1].position);
}

TEST_F(AllProcessesTest, AreOneListOfDecisionsPageByPage) {
    const auto main = begin("main");
    const auto sync = begin("sync");
    main->admit("@old1:x");
    sync->admit("@old2:x", 1);
    main->admit("@old3:x", 1);
    for (Process* const asked : {main.get(), sync.get()}) {
        const DecisionsOfProcesses all = asked->decisions();
        EXPECT_THAT(users_of(all), UnorderedElementsAre("@old3:x main worker1", "@old2:x sync sync-1", "@old1:x main main"));
        const auto is_newer = [](const modapi::Decision& one, const modapi::Decision& other) {
            return DecisionPlace::of(one).is_before(other);
        };
        EXPECT_TRUE(std::is_sorted(all.decisions.begin(), all.decisions.end(), is_newer));
        EXPECT_FALSE(all.has_more);
        EXPECT_FALSE(all.is_incomplete);
        Texts page_by_page;
        std::optional<DecisionPlace> from;
        for (int page = 0; page < 3; ++page) {
            const DecisionsOfProcesses one = asked->decisions({}, from, 1);
            ASSERT_EQ(one.decisions.size(), 1U);
            EXPECT_EQ(one.has_more, page < 2);
            page_by_page.push_back(users_of(one).front());
            from = DecisionPlace::of(one.decisions.front());
        }
        EXPECT_EQ(page_by_page, users_of(all));
        for (const modapi::Decision& decision : all.decisions) {
            DecisionFilter by_id;
            by_id.id = decision.id;
            const DecisionsOfProcesses found = asked->decisions(by_id);
            ASSERT_EQ(found.decisions.size(), 1U);
            EXPECT_EQ(found.decisions[0].user_id, decision.user_id);
        }
    }
}

TEST_F(AllProcessesTest, AreNamedThatDoNotAnswerWhatTheHostAsksOfThem) {
    const auto main = begin("main");
    const auto sync = begin("sync");
    const auto asked_for = [&](const std::string& topic, callbacks::JsonDict question, std::chrono::milliseconds limit) {
        return main->ask(&AllProcesses::ask, topic, std::move(question), limit);
    };
    const modapi::AskedProcesses fine = asked_for("weather", {}, 5s);
    ASSERT_EQ(fine.answers.size(), 1U);
    EXPECT_EQ(fine.answers[0].process, "sync");
    EXPECT_EQ(boost::json::serialize(fine.answers[0].content), R"({"in":"sync"})");
    callbacks::JsonDict storm;
    storm["storm"] = true;
    const modapi::AskedProcesses failed = asked_for("weather", storm, 5s);
    ASSERT_EQ(failed.silent.size(), 1U);
    EXPECT_EQ(failed.silent[0].process, "sync");
    EXPECT_EQ(failed.silent[0].error, "no windows");
    const modapi::AskedProcesses unknown = asked_for("tides", {}, 50ms);
    ASSERT_EQ(unknown.silent.size(), 1U);
    EXPECT_EQ(unknown.silent[0].process, "sync");
    EXPECT_EQ(unknown.silent[0].error, "");
}

TEST_F(AllProcessesTest, ReloadEachItsOwnListAndSayWhatCameOfIt) {
    const auto main = begin("main");
    const auto sync = begin("sync");
    const std::string before = main->group->registry().own().modules;
    main->list.push_back({"my.Gardener", {}});
    sync->list.clear();
    const modapi::ReloadedProcesses reloaded =
        main->ask(&AllProcesses::reload, std::string("root"), std::chrono::milliseconds(20s));
    ASSERT_EQ(reloaded.processes.size(), 2U);
    EXPECT_THAT(reloaded.silent, IsEmpty());
    ASSERT_TRUE(reloaded.processes[0].changes);
    EXPECT_THAT(reloaded.processes[0].changes->kept, ElementsAre("my.Doorkeeper"));
    EXPECT_THAT(reloaded.processes[0].changes->added, ElementsAre("my.Gardener"));
    EXPECT_FALSE(reloaded.processes[1].changes);
    EXPECT_EQ(reloaded.processes[1].error, "homeserver.yaml:1: modules: must be a list");
    EXPECT_NE(main->group->registry().own().modules, before) << "the others are told";
    EXPECT_EQ(sync->group->registry().own().modules, before);
    sync->list = main->list;
    const modapi::ReloadedProcesses again =
        main->ask(&AllProcesses::reload, std::string("root"), std::chrono::milliseconds(20s));
    ASSERT_TRUE(again.processes.at(1).changes);
    EXPECT_THAT(again.processes[1].changes->added, ElementsAre("my.Gardener"));
    EXPECT_EQ(sync->group->registry().own().modules, main->group->registry().own().modules);
}

TEST_F(AllProcessesTest, ChangeTheRulesOfAnEntryInAllInWhichItStandsAtItsPlace) {
    const auto main = begin("main");
    const auto sync = begin("sync");
    const auto other = begin("other", "my.Gardener");
    modapi::RuleChange off;
    off.mode = async::call_mode::off;
    const auto change = [&](const std::string& which) {
        return main->ask(&AllProcesses::change_rules, which, off, std::string("root"), std::chrono::milliseconds(5s));
    };
    const modapi::ChangedRulesOfProcesses changed = change("0");
    EXPECT_EQ(changed.module, "my.Doorkeeper");
    EXPECT_THAT(changed.later, IsEmpty());
    ASSERT_EQ(changed.silent.size(), 1U);
    EXPECT_EQ(changed.silent[0].process, "other");
    EXPECT_EQ(changed.silent[0].error, "its list has no module my.Doorkeeper at 0");
    const AnsweredProcesses all = main->statistics();
    ASSERT_EQ(all.processes.size(), 3U);
    for (const std::size_t process : {0, 2}) {
        for (const modapi::WorkerStatistics& worker : all.processes[process].answered.workers)
            EXPECT_EQ(worker.modules.at(0).mode_in_force(), async::call_mode::off) << worker.worker;
    }
    const modapi::ChangedRulesOfProcesses elsewhere = change("my.Gardener");
    EXPECT_EQ(elsewhere.module, "my.Gardener") << "it runs in another process alone";
    EXPECT_THROW(static_cast<void>(change("my.Nobody")), modapi::HostError);
}

TEST_F(AllProcessesTest, ShowTheirMetricsTogether) {
    const auto main = begin("main");
    const auto sync = begin("sync");
    main->admit("@alice:x");
    const AnsweredProcesses all = main->statistics();
    modapi::MetricFamilies together;
    for (const AnsweredProcesses::Process& process : all.processes) {
        modapi::MetricFamilies metrics;
        metrics.add_modules(process.answered);
        metrics.add_process_group(process.process == "main" ? main->group.get() : sync->group.get());
        together.add(modapi::MetricFamilies::read(metrics.as_json()), process.process);
    }
    const std::string text = together.text();
    EXPECT_THAT(text, HasSubstr("modapi_worker_up{worker=\"main\",process=\"main\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("modapi_worker_up{worker=\"sync-1\",process=\"sync\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("modapi_process_info{process=\"sync\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("modapi_background_lease_owned{process=\"main\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("modapi_background_lease_owned{process=\"sync\"} 0\n"));
    EXPECT_THAT(text, HasSubstr("modapi_background_lease_fence{process=\"main\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("modapi_message_readings_total{process=\"sync\"} "));
    EXPECT_EQ(text.find("# TYPE modapi_worker_up"), text.rfind("# TYPE modapi_worker_up"));
}

}  // namespace
