#include <async/cached.h>
#include <async/context_manager.h>
#include <async/run_on.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>
#include <async/use_task.h>

#include <boost/asio/thread_pool.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>

/// The ways people write calls without thinking about the compiler: each compiles, and is right under the sanitizers.
namespace natural_calls_test {

using namespace std::chrono_literals;

async::task<std::string> joined(std::string first, const std::string& second) {
    co_await async::reschedule();
    co_return first + second;
}
async::task<std::string> decorate(std::shared_ptr<std::string> text) {
    co_await async::reschedule();
    co_return "<" + *text + ">";
}
std::string shout(const std::string& text, int times) {
    std::string loud;
    for (int time = 0; time < times; ++time) loud += text;
    return loud;
}
async::context_manager<std::string> opened(std::string name) {
    co_await async::reschedule();
    co_yield "open " + name;
}
async::task<std::string> use(std::string& value, const std::string& more) { co_return value + more; }
std::string use_at_once(std::string& value) { return value; }

class Departments {
public:
    async::task<std::string> fetch(const std::string& user, int floor) {
        co_await async::reschedule();
        co_return user + " works on floor " + std::to_string(floor);
    }
    async::cached<std::string(const std::string&, int)> department{"department", async::bind<&Departments::fetch>(this)};
    async::cached<std::string(std::string_view)> street{
        "street",
        [owned = std::make_unique<std::string>(" street")](std::string_view name) { return std::string(name) + *owned; }};
};

async::task<void> calls(boost::asio::any_io_executor pool) {
    const std::string temporaries = co_await joined("a" + std::string(100, 'x'), std::string(100, 'y'));
    EXPECT_EQ(temporaries.size(), 201U);
    const std::string shared = co_await decorate(std::make_shared<std::string>("text"));
    EXPECT_EQ(shared, "<text>");
    EXPECT_EQ(co_await joined("one ", "two"), "one two");

    const std::string offloaded = co_await async::run_on(pool, &shout, std::string("ab"), 2);
    EXPECT_EQ(offloaded, "abab");
    const std::string in_lambda = co_await async::run_on(pool, [] { return std::string(50, 'z'); });
    EXPECT_EQ(in_lambda.size(), 50U);

    const std::string managed = co_await async::with(opened("door"), &use, std::string(" wide"));
    EXPECT_EQ(managed, "open door wide");
    const std::string at_once = co_await async::with(opened("window"), &use_at_once);
    EXPECT_EQ(at_once, "open window");

    Departments departments;
    const std::string literal = co_await departments.department("alice", 3);
    EXPECT_EQ(literal, "alice works on floor 3");
    const std::string remembered = co_await departments.department(std::string("alice"), 3);
    EXPECT_EQ(remembered, literal);
    const std::string_view view = "bob";
    const std::string by_view = co_await departments.department(view, 1);
    EXPECT_EQ(by_view, "bob works on floor 1");
    const std::string of_what_only_moves = co_await departments.street("baker");
    EXPECT_EQ(of_what_only_moves, "baker street");

    const std::string in_time = co_await async::with_deadline(1s, joined("in ", "time"));
    EXPECT_EQ(in_time, "in time");
    if (co_await joined("x", "y") != "xy") ADD_FAILURE();
    for (const char letter : co_await joined("aaa", "aa")) EXPECT_EQ(letter, 'a');
}

TEST(NaturalCalls, AreSafeOnGcc12) {
    async::testing::simulation time;
    boost::asio::thread_pool pool(1);
    time.run(calls(pool.get_executor()));
    pool.join();
}

}  // namespace natural_calls_test
