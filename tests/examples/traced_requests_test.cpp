#include "room_test.h"
#include "spam_service.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

/// A request, what modules write and ask because of it, and what it answers: all of it is found by one id.
namespace {

using namespace homeserver_test;
using namespace std::chrono_literals;

const std::string trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string usual_traceparent = "traceparent: 00-" + trace_id + "-00f067aa0ba902b7-01\r\n";

/// Understands nothing that it is asked, after a while, so that the module complains.
class DeafService {
protected:
    SpamService service{[](const SpamService::Question&) {
        SpamService::Reply reply;
        reply.status = 403;
        reply.body = "what?";
        reply.delay = 200ms;
        return reply;
    }};
};

class TracedRequestsTest : public DeafService, public RoomTest {
protected:
    TracedRequestsTest()
        : RoomTest("modules:\n  - module: synapse_http_antispam.HTTPAntispam\n    config: {base_url: \"" + service.url() +
                   "\", authorization: token, enabled_callbacks: [check_event_for_spam]}\n") {}

    /// A message, which the service is asked about; `headers` are lines.
    [[nodiscard]] std::string message(const std::string& headers) {
        const std::string body = R"({"msgtype":"m.text","body":"hello"})";
        const std::string path = client + "/rooms/" + room + "/send/m.room.message/x" + std::to_string(++messages);
        return "PUT " + path + " HTTP/1.1\r\nHost: hs.test\r\nConnection: close\r\n" + headers + "Authorization: Bearer " +
               alice + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    }
    /// Sends one; gives what the service was asked because of it.
    [[nodiscard]] SpamService::Question asked_because_of(const std::string& headers) {
        const std::size_t before = service.questions().size();
        RawConnection connection(server.port());
        connection.send(message(headers));
        EXPECT_EQ(connection.read_to_end().substr(0, 15), "HTTP/1.1 200 OK");
        const std::vector<SpamService::Question> questions = service.questions();
        EXPECT_EQ(questions.size(), before + 1);
        return questions.empty() ? SpamService::Question() : questions.back();
    }
    /// The lines of the log that end with this request's id.
    [[nodiscard]] std::vector<std::string> lines_of(const std::string& request_id) const {
        std::vector<std::string> lines;
        std::istringstream log(server.log());
        for (std::string line; std::getline(log, line);) {
            if (line.ends_with(" request_id=" + request_id)) lines.push_back(line);
        }
        return lines;
    }
    /// Its own line, and one of the module that worked for it.
    void expect_lines_of(const std::string& request_id, const std::string& path_end) const {
        EXPECT_TRUE(server.log_shows(" client=127.0.0.1 request_id=" + request_id + "\n"));
        const std::vector<std::string> lines = lines_of(request_id);
        ASSERT_EQ(lines.size(), 2U) << server.log();
        EXPECT_NE(lines[0].find("the spam check service failed at"), std::string::npos) << lines[0];
        EXPECT_NE(lines[1].find("request method=PUT path="), std::string::npos) << lines[1];
        EXPECT_NE(lines[1].find(path_end + " status=200 ms="), std::string::npos) << lines[1];
    }

    std::string alice = server.register_user("alice");
    std::string room = create_room(alice);
    int messages = 0;
};

/// What stands in a header that the framework sends.
struct SentTrace {
    explicit SentTrace(const std::string& header) {
        static const std::regex form("00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})");
        std::smatch found;
        EXPECT_TRUE(std::regex_match(header, found, form)) << header;
        if (found.empty()) return;
        trace = found[1];
        request_id = found[2];
        flags = found[3];
    }
    std::string trace;
    std::string request_id;
    std::string flags;
};

TEST_F(TracedRequestsTest, TheTraceOfARequestGoesOnInItsLinesAndInWhatModulesAskBecauseOfIt) {
    const SpamService::Question question = asked_because_of(usual_traceparent + "tracestate: congo=t61rcWkgMzE\r\n");
    const SentTrace passed_on(question.traceparent);
    EXPECT_EQ(passed_on.trace, trace_id);
    EXPECT_EQ(passed_on.flags, "01");
    EXPECT_EQ(question.tracestate, "congo=t61rcWkgMzE");
    expect_lines_of(passed_on.request_id, "/x1");
}

TEST_F(TracedRequestsTest, ARequestThatNamesNoTraceBeginsOne) {
    const SentTrace first(asked_because_of("").traceparent);
    const SentTrace second(asked_because_of("").traceparent);
    EXPECT_NE(first.trace, second.trace);
    EXPECT_NE(first.request_id, second.request_id);
    expect_lines_of(first.request_id, "/x1");
    expect_lines_of(second.request_id, "/x2");
}

TEST_F(TracedRequestsTest, RequestsAtOnceDoNotMix) {
    constexpr int at_once = 20;
    std::vector<std::unique_ptr<RawConnection>> clients;
    for (int number = 0; number < at_once; ++number) {
        const std::string state = "tracestate: n=" + std::to_string(number + 1) + "\r\n";
        clients.push_back(std::make_unique<RawConnection>(server.port()));
        clients.back()->send(message(usual_traceparent + state));
    }
    for (const std::unique_ptr<RawConnection>& each : clients) {
        EXPECT_EQ(each->read_to_end(60s).substr(0, 15), "HTTP/1.1 200 OK");
    }
    const std::vector<SpamService::Question> questions = service.questions();
    ASSERT_GE(questions.size(), static_cast<std::size_t>(at_once));
    std::map<std::string, std::string> ids;
    for (const SpamService::Question& question : questions) {
        if (!question.tracestate.empty()) ids[question.tracestate] = SentTrace(question.traceparent).request_id;
    }
    ASSERT_EQ(ids.size(), static_cast<std::size_t>(at_once));
    for (const auto& [state, request_id] : ids) expect_lines_of(request_id, "/x" + state.substr(2));
}

TEST_F(TracedRequestsTest, WhatIsNoTraceBeginsOne) {
    const std::vector<std::string> not_one = {usual_traceparent + usual_traceparent,
                                              "traceparent: 00-" + std::string(60'000, 'a') + "\r\n",
                                              "traceparent: 00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01\r\n",
                                              "traceparent: \r\n",
                                              "traceparent: \xff\xfe\r\n",
                                              "tracestate: congo=t61rcWkgMzE\r\n"};
    for (const std::string& headers : not_one) {
        const SpamService::Question question = asked_because_of(headers);
        const SentTrace passed_on(question.traceparent);
        EXPECT_NE(passed_on.trace, trace_id) << headers.substr(0, 100);
        EXPECT_EQ(question.tracestate, "");
        expect_lines_of(passed_on.request_id, "/x" + std::to_string(messages));
    }
    // These are no requests.
    const std::size_t asked = service.questions().size();
    for (const std::string& headers :
         {"traceparent: " + std::string(200'000, 'a') + "\r\n", std::string("traceparent: 00-\0-\r\n", 20)}) {
        RawConnection connection(server.port());
        connection.send(message(headers));
        EXPECT_EQ(connection.read_to_end().substr(0, 10), "HTTP/1.1 4");
    }
    EXPECT_EQ(service.questions().size(), asked);
    EXPECT_EQ(SentTrace(asked_because_of(usual_traceparent).traceparent).trace, trace_id) << "the server goes on";
}

}  // namespace
