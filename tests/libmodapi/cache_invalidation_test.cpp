#include "log_capture.h"
#include "worker_under_test.h"

#include <async/cached.h>

#include <gtest/gtest.h>

#include <string>

namespace {

using callbacks::JsonDict;
using modapi::ModuleApi;

/// A module with a cached function; the last one made is the one a test asks.
class Departments {
public:
    Departments(const JsonDict&, ModuleApi& api) : api_(api) {
        api.register_cached_function(department);
        api.register_cached_function(by_user);
        last = this;
    }
    async::task<std::string> fetch(const std::string& user, int floor) {
        co_return user + std::to_string(floor) + " run " + std::to_string(++runs_);
    }
    async::task<std::string> ask() { co_return co_await department("alice", 3); }
    async::task<std::string> ask_for_floor(int floor) {
        const std::string user = "alice";
        co_return co_await by_user(user, floor);
    }
    async::task<void> forget_user() {
        const std::string user = "alice";
        co_await api_.invalidate_cache(by_user, user);
    }
    async::task<void> forget() {
        const std::string user = "alice";
        const int floor = 3;
        co_await api_.invalidate_cache(department, user, floor);
    }

    static inline Departments* last = nullptr;
    async::cached<std::string(const std::string&, int)> department{"department", async::bind<&Departments::fetch>(this)};
    /// Only the user is its key.
    async::cached<std::string(const std::string&, int), 1> by_user{"by_user", async::bind<&Departments::fetch>(this)};

private:
    ModuleApi& api_;
    int runs_ = 0;
};

/// Two workers of one process, each with its own instance of the module.
class CacheInvalidation : public testing::Test {
protected:
    CacheInvalidation() {
        here.construct<Departments>();
        module_here = Departments::last;
        there.construct<Departments>();
        module_there = Departments::last;
    }
    std::string ask_here() { return here.wait(module_here->ask()); }
    std::string ask_there() { return there.wait(module_there->ask()); }

    modapi::InProcessInvalidationBus bus;
    WorkerUnderTest here{modapi::WorkerSettings(), &bus};
    WorkerUnderTest there{modapi::WorkerSettings(), &bus};
    Departments* module_here = nullptr;
    Departments* module_there = nullptr;
};

TEST_F(CacheInvalidation, ReachesTheSameFunctionOfTheOtherWorker) {
    EXPECT_EQ(ask_here(), "alice3 run 1");
    EXPECT_EQ(ask_there(), "alice3 run 1");
    here.wait(module_here->forget());
    EXPECT_EQ(ask_here(), "alice3 run 2") << "at once on the worker that says so";
    there.run_ready();
    EXPECT_EQ(ask_there(), "alice3 run 2");
    here.run_ready();
    EXPECT_EQ(ask_here(), "alice3 run 2") << "and not a second time here";
}

TEST_F(CacheInvalidation, NamesTheKeyWhereThatIsNotAllArguments) {
    EXPECT_EQ(here.wait(module_here->ask_for_floor(3)), "alice3 run 1");
    EXPECT_EQ(there.wait(module_there->ask_for_floor(3)), "alice3 run 1");
    EXPECT_EQ(there.wait(module_there->ask_for_floor(4)), "alice3 run 1");
    here.wait(module_here->forget_user());
    there.run_ready();
    EXPECT_EQ(here.wait(module_here->ask_for_floor(4)), "alice4 run 2");
    EXPECT_EQ(there.wait(module_there->ask_for_floor(4)), "alice4 run 2");
}

TEST_F(CacheInvalidation, OfAnotherKeyLeavesTheRest) {
    EXPECT_EQ(ask_there(), "alice3 run 1");
    modapi::CacheInvalidation other;
    other.function = "test.Module0.department";
    other.key = {"bob", "3"};
    bus.publish(0, other);
    there.run_ready();
    EXPECT_EQ(ask_there(), "alice3 run 1");
}

TEST_F(CacheInvalidation, OfAKeyThatCantBeOneDropsEverything) {
    const LogCapture log;
    EXPECT_EQ(ask_there(), "alice3 run 1");
    modapi::CacheInvalidation foreign;
    foreign.function = "test.Module0.department";
    foreign.key = {"alice", "three"};
    bus.publish(0, foreign);
    there.run_ready();
    EXPECT_EQ(ask_there(), "alice3 run 2");
    EXPECT_TRUE(log.contains("test.Module0.department"));
}

}  // namespace
