#pragma once

#include "bus_listener.h"
#include "log_capture.h"

#include <modapi/hosting/bus.h>
#include <modapi/hosting/server_bus.h>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

/// Tries again at once, so that no test waits for it; asks nothing by itself, which would wake what was forgotten.
inline modapi::BusTimes impatient() {
    modapi::BusTimes times;
    times.packets_apart = std::chrono::milliseconds(1);
    times.first_wait = std::chrono::milliseconds(5);
    times.longest_wait = std::chrono::milliseconds(40);
    times.probe_every = std::chrono::hours(1);
    return times;
}

/// Two buses on one server.
class TwoBuses {
public:
    void close() {
        here_.reset();
        there_.reset();
    }
    modapi::Bus& here() { return *here_; }
    modapi::Bus& there() { return *there_; }

protected:
    std::unique_ptr<modapi::Bus> here_;
    std::unique_ptr<modapi::Bus> there_;
};

/// What every bus does. `Place` makes the buses that hear each other:
///
///     modapi::Bus& here();     // that of this process
///     modapi::Bus& there();    // that of another process; the same if the bus has only one
template <class Place>
class BusContract : public testing::Test {
protected:
    void SetUp() override {
        if (const std::string reason = place.reason_to_skip(); !reason.empty()) GTEST_SKIP() << reason;
        place.open();
    }
    void TearDown() override { place.close(); }

    Place place;
    ListeningThread thread;
};
TYPED_TEST_SUITE_P(BusContract);

TYPED_TEST_P(BusContract, TellsEverybodyButThePublisher) {
    BusListener publisher(this->place.here(), this->thread);
    BusListener beside(this->place.here(), this->thread);
    BusListener elsewhere(this->place.there(), this->thread);
    this->place.here().publish(publisher.number, {"room", "4"});
    EXPECT_TRUE(beside.heard.empty()) << "not before its executor runs";
    this->thread.run_until([&] { return beside.has_heard("room: 4") && elsewhere.has_heard("room: 4"); });
    this->place.there().publish(0, {"room", "5"});
    this->thread.run_until([&] { return publisher.has_heard("room: 5") && beside.has_heard("room: 5"); });
    EXPECT_EQ(publisher.heard, std::vector<std::string>{"room: 5"});
    EXPECT_EQ(beside.heard, (std::vector<std::string>{"room: 4", "room: 5"}));
    this->thread.run_until([&] { return elsewhere.has_heard("room: 5"); });
    EXPECT_EQ(elsewhere.heard, beside.heard);
    EXPECT_EQ(publisher.gaps + beside.gaps + elsewhere.gaps, 0);
}

TYPED_TEST_P(BusContract, KeepsTheOrderOfOnePublisher) {
    BusListener beside(this->place.here(), this->thread);
    BusListener elsewhere(this->place.there(), this->thread);
    std::vector<std::string> expected;
    for (int number = 0; number < 2000; ++number) {
        this->place.here().publish(0, {"stream", std::to_string(number)});
        expected.push_back("stream: " + std::to_string(number));
    }
    this->thread.run_until([&] { return beside.has_heard("stream: 1999") && elsewhere.has_heard("stream: 1999"); });
    EXPECT_EQ(beside.heard, expected);
    EXPECT_EQ(elsewhere.heard, expected);
}

TYPED_TEST_P(BusContract, TellsNothingToWhoeverHasUnsubscribed) {
    std::vector<std::string> heard;
    BusListener elsewhere(this->place.there(), this->thread);
    modapi::Bus::Handlers handlers;
    handlers.message = [&](const modapi::BusMessage& message) { heard.push_back(message.text); };
    const std::size_t number = this->place.there().subscribe(this->thread.io.get_executor(), handlers);
    EXPECT_NE(number, 0U);
    this->place.there().publish(0, {"before", "posted already"});
    this->place.there().unsubscribe(number);
    this->place.here().publish(0, {"after", "1"});
    this->thread.run_until([&] { return elsewhere.has_heard("after: 1"); });
    EXPECT_TRUE(heard.empty());
}

TYPED_TEST_P(BusContract, RefusesAMessageThatIsTooLongAndTakesTheLongest) {
    BusListener elsewhere(this->place.there(), this->thread);
    modapi::Bus& bus = this->place.here();
    EXPECT_THROW(bus.publish(0, {std::string(61, 't'), "text"}), std::invalid_argument);
    EXPECT_THROW(bus.publish(0, {"topic", std::string(1001, 'x')}), std::invalid_argument);
    for (const char fill : {'a', 'b', 'c', 'd'}) bus.publish(0, {std::string(60, fill), std::string(1000, '\xff')});
    bus.publish(0, {"", ""});
    this->thread.run_until([&] { return elsewhere.has_heard(": "); });
    ASSERT_EQ(elsewhere.heard.size(), 5U);
    EXPECT_EQ(elsewhere.heard[3], std::string(60, 'd') + ": " + std::string(1000, '\xff'));
}

