#include "events/client_event_text.h"

#include <callbacks/client_event.h>
#include <callbacks/remembered_fields.h>
#include <callbacks/ruling.h>

#include <async/bind.h>
#include <async/call_limits.h>
#include <async/limiter.h>
#include <async/scope.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>

#include <boost/json/parse.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

/// add_field_to_unsigned for modules that say that their fields depend on the event only.
namespace remembered_fields_test {

using namespace std::chrono_literals;
using callbacks::ClientEvent;
using callbacks::Event;
using callbacks::EventInterest;
using callbacks::EventRef;
using callbacks::JsonDict;
using callbacks::OutgoingEvent;
using callbacks::UnsignedBatch;
using callbacks::UnsignedDispatch;
using callbacks::UnsignedWriter;
using Hook = decltype(UnsignedDispatch::add_field_to_unsigned_callback);
using Slot = Hook::slot_type;
using Events = std::span<const EventRef>;
using Log = std::vector<std::string>;
using Text = async::testing::started<std::string>;

/// Adds its name, in the form that a test needs, and notes what it was asked about.
class Module {
public:
    Module(std::string name, Log& log) : name_(std::move(name)), log_(&log) {}

    void function(const Event& event, UnsignedWriter& out) {
        note(event);
        add(event, out);
    }
    async::task<void> coroutine(const Event& event, UnsignedWriter& out) {
        note(event);
        add(event, out);
        co_return;
    }
    JsonDict object(const Event& event) {
        note(event);
        return {{"last", name_}, {name_, event.type() + std::to_string(++asked)}};
    }
    async::task<void> later(const Event& event, UnsignedWriter& out) {
        note(event);
        out.add("last", name_);
        co_await async::sleep_for(1s);
        out.add(name_, event.type() + std::to_string(++asked));
    }
    void at_once(Events events, UnsignedBatch& out) {
        note(events);
        for (std::size_t at = 0; at < events.size(); ++at) add(events[at], out[at]);
    }
    async::task<void> at_once_later(Events events, UnsignedBatch& out) {
        note(events);
        co_await async::sleep_for(1s);
        for (std::size_t at = 0; at < events.size(); ++at) add(events[at], out[at]);
    }
    /// About an event of this type.
    async::task<void> fails_later(const Event& event, UnsignedWriter& out) {
        note(event);
        out.add("half", true);
        if (event.type() == "bad") {
            co_await async::sleep_for(1s);
            if (fails) throw std::runtime_error("the module failed");
        } else {
            co_await async::sleep_for(2s);
        }
        add(event, out);
    }
    async::task<void> fails_at_once(Events events, UnsignedBatch& out) {
        note(events);
        co_await async::sleep_for(1s);
        if (fails) throw std::runtime_error("the module failed");
        for (std::size_t at = 0; at < events.size(); ++at) add(events[at], out[at]);
    }
    void many(const Event&, UnsignedWriter& out) { out.add("text", std::string(100'000, 'x')); }
    void odd(const Event& event, UnsignedWriter& out) {
        note(event);
        out.add(std::string("quote\" and \n line"), "first");
        out.add("a", JsonDict({{"b", {1, "}\",{"}}}));
        out.add(std::string("quote\" and \n line"), "second");
    }
    void nothing(const Event& event, UnsignedWriter&) { note(event); }

    int asked = 0;
    bool fails = true;

private:
    void note(const Event& event) { log_->push_back(name_ + ": " + event.type()); }
    void note(Events events) {
        std::string line = name_ + ":";
        for (const Event& event : events) line += " " + event.type();
        log_->push_back(line);
    }
    template <class Writer>
    void add(const Event& event, Writer&& out) {
        out.add("last", name_);
        out.add(name_, event.type() + std::to_string(++asked));
    }

    std::string name_;
    Log* log_;
};

/// What one recipient is sent.
class Response {
public:
    OutgoingEvent& add(const ClientEvent& event) {
        OutgoingEvent one;
        one.event = &event;
        one.before = outgoing.empty() ? "[" : ",";
        one.number = 5;
        return outgoing.emplace_back(one);
    }
    static async::task<std::string> write(Response& self, const UnsignedDispatch& hooks) {
        const std::string_view text = co_await self.writer.write(hooks, self.outgoing, "]");
        co_return std::string(text);
    }

    std::vector<OutgoingEvent> outgoing;
    callbacks::ClientEvents writer;
};

JsonDict unsigned_of(const std::string& text, std::size_t index) {
    return boost::json::parse(text).as_array().at(index).at("unsigned").as_object();
}

class RememberedFieldsTest : public testing::Test {
protected:
    RememberedFieldsTest()
        : walks(time.environment(), [](std::string_view, const std::exception_ptr&) {}),
          shadow_runs(time.environment(), [](std::string_view, const std::exception_ptr&) {}) {
        settings.shared_walks = &walks;
        settings.shadow_runs = &shadow_runs;
    }
    ~RememberedFieldsTest() override {
        time.run(walks.join());
        time.run(shadow_runs.join());
    }

    Hook& hook() { return hooks.add_field_to_unsigned_callback; }
    /// With the word.
    template <auto Method>
    void remember(Module& module, EventInterest interest = EventInterest()) {
        async::registration how;
        how.registrant = ++registrants;
        hook().add("module", {async::bind<Method>(&module), std::move(interest), callbacks::once_per_event}, &settings, how);
    }
    template <auto Method>
    std::shared_ptr<async::limiter> remember_limited(Module& module, const async::call_limits& limits) {
        const auto by = std::make_shared<async::limiter>(limits, time.clock(), &settings);
        using Limited = async::limited_call<Slot, callbacks::what_may_be_ruled<Slot>>;
        const Slot given(async::bind<Method>(&module), EventInterest(), callbacks::once_per_event);
        hook().add("module", Limited::around(given, by), &settings, by->stands_at(0));
        return by;
    }
    /// Without it.
    template <auto Method>
    void add(Module& module) {
        hook().add("module", Slot(async::bind<Method>(&module)), &settings);
    }
    const ClientEvent& event(const std::string& type, const std::string& id = "", bool is_redacted = false) {
        callbacks::EventFields fields;
        fields.event_id = "$" + (id.empty() ? type : id);
        fields.room_id = "!room:test";
        fields.type = type;
        fields.sender = "@alice:test";
        fields.unsigned_fields["own"] = "the host's";
        if (is_redacted) fields.unsigned_fields["redacted_by"] = "$redaction";
        const Event made(std::move(fields));
        return *events.emplace_back(std::make_unique<ClientEvent>(made, homeserver::client_event_text(made)));
    }
    /// A response of these events.
    Response& response(std::initializer_list<const ClientEvent*> of) {
        Response& made = *responses.emplace_back(std::make_unique<Response>());
        for (const ClientEvent* const each : of) made.add(*each);
        return made;
    }
    Text start(Response& one) { return time.start(Response::write(one, hooks)); }
    std::string write(Response& one) { return time.run(Response::write(one, hooks)); }
    std::string sent(std::initializer_list<const ClientEvent*> of) { return write(response(of)); }
    JsonDict fields_of(const ClientEvent& one) { return unsigned_of(sent({&one}), 0); }
    JsonDict own_and(const JsonDict& more) {
        JsonDict all({{"own", "the host's"}, {"age", 5}});
        for (const auto& field : more) all[field.key()] = field.value();
        return all;
    }

    async::testing::simulation time;
    async::scope walks;
    async::scope shadow_runs;
    async::dispatch_settings settings;
    UnsignedDispatch hooks;
    std::uint64_t registrants = 0;
    std::vector<std::unique_ptr<ClientEvent>> events;
    std::vector<std::unique_ptr<Response>> responses;
    Log log;
    Module first{"first", log};
    Module second{"second", log};
    Module third{"third", log};
};

TEST_F(RememberedFieldsTest, InEveryFormAModuleIsAskedOnceAboutAnEvent) {
    Module fourth("fourth", log);
    Module fifth("fifth", log);
    Module sixth("sixth", log);
    remember<&Module::function>(first);
    remember<&Module::coroutine>(second);
    remember<&Module::object>(third);
    remember<&Module::later>(fourth);
    remember<&Module::at_once>(fifth);
    remember<&Module::at_once_later>(sixth);
    const ClientEvent& a = event("a");
    const ClientEvent& b = event("b");
    const JsonDict expected = own_and({{"last", "sixth"}, {"first", "a1"}, {"second", "a1"}, {"third", "a1"}, {"fourth", "a1"},
                                       {"fifth", "a1"}, {"sixth", "a1"}});
    for (int recipient = 0; recipient < 3; ++recipient) {
        EXPECT_EQ(fields_of(a), expected);
        EXPECT_EQ(log.size(), 6U);
    }
    const std::string both = sent({&b, &a});
    EXPECT_EQ(unsigned_of(both, 1), expected);
    EXPECT_EQ(unsigned_of(both, 0).at("sixth"), "b2");
    EXPECT_EQ(log, (Log{"fifth: a", "sixth: a", "first: a", "second: a", "third: a", "fourth: a", "fifth: b", "sixth: b", "first: b",
                        "second: b", "third: b", "fourth: b"}))
        << "of a response they are asked about what isn't kept";
    EXPECT_EQ(hook().remembered()->events(), 2U);
}

TEST_F(RememberedFieldsTest, AnEventThatIsTwiceInAResponseIsAskedAboutOnce) {
    remember<&Module::later>(first);
    remember<&Module::at_once>(second);
    const ClientEvent& a = event("a");
    const std::string text = sent({&a, &a, &a});
    for (std::size_t place = 0; place < 3; ++place) EXPECT_EQ(unsigned_of(text, place).at("first"), "a1");
    EXPECT_EQ(log, (Log{"second: a", "first: a"}));
}

TEST_F(RememberedFieldsTest, WhatTheHostSendsThisRecipientWins) {
    remember<&Module::function>(first);
    const ClientEvent& a = event("a");
    for (int turn = 0; turn < 2; ++turn) {
        EXPECT_EQ(fields_of(a).at("last"), "first");
        Response& own = response({});
        own.add(a).own_string = callbacks::OwnString{"last", "the host's"};
        const JsonDict fields = unsigned_of(write(own), 0);
        EXPECT_EQ(fields, own_and({{"last", "the host's"}, {"first", "a1"}}));
    }
    EXPECT_EQ(log.size(), 1U);
}

TEST_F(RememberedFieldsTest, WhatTheHostAlwaysSendsWins) {
    Module age("age", log);
    Module own("own", log);
    remember<&Module::function>(age);
    remember<&Module::object>(own);
    const ClientEvent& a = event("a");
    for (int recipient = 0; recipient < 2; ++recipient) EXPECT_EQ(fields_of(a), own_and({{"last", "own"}}));
    Response& in_short = response({});
    in_short.add(a).in_full = false;
    EXPECT_EQ(write(in_short), R"([{"type":"a","event_id":"$a","sender":"@alice:test","content":{},"origin_server_ts":0,)"
                               R"("unsigned":{"own":"the host's","age":5,"last":"own"}}])");
}

TEST_F(RememberedFieldsTest, TheLaterModuleWinsAKeyWhetherOrNotItSaysTheWord) {
    remember<&Module::function>(first);
    add<&Module::function>(second);
    const ClientEvent& a = event("a");
    EXPECT_EQ(fields_of(a), own_and({{"last", "second"}, {"first", "a1"}, {"second", "a1"}}));
    EXPECT_EQ(fields_of(a), own_and({{"last", "second"}, {"first", "a1"}, {"second", "a2"}}));
    remember<&Module::later>(third);
    EXPECT_EQ(fields_of(a).at("last"), "third");
    log.clear();
    EXPECT_EQ(fields_of(a), own_and({{"last", "third"}, {"first", "a2"}, {"second", "a4"}, {"third", "a1"}}));
    EXPECT_EQ(log, Log{"second: a"});
}

TEST_F(RememberedFieldsTest, WhoAsksEachTimeMayWaitBesideThem) {
    remember<&Module::function>(first);
    add<&Module::later>(second);
    add<&Module::at_once_later>(third);
    const ClientEvent& a = event("a");
    const ClientEvent& b = event("b");
    for (int recipient = 1; recipient < 3; ++recipient) {
        const std::string text = sent({&a, &b});
        EXPECT_EQ(unsigned_of(text, 0).at("first"), "a1");
        EXPECT_EQ(unsigned_of(text, 1).at("first"), "b2");
        EXPECT_EQ(unsigned_of(text, 1).at("last"), "third");
        EXPECT_EQ(second.asked, 2 * recipient);
        EXPECT_EQ(third.asked, 2 * recipient);
    }
}

TEST_F(RememberedFieldsTest, ItIsAskedAboutWhatItsInterestMatches) {
    remember<&Module::function>(first, EventInterest().types({"a"}));
    remember<&Module::at_once>(second, EventInterest().types({"b"}));
    for (int recipient = 0; recipient < 2; ++recipient) {
        if (events.empty()) {
            event("a");
            event("b");
            event("c");
        }
        const std::string text = sent({events[0].get(), events[1].get(), events[2].get()});
        EXPECT_EQ(unsigned_of(text, 0), own_and({{"last", "first"}, {"first", "a1"}}));
        EXPECT_EQ(unsigned_of(text, 1), own_and({{"last", "second"}, {"second", "b1"}}));
        EXPECT_EQ(unsigned_of(text, 2), own_and({}));
    }
    EXPECT_EQ(log, (Log{"second: b", "first: a"}));
}

TEST_F(RememberedFieldsTest, NamesAndValuesOfAnyKindAreKeptAsTheyWereWritten) {
    remember<&Module::odd>(first);
    add<&Module::odd>(second);
    const ClientEvent& a = event("a");
    const std::string text = sent({&a});
    EXPECT_EQ(unsigned_of(text, 0),
              own_and({{"quote\" and \n line", "second"}, {"a", {{"b", {1, "}\",{"}}}}}));
    EXPECT_EQ(sent({&a}), text);
}

TEST_F(RememberedFieldsTest, WhoAsksWhileItIsAskedWaitsForTheSameAnswer) {
    remember<&Module::later>(first);
    const ClientEvent& a = event("a");
    const ClientEvent& b = event("b");
    const Text one = start(response({&a}));
    time.advance(500ms);
    const Text other = start(response({&b, &a}));
    time.advance(500ms);
    EXPECT_TRUE(one.done());
    EXPECT_FALSE(other.done());
    time.advance(500ms);
    EXPECT_EQ(unsigned_of(one.result(), 0).at("first"), "a1");
    EXPECT_EQ(unsigned_of(other.result(), 1).at("first"), "a1");
    EXPECT_EQ(log, (Log{"first: a", "first: b"}));
}

TEST_F(RememberedFieldsTest, TheEndOfTheRequestThatAskedFirstCutsNobodysAnswer) {
    for (const async::cancel_reason reason :
         {async::cancel_reason::caller_gone, async::cancel_reason::deadline, async::cancel_reason::stopping}) {
        Module module("module", log);
        hook() = Hook();
        remember<&Module::later>(module);
        const ClientEvent& a = event("a");
        const Text one = start(response({&a}));
        const Text other = start(response({&a}));
        time.advance(500ms);
        one.cancel(reason);
        time.run_ready();
        EXPECT_TRUE(one.failed());
        time.advance(500ms);
        EXPECT_EQ(unsigned_of(other.result(), 0).at("module"), "a1");
        EXPECT_EQ(fields_of(a).at("module"), "a1");
    }
}

TEST_F(RememberedFieldsTest, WhatNobodyWaitsForAnyMoreIsRememberedAllTheSame) {
    remember<&Module::later>(first);
    const ClientEvent& a = event("a");
    {
        const Text one = start(response({&a}));
        time.run_ready();
        one.cancel(async::cancel_reason::caller_gone);
        time.run_ready();
        ASSERT_TRUE(one.failed());
    }
    responses.clear();
    time.advance(1s);
    log.clear();
    EXPECT_EQ(fields_of(a).at("first"), "a1");
    EXPECT_EQ(log, Log());
}

TEST_F(RememberedFieldsTest, TheWorkersStopCutsIt) {
    remember<&Module::later>(first);
    const ClientEvent& a = event("a");
    const Text one = start(response({&a}));
    time.run_ready();
    walks.cancel(async::cancel_reason::stopping);
    time.run(walks.join());
    time.run_ready();
    EXPECT_THROW(static_cast<void>(one.result()), async::operation_cancelled);
    EXPECT_EQ(hook().remembered()->events(), 0U);
}

TEST_F(RememberedFieldsTest, TheModulesOwnDeadlineCutsWhatAllWaitFor) {
    async::call_limits limits;
    limits.deadline = 500ms;
    remember_limited<&Module::later>(first, limits);
    const ClientEvent& a = event("a");
    const Text one = start(response({&a}));
    time.advance(300ms);
    const Text other = start(response({&a}));
    time.advance(199ms);
    EXPECT_FALSE(one.done());
    time.advance(1ms);
    EXPECT_TRUE(one.failed());
    EXPECT_TRUE(other.failed());
    EXPECT_EQ(hook().remembered()->events(), 0U);
    EXPECT_EQ(log, Log{"first: a"});
}

TEST_F(RememberedFieldsTest, AFailureReachesAllWhoWaitAndIsNotRemembered) {
    remember<&Module::function>(second);
    remember<&Module::fails_later>(first);
    const ClientEvent& bad = event("bad");
    const Text one = start(response({&bad}));
    const Text other = start(response({&bad}));
    time.advance(2s);
    EXPECT_THROW(static_cast<void>(one.result()), std::runtime_error);
    EXPECT_THROW(static_cast<void>(other.result()), std::runtime_error);
    EXPECT_EQ(log, (Log{"second: bad", "first: bad"}));
    first.fails = false;
    EXPECT_EQ(fields_of(bad).at("first"), "bad1");
    EXPECT_EQ(fields_of(bad).at("first"), "bad1");
}

TEST_F(RememberedFieldsTest, WhoWaitsForAnotherEventThanTheOneThatFailedAsksAnew) {
    remember<&Module::fails_later>(first);
    add<&Module::nothing>(second);
    const ClientEvent& bad = event("bad");
    const ClientEvent& good = event("good");
    const Text one = start(response({&bad, &good}));
    const Text other = start(response({&good}));
    time.advance(5s);
    EXPECT_THROW(static_cast<void>(one.result()), std::runtime_error);
    EXPECT_EQ(unsigned_of(other.result(), 0).at("last"), "first");
}

TEST_F(RememberedFieldsTest, WhoWaitsDoesNotFailForAnotherEventThoughOneOfItsOwnModulesFailed) {
    async::call_limits limits;
    limits.on_failure = async::failure_outcome::accept;
    remember_limited<&Module::fails_later>(first, limits);
    remember<&Module::fails_at_once>(second, EventInterest().types({"good"}));
    remember<&Module::function>(third);
    const ClientEvent& bad = event("bad");
    const ClientEvent& good = event("good");
    const Text one = start(response({&bad, &good}));
    const Text other = start(response({&bad}));
    time.advance(10s);
    EXPECT_THROW(static_cast<void>(one.result()), std::runtime_error);
    EXPECT_EQ(unsigned_of(other.result(), 0).at("last"), "third");
}

TEST_F(RememberedFieldsTest, AFailureOfABatchIsThatOfAllItsEvents) {
    remember<&Module::fails_at_once>(first);
    const ClientEvent& a = event("a");
    const ClientEvent& b = event("b");
    const Text one = start(response({&a, &b}));
    const Text other = start(response({&b}));
    const Text third_one = start(response({&b}));
    time.advance(2s);
    EXPECT_THROW(static_cast<void>(one.result()), std::runtime_error);
    EXPECT_THROW(static_cast<void>(other.result()), std::runtime_error);
    EXPECT_THROW(static_cast<void>(third_one.result()), std::runtime_error);
    EXPECT_EQ(log, (Log{"first: a b", "first: b"})) << "once more for all who wait for one of them";
    first.fails = false;
    EXPECT_EQ(fields_of(b).at("first"), "b1");
}

TEST_F(RememberedFieldsTest, OfAFailureThatCountsAsNoOpinionOnlyWhatOthersWroteIsRemembered) {
    async::call_limits limits;
    limits.on_failure = async::failure_outcome::accept;
    remember_limited<&Module::fails_later>(first, limits);
    remember_limited<&Module::fails_at_once>(second, limits);
    remember<&Module::function>(third);
    const ClientEvent& bad = event("bad");
    EXPECT_EQ(fields_of(bad), own_and({{"last", "third"}, {"third", "bad1"}}));
    log.clear();
    first.fails = false;
    EXPECT_EQ(fields_of(bad), own_and({{"half", true}, {"last", "third"}, {"first", "bad1"}, {"third", "bad1"}}));
    EXPECT_EQ(log, (Log{"second: bad", "first: bad"}));
    log.clear();
    second.fails = false;
    EXPECT_EQ(fields_of(bad).at("second"), "bad1");
    EXPECT_EQ(fields_of(bad).at("second"), "bad1");
    EXPECT_EQ(log, Log{"second: bad"});
}

TEST_F(RememberedFieldsTest, WhatAModuleTakesBackIsAskedAnewAndTheOthersIsNot) {
    remember<&Module::function>(first);
    remember<&Module::at_once>(second);
    const ClientEvent& a = event("a");
    const ClientEvent& b = event("b");
    static_cast<void>(sent({&a, &b}));
    log.clear();
    hook().remembered()->forget(1);
    static_cast<void>(sent({&a, &b}));
    static_cast<void>(sent({&a, &b}));
    EXPECT_EQ(log, (Log{"first: a", "first: b"}));
    log.clear();
    hook().remembered()->forget(2, "$b");
    EXPECT_EQ(unsigned_of(sent({&a, &b}), 1), own_and({{"last", "second"}, {"first", "b4"}, {"second", "b3"}}));
    static_cast<void>(sent({&a, &b}));
    EXPECT_EQ(log, Log{"second: b"});
    log.clear();
    hook().remembered()->forget(2, "$unknown");
    hook().remembered()->forget(77);
    static_cast<void>(sent({&a, &b}));
    EXPECT_EQ(log, Log());
    hook().remembered()->forget_all();
    EXPECT_EQ(hook().remembered()->events(), 0U);
    EXPECT_EQ(hook().remembered()->bytes(), 0U);
}

TEST_F(RememberedFieldsTest, WhatIsTakenBackWhileItIsAskedAnswersWhoWaitsAndNobodyElse) {
    remember<&Module::later>(first);
    const ClientEvent& a = event("a");
    const ClientEvent& b = event("b");
    const auto by_event = [&] { hook().remembered()->forget(1, "$a"); };
    const auto wholly = [&] { hook().remembered()->forget(1); };
    for (const std::function<void()>& take_back : {std::function<void()>(by_event), std::function<void()>(wholly)}) {
        hook().remembered()->forget_all();
        log.clear();
        const Text before = start(response({&a, &b}));
        time.advance(500ms);
        take_back();
        const Text after = start(response({&a}));
        time.advance(500ms);
        EXPECT_TRUE(before.done());
        EXPECT_FALSE(after.done());
        time.advance(500ms);
        EXPECT_NE(unsigned_of(before.result(), 0).at("first"), unsigned_of(after.result(), 0).at("first"));
        EXPECT_EQ(fields_of(a), unsigned_of(after.result(), 0));
        EXPECT_EQ(log, (Log{"first: a", "first: b", "first: a"}));
    }
}

TEST_F(RememberedFieldsTest, AnEventThatIsPreparedAnewIsAnotherOne) {
    remember<&Module::function>(first);
    EXPECT_EQ(fields_of(event("a")).at("first"), "a1");
    EXPECT_EQ(fields_of(event("a", "a", true)).at("first"), "a2") << "it was redacted";
    hook().remembered()->forget(1, "$a");
    EXPECT_EQ(fields_of(*events[0]).at("first"), "a3");
    EXPECT_EQ(fields_of(*events[1]).at("first"), "a4");
}

TEST_F(RememberedFieldsTest, AnotherModeOrShareOfAModuleIsThatOfWhatIsKeptToo) {
    const std::shared_ptr<async::limiter> by = remember_limited<&Module::function>(first, async::call_limits());
    remember<&Module::function>(second);
    const ClientEvent& a = event("a");
    EXPECT_EQ(fields_of(a).at("first"), "a1");
    by->set_mode(async::call_mode::off);
    for (int recipient = 0; recipient < 2; ++recipient) EXPECT_FALSE(fields_of(a).contains("first"));
    by->set_mode(async::call_mode::shadow);
    log.clear();
    for (int recipient = 0; recipient < 2; ++recipient) {
        EXPECT_FALSE(fields_of(a).contains("first"));
        time.run_ready();
    }
    EXPECT_EQ(by->in_shadow().runs, 2U);
    EXPECT_EQ(by->in_shadow().differed, 2U);
    by->set_mode(async::call_mode::enforce);
    log.clear();
    for (int recipient = 0; recipient < 2; ++recipient) EXPECT_TRUE(fields_of(a).contains("first"));
    EXPECT_EQ(log, (Log{"first: a", "second: a"}));
    by->set_share(0);
    EXPECT_FALSE(fields_of(a).contains("first"));
    by->set_share(async::call_limits::whole);
    EXPECT_TRUE(fields_of(a).contains("first"));
}

TEST_F(RememberedFieldsTest, AModeThatChangesWhileItIsAskedIsAskedAnew) {
    const std::shared_ptr<async::limiter> by = remember_limited<&Module::later>(first, async::call_limits());
    const ClientEvent& a = event("a");
    const Text one = start(response({&a}));
    time.advance(500ms);
    by->set_mode(async::call_mode::off);
    const Text other = start(response({&a}));
    time.advance(1s);
    EXPECT_FALSE(unsigned_of(one.result(), 0).contains("first")) << "it is looked at again behind what was waited for";
    EXPECT_FALSE(unsigned_of(other.result(), 0).contains("first"));
    EXPECT_FALSE(fields_of(a).contains("first"));
}

TEST_F(RememberedFieldsTest, LimitsThatComeLaterAreAskedAbout) {
    remember<&Module::function>(first);
    const ClientEvent& a = event("a");
    EXPECT_TRUE(fields_of(a).contains("first"));
    async::call_limits limits;
    limits.mode = async::call_mode::off;
    const auto by = std::make_shared<async::limiter>(limits, time.clock(), &settings);
    const async::callback_identity* registered = nullptr;
    hook().each_registration([&](const async::callback_identity& identity) { registered = &identity; });
    using Limited = async::limited_call<Slot, callbacks::what_may_be_ruled<Slot>>;
    ASSERT_TRUE(hook().surround(*registered, by->stands_at(0).is_shadowed,
                                [&](const Slot& slot) { return Limited::around(slot, by); }));
    EXPECT_FALSE(fields_of(a).contains("first"));
    by->set_mode(async::call_mode::enforce);
    for (int recipient = 0; recipient < 2; ++recipient) EXPECT_EQ(fields_of(a).at("first"), "a2");
}

TEST_F(RememberedFieldsTest, AListThatIsExchangedIsAskedAndWhatTheOtherOneWroteIsForgotten) {
    remember<&Module::later>(first);
    const ClientEvent& a = event("a");
    EXPECT_TRUE(fields_of(a).contains("first"));
    Hook later;
    later.add("module", {async::bind<&Module::later>(&second), EventInterest(), callbacks::once_per_event}, &settings);
    hook().remembered()->forget_all();
    const Text one = start(response({&a}));
    time.advance(500ms);
    hook().exchange(later);
    time.advance(2s);
    EXPECT_EQ(unsigned_of(one.result(), 0), own_and({{"last", "second"}, {"second", "a1"}}));
    EXPECT_EQ(fields_of(a), own_and({{"last", "second"}, {"second", "a1"}}));
    Hook plain;
    plain.add("module", Slot(async::bind<&Module::function>(&third)), &settings);
    hook().remembered()->forget_all();
    const Text other = start(response({&a}));
    time.advance(500ms);
    hook().exchange(plain);
    time.advance(2s);
    EXPECT_EQ(unsigned_of(other.result(), 0), own_and({{"last", "third"}, {"third", "a1"}}));
    hook().exchange(later);
    EXPECT_EQ(fields_of(a).at("last"), "first");
}

TEST_F(RememberedFieldsTest, ACallForOneEventAsksEachTime) {
    remember<&Module::function>(first);
    const ClientEvent& a = event("a");
    EXPECT_EQ(time.run(hook()(a.event())), JsonDict({{"last", "first"}, {"first", "a1"}}));
    EXPECT_EQ(time.run(hook()(a.event())), JsonDict({{"last", "first"}, {"first", "a2"}}));
}

TEST_F(RememberedFieldsTest, ThereAreBoundsForEventsAndBytes) {
    constexpr callbacks::RememberedFields::Limits limits;
    remember<&Module::function>(first);
    for (int count = 0; count < 20'000; ++count) {
        log.clear();
        static_cast<void>(fields_of(event("a", std::to_string(count))));
        ASSERT_LE(hook().remembered()->events(), limits.max_events);
        if (events.size() > 2) {
            static_cast<void>(fields_of(*events.front()));
            ASSERT_EQ(log.size(), 1U) << "what is asked for stays";
        }
        responses.clear();
    }
    EXPECT_GE(hook().remembered()->events(), limits.max_events / 2);
    hook() = Hook();
    remember<&Module::many>(first);
    for (int count = 0; count < 200; ++count) {
        static_cast<void>(fields_of(event("a", std::to_string(count))));
        ASSERT_LE(hook().remembered()->bytes(), limits.max_bytes);
        responses.clear();
    }
    EXPECT_GE(hook().remembered()->bytes(), limits.max_bytes / 3);
}

}  // namespace remembered_fields_test
