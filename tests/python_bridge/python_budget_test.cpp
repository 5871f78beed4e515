#include "log_capture.h"
#include "peak_memory.h"
#include "python_worker.h"

#include <python_budget.h>
#include <python_connection.h>
#include <said_events.h>

#include <async/cancellation.h>
#include <async/co_spawn.h>
#include <async/notification.h>
#include <async/scope.h>

#include <boost/asio/post.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

/// What a process may have its host do at once, and what others notice of it.
namespace {

using namespace std::chrono_literals;
using modapi::PythonBudget;
using testing::HasSubstr;

TEST(PythonBudgetTest, AdmitsANumberAndAnAmount) {
    PythonBudget budget;
    std::vector<std::unique_ptr<PythonBudget::Admission>> admitted;
    while (budget.admits(10) && admitted.size() < 5000)
        admitted.push_back(std::make_unique<PythonBudget::Admission>(budget, 10));
    EXPECT_EQ(admitted.size(), PythonBudget::most_admitted);
    admitted.clear();
    EXPECT_TRUE(budget.admits(2 * PythonBudget::most_bytes)) << "one alone, whatever it has";
    admitted.push_back(std::make_unique<PythonBudget::Admission>(budget, PythonBudget::most_bytes));
    EXPECT_FALSE(budget.admits(1));
    admitted.clear();
    EXPECT_TRUE(budget.admits(1));
}

class PythonPlacesTest : public testing::Test {
protected:
    PythonPlacesTest() = default;
    ~PythonPlacesTest() override {
        for (async::scope* const each : {&scope, &other_scope}) {
            each->cancel();
            async::co_spawn(where, each->join(), [](const std::exception_ptr&) {});
        }
        settle();
    }
    PythonPlacesTest(const PythonPlacesTest&) = delete;
    PythonPlacesTest& operator=(const PythonPlacesTest&) = delete;

    static async::task<void> take(PythonBudget::Places& places, std::string name, std::vector<std::string>& seen) {
        bool is_cancelled = false;
        try {
            async::task<void> taking = PythonBudget::Places::take(places);
            co_await std::move(taking);
        } catch (const async::operation_cancelled&) {
            is_cancelled = true;
        }
        seen.push_back(is_cancelled ? name + " gave up" : name);
    }
    void settle() {
        io.restart();
        while (io.poll() > 0) {
        }
    }

