#include <async/bind.h>
#include <async/limited_call.h>
#include <async/sleep.h>
#include <async/sync_wait.h>
#include <async/testing/virtual_time.h>
#include <async/writer_dispatch.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace writer_dispatch_test {

using namespace std::chrono_literals;

/// A text that hooks write into, or return a piece of.
class Paper {
public:
    using combine_rule = async::last_wins_per_key;
    void write(const std::string& piece) { text += piece + " "; }
    [[nodiscard]] int memory() const noexcept { return 7; }
    std::string take() { return std::move(text); }

    std::string text;
};
/// Everything, or what begins with a letter.
struct FirstLetter {
    char wanted = 0;
    [[nodiscard]] static char subject_of(const std::string& text) { return text.front(); }
    [[nodiscard]] bool matches_all() const noexcept { return wanted == 0; }
    [[nodiscard]] bool matches(char first) const noexcept { return wanted == first; }
};
struct Written {
    using dispatched = std::string;
    using writer = Paper;
    using interest = FirstLetter;
};
using compose = async::dispatch<"compose", Written(const std::string&), async::last_wins_per_key, async::propagate>;

class Module {
public:
    std::string object(const std::string& text) { return "object:" + text; }
    std::string object_with_memory(const std::string& text, int memory) { return text + std::to_string(memory); }
    async::task<std::string> object_later(const std::string& text) {
        co_await async::sleep_for(1s);
        co_return "later:" + text;
    }
    void direct(const std::string& text, Paper& out) { out.write("direct:" + text); }
    async::task<void> direct_later(const std::string& text, Paper& out) {
        out.write("begun:" + text);
        if (text.starts_with("slow")) co_await async::sleep_for(2s);
        out.write("done:" + text);
    }
    async::task<void> sleep_long(const std::string&, Paper&) {
        co_await async::sleep_for(10s);
        ++finished;
    }
    int finished = 0;
};

/// A batch of texts, each with the paper it got.
class Texts {
public:
    explicit Texts(std::vector<std::string> given) : texts(std::move(given)), papers(texts.size()) {}

    bool next() { return ++at_ < static_cast<int>(texts.size()); }
    Paper& open_writer() { return papers[index()]; }
    [[nodiscard]] std::tuple<const std::string&> arguments() const { return {texts[index()]}; }
    [[nodiscard]] const char& subject() const { return texts[index()].front(); }
    void close() { closed.push_back(texts[index()]); }
    std::size_t set_aside() { return index(); }
    void close(std::size_t index) { closed.push_back(texts[index]); }

    std::vector<std::string> texts;
    std::vector<Paper> papers;
    std::vector<std::string> closed;

private:
    [[nodiscard]] std::size_t index() const { return static_cast<std::size_t>(at_); }
    int at_ = -1;
};

template <class Items>
async::task<void> write_all(const compose& dispatcher, Items& items) {
    co_await dispatcher.write_each(items);
}
async::task<std::string> ask(const compose& dispatcher, std::string text) { co_return co_await dispatcher(text); }

TEST(WriterDispatch, TakesObjectsAndWritingFromFunctionsAndCoroutines) {
    async::testing::simulation time;
    Module module;
    compose dispatcher;
    EXPECT_EQ(time.run(ask(dispatcher, "x")), "");
    dispatcher.add("a", async::bind<&Module::object>(&module), nullptr);
    dispatcher.add("b", async::bind<&Module::object_with_memory>(&module), nullptr);
    dispatcher.add("c", async::bind<&Module::object_later>(&module), nullptr);
    dispatcher.add("d", async::bind<&Module::direct>(&module), nullptr);
    dispatcher.add("e", async::bind<&Module::direct_later>(&module), nullptr);
    dispatcher.add(
        "f", [kept = std::string("lambda")](const std::string&) { return kept; }, nullptr);
    EXPECT_EQ(time.run(ask(dispatcher, "x")), "object:x x7 later:x direct:x begun:x done:x lambda ");
}

TEST(WriterDispatch, AnItemThatWaitsDoesNotHoldUpTheOthers) {
    async::testing::simulation time;
    Module module;
    compose dispatcher;
    dispatcher.add("a", async::bind<&Module::direct_later>(&module), nullptr);
    dispatcher.add("b", async::bind<&Module::direct>(&module), nullptr);
    Texts texts({"slow1", "quick1", "slow2", "quick2"});
    time.run(write_all(dispatcher, texts));
    EXPECT_EQ(texts.closed, (std::vector<std::string>{"quick1", "quick2", "slow1", "slow2"}));
    for (std::size_t index = 0; index < texts.texts.size(); ++index) {
        const std::string& text = texts.texts[index];
        EXPECT_EQ(texts.papers[index].text, "begun:" + text + " done:" + text + " direct:" + text + " ");
    }
}

