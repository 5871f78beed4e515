#include "log_capture.h"
#include "worker_under_test.h"

#include <async/cached.h>

#include <gtest/gtest.h>

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
    async::task<void> forget_by_text(async::cached_function& function, std::vector<std::string> key) {
        async::task<void> forgetting = api_.invalidate_cache_by_text(function, std::move(key));
        co_await std::move(forgetting);
    }
    /// In a transaction, which fails at last if that is asked for.
    async::task<void> forget_in_transaction(const async::cached_function& function, std::vector<std::string> key, bool fails) {
        const auto forget = [](modapi::Transaction& transaction, const async::cached_function* of,
                               const std::vector<std::string>& parts, bool fails_then) {
            transaction.invalidate_cache_by_text(*of, parts);
            if (fails_then) throw std::runtime_error("changed my mind");
        };
        async::task<void> forgetting = api_.run_db_interaction("forget", forget, &function, std::move(key), fails);
        co_await std::move(forgetting);
    }

    static inline Departments* last = nullptr;
    async::cached<std::string(const std::string&, int)> department{"department", async::bind<&Departments::fetch>(this)};
    /// Only the user is its key.
    async::cached<std::string(const std::string&, int), 1> by_user{"by_user", async::bind<&Departments::fetch>(this)};

    async::cached<std::string(const std::string&, int)> unregistered{"unregistered", async::bind<&Departments::fetch>(this)};

private:
    ModuleApi& api_;
    int runs_ = 0;
};

/// A cache whose keys are another language's affair.
class ForeignCache final : public async::cached_function {
public:
    explicit ForeignCache(std::string_view name) : cached_function(name, async::cache_options()) {}
    [[nodiscard]] std::size_t key_parts() const noexcept override { return 2; }
    [[nodiscard]] bool invalidate_strings(std::span<const std::string> key) override {
        std::string joined;
        for (const std::string& part : key) joined += part + ";";
        told.push_back(joined);
        return true;
    }
    [[nodiscard]] bool invalidate_prefix_strings(std::span<const std::string>) override { return false; }
    void invalidate_all() override { told.emplace_back("all"); }

    std::vector<std::string> told;

private:
    void remove(async::detail::cache_entry&) noexcept override {}
};

class Foreign {
public:
    Foreign(const JsonDict&, ModuleApi& api) : api_(api) {
        api.register_cached_function(cache);
        last = this;
    }
    async::task<void> forget(std::vector<std::string> key) {
        async::task<void> forgetting = api_.invalidate_cache_by_text(cache, std::move(key));
        co_await std::move(forgetting);
    }

    static inline Foreign* last = nullptr;
    ForeignCache cache{"foreign"};

private:
    ModuleApi& api_;
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

/// What a key by text is refused with.
template <class T>
std::string refusal_of(WorkerUnderTest& worker, async::task<T> task) {
    try {
        worker.wait(std::move(task));
    } catch (const std::logic_error& error) {
        return error.what();
    }
    return "nothing was thrown";
}

TEST_F(CacheInvalidation, ByTextReachesTheSameFunctionOfTheOtherWorker) {
    EXPECT_EQ(ask_here(), "alice3 run 1");
    EXPECT_EQ(ask_there(), "alice3 run 1");
    here.wait(module_here->forget_by_text(module_here->department, {"bob", "3"}));
    there.run_ready();
    EXPECT_EQ(ask_here(), "alice3 run 1");
    EXPECT_EQ(ask_there(), "alice3 run 1");
    here.wait(module_here->forget_by_text(module_here->department, module_here->department.key_strings("alice", 3)));
    EXPECT_EQ(ask_here(), "alice3 run 2");
    there.run_ready();
    EXPECT_EQ(ask_there(), "alice3 run 2");
}

TEST_F(CacheInvalidation, ByTextIsForFunctionsWhoseTypesNobodyHereKnows) {
    WorkerUnderTest first(modapi::WorkerSettings(), &bus);
    first.construct<Foreign>();
    Foreign& from = *Foreign::last;
    WorkerUnderTest second(modapi::WorkerSettings(), &bus);
    second.construct<Foreign>();
    Foreign& to = *Foreign::last;
    first.wait(from.forget({"a", "1"}));
    first.run_ready();
    second.run_ready();
    EXPECT_EQ(from.cache.told, std::vector<std::string>{"a;1;"}) << "once, where it was said";
    EXPECT_EQ(to.cache.told, std::vector<std::string>{"a;1;"});
    EXPECT_EQ(refusal_of(first, from.forget({"a"})),
              "a key of the cached function foreign of module test.Module0 has 2 parts, not 1");
    EXPECT_EQ(from.cache.told.size(), 1U) << "it wasn't asked";
}

TEST_F(CacheInvalidation, ByTextRefusesWhatIsNoKeyAndTellsNobody) {
    EXPECT_EQ(ask_here(), "alice3 run 1");
    EXPECT_EQ(ask_there(), "alice3 run 1");
    EXPECT_EQ(refusal_of(here, module_here->forget_by_text(module_here->department, {"alice", "3", "x"})),
              "a key of the cached function department of module test.Module0 has 2 parts, not 3");
    EXPECT_EQ(refusal_of(here, module_here->forget_by_text(module_here->department, {"alice", "three"})),
              "that is no key of the cached function department of module test.Module0: a part is of another type");
    EXPECT_EQ(refusal_of(here, module_here->forget_by_text(module_here->unregistered, {"alice", "3"})),
              "the cached function unregistered of module test.Module0 was not registered with register_cached_function: its "
              "entries in other workers can't be invalidated");
    there.run_ready();
    EXPECT_EQ(ask_here(), "alice3 run 1");
    EXPECT_EQ(ask_there(), "alice3 run 1");
}

TEST_F(CacheInvalidation, ByTextInATransactionTakesEffectWithItsCommit) {
    EXPECT_EQ(ask_here(), "alice3 run 1");
    EXPECT_THROW(here.wait(module_here->forget_in_transaction(module_here->department, {"alice", "3"}, true)),
                 std::runtime_error);
    here.run_ready();
    EXPECT_EQ(ask_here(), "alice3 run 1");
    here.wait(module_here->forget_in_transaction(module_here->department, {"alice", "3"}, false));
    EXPECT_EQ(ask_here(), "alice3 run 2");
    EXPECT_EQ(refusal_of(here, module_here->forget_in_transaction(module_here->department, {"alice"}, false)),
              "a key of the cached function department has 2 parts, not 1");
    EXPECT_EQ(ask_here(), "alice3 run 2");
    const LogCapture log;
    here.wait(module_here->forget_in_transaction(module_here->department, {"alice", "three"}, false));
    EXPECT_EQ(ask_here(), "alice3 run 3") << "what is no key has it forget everything";
    EXPECT_TRUE(log.contains("the cache of test.Module0.department was told of a key that isn't one of its own"));
}

}  // namespace
