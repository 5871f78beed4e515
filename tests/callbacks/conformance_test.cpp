#include "every_callback.h"

#include <callbacks/error_rules.h>

#include <async/notification.h>
#include <async/scope.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <array>
#include <exception>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
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

/// A module that follows a script.
class ScriptedModule final : public samples::Module {
public:
    ScriptedModule(Script& script, int which) noexcept : script_(script), which_(which) {}

    async::task<std::optional<int>> decide() override {
        script_.ran.push_back(which_);
        const Behaviour behaviour = script_.behaviour[static_cast<std::size_t>(which_)];
        if (behaviour == Behaviour::throw_plain) throw std::runtime_error("the module failed");
        if (behaviour == Behaviour::throw_synapse_error) throw callbacks::SynapseError(418, "teapot", "ORG_EXAMPLE_TEAPOT");
        if (behaviour == Behaviour::suspend) co_await script_.gate.wait();
        script_.finished.push_back(which_);
        if (behaviour == Behaviour::decide) co_return which_;
        co_return std::nullopt;
    }

private:
    Script& script_;
    int which_;
};

/// One dispatcher with modules that follow a script.
class Subject {
public:
    Subject(std::string_view callback, int modules, async::dispatch_settings* settings = nullptr)
        : called(host_.callback(callback)) {
        for (int which = 0; which < modules; ++which) {
            modules_.push_back(std::make_unique<ScriptedModule>(script, which));
            called.add("module" + std::to_string(which), *modules_.back(), settings);
        }
    }

    /// Awaits the call and judges its result.
    static async::task<void> expect_result(Subject& self, std::optional<int> decided) {
        const samples::Combined combined = co_await self.called.call();
        if (self.called.has_answer) {
            EXPECT_TRUE(combined.matches(decided));
        }
    }

private:
    samples::Host host_;
    std::vector<std::unique_ptr<ScriptedModule>> modules_;

public:
    samples::Callback& called;
    Script script;
};

using Asks = samples::Callback::Asks;
using OnFailure = samples::Callback::OnFailure;

/// Hooks 0 to `last`.
std::vector<int> walk_to(int last) {
    std::vector<int> walk;
    for (int which = 0; which <= last; ++which) walk.push_back(which);
    return walk;
}

void nobody_registered_gives_the_neutral_answer(std::string_view callback) {
    async::testing::simulation time;
    Subject subject(callback, 0);
    time.run(Subject::expect_result(subject, std::nullopt));
}

void one_module_decides(std::string_view callback) {
    async::testing::simulation time;
    Subject subject(callback, 1);
    subject.script.behaviour[0] = Behaviour::decide;
    time.run(Subject::expect_result(subject, 0));
    EXPECT_EQ(subject.script.ran, std::vector<int>{0});
}

void the_first_a_middle_and_the_last_decide(std::string_view callback) {
    for (int decider = 0; decider < hook_count; ++decider) {
        async::testing::simulation time;
        Subject subject(callback, hook_count);
        subject.script.behaviour[static_cast<std::size_t>(decider)] = Behaviour::decide;
        const Asks asks = subject.called.asks;
        if (asks == Asks::only_the_first && decider > 0) continue;  // nobody but the first is asked
        time.run(Subject::expect_result(subject, decider));
        EXPECT_EQ(subject.script.ran, walk_to(asks == Asks::everybody ? hook_count - 1 : decider)) << "decided by " << decider;
    }
}

void everybody_passes(std::string_view callback) {
    async::testing::simulation time;
    Subject subject(callback, hook_count);
    if (subject.called.asks == Asks::only_the_first) return;
    time.run(Subject::expect_result(subject, std::nullopt));
    EXPECT_EQ(subject.script.ran, walk_to(hook_count - 1));
}

/// The exception that leaves the dispatcher for what module `thrower` threw.
void expect_failure(async::testing::simulation& time, Subject& subject, int thrower, bool is_synapse_error) {
    const OnFailure rule = subject.called.on_failure;
    try {
        time.run(Subject::expect_result(subject, std::nullopt));
        ADD_FAILURE() << "the exception of module " << thrower << " got lost";
    } catch (const callbacks::SynapseError& error) {
        if (rule == OnFailure::becomes_500) {
            EXPECT_EQ(error.status(), 500);
            EXPECT_EQ(error.errcode(), "M_UNKNOWN");
            EXPECT_STREQ(error.what(), "Internal Server Error");
        } else if (is_synapse_error) {
            EXPECT_EQ(error.errcode(), "ORG_EXAMPLE_TEAPOT");
            EXPECT_EQ(error.status(), 418);
        } else {
            EXPECT_EQ(rule, OnFailure::forbids_the_room);
            EXPECT_EQ(error.status(), 403);
            EXPECT_EQ(error.errcode(), "M_UNKNOWN");
            EXPECT_STREQ(error.what(), "Room creation forbidden with these parameters");
        }
    } catch (const callbacks::ModuleFailed& failed) {
        EXPECT_EQ(rule, OnFailure::is_a_module_failure);
        EXPECT_FALSE(is_synapse_error);
        EXPECT_STREQ(failed.what(), "the module failed");
    } catch (const std::runtime_error& error) {
        EXPECT_EQ(rule, OnFailure::propagates);
        EXPECT_STREQ(error.what(), "the module failed");
    }
}