TEST(WriterDispatch, AsksOnlyHooksWhoseInterestMatchesTheItem) {
    async::testing::simulation time;
    Module module;
    compose dispatcher;
    dispatcher.add("a", {async::bind<&Module::direct>(&module), FirstLetter{'q'}}, nullptr);
    Texts texts({"slow", "quick"});
    time.run(write_all(dispatcher, texts));
    EXPECT_EQ(texts.papers[0].text, "");
    EXPECT_EQ(texts.papers[1].text, "direct:quick ");
    EXPECT_EQ(time.run(ask(dispatcher, "slow")), "");
    dispatcher.each_registration([](const async::callback_identity& identity) { EXPECT_EQ(identity.statistics.runs, 1U); });
}

TEST(WriterDispatch, ADeadlineCutsAWaitingHookUnderTheErrorRule) {
    async::testing::simulation time;
    Module module;
    async::dispatch_settings settings;
    settings.callback_deadline = 1s;
    compose dispatcher;
    dispatcher.add("a", async::bind<&Module::sleep_long>(&module), &settings);
    Texts texts({"one", "two"});
    EXPECT_THROW(time.run(write_all(dispatcher, texts)), async::deadline_exceeded);
    EXPECT_EQ(module.finished, 0);
    EXPECT_EQ(texts.closed.size(), 2U) << "every item that was set aside is closed";
}

/// A hundred thousand items, and how far apart the stack was when their hooks ran.
class ManyItems {
public:
    bool next() { return left_-- > 0; }
    Paper& open_writer() { return paper_; }
    [[nodiscard]] std::tuple<const std::string&> arguments() const { return {text_}; }
    [[nodiscard]] const char& subject() const { return text_.front(); }
    void close() {}
    int set_aside() { return 0; }
    void close(int) { ++set_aside_closed; }

    int set_aside_closed = 0;

private:
    int left_ = 100'000;
    Paper paper_;
    std::string text_ = "x";
};
struct StackProbe {
    async::task<void> ready(const std::string&, Paper&) {
        note();
        co_return;
    }
    async::task<void> suspending(const std::string&, Paper&) {
        note();
        co_await async::reschedule();
        note();
    }
    void note() {
        const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
        lowest = std::min(lowest, here);
        highest = std::max(highest, here);
    }
    std::uintptr_t lowest = UINTPTR_MAX;
    std::uintptr_t highest = 0;
};

