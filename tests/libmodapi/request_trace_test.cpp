#include <modapi/hosting/request_trace.h>
#include <modapi/hosting/trace_of_request.h>

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

using modapi::RequestTrace;

const std::string trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string parent_id = "00f067aa0ba902b7";
const std::string usual = "00-" + trace_id + "-" + parent_id + "-01";

bool goes_on(const std::string& traceparent) {
    return RequestTrace("127.0.0.1", traceparent, "").traceparent().find(trace_id) != std::string::npos;
}
std::string passed_on(const std::string& tracestate) { return RequestTrace("127.0.0.1", usual, tracestate).tracestate(); }

TEST(RequestTraceTest, GoesOnWithTheTraceThatTheHeaderNamesAsItsNextParent) {
    const RequestTrace request("127.0.0.1", usual, "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7");
    EXPECT_EQ(request.traceparent(), "00-" + trace_id + "-" + request.request_id() + "-01");
    EXPECT_NE(request.request_id(), parent_id);
    EXPECT_EQ(request.tracestate(), "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7");
    EXPECT_EQ(request.client_address(), "127.0.0.1");
}

TEST(RequestTraceTest, BeginsATraceOfItsOwnWithoutTheHeader) {
    const RequestTrace request("127.0.0.1", "", "congo=t61rcWkgMzE");
    const std::string header = request.traceparent();
    EXPECT_TRUE(goes_on(usual));
    EXPECT_EQ(header.size(), usual.size());
    EXPECT_TRUE(header.ends_with("-" + request.request_id() + "-00")) << header;
    EXPECT_EQ(request.tracestate(), "") << "it belongs to no trace that is known";
    const RequestTrace next("127.0.0.1", header, "");
    EXPECT_EQ(next.traceparent().substr(0, 35), header.substr(0, 35)) << "what it sends is what it takes";
}

TEST(RequestTraceTest, HasAnIdThatNoOtherOneHas) {
    std::set<std::string> ids;
    std::set<std::string> traces;
    constexpr std::size_t many = 1000;
    for (std::size_t made = 0; made < many; ++made) {
        const RequestTrace request("", "", "");
        ids.insert(request.request_id());
        traces.insert(request.traceparent().substr(3, 32));
    }
    EXPECT_EQ(ids.size(), many);
    EXPECT_EQ(traces.size(), many);
}

TEST(RequestTraceTest, TakesLaterVersionsAsFarAsItKnowsThem) {
    EXPECT_TRUE(goes_on("cc-" + trace_id + "-" + parent_id + "-01"));
    EXPECT_TRUE(goes_on("cc-" + trace_id + "-" + parent_id + "-01-what-the-future-holds"));
    EXPECT_FALSE(goes_on("cc-" + trace_id + "-" + parent_id + "-01.what-the-future-holds"));
    EXPECT_FALSE(goes_on("ff-" + trace_id + "-" + parent_id + "-01")) << "which is no version";
    EXPECT_FALSE(goes_on(usual + "-more")) << "version 00 ends there";
    EXPECT_TRUE(RequestTrace("", "cc-" + trace_id + "-" + parent_id + "-01", "").traceparent().starts_with("00-"));
}

TEST(RequestTraceTest, PassesTheFlagOnThatItKnowsAndNoOther) {
    const auto flags_of = [](const std::string& given) {
        const std::string header = RequestTrace("", "00-" + trace_id + "-" + parent_id + "-" + given, "").traceparent();
        return header.substr(header.size() - 2);
    };
    EXPECT_EQ(flags_of("ff"), "01");
    EXPECT_EQ(flags_of("03"), "01");
    EXPECT_EQ(flags_of("fe"), "00");
}

TEST(RequestTraceTest, TakesNothingElseForATrace) {
    for (std::size_t size = 0; size < usual.size(); ++size) EXPECT_FALSE(goes_on(usual.substr(0, size))) << size;
    for (std::size_t at = 0; at < usual.size(); ++at) {
        for (const char wrong : {'g', 'A', ' ', '\n', '\0', '\xff', '.'}) {
            std::string header = usual;
            header[at] = wrong;
            EXPECT_FALSE(goes_on(header)) << header;
        }
    }
    EXPECT_FALSE(goes_on(" " + usual));
    EXPECT_FALSE(goes_on(usual + " "));
    EXPECT_FALSE(goes_on("00-" + trace_id + "-0000000000000000-01"));
    const std::string no_trace(32, '0');
    const RequestTrace request("", "00-" + no_trace + "-" + parent_id + "-01", "");
    EXPECT_EQ(request.traceparent().find(no_trace), std::string::npos);
    EXPECT_FALSE(goes_on(std::string(200'000, 'a')));
    EXPECT_FALSE(goes_on(usual + std::string(200'000, 'a')));
}

TEST(RequestTraceTest, PassesOnlyOneLineOfTextOn) {
    EXPECT_EQ(passed_on("congo=t61rcWkgMzE"), "congo=t61rcWkgMzE");
    EXPECT_EQ(passed_on(std::string(512, 'a')), std::string(512, 'a'));
    EXPECT_EQ(passed_on(std::string(513, 'a')), "");
    EXPECT_EQ(passed_on(std::string(200'000, 'a')), "");
    for (const char wrong : {'\0', '\r', '\n', '\t', '\x7f', '\xc3'}) {
        EXPECT_EQ(passed_on(std::string("congo=") + wrong + "x"), "") << static_cast<int>(wrong);
    }
}

modapi::Request request_with(std::vector<std::pair<std::string, std::string>> headers) {
    modapi::Request request = modapi::Request::of("GET", "/");
    request.headers = std::move(headers);
    request.client_address = "192.0.2.1";
    return request;
}

TEST(RequestTraceTest, IsMadeOfTheHeadersOfARequest) {
    const auto made = modapi::trace_of_request(
        request_with({{"Host", "localhost"}, {"TraceParent", usual}, {"Tracestate", "a=1"}, {"tracestate", "b=2"}}));
    EXPECT_EQ(made->traceparent(), "00-" + trace_id + "-" + made->request_id() + "-01");
    EXPECT_EQ(made->tracestate(), "a=1,b=2") << "it may come in parts";
    EXPECT_EQ(made->client_address(), "192.0.2.1");
}

TEST(RequestTraceTest, TakesNoneOfTwoHeaders) {
    const auto made =
        modapi::trace_of_request(request_with({{"traceparent", usual}, {"tracestate", "a=1"}, {"Traceparent", usual}}));
    EXPECT_EQ(made->traceparent().find(trace_id), std::string::npos);
    EXPECT_EQ(made->tracestate(), "");
}

}  // namespace
