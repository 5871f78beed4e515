#include <async/child_context.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <string>
#include <vector>

/// What may be ended by itself, and what whoever runs on top of coroutines sees of them.
namespace child_context_test {

using namespace std::chrono_literals;
using async::cancel_reason;

async::task<void> sleep_long() { co_await async::sleep_for(1h); }

/// Ends its own part after a second; says whether only that part ended.
async::task<bool> ends_a_part_of_its_chain() {
    const async::context& outer = co_await async::this_context;
    async::child_context child(outer);
    const auto timer = outer.clock().call_at(
        outer.clock().after(1s), outer.executor(),
        [](void* source) { static_cast<async::cancellation_source*>(source)->request(cancel_reason::stopping); },
        &child.source());
    bool was_cut = false;
    try {
        async::task<void> sleeping = sleep_long();
        co_await std::move(sleeping).in(child.here());
    } catch (const async::operation_cancelled&) {
        was_cut = true;
    }
    co_return was_cut&& outer.cancel_requested() == cancel_reason::none;
}

TEST(ChildContext, EndsAPartOfAChainByItself) {
    async::testing::simulation time;
    EXPECT_TRUE(time.run(ends_a_part_of_its_chain()));
}

TEST(ChildContext, EndsWithItsChainAndKeepsWhatTheChainIsShieldedFrom) {
    async::testing::simulation time;
    async::cancellation_source source;
    const async::context open(time.environment(), &source);
    async::context shielded = open;
    shielded.shielded = true;
    const async::child_context child(open);
    const async::child_context shielded_child(shielded);
    source.request(cancel_reason::caller_gone);
    EXPECT_EQ(child.here().cancel_requested(), cancel_reason::caller_gone);
    EXPECT_EQ(shielded_child.here().cancel_requested(), cancel_reason::none);
    source.request(cancel_reason::deadline);
    EXPECT_EQ(shielded_child.here().cancel_requested(), cancel_reason::deadline);
}

TEST(ChildContext, ForCleanUpHearsOnlyOfReasonsThatAreNew) {
    async::testing::simulation time;
    async::cancellation_source source;
    const async::context outer(time.environment(), &source);
    const async::child_context before(outer, async::child_context::for_clean_up());
    source.request(cancel_reason::caller_gone);
    EXPECT_EQ(before.here().cancel_requested(), cancel_reason::none);
    source.request(cancel_reason::deadline);
    EXPECT_EQ(before.here().cancel_requested(), cancel_reason::deadline);
    const async::child_context after_deadline(outer, async::child_context::for_clean_up());
    EXPECT_EQ(after_deadline.here().cancel_requested(), cancel_reason::none);
    source.request(cancel_reason::stopping);
    EXPECT_EQ(after_deadline.here().cancel_requested(), cancel_reason::stopping);
    const async::child_context after_stop(outer, async::child_context::for_clean_up());
    EXPECT_EQ(after_stop.here().cancel_requested(), cancel_reason::none);
}

/// What a program of its own hangs onto a chain.
struct Label : async::layer_state {
    std::string text;
};
std::string label_of(const async::context& here) {
    return here.layer == nullptr ? "none" : static_cast<const Label&>(*here.layer).text;
}
class Observer final : public async::chain_observer {
public:
    void resumed(const async::context& here) noexcept override { seen.push_back(label_of(here)); }
    void suspended() noexcept override { seen.push_back("away"); }
    std::vector<std::string> seen;
};

async::task<std::string> sleep_labelled() {
    co_await async::sleep_for(1s);
    const async::context& here = co_await async::this_context;
    co_return label_of(here);
}
async::task<std::string> label_a_part(const async::environment& where) {
    Label label;
    label.text = "labelled";
    async::context inner(where);
    inner.layer = &label;
    async::task<std::string> sleeping = sleep_labelled();
    const std::string found = co_await std::move(sleeping).in(inner);
    co_return found;
}

TEST(Layer, IsInheritedAndTheObserverSeesItWheneverItsChainRuns) {
    async::testing::simulation time;
    Observer observer;
    async::environment where = time.environment();
    where.observer = &observer;
    const auto found = time.start(label_a_part(where));
    time.run_ready();
    EXPECT_TRUE(observer.seen.empty()) << "the simulation's own environment has no observer";
    time.advance(1s);
    EXPECT_EQ(found.result(), "labelled");
    EXPECT_EQ(observer.seen, (std::vector<std::string>{"labelled", "away"}));
}

}  // namespace child_context_test
