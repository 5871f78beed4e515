#include "events/client_event_text.h"

#include <callbacks/client_event.h>
#include <callbacks/errors.h>
#include <callbacks/ruling.h>

#include <async/bind.h>
#include <async/scope.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>

#include <boost/json/parse.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

/// add_field_to_unsigned from the event to a client's bytes.
namespace {

using namespace std::chrono_literals;
using callbacks::ClientEvent;
using callbacks::ClientEvents;
using callbacks::Event;
using callbacks::EventInterest;
using callbacks::JsonDict;
using callbacks::OutgoingEvent;
using callbacks::OwnString;
using callbacks::UnsignedDispatch;
using callbacks::UnsignedWriter;

Event make_event(const std::string& type, std::optional<std::string> state_key = std::nullopt) {
    callbacks::EventFields fields;
    fields.event_id = "$id";
    fields.room_id = "!room:test";
    fields.type = type;
    fields.sender = "@alice:test";
    fields.state_key = std::move(state_key);
    fields.content["body"] = "hello";
    fields.origin_server_ts = 1000;
    if (fields.state_key) fields.unsigned_fields["prev_content"] = JsonDict({{"body", "before"}});
    return Event(std::move(fields));
}

/// Adds what its members say, in the form that a test needs.
class Module {
public:
    explicit Module(std::string value = "value") : value_(std::move(value)) {}

    void direct(const Event& event, UnsignedWriter& out) {
        ++runs;
        out.add("org.example.kind", event.type());
        out.add("shared", value_);
    }
    JsonDict object(const Event& event) {
        ++runs;
        return {{"org.example.kind", event.type()}, {"shared", value_}};
    }
    JsonDict nothing(const Event&) { return {}; }
    async::task<void> forge(const Event&, UnsignedWriter& out) {
        out.add("age", -1);
        out.add("transaction_id", "forged");
        out.add("prev_content", nullptr);
        co_return;
    }
    async::task<JsonDict> forge_object(const Event&) {
        co_return {{"age", -1}, {"transaction_id", "forged"}, {"prev_content", nullptr}};
    }
    void twice(const Event&, UnsignedWriter& out) {
        out.add("a", 1);
        out.add("b", JsonDict({{"x", "first"}}));
        out.add("c", 3.5);
        out.add("b", "second");
    }
    async::task<void> later(const Event& event, UnsignedWriter& out) {
        out.add("before", event.type());
        if (event.type() == "slow") co_await async::sleep_for(5s);
        finished += event.type() + " ";
        out.add("behind", value_);
    }
    async::task<void> fail_late(const Event& event, UnsignedWriter&) {
        co_await async::sleep_for(1s);
        if (event.type() == "slow") throw std::runtime_error("the module failed");
        co_await async::sleep_for(1s);
        finished += event.type() + " ";
    }
    JsonDict fail(const Event&) { throw callbacks::SynapseError(418, "teapot", "ORG_EXAMPLE_TEAPOT"); }

    int runs = 0;
    std::string finished;

private:
    std::string value_;
};

class ClientEventsTest : public testing::Test {
protected:
    template <auto Method>
    void add(Module& module, EventInterest interest = EventInterest()) {
        hooks.add_field_to_unsigned_callback.add("module", {async::bind<Method>(&module), std::move(interest)}, nullptr);
    }
    /// An event that is sent in this response.
    OutgoingEvent& send(const Event& event) {
        events.push_back(std::make_unique<ClientEvent>(event, homeserver::client_event_text(event)));
        OutgoingEvent one;
        one.event = events.back().get();
        one.before = outgoing.empty() ? "[" : ",";
        one.number = 5;
        outgoing.push_back(one);
        return outgoing.back();
    }
    async::task<std::string_view> write() { co_return co_await writer.write(hooks, outgoing, "]"); }
    boost::json::array written() {
        const std::string_view text = time.run(write());
        return boost::json::parse(text).as_array();
    }
    JsonDict unsigned_of_first() { return written().at(0).at("unsigned").as_object(); }

