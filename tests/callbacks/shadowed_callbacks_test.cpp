#include "every_callback.h"

#include <callbacks/dispatchers.h>
#include <callbacks/ruling.h>

#include <async/call_limits.h>
#include <async/callback_frame.h>
#include <async/scope.h>
#include <async/shadowed_run.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>
#include <async/waiting_runs.h>

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Callbacks in shadow mode, each through its real dispatcher: whatever the module does, the operation doesn't notice.
namespace {

using namespace std::chrono_literals;
using async::shadow_end;

enum class Shadowed { neutral, decides, throws, hangs, waits, changes_arguments };
constexpr std::array all_behaviours = {Shadowed::neutral, Shadowed::decides, Shadowed::throws,
                                       Shadowed::hangs,   Shadowed::waits,   Shadowed::changes_arguments};

bool decides_by(Shadowed behaviour) { return behaviour == Shadowed::decides || behaviour == Shadowed::waits; }

/// Hears what came of runs in shadow mode, and nothing else may come of them.
class ShadowListener final : public async::dispatch_observer {
public:
    void on_error(const async::observed_run& run, async::error_level, const std::exception_ptr&) noexcept override {
        ADD_FAILURE() << run.callback.callback << " failed outside of its shadow";
    }
    void on_slow(const async::callback_identity&, async::clock::duration) noexcept override {}
    void on_decision(const async::observed_run& run) noexcept override { decided += run.callback.module + " "; }
    void on_shadow_run(const async::observed_run& run, const async::shadow_result& result) noexcept override {
        EXPECT_EQ(run.callback.module, "shadowed");
        results.push_back(result);
    }
    void on_kept_back(const async::callback_identity& callback, std::string_view what) noexcept override {
        kept_back.push_back(std::string(callback.callback) + " " + std::string(what));
    }

    std::string decided;
    std::vector<async::shadow_result> results;
    std::vector<std::string> kept_back;
};

/// A module in shadow mode, whose runs may go on after the host's dispatchers have gone, before another one whose answers
/// count.
struct ShadowTest final : samples::Module {
    explicit ShadowTest(Shadowed does, bool other_decides = false) : behaviour(does), decides(other_decides) {
        settings.observer = &listener;
        settings.shadow_runs = &runs;
        limits.mode = async::call_mode::shadow;
        limits.deadline = 1s;
    }
    ~ShadowTest() override {
        runs.cancel();
        time.run(runs.join());
    }
    ShadowTest(const ShadowTest&) = delete;
    ShadowTest& operator=(const ShadowTest&) = delete;

    [[nodiscard]] const std::shared_ptr<async::limiter>& by() {
        if (limiter == nullptr) limiter = std::make_shared<async::limiter>(limits, time.clock(), &settings);
        return limiter;
    }

    async::task<std::optional<int>> decide() override {
        ++asked;
        const async::context& here = co_await async::this_context;
        const auto* const mark = async::innermost<async::shadowed_run>(here);
        is_mark_seen = mark != nullptr && mark->callback().module == "shadowed";
        if (behaviour == Shadowed::throws) throw std::runtime_error("the module failed");
        if (behaviour == Shadowed::hangs) co_await async::sleep_for(1h);
        if (behaviour == Shadowed::waits) co_await async::sleep_for(100ms);
        if (!decides_by(behaviour)) co_return std::nullopt;
        if (!has_answer) throw callbacks::SynapseError(403, "No rooms here", "M_FORBIDDEN");
        co_return 2;
    }
    [[nodiscard]] bool changes_arguments() const override { return behaviour == Shadowed::changes_arguments; }

    async::testing::simulation time;
    async::scope runs{time.environment(), [](std::string_view, const std::exception_ptr&) { ADD_FAILURE() << "a run failed"; }};
    ShadowListener listener;
    async::dispatch_settings settings;
    async::call_limits limits;
    std::shared_ptr<async::limiter> limiter;
    Shadowed behaviour;
    bool decides;
    bool has_answer = true;  ///< the module's callback: without, it denies by an exception
    int asked = 0;
    bool is_mark_seen = false;
};

/// The other module, whose answers count.
class OtherModule final : public samples::Module {
public:
    explicit OtherModule(ShadowTest& test) noexcept : test_(test) {}

