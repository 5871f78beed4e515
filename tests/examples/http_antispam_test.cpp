#include "federation_peer.h"
#include "room_test.h"
#include "spam_service.h"

#include <chrono>
#include <memory>

/// The port of synapse_http_antispam in the server, with a real service.
namespace {

using namespace homeserver_test;
using namespace std::chrono_literals;

/// Answers as a test tells it to, before the server starts.
class Service {
public:
    void answer_with(unsigned status, std::string body, std::chrono::milliseconds delay = 0ms) {
        const std::lock_guard lock(mutex);
        reply.status = status;
        reply.body = std::move(body);
        reply.delay = delay;
    }

    std::mutex mutex;
    SpamService::Reply reply;
    SpamService service{[this](const SpamService::Question& question) {
        const std::lock_guard lock(mutex);
        if (question.target != "/ping") return reply;
        SpamService::Reply pong;
        const boost::json::value id = boost::json::parse(question.body).at("id");
        pong.body = boost::json::serialize(boost::json::object{{"id", id}, {"status", "ok"}});
        return pong;
    }};
};

class HttpAntispamServerTest : public Service, public RoomTest {
protected:
    explicit HttpAntispamServerTest(const std::string& settings = {})
        : RoomTest(FederationPeer::configuration() +
                   "modules:\n  - module: synapse_http_antispam.HTTPAntispam\n    config: {base_url: \"" + service.url() +
                   "\", authorization: the-services-token, do_ping: true, timeout: 2s" + settings + "}\n") {}

    [[nodiscard]] Answer may_create_room(const std::string& token) const { return post("/createRoom", "{}", token); }

    std::string alice = server.register_user("alice");
};

const std::string unreachable = "The spam check service could not be reached";
const std::string nonsense = "The spam check service gave an answer that can't be understood";

TEST_F(HttpAntispamServerTest, TheServiceOnThisMachineIsAskedWithTheTokenAndItsRejectionIsTheClientsError) {
    const std::string room = create_room(alice);
    ASSERT_TRUE(server.log_shows("info module synapse_http_antispam.HTTPAntispam: the spam check service answers at " +
                                 service.url() + "/ping"));
    answer_with(403, R"({"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":5})");
    const Answer limited = may_create_room(alice);
    expect_error(limited, 403, "M_LIMIT_EXCEEDED", "You are not permitted to create rooms");
    EXPECT_EQ(limited.body.at("retry_after_ms"), 5);
    answer_with(500, R"({"errcode":"ORG_EXAMPLE_TEAPOT","error":"short and stout"})");
    expect_error(send(room, "hello", alice), 403, "ORG_EXAMPLE_TEAPOT", "short and stout");
    const std::vector<SpamService::Question> questions = service.questions();
    EXPECT_EQ(questions.back().target, "/check_event_for_spam");
    EXPECT_EQ(questions.back().authorization, "Bearer the-services-token");
    const boost::json::object event = boost::json::parse(questions.back().body).at("event").as_object();
    EXPECT_EQ(event.at("room_id"), boost::json::value(room));
    EXPECT_EQ(event.at("content").at("body"), "hello");
    EXPECT_TRUE(event.contains("event_id"));
    for (const char* internal : {"auth_events", "prev_events", "depth", "hashes", "signatures"}) {
        EXPECT_FALSE(event.contains(internal)) << internal;
    }
    EXPECT_EQ(server.log().find("the-services-token"), std::string::npos);
}

TEST_F(HttpAntispamServerTest, AnEndlessBodyIsAFailureOfTheServiceWhateverItsStatus) {
    const std::string room = create_room(alice);
    for (const unsigned status : {200U, 403U}) {
        answer_with(status, std::string(11 * 1024 * 1024, ' '));
        expect_error(may_create_room(alice), 403, "M_UNKNOWN", nonsense);
        EXPECT_EQ(send(room, "hello", alice).status, 200);
    }
}

TEST_F(HttpAntispamServerTest, ASilentServiceIsGivenUpWithinTheTimeout) {
    answer_with(200, "{}", 60s);
    const auto begin = std::chrono::steady_clock::now();
    expect_error(may_create_room(alice), 403, "M_UNKNOWN", unreachable);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 2s);
    EXPECT_TRUE(server.log_shows(service.url() + "/user_may_create_room: no answer within 2000 ms (rejected)"));
}

