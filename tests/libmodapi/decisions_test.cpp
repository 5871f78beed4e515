#include "log_capture.h"
#include "test_database.h"

#include <modapi/hosting/decision_keeper.h>
#include <modapi/hosting/decision_store.h>
#include <modapi/hosting/decisions.h>

#include <async/testing/virtual_time.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using modapi::Decision;
using modapi::DecisionFilter;
using modapi::DecisionOutcome;
using modapi::DecisionPage;
using modapi::DecisionPlace;
using modapi::Decisions;
using modapi::NewDecision;

constexpr std::size_t many = 1000;

NewDecision decision_at(std::int64_t time_ms, std::string_view text = "no") {
    NewDecision decision;
    decision.time_ms = time_ms;
    decision.worker = "main";
    decision.module = "a.Module";
    decision.callback = "check_event_for_spam";
    decision.text = text;
    decision.user_id = "@alice:example.org";
    return decision;
}

std::vector<std::string> texts(const DecisionPage& page) {
    std::vector<std::string> all;
    for (const Decision& decision : page.decisions) all.push_back(decision.text);
    return all;
}

DecisionPage all_of(const Decisions& decisions) { return decisions.find(DecisionFilter(), nullptr, many); }

TEST(DecisionsTest, KeepsTheLastOnesWithoutAGap) {
    Decisions decisions(3, "p");
    for (int number = 0; number < 7; ++number) decisions.note(decision_at(number, std::to_string(number)));
    EXPECT_EQ(texts(all_of(decisions)), (std::vector<std::string>{"6", "5", "4"}));
}

TEST(DecisionsTest, GivesEachItsOwnIdAlsoAmongProcesses) {
    Decisions one(10, "one");
    Decisions other(10, "other");
    std::set<std::string> ids;
    for (int number = 0; number < 5; ++number) {
        ids.insert(one.note(decision_at(number)));
        ids.insert(other.note(decision_at(number)));
    }
    EXPECT_EQ(ids.size(), 10U);
}

TEST(DecisionsTest, StandInTheOrderInWhichTheyWereNotedWhateverTheClockDoes) {
    Decisions decisions(10, "p");
    decisions.note(decision_at(2000, "first"));
    decisions.note(decision_at(1000, "second, after the clock was set back"));
    const DecisionPage page = all_of(decisions);
    ASSERT_EQ(page.decisions.size(), 2U);
    EXPECT_EQ(page.decisions[0].text, "second, after the clock was set back");
    EXPECT_EQ(page.decisions[0].time_ms, 2000);
}

TEST(DecisionsTest, AreFoundByWhatTheySay) {
    Decisions decisions(10, "p");
    decisions.note(decision_at(1000, "alice's"));
    NewDecision bobs = decision_at(2000, "bob's");
    bobs.user_id = "@bob:example.org";
    bobs.room_id = "!r:example.org";
    bobs.outcome = DecisionOutcome::cut;
    bobs.request_id = "00ff";
    bobs.module = "b.Module";
    const std::string id = decisions.note(bobs);
    const auto found_by = [&](auto set) {
        DecisionFilter filter;
        set(filter);
        return texts(decisions.find(filter, nullptr, many));
    };
    const std::vector<std::string> bob = {"bob's"};
    EXPECT_EQ(found_by([](DecisionFilter& filter) { filter.user_id = "@bob:example.org"; }), bob);
    EXPECT_EQ(found_by([](DecisionFilter& filter) { filter.room_id = "!r:example.org"; }), bob);
    EXPECT_EQ(found_by([](DecisionFilter& filter) { filter.request_id = "00ff"; }), bob);
    EXPECT_EQ(found_by([](DecisionFilter& filter) { filter.module = "b.Module"; }), bob);
    EXPECT_EQ(found_by([](DecisionFilter& filter) { filter.outcome = DecisionOutcome::cut; }), bob);
    EXPECT_EQ(found_by([&](DecisionFilter& filter) { filter.id = id; }), bob);
    EXPECT_EQ(found_by([](DecisionFilter& filter) { filter.since_ms = 2000; }), bob);
    EXPECT_EQ(found_by([](DecisionFilter& filter) { filter.until_ms = 2000; }), std::vector<std::string>{"alice's"});
    EXPECT_EQ(found_by([](DecisionFilter& filter) { filter.callback = "nothing"; }), std::vector<std::string>{});
}