    boost::asio::io_context io{1};
    async::environment where{io.get_executor()};
    std::vector<std::string> seen;
    PythonBudget::Places places{1};
    async::scope scope{where, [](std::string_view, const std::exception_ptr&) {}};
    async::scope other_scope{where, [](std::string_view, const std::exception_ptr&) {}};
};

TEST_F(PythonPlacesTest, AreGivenInTheOrderInWhichTheyAreAskedFor) {
    for (const char* const name : {"one", "two", "three"}) scope.spawn("a test", take(places, name, seen));
    settle();
    EXPECT_EQ(seen, (std::vector<std::string>{"one"}));
    places.give_back();
    places.give_back();
    settle();
    EXPECT_EQ(seen, (std::vector<std::string>{"one", "two", "three"}));
}

TEST_F(PythonPlacesTest, AreNotLostWithThoseThatGiveUp) {
    scope.spawn("a test", take(places, "one", seen));
    other_scope.spawn("a test", take(places, "two", seen));
    scope.spawn("a test", take(places, "three", seen));
    settle();
    other_scope.cancel();
    settle();
    EXPECT_EQ(seen, (std::vector<std::string>{"one", "two gave up"}));
    places.give_back();
    settle();
    EXPECT_EQ(seen.back(), "three");
    other_scope.spawn("a test", take(places, "four", seen));
    settle();
    EXPECT_EQ(seen.back(), "four gave up");
    // Cancelled when it has been given one, before it runs.
    async::scope last(where, [](std::string_view, const std::exception_ptr&) {});
    last.spawn("a test", take(places, "five", seen));
    settle();
    places.give_back();
    last.cancel();
    async::co_spawn(where, last.join(), [](const std::exception_ptr&) {});
    settle();
    scope.spawn("a test", take(places, "six", seen));
    settle();
    if (seen.back() == "five") places.give_back();
    settle();
    EXPECT_EQ(seen.back(), "six");
}

// --- events that are many

std::vector<callbacks::Event> members(std::size_t count, const std::string& note = "") {
    std::vector<callbacks::Event> all;
    for (std::size_t at = 0; at < count; ++at) {
        callbacks::EventFields fields;
        fields.type = "m.room.member";
        fields.room_id = "!room:example.org";
        fields.sender = fields.state_key.emplace("@user" + std::to_string(at) + ":example.org");
        fields.event_id = "$event" + std::to_string(at);
        fields.content =
            callbacks::JsonDict{{"membership", "join"}, {"displayname", "User number " + std::to_string(at)}, {"note", note}};
        all.push_back(callbacks::Event(std::move(fields)));
    }
    return all;
}

TEST_F(PythonPlacesTest, WriteManyEventsInSlicesBetweenWhichOthersHaveTheirTurn) {
    modapi::SaidEvents said;
    said.events = members(50'000);
    said.tag = "$state_events";
    std::string written;
    const auto write = [](modapi::SaidEvents what, std::string& to) -> async::task<void> {
        async::task<std::string> writing = modapi::written_in_slices(std::move(what));
        to = co_await std::move(writing);
    };
    scope.spawn("a test", write(std::move(said), written));
    auto longest = std::chrono::steady_clock::duration::zero();
    const auto whole_began = std::chrono::steady_clock::now();
    std::size_t turns = 0;
    io.restart();
    while (written.empty()) {
        const auto begin = std::chrono::steady_clock::now();
        ASSERT_EQ(io.run_one(), 1U);
        longest = std::max(longest, std::chrono::steady_clock::now() - begin);
        ++turns;
    }
    const auto whole = std::chrono::steady_clock::now() - whole_began;
    EXPECT_GT(turns, 20U) << "each is about a millisecond";
    RecordProperty("whole_us", static_cast<int>(std::chrono::duration_cast<std::chrono::microseconds>(whole).count()));
    const callbacks::JsonValue read = boost::json::parse(written);
    const callbacks::JsonArray& list = read.as_object().at("$state_events").as_array();
    ASSERT_EQ(list.size(), 50'000U);
    EXPECT_EQ(list.back().as_object().at("event_id"), "$event49999");
    RecordProperty("longest_turn_us", static_cast<int>(std::chrono::duration_cast<std::chrono::microseconds>(longest).count()));
}

TEST_F(PythonPlacesTest, WriteNoMoreEventsThanAMessageHas) {
    modapi::SaidEvents said;
    for (int each = 0; each < 40; ++each) {
        callbacks::EventFields fields;
        fields.type = "large";
        fields.content = callbacks::JsonDict{{"text", std::string(1'000'000, 'x')}};
        said.events.push_back(callbacks::Event(std::move(fields)));
    }
    std::string failure;
    const auto write = [](modapi::SaidEvents what, std::string& why) -> async::task<void> {
        try {
            async::task<std::string> writing = modapi::written_in_slices(std::move(what));
            static_cast<void>(co_await std::move(writing));
        } catch (const std::length_error& error) {
            why = error.what();
        }
    };
    scope.spawn("a test", write(std::move(said), failure));
    settle();
    EXPECT_THAT(failure, HasSubstr("33554432 bytes"));
}

// --- messages that are long

TEST(PythonConnectionTest, ReadsALongMessagePartByPartAndKeepsWhatNobodyReads) {
    int ends[2] = {-1, -1};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    {
        modapi::PythonConnection one(ends[0]);
        modapi::PythonConnection other(ends[1]);
        callbacks::JsonArray numbers;
        for (int number = 0; number < 1'000'000; ++number) numbers.emplace_back(number);
        ASSERT_TRUE(one.send(callbacks::JsonDict{{"numbers", numbers}}));
        for (int small = 0; small < 100; ++small) ASSERT_TRUE(one.send(callbacks::JsonDict{{"small", small}}));
        EXPECT_GT(one.unsent(), 5'000'000U);
        std::vector<callbacks::JsonDict> read;
        auto longest = std::chrono::steady_clock::duration::zero();
        while (read.size() < 101) {
            ASSERT_TRUE(one.flush());
            ASSERT_TRUE(other.receive());
            const auto begin = std::chrono::steady_clock::now();
            while (std::optional<callbacks::JsonDict> message = other.next()) read.push_back(*std::move(message));
            longest = std::max(longest, std::chrono::steady_clock::now() - begin);
        }
        EXPECT_EQ(one.unsent(), 0U);
        EXPECT_EQ(read.front().at("numbers").as_array().size(), 1'000'000U);
        EXPECT_EQ(read.back().at("small"), 99);
        EXPECT_FALSE(other.next());
        RecordProperty("longest_part_us",
                       static_cast<int>(std::chrono::duration_cast<std::chrono::microseconds>(longest).count()));
        std::string wrong(100'000, 'x');
        ASSERT_TRUE(one.send_text("{" + wrong));
        EXPECT_THROW(
            {
                for (int part = 0; part < 10; ++part) {
                    static_cast<void>(other.receive());
                    static_cast<void>(other.next());
                }
            },
            modapi::BadFrame);
    }
    ::close(ends[0]);
    ::close(ends[1]);
}

// --- in a real process

const std::string asking = "  - module: asking.Asking\n";

class PythonLoadTest : public testing::Test {
protected:
    void SetUp() override {
        static const std::string missing = missing_for_python();
        if (!missing.empty()) GTEST_SKIP() << missing;
    }
    LogCapture log;
};

TEST_F(PythonLoadTest, HasItsOperationsDoneHoweverManyItAsksFor) {
    PythonWorker modules;
    modules.construct(asking);
    EXPECT_EQ(modules.asked_about("many"), "yes");
}

async::task<void> wait_for(const bool& happened, async::notification& happens) {
    while (!happened) co_await happens.wait();
}

TEST_F(PythonLoadTest, IsRefusedMoreOperationsThanTheHostTakesAtOnceAndLives) {
    PythonWorker modules;
    modules.construct(asking);
    bool is_let_go = false;
    async::notification let_go;
    modules.server.while_sending = [&] { return wait_for(is_let_go, let_go); };
    std::string answer;
    async::co_spawn(modules.where, PythonWorker::judged(*modules.worker, "@flood:example.org"),
                    [&](const std::exception_ptr& failure, bool may) {
                        answer = failure ? callbacks::message_of(failure) : may ? "yes" : "no";
                    });
    EXPECT_TRUE(modules.until([&] { return log.contains("500 were refused"); })) << log.text();
    EXPECT_EQ(modules.server.sent.size(), PythonBudget::most_at_once) << "those that are under way";
    is_let_go = true;
    let_go.notify_all();
    EXPECT_TRUE(modules.until([&] { return !answer.empty(); }));
    EXPECT_EQ(answer, "yes") << "the others were answered";
    EXPECT_EQ(modules.asked_about("nothing"), "yes");
    EXPECT_FALSE(log.contains("is started anew")) << log.text();
}

async::task<void> look(modapi::ModuleHost& worker) {
    const bool may = co_await PythonWorker::judged(worker, "@looks:example.org");
    EXPECT_TRUE(may);
}

TEST_F(PythonLoadTest, WaitsForNoOperationThatWaitsForItself) {
    PythonWorker modules;
    modules.construct(asking);
    // More than may be under way at once, and each waits for a callback that asks for another.
    modules.server.while_sending = [&] { return look(*modules.worker); };
    EXPECT_EQ(modules.asked_about("sends"), "yes");
    EXPECT_EQ(modules.server.sent.size(), 80U);
}

TEST_F(PythonLoadTest, MayReadLateWhatItAskedFor) {
    PythonWorker modules;
    callbacks::StateMap& state = modules.server.room_state.emplace();
    for (callbacks::Event& event : members(1'000, std::string(6'000, 'x'))) state.set(std::move(event));
    modules.construct(asking);
    const PeakMemory peak;
    auto longest = std::chrono::steady_clock::duration::zero();
    auto last = std::chrono::steady_clock::now();
    bool ticks = true;
    std::function<void()> tick = [&] {
        const auto now = std::chrono::steady_clock::now();
        longest = std::max(longest, now - last);
        last = now;
        if (ticks) boost::asio::post(modules.io, tick);
    };
    boost::asio::post(modules.io, tick);
    // Twenty states of 6 MB, of which it reads nothing for a while.
    EXPECT_EQ(modules.asked_about("states"), "yes");
    ticks = false;
    EXPECT_TRUE(modules.until([&] { return modules.io.poll() == 0; }));
    EXPECT_FALSE(log.contains("is started anew")) << log.text();
    peak.expect_below(100);
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(longest).count();
    RecordProperty("longest_wait_ms", static_cast<int>(milliseconds));
    EXPECT_LT(milliseconds, 200) << "others wait for no whole answer";
}

}  // namespace