TYPED_TEST_P(BusContract, CarriesAnyBytes) {
    BusListener elsewhere(this->place.there(), this->thread);
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
    const std::vector<std::string> texts = {
        all, std::string("\0", 1), "it's \"quoted\\", "line\nline\r\n", "häßlich \U0001F600", "$1', $$; DROP TABLE users; --"};
    std::vector<std::string> expected;
    for (const std::string& text : texts) {
        this->place.here().publish(0, {text.substr(0, 60), text});
        expected.push_back(text.substr(0, 60) + ": " + text);
    }
    this->thread.run_until([&] { return elsewhere.heard.size() == texts.size(); });
    EXPECT_EQ(elsewhere.heard, expected);
}

TYPED_TEST_P(BusContract, TellsWhatSeveralThreadsPublishEachInItsOrder) {
    constexpr int threads = 4;
    constexpr int each = 500;
    BusListener beside(this->place.here(), this->thread);
    BusListener elsewhere(this->place.there(), this->thread);
    std::vector<std::thread> publishers;
    for (int publisher = 0; publisher < threads; ++publisher) {
        publishers.emplace_back([&bus = this->place.here(), publisher] {
            for (int number = 0; number < each; ++number) bus.publish(0, {std::to_string(publisher), std::to_string(number)});
        });
    }
    this->thread.run_until([&] { return beside.heard.size() == threads * each && elsewhere.heard.size() == threads * each; });
    for (std::thread& publisher : publishers) publisher.join();
    for (const BusListener* const listener : {&beside, &elsewhere}) {
        std::vector<int> next(threads, 0);
        for (const std::string& line : listener->heard) {
            int& expected = next[static_cast<std::size_t>(line[0] - '0')];
            EXPECT_EQ(line, line.substr(0, 1) + ": " + std::to_string(expected));
            ++expected;
        }
    }
}

TYPED_TEST_P(BusContract, HearsEachAnswerHoweverSoonItComes) {
    constexpr int rounds = 1000;
    int heard = 0;
    modapi::Bus::Handlers asking;
    asking.message = [&](const modapi::BusMessage& message) {
        if (message.topic == "answer" && ++heard < rounds) this->place.here().publish(0, {"question", message.text + "+"});
    };
    modapi::Bus::Handlers answering;
    answering.message = [&](const modapi::BusMessage& message) {
        if (message.topic == "question") this->place.there().publish(0, {"answer", std::to_string(heard)});
    };
    const std::size_t asks = this->place.here().subscribe(this->thread.io.get_executor(), asking);
    const std::size_t answers = this->place.there().subscribe(this->thread.io.get_executor(), answering);
    this->place.here().publish(0, {"question", ""});
    this->thread.run_until([&] { return heard == rounds; });
    this->place.here().unsubscribe(asks);
    this->place.there().unsubscribe(answers);
}

TYPED_TEST_P(BusContract, TellsOfThoseThatAreTheSameAtLeastOnceAfterTheLast) {
    BusListener elsewhere(this->place.there(), this->thread);
    for (int round = 0; round < 200; ++round) this->place.here().publish(0, {"cache", "position"});
    this->place.here().publish(0, {"end", ""});
    this->thread.run_until([&] { return elsewhere.has_heard("end: "); });
    EXPECT_EQ(elsewhere.heard.back(), "end: ");
    EXPECT_GE(elsewhere.heard.size(), 2U);
    EXPECT_LE(elsewhere.heard.size(), 201U);
    for (std::size_t at = 0; at + 1 < elsewhere.heard.size(); ++at) EXPECT_EQ(elsewhere.heard[at], "cache: position");
}

TYPED_TEST_P(BusContract, EndsWithMessagesUnderWay) {
    std::vector<std::thread> publishers;
    for (int publisher = 0; publisher < 2; ++publisher) {
        publishers.emplace_back([&bus = this->place.here()] {
            for (int number = 0; number < 1000; ++number) bus.publish(0, {"t", std::to_string(number)});
        });
    }
    for (std::thread& publisher : publishers) publisher.join();
    this->place.close();
}

REGISTER_TYPED_TEST_SUITE_P(BusContract, TellsEverybodyButThePublisher, KeepsTheOrderOfOnePublisher,
                            TellsNothingToWhoeverHasUnsubscribed, RefusesAMessageThatIsTooLongAndTakesTheLongest,
                            CarriesAnyBytes, TellsWhatSeveralThreadsPublishEachInItsOrder, HearsEachAnswerHoweverSoonItComes,
                            TellsOfThoseThatAreTheSameAtLeastOnceAfterTheLast, EndsWithMessagesUnderWay);