TEST(DecisionsTest, ArePagedThroughWhileOthersAreNoted) {
    Decisions decisions(100, "p");
    for (int number = 0; number < 5; ++number) decisions.note(decision_at(1000, std::to_string(number)));
    const DecisionPage first = decisions.find(DecisionFilter(), nullptr, 2);
    EXPECT_EQ(texts(first), (std::vector<std::string>{"4", "3"}));
    EXPECT_TRUE(first.has_more);
    decisions.note(decision_at(1001, "new"));
    const std::optional<DecisionPlace> place = DecisionPlace::read(DecisionPlace::of(first.decisions.back()).token());
    ASSERT_TRUE(place.has_value());
    const DecisionPage rest = decisions.find(DecisionFilter(), &*place, 3);
    EXPECT_EQ(texts(rest), (std::vector<std::string>{"2", "1", "0"}));
    EXPECT_FALSE(rest.has_more);
}

TEST(DecisionsTest, ATokenThatIsNoneIsNoPlace) {
    for (const char* const token : {"", "_", "12", "12_", "x_00", "12_xyz", "99999999999999999999_00", "12_00 OR 1=1"})
        EXPECT_FALSE(DecisionPlace::read(token).has_value()) << token;
}

TEST(DecisionsTest, AreCompletedByWhatTheClientGot) {
    Decisions decisions(2, "p");
    const std::string id = decisions.note(decision_at(1, ""));
    decisions.complete(id, "M_FORBIDDEN", "Not here");
    EXPECT_EQ(all_of(decisions).decisions[0].errcode, "M_FORBIDDEN");
    EXPECT_EQ(all_of(decisions).decisions[0].text, "Not here");
    decisions.note(decision_at(2, "two"));
    decisions.note(decision_at(3, "three"));
    decisions.complete(id, "M_LATE", "it is gone");
    decisions.complete("nonsense", "M_NONSENSE", "no id");
    EXPECT_EQ(texts(all_of(decisions)), (std::vector<std::string>{"three", "two"}));
}

TEST(DecisionsTest, OfAFailureKeepWhatFailedWhateverTheClientGot) {
    Decisions decisions(2, "p");
    NewDecision failure = decision_at(1, "the disk is full");
    failure.outcome = DecisionOutcome::failed;
    decisions.complete(decisions.note(failure), "M_UNKNOWN", "Internal server error");
    EXPECT_EQ(all_of(decisions).decisions[0].errcode, "M_UNKNOWN");
    EXPECT_EQ(all_of(decisions).decisions[0].text, "the disk is full");
}

