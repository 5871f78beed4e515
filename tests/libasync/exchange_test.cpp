#include <async/bind.h>
#include <async/dispatch.h>
#include <async/notification.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>
#include <async/waiting_runs.h>
#include <async/writer_dispatch.h>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

/// Lists of hooks that are exchanged while calls are on their way through them.
namespace exchange_test {

using namespace std::chrono_literals;

using asked_in_turn = async::dispatch<"asked_in_turn", bool(const std::string&), async::first_not<true>, async::skip>;
using asked_by_key =
    async::dispatch<"asked_by_key", bool(const std::string&), async::first_not<true>, async::skip, std::string>;

constexpr std::uint64_t staying = 1;
constexpr std::uint64_t leaving = 2;
constexpr std::uint64_t coming = 3;

async::registration of(std::uint64_t registrant, int order = 0) {
    async::registration how;
    how.registrant = registrant;
    how.order = order;
    return how;
}

class Guest {
public:
    Guest(std::string name, std::vector<std::string>& log) : name_(std::move(name)), log_(&log) {}
    bool answer(const std::string& what) {
        log_->push_back(name_ + " " + what);
        return true;
    }
    async::task<bool> answer_later(const std::string& what) {
        co_await async::sleep_for(1s);
        co_return answer(what);
    }

private:
    std::string name_;
    std::vector<std::string>* log_;
};

async::task<bool> ask_in_turn(const asked_in_turn& dispatcher, std::string what) { co_return co_await dispatcher(what); }
async::task<bool> ask_by_key(const asked_by_key& dispatcher, std::string key) { co_return co_await dispatcher(key, "x"); }

std::vector<std::string> modules_in(const auto& dispatcher) {
    std::vector<std::string> modules;
    dispatcher.each_registration([&](const async::callback_identity& identity) { modules.push_back(identity.module); });
    return modules;
}

struct ExchangedLists {
    ExchangedLists() { settings.waiting = &waiting.emplace(settings, false); }
    ~ExchangedLists() { time.end_all(); }
    ExchangedLists(const ExchangedLists&) = delete;
    ExchangedLists& operator=(const ExchangedLists&) = delete;