/// What leaves the dispatcher when hook `thrower` throws and, where the rule goes on, hook 2 (or else 1) decides.
void a_throwing_module_follows_the_error_rule(std::string_view callback, Behaviour kind) {
    for (int thrower = 0; thrower < hook_count; ++thrower) {
        async::testing::simulation time;
        Subject subject(callback, hook_count);
        if (subject.called.asks == Asks::only_the_first && thrower > 0) continue;
        subject.script.behaviour[static_cast<std::size_t>(thrower)] = kind;
        if (subject.called.on_failure == OnFailure::walk_goes_on) {
            std::optional<int> decider;
            if (thrower < 2) {
                decider = 2;
                subject.script.behaviour[2] = Behaviour::decide;
            }
            time.run(Subject::expect_result(subject, decider));
            EXPECT_EQ(subject.script.ran, walk_to(hook_count - 1)) << "thrown by " << thrower;
        } else {
            expect_failure(time, subject, thrower, kind == Behaviour::throw_synapse_error);
            EXPECT_EQ(subject.script.ran, walk_to(thrower)) << "thrown by " << thrower;
        }
    }
}

/// Runs the call in a scope whose cancellation the test holds.
struct Cancellable {
    explicit Cancellable(Subject& called)
        : subject(called),
          scope(
              time.environment(), [this](std::string_view, std::exception_ptr error) { failure = error; }, &source) {
        scope.spawn("call", watch(*this));
    }
    static async::task<void> watch(Cancellable& self) {
        try {
            co_await Subject::expect_result(self.subject, std::nullopt);
            self.returned = true;
        } catch (const async::operation_cancelled& cancelled) {
            self.cancelled_by = cancelled.reason();
            throw;
        }
    }

    Subject& subject;
    async::testing::simulation time;
    async::cancellation_source source;
    std::exception_ptr failure;
    bool returned = false;
    std::optional<async::cancel_reason> cancelled_by;
    async::scope scope;
};

void a_client_that_goes_away_lets_the_running_module_finish(std::string_view callback) {
    Subject subject(callback, hook_count);
    subject.script.behaviour[0] = Behaviour::suspend;
    Cancellable call(subject);
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

void stopping_the_host_cuts_the_running_module(std::string_view callback) {
    Subject subject(callback, hook_count);
    subject.script.behaviour[0] = Behaviour::suspend;
    Cancellable call(subject);
    call.time.run_ready();
    call.source.request(async::cancel_reason::stopping);
    call.time.run_ready();
    EXPECT_TRUE(subject.script.finished.empty());
    EXPECT_EQ(call.cancelled_by, async::cancel_reason::stopping) << "an error rule swallowed the cancellation";
    EXPECT_EQ(subject.script.ran, std::vector<int>{0});
    EXPECT_FALSE(call.failure);
}

void an_expired_deadline_is_an_exception_under_the_error_rule(std::string_view callback) {
    async::dispatch_settings settings;
    settings.callback_deadline = 50ms;
    async::testing::simulation time;
    Subject subject(callback, hook_count, &settings);
    subject.script.behaviour[0] = Behaviour::suspend;
    const OnFailure rule = subject.called.on_failure;
    if (rule == OnFailure::walk_goes_on) {
        time.run(Subject::expect_result(subject, std::nullopt));
        EXPECT_EQ(subject.script.ran, (std::vector<int>{0, 1, 2}));
        EXPECT_EQ(subject.script.finished, (std::vector<int>{1, 2}));
        return;
    }
    try {
        time.run(Subject::expect_result(subject, std::nullopt));
        ADD_FAILURE() << "the deadline got lost";
    } catch (const async::deadline_exceeded&) {
        EXPECT_EQ(rule, OnFailure::propagates);
    } catch (const callbacks::SynapseError&) {
        EXPECT_TRUE(rule == OnFailure::becomes_500 || rule == OnFailure::forbids_the_room);
    } catch (const callbacks::ModuleFailed&) {
        EXPECT_EQ(rule, OnFailure::is_a_module_failure);
    }
    EXPECT_EQ(subject.script.ran, std::vector<int>{0});
}

TEST(Conformance, EveryDeclaredCallbackKeepsItsCombineAndErrorRule) {
    const samples::Host host;
    std::set<std::string_view> different;
    for (const std::string_view callback : host.names()) {
        SCOPED_TRACE(std::string(host.callback(callback).category) + ": " + std::string(callback));
        different.insert(callback);
        nobody_registered_gives_the_neutral_answer(callback);
        one_module_decides(callback);
        the_first_a_middle_and_the_last_decide(callback);
        everybody_passes(callback);
        a_throwing_module_follows_the_error_rule(callback, Behaviour::throw_plain);
        a_throwing_module_follows_the_error_rule(callback, Behaviour::throw_synapse_error);
        a_client_that_goes_away_lets_the_running_module_finish(callback);
        stopping_the_host_cuts_the_running_module(callback);
        an_expired_deadline_is_an_exception_under_the_error_rule(callback);
    }
    EXPECT_EQ(different.size(), host.names().size()) << "a name is declared twice";
}

}  // namespace