TEST(DecisionsTest, AreAsLargeAsAListShowsWhateverModulesAnswer) {
    Decisions decisions(2, "p");
    const std::string long_text(900'000, 'x');
    NewDecision decision = decision_at(1, long_text);
    decision.errcode = long_text;
    decision.user_id = long_text;
    const std::string id = decisions.note(decision);
    decisions.complete(id, long_text + "y", long_text + "y");
    const Decision noted = all_of(decisions).decisions[0];
    EXPECT_LE(noted.text.size() + noted.errcode.size() + noted.user_id.size(), 2000U);
    EXPECT_TRUE(noted.text.ends_with("xxx..."));
}

TEST(DecisionsTest, CountsByModuleCallbackWorkerAndOutcome) {
    Decisions decisions(1, "p");
    for (int number = 0; number < 3; ++number) decisions.note(decision_at(number));
    NewDecision cut = decision_at(4);
    cut.outcome = DecisionOutcome::cut;
    decisions.note(cut);
    const std::vector<Decisions::Count> counts = decisions.counts();
    ASSERT_EQ(counts.size(), 2U);
    EXPECT_EQ(counts[0].decisions, 3U);
    EXPECT_EQ(counts[0].outcome, DecisionOutcome::denied);
    EXPECT_EQ(counts[1].decisions, 1U);
    EXPECT_EQ(counts[1].outcome, DecisionOutcome::cut);
}

TEST(DecisionsTest, OfSeveralThreadsAreAllThere) {
    constexpr int each = 2000;
    Decisions decisions(2 * each, "p");
    const auto write = [&] {
        for (int number = 0; number < each; ++number) decisions.note(decision_at(number, std::to_string(number)));
    };
    std::thread other(write);
    write();
    other.join();
    EXPECT_EQ(decisions.find(DecisionFilter(), nullptr, 3 * each).decisions.size(), 2U * each);
}

/// A store that remembers, and fails while it is told to.
class ForgetfulStore final : public modapi::DecisionStore {
public:
    void open() override {}
    async::task<void> write(std::vector<Decision> decisions) override {
        if (fails) throw std::runtime_error("the disk is gone");
        for (Decision& decision : decisions) {
            std::erase_if(written, [&](const Decision& known) { return known.id == decision.id; });
            written.push_back(std::move(decision));
        }
        co_return;
    }
    async::task<DecisionPage> find(DecisionFilter, std::optional<DecisionPlace>, std::size_t) override {
        if (fails) throw std::runtime_error("the disk is gone");
        co_return DecisionPage();
    }
    async::task<std::int64_t> forget_before(std::int64_t) override { co_return 0; }

    bool fails = false;
    std::vector<Decision> written;
};

class DecisionKeeperTest : public testing::Test {
protected:
    ~DecisionKeeperTest() override { time.run(keeper.stop()); }

    LogCapture log;
    async::testing::simulation time;
    Decisions decisions{5, "p"};
    std::shared_ptr<ForgetfulStore> store = std::make_shared<ForgetfulStore>();
    modapi::DecisionKeeper keeper{decisions, store, 1000, time.environment()};
};

TEST_F(DecisionKeeperTest, WritesWhatIsDecided) {
    keeper.start();
    decisions.note(decision_at(1, "one"));
    time.advance(1s);
    ASSERT_EQ(store->written.size(), 1U);
    decisions.note(decision_at(2, "two"));
    time.advance(1s);
    EXPECT_EQ(store->written.size(), 2U);
}

TEST_F(DecisionKeeperTest, WritesAgainWhatWasCompletedLater) {
    keeper.start();
    const std::string id = decisions.note(decision_at(1, ""));
    time.advance(1s);
    decisions.complete(id, "M_FORBIDDEN", "said later");
    time.advance(1s);
    ASSERT_EQ(store->written.size(), 1U);
    EXPECT_EQ(store->written[0].text, "said later");
}

TEST_F(DecisionKeeperTest, KeepsInMemoryWhatCannotBeWrittenAndSaysSoOnce) {
    keeper.start();
    store->fails = true;
    decisions.note(decision_at(1, "one"));
    time.advance(30s);
    EXPECT_EQ(log.count("can't be written"), 1U);
    store->fails = false;
    time.advance(61s);
    ASSERT_EQ(store->written.size(), 1U);
    EXPECT_EQ(log.count("are written again"), 1U);
    EXPECT_EQ(log.count("were lost"), 0U);
}

TEST_F(DecisionKeeperTest, CountsWhatWasLostMeanwhile) {
    keeper.start();
    time.advance(1s);
    store->fails = true;
    for (int number = 0; number < 12; ++number) {
        decisions.note(decision_at(number, std::to_string(number)));
        time.advance(3s);
    }
    store->fails = false;
    time.advance(61s);
    EXPECT_EQ(store->written.size(), 5U);
    EXPECT_EQ(decisions.lost(), 7U);
    EXPECT_EQ(log.count("7 decisions of modules were lost"), 1U);
}

TEST_F(DecisionKeeperTest, WritesTheLastOnesWhenItStops) {
    keeper.start();
    time.advance(1s);
    decisions.note(decision_at(1, "at the last moment"));
    time.run(keeper.stop());
    EXPECT_EQ(store->written.size(), 1U);
}

TEST_F(DecisionKeeperTest, SaysHowManyEndWithTheProcess) {
    keeper.start();
    time.advance(1s);
    store->fails = true;
    for (int number = 0; number < 3; ++number) decisions.note(decision_at(number));
    time.run(keeper.stop());
    EXPECT_EQ(log.count("3 decisions of modules could not be written, and end with the process"), 1U);
    EXPECT_EQ(log.count("are written again"), 0U);
}

TEST_F(DecisionKeeperTest, ShowsThoseInMemoryWhileTheStoreCannotBeRead) {
    store->fails = true;
    decisions.note(decision_at(1, "one"));
    const DecisionPage page = time.run(keeper.find(DecisionFilter(), std::nullopt, many));
    EXPECT_EQ(texts(page), std::vector<std::string>{"one"});
    EXPECT_TRUE(page.is_incomplete);
}

/// What is kept in a real database.
class DecisionRowsTest : public testing::Test {
protected:
    DecisionRowsTest() { rows.open(); }
    void write(const Decisions& those) { time.run(rows.write(all_of(those).decisions)); }
    [[nodiscard]] DecisionPage find(DecisionFilter filter = {}, std::optional<DecisionPlace> from = {}, std::size_t limit = many) {
        return time.run(rows.find(std::move(filter), std::move(from), limit));
    }

    async::testing::simulation time;
    TestDatabase test_database;
    std::unique_ptr<modapi::Database> database = modapi::Database::open(test_database.settings());
    modapi::DecisionRows rows{*database};
    Decisions decisions{many, "p"};
};

TEST_F(DecisionRowsTest, AreReadAsTheyWereWritten) {
    NewDecision decision = decision_at(1234, "no; 'DROP TABLE \"x\"");
    decision.request_id = "00ff";
    decision.outcome = DecisionOutcome::replaced;
    decision.errcode = "M_X";
    decision.room_id = "!r:example.org";
    decision.event_id = "$e";
    decision.address = "::1";
    decision.duration_ms = 1.5;
    const std::string id = decisions.note(decision);
    write(decisions);
    const DecisionPage page = find();
    ASSERT_EQ(page.decisions.size(), 1U);
    const Decision& read = page.decisions[0];
    EXPECT_EQ(read.id, id);
    EXPECT_EQ(read.time_ms, 1234);
    EXPECT_EQ(read.process, "p");
    EXPECT_EQ(read.worker, "main");
    EXPECT_EQ(read.request_id, "00ff");
    EXPECT_EQ(read.module, "a.Module");
    EXPECT_EQ(read.callback, "check_event_for_spam");
    EXPECT_EQ(read.outcome, DecisionOutcome::replaced);
    EXPECT_EQ(read.errcode, "M_X");
    EXPECT_EQ(read.text, "no; 'DROP TABLE \"x\"");
    EXPECT_EQ(read.user_id, "@alice:example.org");
    EXPECT_EQ(read.room_id, "!r:example.org");
    EXPECT_EQ(read.event_id, "$e");
    EXPECT_EQ(read.address, "::1");
    EXPECT_EQ(read.duration_ms, 1.5);
}

TEST_F(DecisionRowsTest, TakeWhateverAModuleSaysAsText) {
    NewDecision decision = decision_at(1, std::string_view("a\0b\xFF", 4));
    decision.errcode = std::string_view("M_X\0\xC3", 5);
    decision.user_id = std::string_view("@\0\xFF:x", 5);
    decisions.note(decision);
    write(decisions);
    ASSERT_EQ(find().decisions.size(), 1U);
    EXPECT_EQ(find().decisions[0].text, "a b\xEF\xBF\xBD");
}

TEST_F(DecisionRowsTest, TakesTheLastThatIsWrittenOfAnId) {
    const std::string id = decisions.note(decision_at(1, ""));
    write(decisions);
    decisions.complete(id, "M_FORBIDDEN", "what the client got");
    write(decisions);
    ASSERT_EQ(find().decisions.size(), 1U);
    EXPECT_EQ(find().decisions[0].text, "what the client got");
}

TEST_F(DecisionRowsTest, ArePagedThroughAndFilteredAsInMemory) {
    for (int number = 0; number < 5; ++number) decisions.note(decision_at(1000 + number / 2, std::to_string(number)));
    write(decisions);
    const DecisionPage first = find({}, {}, 2);
    EXPECT_EQ(texts(first), (std::vector<std::string>{"4", "3"}));
    EXPECT_TRUE(first.has_more);
    const DecisionPage rest = find({}, DecisionPlace::of(first.decisions.back()), many);
    EXPECT_EQ(texts(rest), (std::vector<std::string>{"2", "1", "0"}));
    EXPECT_FALSE(rest.has_more);
    DecisionFilter filter;
    filter.since_ms = 1001;
    filter.until_ms = 1002;
    filter.user_id = "@alice:example.org";
    EXPECT_EQ(texts(find(filter)), (std::vector<std::string>{"3", "2"}));
    filter.outcome = DecisionOutcome::failed;
    EXPECT_TRUE(find(filter).decisions.empty());
}

TEST_F(DecisionRowsTest, ForgetsWhatIsOlder) {
    for (int number = 0; number < 4; ++number) decisions.note(decision_at(number, std::to_string(number)));
    write(decisions);
    EXPECT_EQ(time.run(rows.forget_before(2)), 2);
    EXPECT_EQ(texts(find()), (std::vector<std::string>{"3", "2"}));
}

TEST_F(DecisionRowsTest, AreFoundTogetherWithThoseInMemoryEachOnce) {
    Decisions before(many, "an earlier process");
    before.note(decision_at(1, "old"));
    write(before);
    decisions.note(decision_at(2, "written"));
    write(decisions);
    decisions.note(decision_at(3, "not written"));
    const auto store = std::make_shared<modapi::DecisionRows>(*database);
    modapi::DecisionKeeper keeper(decisions, store, 1000, time.environment());
    const DecisionPage page = time.run(keeper.find(DecisionFilter(), std::nullopt, many));
    EXPECT_EQ(texts(page), (std::vector<std::string>{"not written", "written", "old"}));
    const DecisionPage first = time.run(keeper.find(DecisionFilter(), std::nullopt, 2));
    EXPECT_EQ(texts(first), (std::vector<std::string>{"not written", "written"}));
    EXPECT_TRUE(first.has_more);
}

}  // namespace