    async::dispatch_settings settings;
    std::optional<async::waiting_runs> waiting;
    std::vector<std::string> log;
    Guest stays{"stays", log};
    Guest leaves{"leaves", log};
    Guest comes{"comes", log};
    asked_in_turn dispatcher;
    async::testing::simulation time;
};

TEST(ExchangedDispatch, ACallThatHasBegunGoesOnWithTheListItFound) {
    ExchangedLists test;
    test.dispatcher.add("stays", async::bind<&Guest::answer_later>(&test.stays), &test.settings, of(staying));
    test.dispatcher.add("leaves", async::bind<&Guest::answer>(&test.leaves), &test.settings, of(leaving));
    asked_in_turn next;
    next.add_from(test.dispatcher, staying);
    next.add("comes", async::bind<&Guest::answer>(&test.comes), &test.settings, of(coming));
    const auto before = test.time.start(ask_in_turn(test.dispatcher, "before"));
    test.time.run_ready();
    test.dispatcher.exchange(next);
    const auto after = test.time.start(ask_in_turn(test.dispatcher, "after"));
    test.time.advance(1s);
    ASSERT_TRUE(before.done() && after.done());
    EXPECT_EQ(test.log, (std::vector<std::string>{"stays before", "leaves before", "stays after", "comes after"}));
    EXPECT_EQ(modules_in(test.dispatcher), (std::vector<std::string>{"stays", "comes"}));
    EXPECT_EQ(modules_in(next), (std::vector<std::string>{"stays", "leaves"}));
}

async::task<bool> await_when_told(async::task<bool> made, async::notification& told) {
    co_await told.wait();
    co_return co_await std::move(made);
}

TEST(ExchangedDispatch, ACallThatIsMadeBeforeAndBeginsAfterAsksTheNewList) {
    ExchangedLists test;
    async::notification told;
    const std::string what = "x";
    test.dispatcher.add("leaves", async::bind<&Guest::answer>(&test.leaves), &test.settings, of(leaving));
    const auto running = test.time.start(await_when_told(test.dispatcher(what), told));
    test.time.run_ready();
    {
        asked_in_turn next;
        next.add("comes", async::bind<&Guest::answer>(&test.comes), &test.settings, of(coming));
        test.dispatcher.exchange(next);
    }
    told.notify_all();
    test.time.run_ready();
    EXPECT_TRUE(running.result());
    EXPECT_EQ(test.log, std::vector<std::string>{"comes x"});
}

TEST(ExchangedDispatch, ACallThatBeginsWhenNobodyIsLeftHasTheNeutralAnswer) {
    ExchangedLists test;
    async::notification told;
    const std::string what = "x";
    test.dispatcher.add("leaves", async::bind<&Guest::answer>(&test.leaves), &test.settings, of(leaving));
    const auto running = test.time.start(await_when_told(test.dispatcher(what), told));
    test.time.run_ready();
    {
        asked_in_turn nobody;
        test.dispatcher.exchange(nobody);
    }
    EXPECT_TRUE(test.dispatcher.empty());
    told.notify_all();
    test.time.run_ready();
    EXPECT_TRUE(running.result());
    EXPECT_TRUE(test.log.empty());
}

TEST(ExchangedDispatch, WhoStaysCountsInTheSamePlaceAndKeepsItsOrder) {
    ExchangedLists test;
    test.dispatcher.add("stays", async::bind<&Guest::answer>(&test.stays), &test.settings, of(staying, 5));
    EXPECT_TRUE(test.time.run(ask_in_turn(test.dispatcher, "before")));
    asked_in_turn next;
    next.add_from(test.dispatcher, staying);
    next.add("comes", async::bind<&Guest::answer>(&test.comes), &test.settings, of(coming));
    test.dispatcher.exchange(next);
    EXPECT_TRUE(test.time.run(ask_in_turn(test.dispatcher, "after")));
    EXPECT_EQ(modules_in(test.dispatcher), (std::vector<std::string>{"comes", "stays"}));
    std::vector<std::uint64_t> runs;
    test.dispatcher.each_registration(
        [&](const async::callback_identity& identity) { runs.push_back(identity.statistics.runs); });
    EXPECT_EQ(runs, (std::vector<std::uint64_t>{1, 2}));
}

TEST(ExchangedDispatch, OneWithKeysHasThoseOfTheNewListInItsOrder) {
    ExchangedLists test;
    asked_by_key dispatcher;
    const asked_by_key::slot_type of_leaving = {{"a", async::bind<&Guest::answer>(&test.leaves)}};
    const asked_by_key::slot_type of_staying = {{"b", async::bind<&Guest::answer_later>(&test.stays)},
                                                {"a", async::bind<&Guest::answer>(&test.stays)}};
    dispatcher.add("leaves", of_leaving, &test.settings, of(leaving));
    dispatcher.add("stays", of_staying, &test.settings, of(staying));
    const auto before = test.time.start(ask_by_key(dispatcher, "b"));
    test.time.run_ready();
    asked_by_key next;
    const asked_by_key::slot_type of_coming = {{"c", async::bind<&Guest::answer>(&test.comes)}};
    next.add("comes", of_coming, &test.settings, of(coming));
    next.add_from(dispatcher, staying);
    dispatcher.exchange(next);
    std::vector<std::string> keys;
    dispatcher.each_key([&](const std::string& key, const asked_by_key::one&) { keys.push_back(key); });
    EXPECT_EQ(keys, (std::vector<std::string>{"c", "a", "b"}));
    EXPECT_TRUE(test.time.run(ask_by_key(dispatcher, "a")));
    test.time.advance(1s);
    EXPECT_TRUE(before.done());
    EXPECT_EQ(test.log, (std::vector<std::string>{"stays x", "stays x"}));
}

/// Notes what is written.
class Page {
public:
    using combine_rule = async::last_wins_per_key;
    void write(const std::string& piece) { text += piece + " "; }
    [[nodiscard]] int memory() const noexcept { return 0; }
    std::string take() { return std::move(text); }
    std::string text;
};
struct AnyText {
    [[nodiscard]] static char subject_of(const std::string&) { return 0; }
    [[nodiscard]] bool matches_all() const noexcept { return true; }
    [[nodiscard]] bool matches(char) const noexcept { return true; }
};
struct WrittenPage {
    using dispatched = std::string;
    using writer = Page;
    using interest = AnyText;
};
using compose_pages = async::dispatch<"compose_pages", WrittenPage(const std::string&), async::last_wins_per_key, async::propagate>;

async::task<void> write_later(const std::string& text, Page& out) {
    co_await async::sleep_for(1s);
    out.write("old:" + text);
}
void write_last(const std::string& text, Page& out) { out.write("last:" + text); }
void write_new(const std::string& text, Page& out) { out.write("new:" + text); }

class Pages {
public:
    explicit Pages(std::vector<std::string> given) : texts_(std::move(given)), pages(texts_.size()) {}
    bool next() { return ++at_ < static_cast<int>(texts_.size()); }
    Page& open_writer() { return pages[index()]; }
    [[nodiscard]] std::tuple<const std::string&> arguments() const { return {texts_[index()]}; }
    [[nodiscard]] const char& subject() const { return texts_[index()].front(); }
    void close() {}
    std::size_t set_aside() { return index(); }
    void close(std::size_t) {}

private:
    [[nodiscard]] std::size_t index() const { return static_cast<std::size_t>(at_); }
    std::vector<std::string> texts_;
    int at_ = -1;

public:
    std::vector<Page> pages;
};

async::task<void> write_pages(const compose_pages& dispatcher, Pages& pages) { co_await dispatcher.write_each(pages); }
async::task<std::string> compose_page(const compose_pages& dispatcher, std::string text) { co_return co_await dispatcher(text); }

TEST(ExchangedDispatch, ABatchThatHasBegunIsWrittenByTheListItFound) {
    ExchangedLists test;
    compose_pages dispatcher;
    dispatcher.add("leaves", &write_later, &test.settings, of(leaving));
    dispatcher.add("leaves too", &write_last, &test.settings, of(leaving));
    Pages begun({"a", "b"});
    const auto running = test.time.start(write_pages(dispatcher, begun));
    test.time.run_ready();
    compose_pages next;
    next.add("comes", &write_new, &test.settings, of(coming));
    dispatcher.exchange(next);
    Pages after({"c"});
    test.time.run(write_pages(dispatcher, after));
    EXPECT_EQ(test.time.run(compose_page(dispatcher, "d")), "new:d ");
    test.time.advance(1s);
    ASSERT_TRUE(running.done());
    EXPECT_EQ(begun.pages[0].text, "old:a last:a ");
    EXPECT_EQ(begun.pages[1].text, "old:b last:b ");
    EXPECT_EQ(after.pages[0].text, "new:c ");
}

TEST(ExchangedDispatch, TellsWhenTheLastCallOfTheOldListHasEnded) {
    ExchangedLists test;
    test.dispatcher.add("leaves", async::bind<&Guest::answer_later>(&test.leaves), &test.settings, of(leaving));
    test.dispatcher.add("leaves too", async::bind<&Guest::answer_later>(&test.leaves), &test.settings, of(leaving));
    const auto before = test.time.start(ask_in_turn(test.dispatcher, "before"));
    test.time.run_ready();
    const std::uint32_t old = test.waiting->begin_generation();
    const auto after = test.time.start(ask_in_turn(test.dispatcher, "after"));
    const auto ended = test.time.start(async::waiting_runs::ended(*test.waiting, old));
    test.time.advance(1s);
    EXPECT_FALSE(test.waiting->has_ended(old));
    test.time.advance(999ms);
    const auto later = test.time.start(ask_in_turn(test.dispatcher, "later"));
    EXPECT_FALSE(ended.done());
    test.time.advance(1ms);
    EXPECT_TRUE(before.done());
    EXPECT_TRUE(ended.done());
    EXPECT_TRUE(test.waiting->has_ended(old));
    EXPECT_FALSE(later.done());
}

}  // namespace exchange_test
