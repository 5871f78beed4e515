#include "events/client_event_text.h"

#include <callbacks/client_event.h>
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

/// add_field_to_unsigned for modules that are asked about all events of a response at once.
namespace unsigned_batch_test {

using namespace std::chrono_literals;
using callbacks::ClientEvent;
using callbacks::Event;
using callbacks::EventInterest;
using callbacks::EventRef;
using callbacks::JsonDict;
using callbacks::UnsignedBatch;
using callbacks::UnsignedDispatch;
using callbacks::UnsignedWriter;
using Hook = decltype(UnsignedDispatch::add_field_to_unsigned_callback);
using Slot = Hook::slot_type;
using Events = std::span<const EventRef>;

Event make_event(const std::string& type, const std::string& sender = "@alice:test") {
    callbacks::EventFields fields;
    fields.event_id = "$id";
    fields.room_id = "!room:test";
    fields.type = type;
    fields.sender = sender;
    fields.unsigned_fields["own"] = "the host's";
    return Event(std::move(fields));
}

/// Adds its name, in the form that a test needs, and notes what it was asked.
class Module {
public:
    Module(std::string name, std::vector<std::string>& log) : name_(std::move(name)), log_(&log) {}

    void at_once(Events events, UnsignedBatch& out) {
        note(events);
        for (std::size_t at = 0; at < events.size(); ++at) add(at, out);
    }
    async::task<void> at_once_later(Events events, UnsignedBatch& out) {
        note(events);
        for (std::size_t at = events.size(); at-- > 0;) {
            add(at, out);
            if (at % 2 == 0) co_await async::sleep_for(1s);
        }
        log_->push_back(name_ + " has ended");
    }
    void one_by_one(const Event& event, UnsignedWriter& out) {
        log_->push_back(name_ + ": " + std::string(event.type()));
        out.add("last", name_);
        out.add(name_, event.type());
    }
    async::task<void> fail_later(Events events, UnsignedBatch& out) {
        for (std::size_t at = 0; at < events.size(); ++at) add(at, out);
        co_await async::sleep_for(1s);
        throw std::runtime_error("the module failed");
    }
    async::task<void> too_long(Events events, UnsignedBatch& out) {
        note(events);
        add(0, out);
        co_await async::sleep_for(60s);
        add(0, out);
    }
    void beyond_the_end(Events events, UnsignedBatch& out) { out[events.size()].add("last", name_); }
    void all_kinds(Events events, UnsignedBatch& out) {
        UnsignedBatch::Fields fields = out[events.size() - 1];
        fields.add("text", "needs \"escapes\"\n");
        fields.add("negative", -5);
        fields.add("large", ~std::uint64_t(0));
        fields.add("fraction", 0.5);
        fields.add("flag", true);
        fields.add("nothing", nullptr);
        fields.add("object", JsonDict({{"a", 1}}));
        fields.add("array", callbacks::JsonArray({1, "two"}));
        fields.add("value", callbacks::JsonValue(3));
        fields.write({{"written", "text"}, {"number", 7}});
        fields.add("text", "the second");
        fields.add("own", "the module's");
    }

private:
    void note(Events events) {
        std::string line = name_ + ":";
        for (const Event& event : events) line += " " + std::string(event.type());
        log_->push_back(line);
    }
    void add(std::size_t at, UnsignedBatch& out) {
        out[at].add("last", name_);
        out[at].add(name_, out.items()[at]->type());
    }

    std::string name_;
    std::vector<std::string>* log_;
};

class UnsignedBatchTest : public testing::Test {
protected:
    UnsignedBatchTest() : shadow_runs(time.environment(), [](std::string_view, const std::exception_ptr&) {}) {
        settings.shadow_runs = &shadow_runs;
    }
    ~UnsignedBatchTest() override { time.run(shadow_runs.join()); }