    async::task<std::optional<int>> decide() override {
        if (test_.decides) co_return 2;
        co_return std::nullopt;
    }

private:
    ShadowTest& test_;
};

/// A dispatcher of this callback, with the module in shadow mode and the other one.
class ShadowSubject {
public:
    explicit ShadowSubject(ShadowTest& test, std::string_view callback = "check_event_for_spam", bool with_shadow = true)
        : called(host_.callback(callback)), test_(test), other_(test) {
        test.has_answer = called.has_answer;
        const callbacks::RulesOf rules = [&](std::string_view name) {
            return callbacks::CallbackRules{name == callback ? test.by() : nullptr, 0};
        };
        if (with_shadow) {
            EXPECT_TRUE(host_.register_category(called.category, "shadowed", test, &test.settings, rules));
        }
        called.add("other", other_, &test.settings);
    }

    /// What the operation gets, in words.
    std::string call() { return test_.time.run(in_words(called)); }
    callbacks::SpamCheckerDispatch& spam_checker() { return host_.dispatchers.spam_checker; }

private:
    static async::task<std::string> in_words(samples::Callback& callback) {
        try {
            const samples::Combined combined = co_await callback.call();
            co_return combined.text;
        } catch (const std::exception& failure) {
            co_return failure.what();
        }
    }
    samples::Host host_;

public:
    samples::Callback& called;

private:
    ShadowTest& test_;
    OtherModule other_;
};

void expect_nothing_noticed(std::string_view callback, Shadowed behaviour, bool other_decides) {
    ShadowTest test(behaviour, other_decides);
    std::string without;
    {
        ShadowTest alone(behaviour, other_decides);
        without = ShadowSubject(alone, callback, false).call();
    }
    ShadowSubject subject(test, callback);
    const async::clock::time_point before = test.time.clock().now();

    EXPECT_EQ(subject.call(), without);
    EXPECT_EQ(test.time.clock().now(), before) << "it delays";
    test.time.advance(2s);

    EXPECT_FALSE(subject.called.has_changed_arguments());
    EXPECT_EQ(test.asked, 1);
    EXPECT_TRUE(test.is_mark_seen);
    const async::shadow_counts& counts = test.by()->in_shadow();
    EXPECT_EQ(counts.runs, 1U);
    EXPECT_EQ(counts.skipped, 0U);
    const bool failed = behaviour == Shadowed::throws || behaviour == Shadowed::hangs;
    EXPECT_EQ(counts.failed, failed ? 1U : 0U);
    ASSERT_EQ(test.listener.results.size(), 1U);
    EXPECT_EQ(test.listener.results.front().end == shadow_end::differed, counts.differed == 1U);
    if (behaviour == Shadowed::neutral && !other_decides) {
        EXPECT_EQ(counts.differed, 0U);
    }
    // The other module's decision is the same one; alone, it is another than what was done.
    if (decides_by(behaviour) && !other_decides) {
        EXPECT_EQ(counts.differed, 1U);
    }
    subject.called.each_registration([&](const async::callback_identity& identity) {
        if (identity.module != "shadowed") return;
        EXPECT_EQ(identity.statistics.decisions, 0U);
        EXPECT_EQ(identity.statistics.errors, 0U);
        EXPECT_EQ(identity.statistics.waited.counts().count() + identity.statistics.at_once.counts().count(), 0U);
        EXPECT_EQ(identity.statistics.runs - test.by()->not_asked(), 0U);
    });
}

TEST(ShadowedCallbacks, WhateverAModuleDoesTheOperationDoesNotNotice) {
    for (const callbacks::CallbackDescription& row : callbacks::callback_descriptions()) {
        if (!row.can_be_shadowed) continue;
        for (const bool other_decides : {false, true}) {
            for (const Shadowed behaviour : all_behaviours) {
                SCOPED_TRACE(std::string(row.name) + ", behaviour " + std::to_string(static_cast<int>(behaviour)) +
                             (other_decides ? ", decided" : ""));
                expect_nothing_noticed(row.name, behaviour, other_decides);
            }
        }
    }
}

TEST(ShadowedCallbacks, WhatOnlyNotifiesCannotBeShadowedNorWhatRunsAroundAnUpdate) {
    for (const callbacks::CallbackDescription& row : callbacks::callback_descriptions()) {
        const bool notifies = row.name.starts_with("on_") && row.name != "on_create_room";
        EXPECT_EQ(row.can_be_shadowed, !notifies) << row.name;
    }
}

TEST(ShadowedCallbacks, AChangeOfAnArgumentIsMadeToACopyAndIsADifference) {
    ShadowTest test(Shadowed::changes_arguments);
    ShadowSubject subject(test, "on_create_room");
    EXPECT_EQ(subject.call(), "nothing");
    test.time.run_ready();
    EXPECT_FALSE(subject.called.has_changed_arguments());
    EXPECT_EQ(test.by()->in_shadow().differed, 1U);
    EXPECT_EQ(test.listener.results.at(0).answer, "with a change of what it was given");
}

TEST(ShadowedCallbacks, AnObserverHearsWhatWouldHaveBeenAnsweredAndWhatWasDone) {
    ShadowTest test(Shadowed::decides);
    ShadowSubject subject(test);
    subject.call();
    test.time.run_ready();
    ASSERT_EQ(test.listener.results.size(), 1U);
    EXPECT_EQ(test.listener.results.front().end, shadow_end::differed);
    EXPECT_EQ(test.listener.results.front().answer, "ORG_EXAMPLE_2 no");
    EXPECT_EQ(test.listener.results.front().done, "NOT_SPAM");
    EXPECT_EQ(test.listener.decided, "");
}

TEST(ShadowedCallbacks, ADecisionThatAnotherModuleMadeTooIsNoDifference) {
    ShadowTest test(Shadowed::decides, true);
    ShadowSubject subject(test);
    subject.call();
    test.time.run_ready();
    EXPECT_EQ(test.listener.results.at(0).end, shadow_end::agreed);
    EXPECT_EQ(test.listener.decided, "other ");
}

TEST(ShadowedCallbacks, ARunThatFindsNoPlaceIsSkippedAndNeverQueued) {
    ShadowTest test(Shadowed::hangs);
    test.limits.shadow_places = std::make_shared<async::call_places>(2);
    ShadowSubject subject(test);
    for (int call = 0; call < 5; ++call) EXPECT_EQ(subject.call(), "NOT_SPAM");
    test.time.run_ready();
    EXPECT_EQ(test.asked, 2);
    EXPECT_EQ(test.by()->in_shadow().runs, 2U);
    EXPECT_EQ(test.by()->in_shadow().skipped, 3U);
    test.time.advance(2s);
    EXPECT_EQ(test.asked, 2) << "nobody waits for a place";
    EXPECT_EQ(test.by()->in_shadow().failed, 2U);
    subject.call();
    test.time.run_ready();
    EXPECT_EQ(test.asked, 3);
}

TEST(ShadowedCallbacks, ABreakerOpensForShadowRunsAloneAndSkipsThem) {
    ShadowTest test(Shadowed::throws);
    test.limits.breaker = std::make_shared<async::circuit_breaker>(async::breaker_limits{2, 60s, 30s});
    test.limits.shadow_breaker = std::make_shared<async::circuit_breaker>(async::breaker_limits{2, 60s, 30s});
    ShadowSubject subject(test);
    for (int call = 0; call < 4; ++call) {
        EXPECT_EQ(subject.call(), "NOT_SPAM");
        test.time.run_ready();
    }
    EXPECT_EQ(test.by()->in_shadow().failed, 2U);
    EXPECT_EQ(test.by()->in_shadow().skipped, 2U);
    EXPECT_TRUE(test.limits.breaker->is_closed()) << "calls that count have another";
    test.behaviour = Shadowed::neutral;
    test.time.advance(31s);
    subject.call();
    test.time.run_ready();
    EXPECT_TRUE(test.limits.shadow_breaker->is_closed()) << "the probe went well";
}

TEST(ShadowedCallbacks, AShareIsAskedInShadowModeToo) {
    ShadowTest test(Shadowed::neutral);
    test.limits.share = 5000;
    ShadowSubject subject(test);
    int expected = 0;
    for (int user = 0; user < 20; ++user) {
        callbacks::EventFields fields;
        fields.sender = "@user" + std::to_string(user) + ":test";
        if (callbacks::share_point(fields.sender) < 5000) ++expected;
        const callbacks::Event event(fields);
        static_cast<void>(test.time.run(subject.spam_checker().check_event_for_spam(event)));
    }
    test.time.run_ready();
    EXPECT_EQ(test.asked, expected);
    EXPECT_EQ(test.by()->not_asked(), 20U);
}

TEST(ShadowedCallbacks, AModeAndAShareChangeWithTheNextCallAndRunningOnesGoOn) {
    ShadowTest test(Shadowed::waits);
    ShadowSubject subject(test);
    EXPECT_EQ(subject.call(), "NOT_SPAM");
    test.time.run_ready();
    test.by()->set_mode(async::call_mode::enforce);
    EXPECT_EQ(subject.call(), "ORG_EXAMPLE_2 no");
    EXPECT_EQ(test.asked, 2);
    test.time.advance(200ms);
    EXPECT_EQ(test.by()->in_shadow().differed, 1U) << "the run that was under way is compared";
    test.by()->set_mode(async::call_mode::off);
    EXPECT_EQ(subject.call(), "NOT_SPAM");
    EXPECT_EQ(test.asked, 2);
    test.by()->set_mode(async::call_mode::enforce);
    test.by()->set_share(0);
    EXPECT_EQ(subject.call(), "NOT_SPAM");
    test.by()->set_share(async::call_limits::whole);
    EXPECT_EQ(subject.call(), "ORG_EXAMPLE_2 no");
    test.by()->set_mode(async::call_mode::shadow);
    EXPECT_EQ(subject.call(), "NOT_SPAM");
}

TEST(ShadowedCallbacks, ARunGoesOnWhenItsOperationIsCancelledAndEndsWhenTheWorkerStops) {
    ShadowTest test(Shadowed::hangs);
    test.limits.deadline = 0s;
    ShadowSubject subject(test);
    const callbacks::Event event{callbacks::EventFields()};
    const auto call = test.time.start(subject.spam_checker().check_event_for_spam(event));
    test.time.run_ready();
    call.cancel(async::cancel_reason::caller_gone);
    test.time.advance(10min);
    EXPECT_EQ(test.runs.running(), 1U);
    test.runs.cancel();
    test.time.run(test.runs.join());
    EXPECT_EQ(test.runs.running(), 0U);
    EXPECT_EQ(test.by()->in_shadow().failed, 0U) << "a worker that stops is no failure of the module";
}

/// Answers when somebody lets it.
struct GatedModule {
    async::notification gate;
    async::task<callbacks::Verdict> check(const callbacks::Event&) {
        co_await gate.wait();
        co_return callbacks::NOT_SPAM;
    }
};

TEST(ShadowedCallbacks, ARunThatEndsBeforeItsOperationIsComparedWhenThatHasEnded) {
    ShadowTest test(Shadowed::decides);
    ShadowSubject subject(test);
    GatedModule slow;
    subject.spam_checker().check_event_for_spam.add("slow", async::bind<&GatedModule::check>(&slow), &test.settings);
    const callbacks::Event event{callbacks::EventFields()};
    const auto call = test.time.start(subject.spam_checker().check_event_for_spam(event));
    test.time.run_ready();
    EXPECT_EQ(test.asked, 1);
    EXPECT_TRUE(test.listener.results.empty());
    slow.gate.notify_all();
    test.time.run_ready();
    EXPECT_TRUE(call.done());
    ASSERT_EQ(test.listener.results.size(), 1U);
    EXPECT_EQ(test.listener.results.front().end, shadow_end::differed);
}

TEST(ShadowedCallbacks, WhatIsCancelledIsNotComparedAndWhatFailsIs) {
    ShadowTest test(Shadowed::decides);
    ShadowSubject subject(test);
    GatedModule slow;
    subject.spam_checker().check_event_for_spam.add("slow", async::bind<&GatedModule::check>(&slow), &test.settings);
    const callbacks::Event event{callbacks::EventFields()};
    const auto call = test.time.start(subject.spam_checker().check_event_for_spam(event));
    test.time.run_ready();
    call.cancel(async::cancel_reason::stopping);
    test.time.run_ready();
    EXPECT_TRUE(call.done());
    ASSERT_EQ(test.listener.results.size(), 1U);
    EXPECT_EQ(test.listener.results.front().end, shadow_end::not_compared);
    EXPECT_EQ(test.by()->in_shadow().differed, 0U);

    ShadowTest failing(Shadowed::decides);
    failing.settings.observer = nullptr;
    ShadowSubject before(failing);
    before.spam_checker().check_event_for_spam.add(
        "failing", [](const callbacks::Event&) -> callbacks::Verdict { throw std::runtime_error("failed"); },
        &failing.settings);
    EXPECT_EQ(before.call(), "failed");
    failing.time.run_ready();
    EXPECT_EQ(failing.by()->in_shadow().differed, 1U) << "it would have denied before that failed";
}

TEST(ShadowedCallbacks, ARunWithoutADeadlineOfItsOwnHasThatOfAllCallbacks) {
    ShadowTest test(Shadowed::hangs);
    test.limits.deadline.reset();
    test.settings.callback_deadline = 5s;
    ShadowSubject subject(test);
    subject.call();
    test.time.advance(4s);
    EXPECT_EQ(test.by()->in_shadow().failed, 0U);
    test.time.advance(2s);
    EXPECT_EQ(test.by()->in_shadow().failed, 1U);
}

TEST(ShadowedCallbacks, ARunIsListedAmongTheWaitingOnesFromTheCallOn) {
    ShadowTest test(Shadowed::hangs);
    async::waiting_runs waiting(test.settings, false);
    test.settings.waiting = &waiting;
    ShadowSubject subject(test);
    subject.call();
    int listed = 0;
    waiting.each([&](const async::waiting_run& run) {
        ++listed;
        subject.called.each_registration([&](const async::callback_identity& identity) {
            EXPECT_NE(&run.callback(), &identity) << "it is none of the operation's";
        });
    });
    EXPECT_EQ(listed, 1);
    test.time.advance(2s);
    waiting.each([&](const async::waiting_run&) { ADD_FAILURE() << "it has ended"; });
}

class FileThatIsReadOnce final : public callbacks::ReadableFileWrapper {
public:
    async::task<std::span<const std::byte>> read_chunk() override { co_return std::span<const std::byte>(); }
    const std::string& path() const noexcept override { return path_; }

private:
    std::string path_ = "once";
};

TEST(ShadowedCallbacks, WhatCannotBeCopiedIsNotAsked) {
    ShadowTest test(Shadowed::decides);
    ShadowSubject subject(test, "check_media_file_for_spam");
    FileThatIsReadOnce file;
    const callbacks::Verdict verdict =
        test.time.run(subject.spam_checker().check_media_file_for_spam(file, callbacks::FileInfo()));
    EXPECT_FALSE(verdict.is_spam());
    test.time.run_ready();
    EXPECT_EQ(test.asked, 0);
    EXPECT_EQ(test.by()->in_shadow().skipped, 1U);
}

callbacks::JsonDict one_field(std::string_view name, int value) {
    callbacks::JsonDict fields;
    fields[name] = value;
    return fields;
}

TEST(ShadowedCallbacks, AFieldThatALaterModuleWritesAnywayIsNoDifference) {
    using callbacks::detail::ByLastPerKey;
    using callbacks::detail::WrittenFields;
    const auto differs = [](const callbacks::JsonDict& fields, const callbacks::JsonDict& before,
                            const callbacks::JsonDict& done) {
        return ByLastPerKey::would_change(WrittenFields{fields, before}, done);
    };
    EXPECT_TRUE(differs(one_field("a", 1), {}, {}));
    EXPECT_FALSE(differs(one_field("a", 1), {}, one_field("a", 1)));
    EXPECT_FALSE(differs(one_field("a", 1), {}, one_field("a", 2))) << "written after it";
    EXPECT_TRUE(differs(one_field("a", 1), one_field("a", 2), one_field("a", 2))) << "it would have overwritten that";
}

TEST(ShadowedCallbacks, AUnionDiffersByWhoIsNotInIt) {
    using callbacks::InterestedUsers;
    using callbacks::detail::ByUnion;
    const InterestedUsers everyone(callbacks::PRESENCE_ALL_USERS);
    const InterestedUsers both({"@a:test", "@b:test"});
    const InterestedUsers one({"@a:test"});
    EXPECT_FALSE(ByUnion::would_change(one, both));
    EXPECT_TRUE(ByUnion::would_change(both, one));
    EXPECT_TRUE(ByUnion::would_change(everyone, both));
    EXPECT_FALSE(ByUnion::would_change(both, everyone));
}

TEST(ShadowedCallbacks, WhatIsSaidOfAnAnswerNamesNoValuesOfFields) {
    callbacks::JsonDict fields = one_field("token", 1);
    EXPECT_EQ(callbacks::detail::answer_text(fields), "the field token");
    EXPECT_EQ(callbacks::detail::answer_text(callbacks::Verdict(callbacks::Codes::FORBIDDEN, fields)),
              "M_FORBIDDEN with the field token");
    EXPECT_LE(callbacks::detail::answer_text(std::string(10'000, 'x')).size(), 300U);
}

}  // namespace