TEST(WriterDispatch, ABatchKeepsTheStackFlatWhetherItsHooksSuspendOrNot) {
    StackProbe ready;
    StackProbe suspending;
    compose dispatcher;
    dispatcher.add("ready", async::bind<&StackProbe::ready>(&ready), nullptr);
    dispatcher.add("suspending", async::bind<&StackProbe::suspending>(&suspending), nullptr);
    ManyItems items;
    async::sync_wait(write_all(dispatcher, items));
    EXPECT_EQ(items.set_aside_closed, 100'000);
    EXPECT_LT(ready.highest - ready.lowest, 16U * 1024);
    EXPECT_LT(suspending.highest - suspending.lowest, 16U * 1024);
}

/// Starts a batch, cancels it while its hooks wait, and says how it ended.
async::cancel_reason cancelled_by(const compose& dispatcher, async::cancel_reason reason) {
    async::testing::simulation time;
    Texts texts({"one", "two"});
    const auto running = time.start(write_all(dispatcher, texts));
    time.advance(1s);
    running.cancel(reason);
    time.advance(20s);
    try {
        running.result();
    } catch (const async::operation_cancelled& cancelled) {
        return cancelled.reason();
    }
    return async::cancel_reason::none;
}

TEST(WriterDispatch, ACallerThatLeavesLetsRunningHooksFinishAndStoppingCutsThem) {
    Module module;
    compose dispatcher;
    dispatcher.add("a", async::bind<&Module::sleep_long>(&module), nullptr);
    EXPECT_EQ(cancelled_by(dispatcher, async::cancel_reason::caller_gone), async::cancel_reason::caller_gone);
    EXPECT_EQ(module.finished, 2);
    EXPECT_EQ(cancelled_by(dispatcher, async::cancel_reason::stopping), async::cancel_reason::stopping);
    EXPECT_EQ(module.finished, 2);
}

/// Of two values of one letter the first one stays. A rule of this test's own, as a host may have them.
struct first_wins_per_key {
    [[maybe_unused]] static constexpr std::string_view name = "merge, first wins per key";
    static constexpr bool later_wins = false;
};
/// Keeps one word per first letter, which one its rule says.
template <class Rule>
class Dictionary {
public:
    using combine_rule = Rule;
    void write(const std::string& word) {
        const auto [known, is_new] = words_.try_emplace(word.front(), word);
        if (!is_new && Rule::later_wins) known->second = word;
    }
    [[nodiscard]] int memory() const noexcept { return 0; }
    std::string take() {
        std::string all;
        for (const auto& [letter, word] : words_) all += word + " ";
        return all;
    }

private:
    std::map<char, std::string> words_;
};
template <class Rule>
struct Words {
    using dispatched = std::string;
    using writer = Dictionary<Rule>;
    using interest = FirstLetter;
};
/// What a dispatcher declared with this rule makes of the same three words.
template <class Rule>
std::string combined_by() {
    async::testing::simulation time;
    async::dispatch<"words", Words<Rule>(const std::string&), Rule, async::propagate> dispatcher;
    dispatcher.add(
        "returns", [](const std::string&) { return std::string("apple"); }, nullptr);
    dispatcher.add(
        "writes", [](const std::string&, Dictionary<Rule>& out) { out.write("bread"); }, nullptr);
    dispatcher.add(
        "writes later", [](const std::string&, Dictionary<Rule>& out) { out.write("avocado"); }, nullptr);
    const auto ask = [](auto& asked) -> async::task<std::string> {
        const std::string about = "x";
        co_return co_await asked(about);
    };
    return time.run(ask(dispatcher));
}

TEST(WriterDispatch, TheDeclaredRuleSaysWhichOfTwoValuesStays) {
    EXPECT_EQ(combined_by<async::last_wins_per_key>(), "avocado bread ");
    EXPECT_EQ(combined_by<first_wins_per_key>(), "apple bread ");
}

/// Of a limited callable: nobody puts calls off here, and nobody denies.
struct ComposePolicy {
    static std::uint32_t point_of(const std::string& text) { return text == "outside" ? 9999 : 0; }
    static bool is_answer(const std::exception_ptr&) { return false; }
    static void denial() {}
    static std::exception_ptr later(async::clock::duration) { return std::make_exception_ptr(std::domain_error("later")); }
};

class LimitedWriting {
public:
    explicit LimitedWriting(async::failure_outcome outcome, std::optional<async::clock::duration> deadline = std::nullopt) {
        async::call_limits limits;
        limits.on_failure = outcome;
        limits.deadline = deadline;
        limits.share = 5000;
        by_ = std::make_shared<async::limiter>(limits, time.clock(), nullptr);
    }
    void add(const compose::slot_type& given) {
        dispatcher.add("it", async::limited_call<compose::slot_type, ComposePolicy>::around(given, by_), nullptr,
                       by_->stands_at(0));
    }

    async::testing::simulation time;
    Module module;
    compose dispatcher;

private:
    std::shared_ptr<async::limiter> by_;
};

void write_and_break(const std::string&, Paper& out) {
    out.write("half");
    throw std::logic_error("broken");
}

TEST(WriterDispatch, ALimitedHookWritesAsItDoesWithoutLimits) {
    for (const auto outcome : {async::failure_outcome::contract, async::failure_outcome::accept}) {
        LimitedWriting test(outcome, 3s);
        test.add(async::bind<&Module::object>(&test.module));
        test.add(async::bind<&Module::object_later>(&test.module));
        test.add(async::bind<&Module::direct_later>(&test.module));
        test.add({async::bind<&Module::direct>(&test.module), FirstLetter{'q'}});
        std::string text = test.time.run(ask(test.dispatcher, "slow"));
        std::erase(text, ' ');
        EXPECT_EQ(text, "object:slowlater:slowbegun:slowdone:slow") << "the last isn't for it";
        EXPECT_EQ(test.time.run(ask(test.dispatcher, "outside")), "");
    }
}

TEST(WriterDispatch, OfALimitedHookWhoseFailureIsNoOpinionNothingStays) {
    LimitedWriting test(async::failure_outcome::accept, 5s);
    test.add(&write_and_break);
    test.add(async::bind<&Module::sleep_long>(&test.module));
    test.add(async::bind<&Module::direct>(&test.module));
    std::string text = test.time.run(ask(test.dispatcher, "x"));
    std::erase(text, ' ');
    EXPECT_EQ(text, "direct:x");
    EXPECT_EQ(test.module.finished, 0);
}

TEST(WriterDispatch, AFailureOfALimitedHookCanLeaveAsAnotherOne) {
    LimitedWriting test(async::failure_outcome::tempfail);
    test.add(&write_and_break);
    EXPECT_THROW(test.time.run(ask(test.dispatcher, "x")), std::domain_error);
}

}  // namespace writer_dispatch_test