    async::testing::simulation time;
    UnsignedDispatch hooks;
    std::vector<std::unique_ptr<ClientEvent>> events;
    std::vector<OutgoingEvent> outgoing;
    ClientEvents writer;
    Module first{"first"};
    Module second{"second"};
};

TEST_F(ClientEventsTest, WritesAllPartsOfAnEvent) {
    send(make_event("m.room.topic", "")).own_string = OwnString{"transaction_id", "txn"};
    const boost::json::value expected = {
        {"room_id", "!room:test"},
        {"type", "m.room.topic"},
        {"event_id", "$id"},
        {"sender", "@alice:test"},
        {"content", {{"body", "hello"}}},
        {"state_key", ""},
        {"origin_server_ts", 1000},
        {"unsigned", {{"prev_content", {{"body", "before"}}}, {"age", 5}, {"transaction_id", "txn"}}}};
    EXPECT_EQ(written().at(0), expected);
    add<&Module::nothing>(first);
    EXPECT_EQ(written().at(0), expected) << "a module that adds nothing changes nothing";
}

/// Another name than "a" that is looked for in the same place (NameHashes).
constexpr async::name name_beside_a() {
    constexpr auto place_of = [](std::string_view name) {
        return callbacks::FieldKey(name).hash() % callbacks::detail::NameHashes::place_count;
    };
    async::name found("...");
    for (found.characters[0] = 'b'; found.characters[0] <= 'z'; ++found.characters[0]) {
        for (found.characters[1] = 'b'; found.characters[1] <= 'z'; ++found.characters[1]) {
            for (found.characters[2] = 'b'; found.characters[2] <= 'z'; ++found.characters[2]) {
                if (place_of(found.view()) == place_of("a")) return found;
            }
        }
    }
    return found;
}
constexpr async::name beside_a = name_beside_a();
static_assert(beside_a.view() != "...");

TEST_F(ClientEventsTest, WritesSeveralFieldsAsIfEachWereAddedAlone) {
    struct Several {
        std::string first;
        std::string second;
        bool comes_later = false;

        void together(const Event&, UnsignedWriter& out) {
            if (comes_later) out.add("c", "there");
            out.add<"a", "org.example.second_of_the_fields", "c", "age", "a">(first, second, second, first, second);
            out.add<"number", "flag">(5, true);
            out.add<beside_a, "last", "a", beside_a>(second, first, first, first);
        }
        void alone(const Event&, UnsignedWriter& out) {
            if (comes_later) out.add("c", "there");
            out.add("a", first);
            out.add("org.example.second_of_the_fields", second);
            out.add("c", second);
            out.add("age", first);
            out.add("a", second);
            out.add("number", 5);
            out.add("flag", true);
            out.add(beside_a.view(), second);
            out.add("last", first);
            out.add("a", first);
            out.add(beside_a.view(), first);
        }
    };
    const std::vector<std::string> values = {"", "x", "seven b", "eight by", "quote\"", "line\nfeed", std::string(15, 'a'),
                                             std::string(16, 'b'), std::string(17, 'c'), std::string(5000, 'd')};
    send(make_event("m.room.message"));
    for (const bool comes_later : {false, true}) {
        for (const std::string& first_text : values) {
            for (const std::string& second_text : values) {
                Several several{first_text, second_text, comes_later};
                hooks = UnsignedDispatch();
                hooks.add_field_to_unsigned_callback.add("module", {async::bind<&Several::alone>(&several), EventInterest()},
                                                         nullptr);
                const std::string expected(time.run(write()));
                hooks = UnsignedDispatch();
                hooks.add_field_to_unsigned_callback.add("module", {async::bind<&Several::together>(&several), EventInterest()},
                                                         nullptr);
                writer.~ClientEvents();
                new (&writer) ClientEvents();  // with a text that has to grow
                for (int turn = 0; turn < 2; ++turn) ASSERT_EQ(time.run(write()), expected) << first_text << ", " << second_text;
            }
        }
    }
}

TEST_F(ClientEventsTest, LeavesTheRoomIdOutWhereItIsKnown) {
    send(make_event("m.room.message")).in_full = false;
    EXPECT_FALSE(written().at(0).as_object().contains("room_id"));
    EXPECT_EQ(written().at(0).at("type"), "m.room.message");
}

TEST_F(ClientEventsTest, TheLayoutAndTheNamesOfItsOwnFieldsAreTheHosts) {
    callbacks::ClientEventText text;
    text.member("where", "here");
    text.end_long_form();
    text.member("what", true);
    text.begin_unsigned();
    text.own_field("a", 1.5);
    text.end_before_number("seconds");
    events.push_back(std::make_unique<ClientEvent>(make_event("m.room.message"), text));
    add<&Module::twice>(first);
    add<&Module::forge>(second);
    for (const bool in_full : {true, false}) {
        OutgoingEvent one;
        one.event = events.front().get();
        one.before = in_full ? "[" : ",";
        one.number = 7;
        one.own_string = OwnString{"b", "of the host"};
        one.in_full = in_full;
        outgoing.push_back(one);
    }
    const std::string rest =
        R"("what":true,"unsigned":{"a":1.5,"seconds":7,"b":"of the host","c":3.5,"age":-1,"transaction_id":"forged",)"
        R"("prev_content":null}})";
    EXPECT_EQ(time.run(write()), R"([{"where":"here",)" + rest + ",{" + rest + "]");
}

TEST_F(ClientEventsTest, AnEventThatIsNotUtf8IsRefused) {
    callbacks::EventFields fields;
    fields.event_id = "$odd";
    fields.type = "m.room.message";
    fields.content["body"] = "caf\xE9";
    const Event odd(std::move(fields));
    const callbacks::ClientEventText text = homeserver::client_event_text(odd);
    try {
        const ClientEvent prepared(odd, text);
        FAIL() << "nothing was thrown";
    } catch (const callbacks::NotUtf8& error) {
        EXPECT_STREQ(error.what(), "the event $odd isn't UTF-8");
    }
}

TEST_F(ClientEventsTest, ARedactionSaysWhatItIsAboutInItsContentToo) {
    callbacks::EventFields fields;
    fields.event_id = "$id";
    fields.room_id = "!room:test";
    fields.type = "m.room.redaction";
    fields.sender = "@alice:test";
    fields.redacts = "$target";
    fields.content["reason"] = "oops";
    const Event redaction(std::move(fields));
    send(redaction);
    const boost::json::value expected = {{"reason", "oops"}, {"redacts", "$target"}};
    EXPECT_EQ(written().at(0).at("content"), expected);
    EXPECT_EQ(written().at(0).at("redacts"), "$target");
    EXPECT_FALSE(redaction.content().contains("redacts"));
}

TEST_F(ClientEventsTest, ALaterModuleWinsAKeyInEveryMixOfForms) {
    send(make_event("m.room.message"));
    add<&Module::direct>(first);
    add<&Module::object>(second);
    EXPECT_EQ(unsigned_of_first(), JsonDict({{"age", 5}, {"org.example.kind", "m.room.message"}, {"shared", "second"}}));
    add<&Module::direct>(first);
    EXPECT_EQ(unsigned_of_first().at("shared"), "first");
}

TEST_F(ClientEventsTest, OfAFieldAddedTwiceTheLastValueStays) {
    send(make_event("m.room.message"));
    add<&Module::twice>(first);
    EXPECT_EQ(unsigned_of_first(), JsonDict({{"age", 5}, {"a", 1}, {"c", 3.5}, {"b", "second"}}));
}

TEST(UnsignedWriterTest, TellsThousandsOfNamesApartAndKeepsTheLastValueOfEach) {
    UnsignedWriter fields;
    JsonDict expected;
    for (int round = 0; round < 2; ++round) {
        for (int index = 0; index < 3000; ++index) {
            const std::string name = "\"field, " + std::to_string(index) + "\\";
            const std::string value = "]}," + std::to_string(index * (round + 1));
            fields.add(name, value);
            expected[name] = value;
            fields.add(index % 7 == 0 ? "again" : "nested", JsonDict({{"a,b", callbacks::JsonArray({index, "],"})}}));
            expected[index % 7 == 0 ? "again" : "nested"] = JsonDict({{"a,b", callbacks::JsonArray({index, "],"})}});
        }
    }
    EXPECT_EQ(fields.take(), expected);
    fields.add("next", 1);
    EXPECT_EQ(fields.take(), JsonDict({{"next", 1}}));
}

TEST(UnsignedWriterTest, RefusesWhatJsonCanNotSay) {
    callbacks::UnsignedWriter fields;
    callbacks::JsonValue deep = 1;
    for (int level = 0; level < 1000; ++level) {
        callbacks::JsonArray outer;
        outer.push_back(std::move(deep));
        deep = std::move(outer);
    }
    const double no_number = std::nan("");
    EXPECT_THROW(fields.add("a", no_number), std::invalid_argument);
    EXPECT_THROW(fields.add("a", callbacks::JsonArray{1, no_number}), std::invalid_argument);
    EXPECT_THROW(fields.add("a", callbacks::JsonDict{{"b", no_number}}), std::invalid_argument);
    EXPECT_THROW(fields.write(callbacks::JsonDict{{"a", HUGE_VAL}}), std::invalid_argument);
    EXPECT_THROW(fields.add("a", deep), std::invalid_argument);
    fields.add("b", 1.5);
    EXPECT_EQ(fields.take(), (callbacks::JsonDict{{"b", 1.5}}));
}

TEST_F(ClientEventsTest, TheHostsOwnFieldsWinOverAllModulesWhereItSendsThem) {
    add<&Module::forge>(first);
    add<&Module::forge_object>(second);
    send(make_event("m.room.topic", "")).own_string = OwnString{"transaction_id", "own"};
    send(make_event("m.room.message"));
    const boost::json::array sent = written();
    EXPECT_EQ(sent.at(0).at("unsigned"),
              boost::json::value({{"prev_content", {{"body", "before"}}}, {"age", 5}, {"transaction_id", "own"}}));
    EXPECT_EQ(sent.at(1).at("unsigned"),
              boost::json::value({{"age", 5}, {"transaction_id", "forged"}, {"prev_content", nullptr}}));
}

TEST_F(ClientEventsTest, ACallbackThatWaitsHoldsUpItsOwnEventOnlyAndKeepsTheOrder) {
    add<&Module::later>(first);
    for (const char* type : {"quick", "slow", "quick too", "slow"}) send(make_event(type));
    const boost::json::array sent = written();
    EXPECT_EQ(first.finished, "quick quick too slow slow ");
    ASSERT_EQ(sent.size(), 4U);
    for (std::size_t index = 0; index < 4; ++index) {
        EXPECT_EQ(sent.at(index).at("type").as_string(), events[index]->event().type());
        EXPECT_EQ(sent.at(index).at("unsigned").at("before"), sent.at(index).at("type"));
        EXPECT_EQ(sent.at(index).at("unsigned").at("behind"), "first");
    }
    EXPECT_EQ(written(), sent) << "the second response uses what the first one left";
}

TEST_F(ClientEventsTest, AModuleInShadowModeIsComparedForEachEventAndAddsNothing) {
    async::scope runs(time.environment(), [](std::string_view, const std::exception_ptr&) {});
    async::dispatch_settings settings;
    settings.shadow_runs = &runs;
    async::call_limits limits;
    limits.mode = async::call_mode::shadow;
    const auto differing = std::make_shared<async::limiter>(limits, time.clock(), &settings);
    const auto agreeing = std::make_shared<async::limiter>(limits, time.clock(), &settings);
    auto& hook = hooks.add_field_to_unsigned_callback;
    using Given = std::remove_cvref_t<decltype(hook)>::slot_type;
    using Limited = async::limited_call<Given, callbacks::what_may_be_ruled<Given>>;
    add<&Module::later>(second);
    for (const char* type : {"quick", "slow", "quick too"}) send(make_event(type));
    const boost::json::array without = written();

    Module same{"second"};
    hook.add("differing", Limited::around(Given(async::bind<&Module::direct>(&first)), differing), &settings,
             differing->stands_at(-1));
    hook.add("agreeing", Limited::around(Given(async::bind<&Module::later>(&same)), agreeing), &settings,
             agreeing->stands_at(-1));
    EXPECT_EQ(written(), without);
    time.advance(10s);
    EXPECT_EQ(first.runs, 3);
    EXPECT_EQ(differing->in_shadow().differed, 3U);
    EXPECT_EQ(agreeing->in_shadow().runs, 3U);
    EXPECT_EQ(agreeing->in_shadow().differed, 0U);
    time.run(runs.join());
}

TEST_F(ClientEventsTest, AnExceptionFailsTheResponseAsItIs) {
    add<&Module::direct>(first);
    add<&Module::fail>(second);
    send(make_event("m.room.message"));
    EXPECT_THROW(written(), callbacks::SynapseError);
}

TEST_F(ClientEventsTest, AnExceptionWaitsForTheCallbacksThatBegan) {
    add<&Module::fail_late>(first);
    add<&Module::direct>(second);
    for (const char* type : {"quick", "slow", "quick too"}) send(make_event(type));
    EXPECT_THROW(written(), std::runtime_error);
    EXPECT_EQ(first.finished, "quick quick too ");
    EXPECT_EQ(second.runs, 0) << "no further callback begins";
}

TEST_F(ClientEventsTest, AModuleIsOnlyCalledForTheEventsItIsInterestedIn) {
    add<&Module::direct>(first, EventInterest().types({"m.room.topic", "m.room.message"}).with_state_key(true));
    add<&Module::direct>(second, EventInterest().senders({"@bob:test"}));
    send(make_event("m.room.topic", ""));
    send(make_event("m.room.message"));
    send(make_event("m.room.name", ""));
    const boost::json::array sent = written();
    EXPECT_EQ(first.runs, 1);
    EXPECT_EQ(second.runs, 0);
    EXPECT_TRUE(sent.at(0).at("unsigned").as_object().contains("shared"));
    EXPECT_FALSE(sent.at(1).at("unsigned").as_object().contains("shared"));
}

TEST(EventInterestTest, AdmitsByTypeStateSenderAndRoom) {
    const Event topic = make_event("m.room.topic", "");
    const Event message = make_event("m.room.message");
    const auto admits = [](const EventInterest& interest, const Event& event) {
        return interest.matches(EventInterest::subject_of(event));
    };
    EXPECT_TRUE(admits(EventInterest(), topic));
    EXPECT_TRUE(admits(EventInterest().types({"m.room.topic"}), topic));
    EXPECT_FALSE(admits(EventInterest().types({"m.room.topic"}), message));
    EXPECT_FALSE(admits(EventInterest().types({}), message));
    EXPECT_TRUE(admits(EventInterest().with_state_key(true), topic));
    EXPECT_FALSE(admits(EventInterest().with_state_key(true), message));
    EXPECT_TRUE(admits(EventInterest().with_state_key(false), message));
    EXPECT_TRUE(admits(EventInterest().in_rooms({"!room:test"}).senders({"@alice:test"}), message));
    EXPECT_FALSE(admits(EventInterest().in_rooms({"!other:test"}).senders({"@alice:test"}), message));
}

TEST(EventInterestTest, NamesThatShareABitAreToldApart) {
    // A hundred names have 64 bits.
    const EventInterest interest = EventInterest().senders({"@alice:test"});
    int admitted = 0;
    for (int index = 0; index < 1000; ++index) {
        callbacks::EventFields fields;
        fields.sender = "@user" + std::to_string(index) + ":test";
        const Event event(std::move(fields));
        if (interest.matches(EventInterest::subject_of(event))) ++admitted;
    }
    EXPECT_EQ(admitted, 0);
}

TEST(UnsignedDispatchTest, CalledLikeAFunctionItYieldsTheModulesFieldsAsAnObject) {
    async::testing::simulation time;
    UnsignedDispatch hooks;
    Module direct("direct");
    Module object("object");
    auto& hook = hooks.add_field_to_unsigned_callback;
    const Event event = make_event("m.room.message");
    EXPECT_EQ(time.run(hook(event)), JsonDict());
    hook.add("direct", async::bind<&Module::direct>(&direct), nullptr);
    hook.add("object", async::bind<&Module::object>(&object), nullptr);
    EXPECT_EQ(time.run(hook(event)), JsonDict({{"org.example.kind", "m.room.message"}, {"shared", "object"}}));
    std::vector<std::uint64_t> runs;
    hook.each_registration([&](const async::callback_identity& identity) { runs.push_back(identity.statistics.runs); });
    EXPECT_EQ(runs, (std::vector<std::uint64_t>{1, 1}));
}

TEST(FieldKeyTest, HasOneHashWhileCompilingAndAtRunTime) {
    const auto hash_of = [](callbacks::FieldKey key) { return key.hash(); };
    EXPECT_EQ(hash_of(""), hash_of(std::string()));
    EXPECT_EQ(hash_of("abc"), hash_of(std::string("abc")));
    EXPECT_EQ(hash_of("abcde"), hash_of(std::string("abcde")));
    EXPECT_EQ(hash_of("abcdefgh"), hash_of(std::string("abcdefgh")));
    EXPECT_EQ(hash_of("org.example.kind"), hash_of(std::string("org.example.kind")));
    EXPECT_EQ(hash_of("a rather long name"), hash_of(std::string("a rather long name")));
    EXPECT_FALSE(callbacks::FieldKey("a\"b").is_plain());
}

TEST(FieldKeyTest, NamesThatDifferOnlyAtTheirEndHaveHashesThatDifferInTheirLowestBits) {
    std::set<std::uint32_t> lowest;
    for (int index = 0; index < 256; ++index) {
        const std::string name = "org.example.field." + std::string(1, static_cast<char>(index));
        lowest.insert(callbacks::FieldKey(name).hash() & 0xff);
    }
    // 256 balls in 256 boxes leave about 94 of them empty.
    EXPECT_GT(lowest.size(), 140U);
}

}  // namespace