    template <auto Method>
    void add(Module& module, EventInterest interest = EventInterest()) {
        hook().add("module", Slot(async::bind<Method>(&module), std::move(interest)), &settings);
    }
    /// With limits around it.
    template <auto Method>
    std::shared_ptr<async::limiter> add_limited(Module& module, const async::call_limits& limits) {
        const auto by = std::make_shared<async::limiter>(limits, time.clock(), &settings);
        using Limited = async::limited_call<Slot, callbacks::what_may_be_ruled<Slot>>;
        hook().add("module", Limited::around(Slot(async::bind<Method>(&module)), by), &settings, by->stands_at(0));
        return by;
    }
    Hook& hook() { return hooks.add_field_to_unsigned_callback; }
    void send(const std::string& type, const std::string& sender = "@alice:test") {
        const Event event = make_event(type, sender);
        events.push_back(std::make_unique<ClientEvent>(event, homeserver::client_event_text(event)));
        callbacks::OutgoingEvent one;
        one.event = events.back().get();
        one.before = outgoing.empty() ? "[" : ",";
        one.number = 5;
        outgoing.push_back(one);
    }
    async::task<std::string_view> write() { co_return co_await writer.write(hooks, outgoing, "]"); }
    boost::json::array written() { return boost::json::parse(time.run(write())).as_array(); }
    JsonDict unsigned_of(std::size_t index) { return written().at(index).at("unsigned").as_object(); }
    std::uint64_t runs() {
        std::uint64_t all = 0;
        hook().each_registration([&](const async::callback_identity& identity) { all += identity.statistics.runs; });
        return all;
    }
    std::uint64_t errors() {
        std::uint64_t all = 0;
        hook().each_registration([&](const async::callback_identity& identity) { all += identity.statistics.errors; });
        return all;
    }