/// What every bus over a server does besides. Its `Place` can also do this:
///
///     void cut();              // ends the connections of all buses, which may connect again at once
///     void go_away();          // the server can't be reached, and the connections end
///     void wait_for_tries();   // until somebody has tried several times to reach it
///     void come_back();
///     void say(std::string);   // as a stranger, on the channel of the buses
template <class Place>
class ServerBusContract : public BusContract<Place> {
protected:
    void SetUp() override {
        log = std::make_unique<LogCapture>();
        BusContract<Place>::SetUp();
    }
    [[nodiscard]] std::size_t lines(const std::string& part) const { return log->count(part); }

    std::unique_ptr<LogCapture> log;
};
TYPED_TEST_SUITE_P(ServerBusContract);

TYPED_TEST_P(ServerBusContract, TellsOfAGapAfterEachLossAndGoesOn) {
    BusListener beside(this->place.here(), this->thread);
    BusListener elsewhere(this->place.there(), this->thread);
    for (int round = 1; round <= 5; ++round) {
        this->place.cut();
        this->thread.run_until([&] { return beside.gaps >= round && elsewhere.gaps >= round; });
        const std::string text = std::to_string(round);
        this->place.here().publish(beside.number, {"round", text});
        this->thread.run_until([&] { return elsewhere.has_heard("round: " + text); });
        EXPECT_EQ(beside.gaps, round);
        EXPECT_EQ(elsewhere.gaps, round);
    }
}

TYPED_TEST_P(ServerBusContract, SaysOnceInTheLogThatTheServerIsLostAndOnceThatItIsThereAgain) {
    BusListener beside(this->place.here(), this->thread);
    BusListener elsewhere(this->place.there(), this->thread);
    this->place.go_away();
    this->thread.run_until([&] { return this->lines("is lost") == 2; });
    // Those of the own process are told all the same.
    this->place.here().publish(0, {"meanwhile", "1"});
    this->thread.run_until([&] { return beside.has_heard("meanwhile: 1"); });
    this->place.wait_for_tries();
    this->place.come_back();
    this->thread.run_until([&] { return beside.gaps > 0 && elsewhere.gaps > 0 && this->lines("is there again") == 2; });
    this->place.here().publish(0, {"afterwards", "1"});
    this->thread.run_until([&] { return elsewhere.has_heard("afterwards: 1"); });
    EXPECT_EQ(this->lines("is lost"), 2U) << "one for each of the two buses: " << this->log->text();
    EXPECT_EQ(this->lines("is there again"), 2U) << this->log->text();
    EXPECT_EQ(this->lines("\n"), 4U) << this->log->text();
    EXPECT_FALSE(elsewhere.has_heard("meanwhile: 1")) << "what couldn't be sent is dropped";
}

TYPED_TEST_P(ServerBusContract, IgnoresWhatStrangersSay) {
    BusListener elsewhere(this->place.there(), this->thread);
    const std::string number(16, 'n');
    const std::string head = "mb1" + number;
    const std::vector<std::string> bytes = {
        "",
        "mb1",
        "hello",
        head,                                            // no more than a number
        head + '\2',                                     // what nobody says
        head + '\0' + "\x05",                            // the lengths of half a message
        head + '\0' + std::string("\x01\x00\x02t1", 5),  // a text that is shorter than it says
        head + '\0' + std::string("\x3d\x00\x00", 3) + std::string(61, 't'),
        head + '\0' + std::string("\x01\x03\xe9t", 4) + std::string(1001, 'x')};
    for (const std::string& said : bytes) this->place.say(said);
    this->place.say(head + '\0' + std::string("\x01\x00\x01t1", 5));
    this->thread.run_until([&] { return elsewhere.has_heard("t: 1"); });
    EXPECT_EQ(elsewhere.heard, std::vector<std::string>{"t: 1"}) << "the last one is as a bus would say it";
    EXPECT_EQ(elsewhere.gaps, 0);
    this->place.say(head + '\1');
    this->thread.run_until([&] { return elsewhere.gaps == 1; });
    EXPECT_EQ(this->log->text(), "");
}

TYPED_TEST_P(ServerBusContract, EndsWhileItTriesToReachTheServer) {
    this->place.go_away();
    this->thread.run_until([&] { return this->lines("is lost") == 2; });
    this->place.close();
    this->place.come_back();
}

REGISTER_TYPED_TEST_SUITE_P(ServerBusContract, TellsOfAGapAfterEachLossAndGoesOn,
                            SaysOnceInTheLogThatTheServerIsLostAndOnceThatItIsThereAgain, IgnoresWhatStrangersSay,
                            EndsWhileItTriesToReachTheServer);
