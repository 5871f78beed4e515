#include "samples.h"

#include <callbacks/dispatchers.h>

#include <async/notification.h>
#include <async/scope.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <tuple>
#include <vector>

/// Every declared callback, walked by its declaration: what its combine rule and its error rule promise holds for it.
namespace {

using namespace std::chrono_literals;

constexpr int hook_count = 3;

enum class Behaviour { pass, decide, throw_plain, throw_synapse_error, suspend };

/// What the hooks of one run do, and which of them ran.
struct Script {
    std::array<Behaviour, hook_count> behaviour{};
    std::vector<int> ran;
    std::vector<int> finished;
    async::notification gate;
};

template <class T>
struct BooleanAnswer {};

/// The answers of a callback that returns bool depend on its pass value, which the combine rule knows.
template <class Combine>
inline constexpr bool pass_of = false;
template <>
inline constexpr bool pass_of<async::first_not<true>> = true;

template <class Combine>
struct Unwrapped {
    using type = Combine;
};
template <class Combine>
struct Unwrapped<callbacks::routine<Combine>> : Unwrapped<Combine> {};
template <class Combine>
struct Unwrapped<callbacks::afterwards<Combine>> : Unwrapped<Combine> {};
template <class Combine>
struct Unwrapped<callbacks::about_an_address<Combine>> : Unwrapped<Combine> {};
template <auto Denial, class Combine>
struct Unwrapped<callbacks::denied_by<Denial, Combine>> : Unwrapped<Combine> {};
/// How a callback's answers combine, whatever else stands around that.
template <class Callback>
using combine_rule_of = typename Unwrapped<typename Callback::combine_rule>::type;

template <class Answer, class Combine>
Answer answer_of(Behaviour behaviour, int which) {
    const bool decides = behaviour == Behaviour::decide;
    if constexpr (std::is_same_v<Answer, bool>) {
        return decides ? !pass_of<Combine> : pass_of<Combine>;
    } else {
        return decides ? samples::Answer<Answer>::decide(which) : samples::Answer<Answer>::pass();
    }
}

template <class Answer, class Combine>
async::task<Answer> run_hook(Script& script, int which) {
    script.ran.push_back(which);
    const Behaviour behaviour = script.behaviour[static_cast<std::size_t>(which)];
    if (behaviour == Behaviour::throw_plain) throw std::runtime_error("the module failed");
    if (behaviour == Behaviour::throw_synapse_error) throw callbacks::SynapseError(418, "teapot", "ORG_EXAMPLE_TEAPOT");
    if (behaviour == Behaviour::suspend) co_await script.gate.wait();
    script.finished.push_back(which);
    if constexpr (!std::is_void_v<Answer>) co_return answer_of<Answer, typename Unwrapped<Combine>::type>(behaviour, which);
}

/// One dispatcher with three modules that follow a script, and arguments to call it with.
template <class Dispatch>
class Subject;

template <async::name Name, class R, class... Parameters, class Combine, class Errors, class Key>
class Subject<async::dispatch<Name, R(Parameters...), Combine, Errors, Key>> {
public:
    using dispatcher = async::dispatch<Name, R(Parameters...), Combine, Errors, Key>;
    using slot = async::slot<Name, R(Parameters...), Combine, Errors, Key>;
    using answer = typename dispatcher::answer;
    using result = typename dispatcher::result;

    explicit Subject(int modules, async::dispatch_settings* settings = nullptr) {
        for (int which = 0; which < modules; ++which) {
            async::slot<Name, R(Parameters...), Combine, Errors> one(
                [this, which](Parameters...) { return run_hook<answer, Combine>(script, which); });
            const std::string module = "module" + std::to_string(which);
            if constexpr (std::is_void_v<Key>) {
                dispatch.add(module, one, settings);
            } else {
                dispatch.add(module, slot({{samples::Argument<Key>().value, one}}), settings);
            }
        }
    }