TEST_F(HttpAntispamServerTest, AServiceThatComesBackIsAskedAgain) {
    const std::string room = create_room(alice);
    for (int round = 0; round < 3; ++round) {
        for (int count = 0; count < 10; ++count) ASSERT_EQ(send(room, "hello", alice).status, 200);
        service.stop();
        for (int count = 0; count < 10; ++count) ASSERT_EQ(send(room, "hello", alice).status, 200) << "events fail open";
        expect_error(may_create_room(alice), 403, "M_UNKNOWN", unreachable);
        service.start();
        int refused = 0;
        while (may_create_room(alice).status != 200 && refused < 50) ++refused;
        EXPECT_LT(refused, 50);
        const std::size_t asked = service.questions().size();
        for (int count = 0; count < 10; ++count) ASSERT_EQ(may_create_room(alice).status, 200);
        EXPECT_GE(service.questions().size(), asked + 10);
    }
}

TEST_F(HttpAntispamServerTest, TwoHundredSendsWaitForTheServiceAtTheSameTime) {
    const std::string room = create_room(alice);
    answer_with(200, "{}", 500ms);
    const auto begin = std::chrono::steady_clock::now();
    std::vector<std::unique_ptr<RawConnection>> clients;
    const std::string body = R"({"msgtype":"m.text","body":"hello"})";
    for (int number = 0; number < 200; ++number) {
        clients.push_back(std::make_unique<RawConnection>(server.port()));
        clients.back()->send("PUT " + client + "/rooms/" + room + "/send/m.room.message/c" + std::to_string(number) +
                             " HTTP/1.1\r\nHost: hs.test\r\nConnection: close\r\nAuthorization: Bearer " + alice +
                             "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    }
    for (const std::unique_ptr<RawConnection>& each : clients) {
        EXPECT_EQ(each->read_to_end(60s).substr(0, 15), "HTTP/1.1 200 OK");
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    RecordProperty("seconds", std::to_string(took.count()));
    EXPECT_FALSE(HasFailure()) << server.log();
    EXPECT_LT(took, 50s) << "one after the other they take 100 s";
}

TEST_F(HttpAntispamServerTest, RequestsOneAfterTheOtherShareAConnection) {
    const std::string room = create_room(alice);
    ASSERT_TRUE(server.log_shows("the spam check service answers at"));
    const int before = service.connections();
    for (int count = 0; count < 20; ++count) ASSERT_EQ(send(room, "hello", alice).status, 200);
    EXPECT_LE(service.connections(), before + 1);
    EXPECT_GE(service.questions().size(), 20U);
}

TEST_F(HttpAntispamServerTest, AnotherServersEventIsTakenWhileTheServiceIsAway) {
    const std::string room = create_room(alice, R"({"preset":"public_chat"})");
    FederationPeer peer{server};
    const Answer joined = peer.join(room, "carol");
    ASSERT_EQ(joined.status, 200) << joined.body;
    service.stop();
    EXPECT_EQ(peer.send_one(peer.message("from afar")), boost::json::object());
    EXPECT_EQ(bodies(get("/rooms/" + room + "/messages?dir=b&limit=1", alice).body.at("chunk")),
              std::vector<std::string>{"from afar"});
}

class HttpAntispamAsyncServerTest : public HttpAntispamServerTest {
protected:
    HttpAntispamAsyncServerTest() : HttpAntispamServerTest(", async: {user_may_create_room: true}") {}
};

TEST_F(HttpAntispamAsyncServerTest, AnAsynchronousCallbackIsAnsweredBeforeTheServiceDoes) {
    answer_with(403, "{}", 60s);
    EXPECT_EQ(may_create_room(alice).status, 200);
    EXPECT_TRUE(server.log_shows(service.url() + "/user_may_create_room: no answer within 2000 ms"));
}

}  // namespace
