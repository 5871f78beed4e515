#include <async/dispatch.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

/// Each rule is tested through a dispatcher, since that is the only thing that uses one.
namespace combine_test {

/// A hook with a fixed answer that notes that it was asked.
template <class R>
class Fixed {
public:
    Fixed(R answer, int& asked) : answer_(std::move(answer)), asked_(asked) {}
    R now(const int&) {
        ++asked_;
        return answer_;
    }
    async::task<R> later(const int&) {
        co_await async::reschedule();
        ++asked_;
        co_return answer_;
    }

private:
    R answer_;
    int& asked_;
};

template <class Dispatcher>
async::task<typename Dispatcher::result> ask(const Dispatcher& dispatcher) {
    co_return co_await dispatcher(1);
}

template <class R>
struct Outcome {
    R combined;
    int asked = 0;
};

/// What the rule makes of these answers; every second hook is a coroutine.
template <class R, class Combine>
auto combine(const std::vector<R>& answers) {
    using dispatcher_type = async::dispatch<"combined", R(const int&), Combine, async::propagate>;
    async::testing::simulation time;
    int asked = 0;
    std::vector<Fixed<R>> hooks;
    for (const R& answer : answers) hooks.emplace_back(answer, asked);
    dispatcher_type dispatcher;
    for (std::size_t index = 0; index < hooks.size(); ++index) {
        if (index % 2 == 0) {
            dispatcher.add("module", async::bind<&Fixed<R>::now>(&hooks[index]), nullptr);
        } else {
            dispatcher.add("module", async::bind<&Fixed<R>::later>(&hooks[index]), nullptr);
        }
    }
    typename dispatcher_type::result combined = time.run(ask(dispatcher));
    return Outcome<typename dispatcher_type::result>{std::move(combined), asked};
}

TEST(FirstValue, TakesTheFirstAnswerThatIsNotNoneAndAsksNobodyBehindIt) {
    using answer = std::optional<std::string>;
    const auto decided = combine<answer, async::first_value>({std::nullopt, "second", "third"});
    EXPECT_EQ(decided.combined, "second");
    EXPECT_EQ(decided.asked, 2);
}

TEST(FirstValue, IsNoneWhenNobodyHasAnAnswer) {
    using answer = std::optional<std::string>;
    EXPECT_EQ((combine<answer, async::first_value>({std::nullopt, std::nullopt}).combined), std::nullopt);
    EXPECT_EQ((combine<answer, async::first_value>({}).combined), std::nullopt);
}

TEST(FirstNot, EndsWithTheFirstAnswerThatIsNotThePassValue) {
    const auto decided = combine<int, async::first_not<0>>({0, 0, 7, 8});
    EXPECT_EQ(decided.combined, 7);
    EXPECT_EQ(decided.asked, 3);
}

TEST(FirstNot, IsThePassValueWhenEverybodyPasses) {
    const auto passed = combine<int, async::first_not<0>>({0, 0});
    EXPECT_EQ(passed.combined, 0);
    EXPECT_EQ(passed.asked, 2);
    EXPECT_EQ((combine<int, async::first_not<5>>({}).combined), 5);
}

TEST(LastWinsPerKey, MergesAllAndLetsTheLastHookWinAKey) {
    using answer = std::map<std::string, int>;
    const auto merged = combine<answer, async::last_wins_per_key>({{}, {{"a", 1}, {"b", 1}}, {{"b", 2}}, {{"c", 3}}, {}});
    EXPECT_EQ(merged.combined, (answer{{"a", 1}, {"b", 2}, {"c", 3}}));
    EXPECT_EQ(merged.asked, 5);
    EXPECT_TRUE((combine<answer, async::last_wins_per_key>({}).combined.empty()));
}

TEST(UnionPerKey, JoinsTheSetsOfEveryKey) {
    using answer = std::map<std::string, std::set<int>>;
    const auto merged = combine<answer, async::union_per_key>({{{"a", {1}}}, {{"a", {1, 2}}, {"b", {3}}}, {{"b", {}}}});
    EXPECT_EQ(merged.combined, (answer{{"a", {1, 2}}, {"b", {3}}}));
    EXPECT_EQ(merged.asked, 3);
    EXPECT_TRUE((combine<answer, async::union_per_key>({}).combined.empty()));
}

/// A set of users, or everyone.
class Audience {
public:
    Audience() = default;
    explicit Audience(std::set<int> users) : users_(std::move(users)) {}
    static Audience everyone() {
        Audience all;
        all.everyone_ = true;
        return all;
    }
    [[nodiscard]] bool is_everyone() const { return everyone_; }
    [[nodiscard]] const std::set<int>& users() const { return users_; }
    void merge(Audience other) { users_.merge(other.users_); }

private:
    std::set<int> users_;
    bool everyone_ = false;
};

TEST(UnionOrEveryone, JoinsTheSets) {
    const auto merged = combine<Audience, async::union_or_everyone>({Audience({1}), Audience({1, 2}), Audience()});
    EXPECT_FALSE(merged.combined.is_everyone());
    EXPECT_EQ(merged.combined.users(), (std::set<int>{1, 2}));
    EXPECT_EQ(merged.asked, 3);
}

TEST(UnionOrEveryone, EndsWithTheFirstEveryone) {
    const auto merged = combine<Audience, async::union_or_everyone>({Audience({1}), Audience::everyone(), Audience({2})});
    EXPECT_TRUE(merged.combined.is_everyone());
    EXPECT_EQ(merged.asked, 2);
}

TEST(OnlyFirst, AsksTheFirstRegistrantAlone) {
    const auto decided = combine<int, async::only_first>({0, 7});
    EXPECT_EQ(decided.combined, 0);
    EXPECT_EQ(decided.asked, 1);
    EXPECT_EQ((combine<int, async::only_first>({}).combined), std::nullopt);
}

using run_all_dispatch = async::dispatch<"run", void(const int&), async::run_all, async::propagate>;

class Listener {
public:
    void now(const int& value) { sum += value; }
    async::task<void> later(const int& value) {
        co_await async::reschedule();
        sum += 10 * value;
    }
    int sum = 0;
};

async::task<void> tell(const run_all_dispatch& dispatcher) { co_await dispatcher(1); }

TEST(RunAll, RunsEveryHook) {
    async::testing::simulation time;
    Listener listener;
    run_all_dispatch dispatcher;
    time.run(tell(dispatcher));
    dispatcher.add("first", async::bind<&Listener::now>(&listener), nullptr);
    dispatcher.add("second", async::bind<&Listener::later>(&listener), nullptr);
    dispatcher.add("third", async::bind<&Listener::now>(&listener), nullptr);
    time.run(tell(dispatcher));
    EXPECT_EQ(listener.sum, 12);
}

}  // namespace combine_test