    async::task<result> call() {
        return std::apply(
            [this](auto&... argument) {
                if constexpr (std::is_void_v<Key>) {
                    return dispatch(argument.value...);
                } else {
                    return dispatch(key_.value, argument.value...);
                }
            },
            arguments_);
    }

    /// Awaits the call and judges its result.
    static async::task<void> expect_result(Subject& self, std::optional<int> decided) {
        if constexpr (std::is_void_v<result>) {
            co_await self.call();
        } else {
            result combined = co_await self.call();
            EXPECT_TRUE(self.matches(combined, decided)) << Name.view();
        }
    }

    template <class Combined>
    bool matches(const Combined& combined, std::optional<int> decided) const {
        if constexpr (std::is_same_v<answer, bool>) {
            constexpr bool pass = pass_of<typename Unwrapped<Combine>::type>;
            return combined == (decided ? !pass : pass);
        } else {
            return samples::Answer<answer>::matches(combined, decided);
        }
    }

    dispatcher dispatch;
    Script script;

private:
    samples::Argument<std::conditional_t<std::is_void_v<Key>, int, Key>> key_;
    std::tuple<samples::Argument<std::remove_cvref_t<Parameters>>...> arguments_;
};

/// How a walk proceeds when hook `decider` gives its deciding answer.
template <class Combine>
std::vector<int> expected_walk(int decider) {
    if constexpr (std::is_same_v<Combine, async::only_first>) return {0};
    if constexpr (std::is_same_v<Combine, async::run_all> || std::is_same_v<Combine, async::last_wins_per_key> ||
                  std::is_same_v<Combine, async::union_per_key>) {
        return {0, 1, 2};
    }
    std::vector<int> walk;
    for (int which = 0; which <= decider; ++which) walk.push_back(which);
    return walk;
}

template <class Callback>
void nobody_registered_gives_the_neutral_answer() {
    async::testing::simulation time;
    Subject<Callback> subject(0);
    time.run(Subject<Callback>::expect_result(subject, std::nullopt));
}

template <class Callback>
void one_module_decides() {
    async::testing::simulation time;
    Subject<Callback> subject(1);
    subject.script.behaviour[0] = Behaviour::decide;
    time.run(Subject<Callback>::expect_result(subject, 0));
    EXPECT_EQ(subject.script.ran, std::vector<int>{0});
}

template <class Callback>
void the_first_a_middle_and_the_last_decide() {
    using Combine = combine_rule_of<Callback>;
    for (int decider = 0; decider < hook_count; ++decider) {
        async::testing::simulation time;
        Subject<Callback> subject(hook_count);
        subject.script.behaviour[static_cast<std::size_t>(decider)] = Behaviour::decide;
        if constexpr (std::is_same_v<Combine, async::only_first>) {
            if (decider > 0) continue;  // nobody but the first is asked
        }
        time.run(Subject<Callback>::expect_result(subject, decider));
        EXPECT_EQ(subject.script.ran, expected_walk<Combine>(decider)) << "decided by " << decider;
    }
}

template <class Callback>
void everybody_passes() {
    using Combine = combine_rule_of<Callback>;
    if constexpr (!std::is_same_v<Combine, async::only_first>) {
        async::testing::simulation time;
        Subject<Callback> subject(hook_count);
        time.run(Subject<Callback>::expect_result(subject, std::nullopt));
        EXPECT_EQ(subject.script.ran, (std::vector<int>{0, 1, 2}));
    }
}

/// What leaves the dispatcher when hook `thrower` throws and, where the rule goes on, hook 2 (or else 1) decides.
template <class Callback>
void a_throwing_module_follows_the_error_rule(Behaviour kind) {
    using Combine = combine_rule_of<Callback>;
    using Errors = typename Callback::error_rule;
    constexpr bool goes_on = std::is_same_v<Errors, async::log_and_go_on> || std::is_same_v<Errors, async::skip>;
    const bool synapse_error = kind == Behaviour::throw_synapse_error;

    for (int thrower = 0; thrower < hook_count; ++thrower) {
        if (std::is_same_v<Combine, async::only_first> && thrower > 0) continue;
        async::testing::simulation time;
        Subject<Callback> subject(hook_count);
        subject.script.behaviour[static_cast<std::size_t>(thrower)] = kind;
        const int decider = thrower == 2 ? 1 : 2;
        if constexpr (goes_on) {
            if (decider > thrower) subject.script.behaviour[static_cast<std::size_t>(decider)] = Behaviour::decide;
            time.run(Subject<Callback>::expect_result(subject, decider > thrower ? std::optional<int>(decider) : std::nullopt));
            EXPECT_EQ(subject.script.ran, (std::vector<int>{0, 1, 2})) << "thrown by " << thrower;
            continue;
        }
        std::vector<int> expected;
        for (int which = 0; which <= thrower; ++which) expected.push_back(which);
        try {
            time.run(Subject<Callback>::expect_result(subject, std::nullopt));
            ADD_FAILURE() << "the exception of module " << thrower << " got lost";
        } catch (const callbacks::SynapseError& error) {
            if constexpr (std::is_same_v<Errors, callbacks::fail_500>) {
                EXPECT_EQ(error.status(), 500);
                EXPECT_EQ(error.errcode(), "M_UNKNOWN");
                EXPECT_STREQ(error.what(), "Internal Server Error");
            } else if (synapse_error) {
                EXPECT_EQ(error.errcode(), "ORG_EXAMPLE_TEAPOT");
                EXPECT_EQ(error.status(), 418);
            } else {
                EXPECT_TRUE((std::is_same_v<Errors, callbacks::forbid_room_creation>));
                EXPECT_EQ(error.status(), 403);
                EXPECT_EQ(error.errcode(), "M_UNKNOWN");
                EXPECT_STREQ(error.what(), "Room creation forbidden with these parameters");
            }
        } catch (const callbacks::ModuleFailed& failed) {
            EXPECT_TRUE((std::is_same_v<Errors, callbacks::module_failure>));
            EXPECT_FALSE(synapse_error);
            EXPECT_STREQ(failed.what(), "the module failed");
        } catch (const std::runtime_error& error) {
            EXPECT_TRUE((std::is_same_v<Errors, async::propagate>));
            EXPECT_STREQ(error.what(), "the module failed");
        }
        EXPECT_EQ(subject.script.ran, expected) << "thrown by " << thrower;
    }
}

/// Runs the call in a scope whose cancellation the test holds.
template <class Callback>
struct Cancellable {
    explicit Cancellable(Subject<Callback>& called)
        : subject(called),
          scope(
              time.environment(), [this](std::string_view, std::exception_ptr error) { failure = error; }, &source) {
        scope.spawn("call", watch(*this));
    }
    static async::task<void> watch(Cancellable& self) {
        try {
            co_await Subject<Callback>::expect_result(self.subject, std::nullopt);
            self.returned = true;
        } catch (const async::operation_cancelled& cancelled) {
            self.cancelled_by = cancelled.reason();
            throw;
        }
    }

