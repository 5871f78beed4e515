#include "log_capture.h"
#include "worker_under_test.h"

#include <modapi/services/service_not_offered.h>

#include <gtest/gtest.h>

#include <async/sync_wait.h>

#include <functional>
#include <future>
#include <thread>

namespace {

using namespace std::chrono_literals;
using callbacks::JsonDict;
using modapi::ModuleApi;

/// Hands its ModuleApi to the test.
struct Open {
    Open(const JsonDict&, ModuleApi& given) { api = &given; }
    static inline ModuleApi* api = nullptr;
};

class ModuleApiTest : public testing::Test {
protected:
    ModuleApiTest() {
        test.construct<Open>();
        api = Open::api;
    }
    LogCapture log;
    WorkerUnderTest test;
    ModuleApi* api;
};

TEST_F(ModuleApiTest, KnowsItsServersNames) {
    EXPECT_EQ(api->get_qualified_user_id("alice"), "@alice:example.org");
    EXPECT_EQ(api->get_qualified_user_id("@alice:other"), "@alice:other");
    EXPECT_TRUE(api->is_mine("@alice:example.org"));
    EXPECT_FALSE(api->is_mine("@alice:example.org:8448"));
    EXPECT_FALSE(api->is_mine("example.org"));
    EXPECT_EQ(api->server_name(), "example.org");
    EXPECT_EQ(api->public_baseurl(), "http://example.org/");
    EXPECT_EQ(api->worker_name(), std::nullopt);
    EXPECT_EQ(api->module_name(), "test.Module0");
    EXPECT_TRUE(api->is_mine(callbacks::UserID("@alice:example.org")));
    EXPECT_FALSE(api->is_mine(callbacks::RoomAlias("#a:other.org")));
    EXPECT_EQ(api->email_app_name(), "Matrix");
    EXPECT_EQ(api->custom_template_dir(), std::nullopt);
    EXPECT_EQ(api->worker_app(), std::nullopt);
    EXPECT_FALSE(ModuleApi::msc3861_oauth_delegation_enabled());
    EXPECT_TRUE(api->should_run_background_tasks());
}

std::string what_is_thrown(const std::function<void()>& call) {
    try {
        call();
    } catch (const modapi::ServiceNotOffered& error) {
        return error.what();
    } catch (const std::exception& error) {
        return std::string("another error: ") + error.what();
    }
    return "nothing";
}

TEST_F(ModuleApiTest, NamesWhatItsHostDoesNotOffer) {
    const std::string alice = "@alice:example.org";
    const std::string room = "!r:example.org";
    const JsonDict nothing;
    const modapi::Request request;
    const callbacks::UserID user(alice);
    modapi::PublicRoomListManager& list = api->public_room_list_manager();
    modapi::AccountDataManager& data = api->account_data_manager();
    const std::vector<std::pair<std::string, std::function<void()>>> calls = {
        {"get_userinfo_by_id", [&] { test.wait(api->get_userinfo_by_id(alice)); }},
        {"get_user_by_req", [&] { test.wait(api->get_user_by_req(request)); }},
        {"list_local_users", [&] { test.wait(api->list_local_users(modapi::UserOrder::by_id, 1)); }},
        {"get_room_state", [&] { test.wait(api->get_state_event(room, "m.room.name")); }},
        {"is_user_admin", [&] { test.wait(api->is_user_admin(alice)); }},
        {"set_user_admin", [&] { test.wait(api->set_user_admin(alice, true)); }},
        {"check_username", [&] { test.wait(api->check_username("alice")); }},
        {"register_user", [&] { test.wait(api->register_user("alice")); }},
        {"register_device", [&] { test.wait(api->register_device(alice)); }},
        {"record_user_external_id", [&] { test.wait(api->record_user_external_id("p", "x", alice)); }},
        {"create_login_token", [&] { test.wait(api->create_login_token(alice)); }},
        {"invalidate_access_token", [&] { test.wait(api->invalidate_access_token("t")); }},
        {"complete_sso_login_async", [&] { test.wait(api->complete_sso_login_async(alice, request, "https://c")); }},
        {"get_profile_for_user", [&] { test.wait(api->get_profile_for_user("alice")); }},
        {"set_displayname", [&] { test.wait(api->set_displayname(user, "x")); }},
        {"get_threepids_for_user", [&] { test.wait(api->get_threepids_for_user(alice)); }},
        {"store_remote_3pid_association", [&] { test.wait(api->store_remote_3pid_association(alice, "email", "a", "i")); }},
        {"get_user_ip_and_agents", [&] { test.wait(api->get_user_ip_and_agents(alice)); }},
        {"get_monthly_active_users_by_service", [&] { test.wait(api->get_monthly_active_users_by_service()); }},
        {"deactivate_user", [&] { test.wait(api->deactivate_user(alice)); }},
        {"account_data_manager.get_global", [&] { test.wait(data.get_global(alice, "t")); }},
        {"account_data_manager.put_global", [&] { test.wait(data.put_global(alice, "t", nothing)); }},
        {"get_room_state", [&] { test.wait(api->get_room_state(room)); }},
        {"get_room_state", [&] { test.wait(api->get_state_events_in_room(room, {})); }},
        {"get_event", [&] { test.wait(api->get_event("$e")); }},
        {"get_members", [&] { test.wait(api->get_members(room)); }},
        {"get_rooms_for_user", [&] { test.wait(api->get_rooms_for_user(alice)); }},
        {"update_room_membership", [&] { test.wait(api->update_room_membership(alice, alice, room, "join")); }},
        {"create_room", [&] { test.wait(api->create_room(alice, nothing)); }},
        {"delete_room", [&] { test.wait(api->delete_room(room)); }},
        {"get_room_state", [&] { test.wait(api->get_canonical_room_alias(callbacks::RoomID(room))); }},
        {"lookup_room_alias", [&] { test.wait(api->lookup_room_alias("#a:example.org")); }},
        {"public_room_list_manager.room_is_in_public_room_list", [&] { test.wait(list.room_is_in_public_room_list(room)); }},
        {"public_room_list_manager.add_room_to_public_room_list", [&] { test.wait(list.add_room_to_public_room_list(room)); }},
        {"public_room_list_manager.remove_room_from_public_room_list",
         [&] { test.wait(list.remove_room_from_public_room_list(room)); }},
        {"send_local_online_presence_to", [&] { test.wait(api->send_local_online_presence_to({alice})); }},
        {"set_presence_for_users", [&] { test.wait(api->set_presence_for_users({})); }},
        {"send_mail", [&] { test.wait(api->send_mail("a@example.org", "s", "h", "t")); }},
    };
    for (const auto& [service, call] : calls) EXPECT_EQ(what_is_thrown(call), "this host does not offer " + service);
}

TEST_F(ModuleApiTest, LogsUnderTheModulesName) {
    EXPECT_EQ(api->logger().name(), "test.Module0");
    api->logger().info("hello");
    EXPECT_TRUE(log.contains("info: hello"));
}

/// Complete, of a user of the server under test.
JsonDict sendable(const std::string& type) {
    JsonDict event;
    event["type"] = type;
    event["room_id"] = "!r:example.org";
    event["sender"] = "@alice:example.org";
    event["content"] = JsonDict();
    return event;
}

TEST_F(ModuleApiTest, SendsEventsThroughTheHost) {
    const JsonDict event = sendable("m.room.message");
    EXPECT_EQ(test.wait(api->create_and_send_event_into_room(event)).type(), "m.room.message");
    ASSERT_EQ(test.server.sent.size(), 1U);
    EXPECT_EQ(test.wait(api->check_user_exists("@alice:example.org")), "@alice:example.org");
    EXPECT_EQ(test.wait(api->check_user_exists("@bob:example.org")), std::nullopt);
}

void make_table(modapi::Transaction& transaction, const std::string& value) {
    transaction.execute("CREATE TABLE kept (value TEXT)");
    transaction.execute("INSERT INTO kept VALUES (?)", value);
}
std::string read_table(modapi::Transaction& transaction) {
    return std::get<0>(*transaction.query_one<std::string>("SELECT value FROM kept"));
}

TEST_F(ModuleApiTest, RunsDatabaseInteractionsAndBlockingCallsElsewhere) {
    const std::string value = "it's here";
    test.wait(api->run_db_interaction("make", &make_table, value));
    EXPECT_EQ(test.wait(api->run_db_interaction("read", &read_table)), value);
    const auto thread = [](int given) { return std::pair(std::this_thread::get_id(), given); };
    const auto [ran_on, given] = test.wait(api->defer_to_thread(thread, 7));
    EXPECT_NE(ran_on, std::this_thread::get_id());
    EXPECT_EQ(given, 7);
}

async::task<void> sleep_then_set(ModuleApi* api, bool* woken) {
    co_await api->sleep(1.5);
    *woken = true;
}

void write_more(modapi::Transaction& transaction) { transaction.execute("INSERT INTO kept VALUES ('more')"); }

TEST_F(ModuleApiTest, ReadsTheDatabaseWhileSomebodyWrites) {
    test.wait(api->run_db_interaction("make", &make_table, std::string("kept")));
    std::promise<void> began;
    std::promise<void> may_end;
    const auto slow_write = [&](modapi::Transaction& transaction) {
        write_more(transaction);
        began.set_value();
        may_end.get_future().wait();
    };
    std::thread writer([&] { async::sync_wait(test.database->run("slow", slow_write)); });
    began.get_future().wait();
    EXPECT_EQ(test.wait(api->run_db_read("read", &read_table)), "kept");
    may_end.set_value();
    writer.join();
}

TEST_F(ModuleApiTest, RefusesToWriteWhereItOnlyReads) {
    test.wait(api->run_db_interaction("make", &make_table, std::string("kept")));
    EXPECT_THROW(test.wait(api->run_db_read("write", &write_more)), modapi::WriteRefused);
    EXPECT_NO_THROW(test.wait(api->run_db_interaction("write", &write_more)));
}

TEST_F(ModuleApiTest, SleepsOnTheWorkersClock) {
    bool woken = false;
    api->delayed_background_call(0, &sleep_then_set, api, &woken);
    test.advance(1499ms);
    EXPECT_FALSE(woken);
    test.advance(2ms);
    EXPECT_TRUE(woken);
}

TEST_F(ModuleApiTest, LoopsFirstAfterThePeriodAndThenFromStartToStart) {
    int runs = 0;
    const auto count = [](int* counted) { ++*counted; };
    api->looping_background_call(count, 1000, &runs);
    test.advance(999ms);
    EXPECT_EQ(runs, 0);
    test.advance(1ms);
    EXPECT_EQ(runs, 1);
    test.advance(3s);
    EXPECT_EQ(runs, 4);
}

async::task<void> slow_run(ModuleApi* api, std::vector<std::int64_t>* starts, async::testing::virtual_clock* clock) {
    starts->push_back(clock->now().time_since_epoch() / 1ms);
    co_await api->sleep(2.5);
}

TEST_F(ModuleApiTest, DelaysTheNextRunWhileOneIsInProgress) {
    std::vector<std::int64_t> starts;
    const std::int64_t now = test.time.clock().now().time_since_epoch() / 1ms;
    api->looping_background_call(&slow_run, 1000, api, &starts, &test.time.clock());
    test.advance(7s);
    for (std::int64_t& start : starts) start -= now;
    EXPECT_EQ(starts, (std::vector<std::int64_t>{1000, 3500, 6000}));
}

TEST_F(ModuleApiTest, LoopsAndDelaysByDurationsToo) {
    int loops = 0;
    int calls = 0;
    const auto count = [](int* counted) { ++*counted; };
    api->looping_background_call(count, 1min, &loops);
    api->delayed_background_call(90s, count, &calls);
    test.advance(89s);
    EXPECT_EQ(loops, 1);
    EXPECT_EQ(calls, 0);
    test.advance(1s);
    EXPECT_EQ(calls, 1);
    test.advance(2min);
    EXPECT_EQ(loops, 3);
    EXPECT_THROW(api->looping_background_call(count, 0s, &loops), std::invalid_argument);
}

TEST_F(ModuleApiTest, LoopsFirstAfterATimeOfItsOwn) {
    int soon = 0;
    int late = 0;
    const auto count = [](int* counted) { ++*counted; };
    api->looping_background_call(count, modapi::Every(1min).first_after(0s), &soon);
    api->looping_background_call_on_all_instances(count, modapi::Every(1s).first_after(2h), &late);
    test.advance(0s);
    EXPECT_EQ(soon, 1);
    test.advance(59s);
    EXPECT_EQ(soon, 1);
    test.advance(1s);
    EXPECT_EQ(soon, 2);
    test.advance(2h - 61s);
    EXPECT_EQ(late, 0);
    test.advance(3s);
    EXPECT_EQ(late, 3);
}

void fail_once(int* runs) {
    if (++*runs == 1) throw std::runtime_error("first time");
}

TEST_F(ModuleApiTest, LogsAFailedRunWithItsModuleAndLoopsOn) {
    int runs = 0;
    api->looping_background_call(&fail_once, 1000, &runs);
    test.advance(2s);
    EXPECT_EQ(runs, 2);
    EXPECT_TRUE(log.contains("error: module test.Module0: a background call failed: first time"));
    EXPECT_THROW(api->looping_background_call(&fail_once, 0, &runs), std::invalid_argument);
}

TEST_F(ModuleApiTest, CallsOnceAfterADelayUnlessCancelled) {
    int kept = 0;
    int dropped = 0;
    const auto count = [](int* counted) { ++*counted; };
    api->delayed_background_call(1000, count, &kept);
    modapi::DelayedCall cancelled = api->delayed_background_call(1000, count, &dropped);
    modapi::DelayedCall at_once = api->delayed_background_call(1000, count, &dropped);
    at_once.cancel();
    test.advance(500ms);
    cancelled.cancel();
    test.advance(5s);
    EXPECT_EQ(kept, 1);
    EXPECT_EQ(dropped, 0);
    cancelled.cancel();
}

TEST_F(ModuleApiTest, CutsADelayedCallThatRunsWhenItIsCancelled) {
    bool woken = false;
    modapi::DelayedCall call = api->delayed_background_call(0, &sleep_then_set, api, &woken);
    test.advance(1s);
    call.cancel();
    test.advance(5s);
    EXPECT_FALSE(woken);
}

async::task<int> double_later(ModuleApi* api, int number) {
    co_await api->sleep(1);
    co_return 2 * number;
}
async::task<void> fail_later(ModuleApi* api) {
    co_await api->sleep(1);
    throw std::runtime_error("no luck");
}
/// Waits in the middle of a callback, as a module does.
async::task<std::optional<int>> double_in_background(ModuleApi* api, int number) {
    co_return co_await api->run_as_background_process("double", &double_later, api, number);
}
async::task<bool> came_to_its_end(ModuleApi* api, bool fails) {
    std::optional<bool> ended;
    if (fails) {
        ended = co_await api->run_as_background_process("fail", &fail_later, api);
    } else {
        ended = co_await api->run_as_background_process("succeed", [] {});
    }
    co_return ended.value_or(false);
}

TEST_F(ModuleApiTest, TellsTheHostsTimeByTheNameOfTheContractToo) {
    EXPECT_EQ(api->get_current_time_msec(), api->now_ms());
    const std::int64_t before = api->get_current_time_msec();
    test.advance(1500ms);
    EXPECT_EQ(api->get_current_time_msec(), before + 1500);
}

TEST_F(ModuleApiTest, RunsAProcessInTheBackgroundAndGivesItsResultToWhoeverAwaitsIt) {
    const auto doubled = test.time.start(double_in_background(api, 21));
    test.advance(999ms);
    EXPECT_FALSE(doubled.done());
    test.advance(1ms);
    EXPECT_EQ(doubled.result(), 42);
    EXPECT_TRUE(test.wait(came_to_its_end(api, false)));
}

TEST_F(ModuleApiTest, GivesNothingForABackgroundProcessThatThrowsAndLogsItByItsNameAndModule) {
    EXPECT_FALSE(test.wait(came_to_its_end(api, true)));
    EXPECT_TRUE(log.contains("error: module test.Module0: the background process fail failed: no luck request_id="))
        << log.text();
}

TEST_F(ModuleApiTest, RunsABackgroundProcessThatNobodyAwaits) {
    bool woken = false;
    api->run_as_background_process("sleep", &sleep_then_set, api, &woken);
    EXPECT_FALSE(woken);
    test.advance(10s);
    EXPECT_TRUE(woken);
}

TEST_F(ModuleApiTest, GoesOnWithABackgroundProcessWhoseAwaiterIsCancelled) {
    bool woken = false;
    const auto waiting = test.time.start(async::with_deadline(500ms, double_in_background(api, 1)));
    api->run_as_background_process("sleep", &sleep_then_set, api, &woken);
    test.advance(500ms);
    EXPECT_THROW(waiting.result(), async::deadline_exceeded);
    test.advance(10s);
    EXPECT_TRUE(woken);
}

TEST_F(ModuleApiTest, EndsABackgroundProcessWithTheWorkerAndGivesNothingForIt) {
    bool woken = false;
    const auto waiting = test.time.start(double_in_background(api, 1));
    api->run_as_background_process("sleep", &sleep_then_set, api, &woken);
    test.advance(500ms);
    test.stop();
    EXPECT_FALSE(woken);
    EXPECT_EQ(waiting.result(), std::nullopt);
}

TEST_F(ModuleApiTest, CountsBackgroundProcessesByTheirNamesUpTo64OfThem) {
    for (int number = 0; number < 65; ++number)
        api->run_as_background_process("process " + std::to_string(100 + number), [] {});
    api->run_as_background_process("process 100", [] { throw std::runtime_error("no luck"); });
    test.run_ready();
    const modapi::ModuleStatistics counted = test.worker.module_statistics().at(0);
    ASSERT_EQ(counted.background_processes.size(), 64U);
    EXPECT_EQ(counted.background_processes[0].callback, "process 100");
    EXPECT_EQ(counted.background_processes[0].calls, 2U);
    EXPECT_EQ(counted.background_processes[0].failed, 1U);
    EXPECT_EQ(counted.background_processes[63].calls, 1U);
    EXPECT_EQ(counted.background_calls, 1U);
}

/// Starts a process before it is asked.
struct StartsProcess {
    StartsProcess(const callbacks::JsonDict&, ModuleApi& given) : api(given) {
        api.run_as_background_process(
            "count", [](int* counted) { ++*counted; }, &runs);
    }
    async::task<void> start() {
        runs_at_start = runs;
        try {
            co_await api.run_as_background_process("never ends", [] {});
        } catch (const std::logic_error& error) {
            refusal = error.what();
        }
    }
    static inline int runs = 0;
    static inline int runs_at_start = 0;
    static inline std::string refusal;
    ModuleApi& api;
};

TEST(ModuleApiStartTest, BeginsBackgroundProcessesWithTheServiceAndLetsNobodyAwaitOneBefore) {
    const LogCapture log;
    WorkerUnderTest test;
    test.construct<StartsProcess>();
    test.run_ready();
    EXPECT_EQ(StartsProcess::runs_at_start, 0);
    EXPECT_EQ(StartsProcess::runs, 1);
    EXPECT_EQ(
        StartsProcess::refusal,
        "run_as_background_process: what a constructor or start() starts begins when its module is asked, and can't be awaited "
        "before");
}

TEST_F(ModuleApiTest, StopsItsBackgroundCallsWithTheWorker) {
    int runs = 0;
    bool woken = false;
    const auto count = [](int* counted) { ++*counted; };
    api->looping_background_call(count, 1000, &runs);
    api->delayed_background_call(0, &sleep_then_set, api, &woken);
    test.advance(1s);
    test.stop();
    EXPECT_EQ(runs, 1);
    EXPECT_FALSE(woken);
}

TEST(ModuleApiWorkersTest, LoopsOnlyOnTheWorkerForBackgroundTasks) {
    const LogCapture log;
    modapi::WorkerSettings settings;
    settings.worker_name = "worker1";
    settings.run_background_tasks = false;
    WorkerUnderTest test(settings);
    test.construct<Open>();
    int runs = 0;
    const auto count = [](int* counted) { ++*counted; };
    Open::api->looping_background_call(count, 1000, &runs);
    EXPECT_TRUE(log.contains("its looping background call is not run on worker worker1"));
    test.advance(2s);
    EXPECT_EQ(runs, 0);
    Open::api->looping_background_call_on_all_instances(count, 1000, &runs);
    test.advance(2s);
    EXPECT_EQ(runs, 2);
}

TEST(ModuleApiWorkersTest, RunsWhatOneWorkerIsToDoThereAndWarnsNobodyElse) {
    const auto count = [](int* counted) { ++*counted; };
    for (const bool is_the_one : {true, false}) {
        const LogCapture log;
        modapi::WorkerSettings settings;
        settings.run_background_tasks = is_the_one;
        WorkerUnderTest test(settings);
        test.construct<Open>();
        int loops = 0;
        int calls = 0;
        int everywhere = 0;
        Open::api->looping_background_call(count, 1s, &loops);
        modapi::DelayedCall handle = Open::api->delayed_background_call(modapi::After(1s).on_one_worker(), count, &calls);
        Open::api->delayed_background_call(1s, count, &everywhere);
        test.advance(1s);
        EXPECT_EQ(loops, is_the_one ? 1 : 0);
        EXPECT_EQ(calls, is_the_one ? 1 : 0);
        EXPECT_EQ(everywhere, 1);
        EXPECT_FALSE(log.contains("warning"));
        handle.cancel();
    }
}

/// Answers a spam check by sending an event, which is checked for spam.
struct CausesItself {
    CausesItself(const JsonDict&, ModuleApi& given) : api(given) {
        given.register_spam_checker_callbacks({.check_event_for_spam = async::bind<&CausesItself::check>(this)});
    }
    async::task<callbacks::Verdict> check(const callbacks::Event&) {
        JsonDict event = sendable("org.example.echo");
        static_cast<void>(co_await api.create_and_send_event_into_room(std::move(event)));
        co_return callbacks::NOT_SPAM;
    }
    ModuleApi& api;
};

async::task<void> check_for_spam(modapi::ModuleHost& worker) {
    const callbacks::Event event{callbacks::EventFields()};
    static_cast<void>(co_await worker.hooks().spam_checker.check_event_for_spam(event));
}

TEST(NestedCallTest, OfACallbackThatCausesItselfEndBeforeTheMemoryDoes) {
    const LogCapture log;
    WorkerUnderTest test;
    test.construct<CausesItself>();
    test.server.while_sending = [&] { return check_for_spam(test.worker); };
    EXPECT_EQ(
        what_is_thrown([&] { test.wait(check_for_spam(test.worker)); }),
        "another error: create_and_send_event_into_room: 50 calls lie within each other: a callback causes itself by what it "
        "does");
    EXPECT_EQ(test.server.sent.size(), 50U);
    test.server.while_sending = nullptr;
    for (int again = 0; again < 60; ++again) test.wait(check_for_spam(test.worker));
}

}  // namespace