    async::testing::simulation time;
    async::scope shadow_runs;
    async::dispatch_settings settings;
    UnsignedDispatch hooks;
    std::vector<std::unique_ptr<ClientEvent>> events;
    std::vector<callbacks::OutgoingEvent> outgoing;
    callbacks::ClientEvents writer;
    std::vector<std::string> log;
    Module first{"first", log};
    Module second{"second", log};
    Module third{"third", log};
};

TEST_F(UnsignedBatchTest, IsAskedOnceAboutAllEventsOfAResponseInTheirOrder) {
    add<&Module::at_once>(first);
    for (const char* type : {"a", "b", "c"}) send(type);
    const boost::json::array sent = written();
    EXPECT_EQ(log, (std::vector<std::string>{"first: a b c"}));
    for (const boost::json::value& event : sent) {
        EXPECT_EQ(event.at("unsigned"),
                  boost::json::value(
                      {{"age", 5}, {"own", "the host's"}, {"last", "first"}, {"first", event.at("type").as_string()}}));
    }
    EXPECT_EQ(runs(), 1U) << "a batch is one run";
}

TEST_F(UnsignedBatchTest, IsAskedOnlyAboutEventsThatItsInterestMatchesAndNotWhereNoneDoes) {
    add<&Module::at_once>(first, EventInterest().types({"b", "d"}));
    add<&Module::at_once>(second, EventInterest().types({"nobody sends this"}));
    for (const char* type : {"a", "b", "c", "d"}) send(type);
    const boost::json::array sent = written();
    EXPECT_EQ(log, (std::vector<std::string>{"first: b d"}));
    for (const boost::json::value& event : sent) {
        const bool is_matched = event.at("type") == "b" || event.at("type") == "d";
        EXPECT_EQ(event.at("unsigned").as_object().contains("first"), is_matched);
    }
    EXPECT_EQ(runs(), 1U);
}

TEST_F(UnsignedBatchTest, AddsEveryKindOfValueAndTheHostsOwnFieldsWin) {
    add<&Module::all_kinds>(first);
    send("a");
    send("b");
    const boost::json::array sent = written();
    EXPECT_EQ(sent.at(0).at("unsigned"), boost::json::value({{"age", 5}, {"own", "the host's"}}));
    EXPECT_EQ(sent.at(1).at("unsigned"), boost::json::value({{"age", 5},
                                                             {"own", "the host's"},
                                                             {"text", "the second"},
                                                             {"negative", -5},
                                                             {"large", ~std::uint64_t(0)},
                                                             {"fraction", 0.5},
                                                             {"flag", true},
                                                             {"nothing", nullptr},
                                                             {"object", {{"a", 1}}},
                                                             {"array", {1, "two"}},
                                                             {"value", 3},
                                                             {"written", "text"},
                                                             {"number", 7}}));
}

TEST_F(UnsignedBatchTest, WinsOverModulesBeforeItAndLosesToThoseBehindItWhateverTheirForm) {
    add<&Module::one_by_one>(first);
    add<&Module::at_once_later>(second);
    send("a");
    send("b");
    EXPECT_EQ(unsigned_of(1).at("last"), "second");
    add<&Module::one_by_one>(third);
    log.clear();
    const JsonDict fields = unsigned_of(1);
    EXPECT_EQ(fields.at("last"), "third");
    EXPECT_EQ(fields.at("first"), "b");
    EXPECT_EQ(fields.at("second"), "b");
    EXPECT_EQ(log,
              (std::vector<std::string>{"second: a b", "second has ended", "first: a", "third: a", "first: b", "third: b"}))
        << "it is asked before the others";
}

TEST_F(UnsignedBatchTest, SeveralAreAskedOneAfterAnother) {
    add<&Module::at_once_later>(first);
    add<&Module::at_once_later>(second);
    for (const char* type : {"a", "b", "c"}) send(type);
    EXPECT_EQ(unsigned_of(2).at("last"), "second");
    EXPECT_EQ(log, (std::vector<std::string>{"first: a b c", "first has ended", "second: a b c", "second has ended"}));
}

TEST_F(UnsignedBatchTest, AnEventThatComesByItselfIsABatchOfOne) {
    add<&Module::at_once>(first);
    add<&Module::at_once_later>(second);
    const Event event = make_event("a");
    EXPECT_EQ(time.run(hook()(event)), JsonDict({{"last", "second"}, {"first", "a"}, {"second", "a"}}));
    EXPECT_EQ(log, (std::vector<std::string>{"first: a", "second: a", "second has ended"}));
}

TEST_F(UnsignedBatchTest, AnExceptionFailsTheResponseAndNoFurtherModuleIsAsked) {
    add<&Module::fail_later>(first);
    add<&Module::at_once>(second);
    add<&Module::one_by_one>(third);
    send("a");
    EXPECT_THROW(written(), std::runtime_error);
    EXPECT_EQ(log, std::vector<std::string>());
    EXPECT_EQ(errors(), 1U);
}

TEST_F(UnsignedBatchTest, APositionThatNoEventHasIsAnException) {
    add<&Module::beyond_the_end>(first);
    send("a");
    EXPECT_THROW(written(), std::out_of_range);
}

TEST_F(UnsignedBatchTest, TheWorkersDeadlineCutsItsAwaits) {
    settings.callback_deadline = 10s;
    add<&Module::too_long>(first);
    send("a");
    const async::clock::time_point began = time.clock().now();
    EXPECT_THROW(written(), async::deadline_exceeded);
    EXPECT_EQ(time.clock().now() - began, 10s);
}

TEST_F(UnsignedBatchTest, TheEndOfTheOperationLetsItEndAndNothingFurtherBegins) {
    add<&Module::at_once_later>(first);
    add<&Module::one_by_one>(second);
    for (const char* type : {"a", "b", "c"}) send(type);
    const auto writing = time.start(write());
    time.run_ready();
    writing.cancel(async::cancel_reason::caller_gone);
    time.advance(10s);
    EXPECT_THROW(static_cast<void>(writing.result()), async::operation_cancelled);
    EXPECT_EQ(log, (std::vector<std::string>{"first: a b c", "first has ended"}));
}

TEST_F(UnsignedBatchTest, AFailureThatCountsAsNoOpinionLeavesNothingOfWhatWasWritten) {
    async::call_limits limits;
    limits.on_failure = async::failure_outcome::accept;
    add_limited<&Module::fail_later>(first, limits);
    add_limited<&Module::at_once_later>(second, limits);
    send("a");
    send("b");
    EXPECT_EQ(unsigned_of(1), JsonDict({{"age", 5}, {"own", "the host's"}, {"last", "second"}, {"second", "b"}}));
    EXPECT_EQ(errors(), 1U);
    EXPECT_EQ(runs(), 2U);
}

TEST_F(UnsignedBatchTest, ItsDeadlineIsThatOfTheWholeBatchAndABreakerCountsItOnce) {
    async::call_limits limits;
    limits.deadline = 2s;
    limits.on_failure = async::failure_outcome::accept;
    limits.breaker = std::make_shared<async::circuit_breaker>(async::breaker_limits{2, 600s, 30s});
    add_limited<&Module::too_long>(first, limits);
    for (const char* type : {"a", "b", "c"}) send(type);
    const async::clock::time_point began = time.clock().now();
    EXPECT_EQ(unsigned_of(0), JsonDict({{"age", 5}, {"own", "the host's"}}));
    EXPECT_EQ(time.clock().now() - began, 2s);
    EXPECT_TRUE(limits.breaker->is_closed());
    static_cast<void>(written());
    EXPECT_FALSE(limits.breaker->is_closed());
    static_cast<void>(written());
    EXPECT_EQ(log.size(), 2U) << "an open breaker lets nothing through";
}

TEST_F(UnsignedBatchTest, OfAShareItIsAskedAboutTheEventsThatAreInIt) {
    async::call_limits limits;
    limits.share = async::call_limits::whole / 2;
    const std::shared_ptr<async::limiter> by = add_limited<&Module::at_once_later>(first, limits);
    std::string expected = "first:";
    for (int user = 0; user < 40; ++user) {
        const std::string sender = "@user" + std::to_string(user) + ":test";
        send(std::to_string(user), sender);
        if (callbacks::share_point(sender) < limits.share) expected += " " + std::to_string(user);
    }
    const boost::json::array sent = written();
    EXPECT_EQ(log.front(), expected);
    for (const boost::json::value& event : sent) {
        const bool is_in = callbacks::share_point(event.at("sender").as_string()) < limits.share;
        const JsonDict& fields = event.at("unsigned").as_object();
        ASSERT_EQ(fields.contains("first"), is_in);
        if (!is_in) continue;
        EXPECT_EQ(fields.at("first"), event.at("type"));
    }
    EXPECT_EQ(by->not_asked(), 0U);
    by->set_mode(async::call_mode::off);
    static_cast<void>(written());
    EXPECT_EQ(by->not_asked(), 1U);
    EXPECT_EQ(log.size(), 2U);
}

TEST_F(UnsignedBatchTest, InShadowModeItIsComparedForEachEventAndAddsNothing) {
    async::call_limits limits;
    limits.mode = async::call_mode::shadow;
    add<&Module::at_once_later>(second);
    for (const char* type : {"a", "b"}) send(type);
    const boost::json::array without = written();
    const std::shared_ptr<async::limiter> by = add_limited<&Module::at_once>(first, limits);
    EXPECT_EQ(written(), without);
    time.advance(10s);
    EXPECT_EQ(by->in_shadow().runs, 2U);
    EXPECT_EQ(by->in_shadow().differed, 2U);

    by->set_mode(async::call_mode::enforce);
    log.clear();
    EXPECT_EQ(unsigned_of(0).at("last"), "first");
    EXPECT_EQ(log.back(), "first: a b") << "from the next response on it is asked at once";
}

TEST_F(UnsignedBatchTest, AListThatIsExchangedWhileItWaitsIsTheNextResponses) {
    add<&Module::at_once_later>(first);
    add<&Module::one_by_one>(second);
    send("a");
    Hook later;
    later.add("module", Slot(async::bind<&Module::one_by_one>(&third)), &settings);
    const auto writing = time.start(write());
    time.run_ready();
    hook().exchange(later);
    time.advance(10s);
    EXPECT_EQ(boost::json::parse(writing.result()).at(0).at("unsigned").at("last"), "second");
    EXPECT_EQ(unsigned_of(0).at("last"), "third");
    EXPECT_FALSE(unsigned_of(0).contains("first"));
}

}  // namespace unsigned_batch_test