    Subject<Callback>& subject;
    async::testing::simulation time;
    async::cancellation_source source;
    std::exception_ptr failure;
    bool returned = false;
    std::optional<async::cancel_reason> cancelled_by;
    async::scope scope;
};

template <class Callback>
void a_client_that_goes_away_lets_the_running_module_finish() {
    Subject<Callback> subject(hook_count);
    subject.script.behaviour[0] = Behaviour::suspend;
    Cancellable<Callback> call(subject);
    call.time.run_ready();
    EXPECT_EQ(subject.script.ran, std::vector<int>{0});
    call.source.request(async::cancel_reason::caller_gone);
    call.time.run_ready();
    EXPECT_TRUE(subject.script.finished.empty()) << "the running module was cut";
    EXPECT_FALSE(call.cancelled_by);
    subject.script.gate.notify_all();
    call.time.run_ready();
    EXPECT_EQ(subject.script.finished, std::vector<int>{0});
    EXPECT_EQ(call.cancelled_by, async::cancel_reason::caller_gone);
    EXPECT_EQ(subject.script.ran, std::vector<int>{0}) << "a later module was asked";
    EXPECT_EQ(call.scope.running(), 0U);
}

template <class Callback>
void stopping_the_host_cuts_the_running_module() {
    Subject<Callback> subject(hook_count);
    subject.script.behaviour[0] = Behaviour::suspend;
    Cancellable<Callback> call(subject);
    call.time.run_ready();
    call.source.request(async::cancel_reason::stopping);
    call.time.run_ready();
    EXPECT_TRUE(subject.script.finished.empty());
    EXPECT_EQ(call.cancelled_by, async::cancel_reason::stopping) << "an error rule swallowed the cancellation";
    EXPECT_EQ(subject.script.ran, std::vector<int>{0});
    EXPECT_FALSE(call.failure);
}

template <class Callback>
void an_expired_deadline_is_an_exception_under_the_error_rule() {
    using Errors = typename Callback::error_rule;
    using Combine = combine_rule_of<Callback>;
    constexpr bool goes_on = std::is_same_v<Errors, async::log_and_go_on> || std::is_same_v<Errors, async::skip>;
    async::dispatch_settings settings;
    settings.callback_deadline = 50ms;
    async::testing::simulation time;
    Subject<Callback> subject(hook_count, &settings);
    subject.script.behaviour[0] = Behaviour::suspend;
    if constexpr (goes_on) {
        time.run(Subject<Callback>::expect_result(subject, std::nullopt));
        EXPECT_EQ(subject.script.ran, (std::vector<int>{0, 1, 2}));
        EXPECT_EQ(subject.script.finished, (std::vector<int>{1, 2}));
    } else {
        try {
            time.run(Subject<Callback>::expect_result(subject, std::nullopt));
            ADD_FAILURE() << "the deadline got lost";
        } catch (const async::deadline_exceeded&) {
            EXPECT_TRUE((std::is_same_v<Errors, async::propagate>));
        } catch (const callbacks::SynapseError& error) {
            EXPECT_TRUE(
                (std::is_same_v<Errors, callbacks::fail_500> || std::is_same_v<Errors, callbacks::forbid_room_creation>));
        } catch (const callbacks::ModuleFailed&) {
            EXPECT_TRUE((std::is_same_v<Errors, callbacks::module_failure>));
        }
        EXPECT_EQ(subject.script.ran, std::vector<int>{0});
    }
    static_cast<void>(sizeof(Combine));
}

TEST(Conformance, EveryDeclaredCallbackKeepsItsCombineAndErrorRule) {
    callbacks::Dispatchers dispatchers;
    std::set<std::string> names;
    int rows = 0;
    callbacks::each_callback(dispatchers, [&]<class Callback>(Callback&, std::string_view category) {
        SCOPED_TRACE(std::string(category) + ": " + std::string(Callback::callback_name));
        ++rows;
        names.emplace(Callback::callback_name);
        nobody_registered_gives_the_neutral_answer<Callback>();
        one_module_decides<Callback>();
        the_first_a_middle_and_the_last_decide<Callback>();
        everybody_passes<Callback>();
        a_throwing_module_follows_the_error_rule<Callback>(Behaviour::throw_plain);
        a_throwing_module_follows_the_error_rule<Callback>(Behaviour::throw_synapse_error);
        a_client_that_goes_away_lets_the_running_module_finish<Callback>();
        stopping_the_host_cuts_the_running_module<Callback>();
        an_expired_deadline_is_an_exception_under_the_error_rule<Callback>();
    });
    EXPECT_EQ(rows, 40);
    EXPECT_EQ(names.size(), 40U) << "a name is declared twice";
}

}  // namespace
