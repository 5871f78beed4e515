#include "bus_contract.h"
#include "https_test.h"
#include "redis_server.h"

#include <modapi/hosting/bus_error.h>
#include <modapi/hosting/in_process_bus.h>
#include <modapi/hosting/redis_bus.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <csignal>
#include <optional>

namespace {

using modapi::BusTimes;
using modapi::RedisBus;
using modapi::RedisSettings;

RedisSettings settings_of(const RedisServer& server) {
    RedisSettings settings;
    settings.host = "127.0.0.1";
    settings.port = server.port();
    return settings;
}

}  // namespace

class InOneProcess {
public:
    static std::string reason_to_skip() { return {}; }
    void open() { bus_ = std::make_unique<modapi::InProcessBus>(); }
    void close() { bus_.reset(); }
    modapi::Bus& here() { return *bus_; }
    modapi::Bus& there() { return *bus_; }

private:
    std::unique_ptr<modapi::Bus> bus_;
};
INSTANTIATE_TYPED_TEST_SUITE_P(InProcessBus, BusContract, InOneProcess);

class OverRedis : public TwoBuses {
public:
    static std::string reason_to_skip() { return RedisServer::is_installed() ? "" : "redis-server isn't installed"; }
    void open() {
        server_.emplace();
        here_ = another();
        there_ = another();
    }
    void cut() {
        server_->run({"CLIENT", "KILL", "TYPE", "normal"});
        server_->run({"CLIENT", "KILL", "TYPE", "pubsub"});
    }
    void go_away() { server_->kill(); }
    void wait_for_tries() { server_->refuse_connections(6); }
    void come_back() { server_->start(); }
    void say(const std::string& bytes) { server_->run({"PUBLISH", "modapi_bus/0/example.org", bytes}); }

private:
    std::unique_ptr<modapi::Bus> another() {
        return std::make_unique<RedisBus>(settings_of(*server_), "example.org", impatient());
    }

    std::optional<RedisServer> server_;
};
INSTANTIATE_TYPED_TEST_SUITE_P(RedisBus, BusContract, OverRedis);
INSTANTIATE_TYPED_TEST_SUITE_P(RedisBus, ServerBusContract, OverRedis);

namespace {

/// What the constructor says.
std::string opening_error(const RedisSettings& settings, const BusTimes& times = impatient()) {
    try {
        const RedisBus bus(settings, "example.org", times);
    } catch (const modapi::BusError& error) {
        return error.what();
    }
    return "nothing was thrown";
}

class RedisBusTest : public testing::Test {
protected:
    void SetUp() override {
        if (!RedisServer::is_installed()) GTEST_SKIP() << "redis-server isn't installed";
    }
    [[nodiscard]] static std::string place_of(const RedisSettings& settings) {
        return "can't open the bus over Redis at " + settings.host + ", port " + std::to_string(settings.port) + ": ";
    }

    LogCapture log;
    ListeningThread thread;
};

TEST_F(RedisBusTest, OpensWithTheRightPasswordAndSaysOnOneLineThatAnotherIsWrong) {
    const RedisServer server({"--requirepass", "right horse"});
    RedisSettings settings = settings_of(server);
    settings.password = "right horse";
    EXPECT_EQ(opening_error(settings), "nothing was thrown");
    settings.password = "wrong horse";
    EXPECT_EQ(opening_error(settings),
              place_of(settings) + "it says WRONGPASS invalid username-password pair or user is disabled.");
    settings.password.clear();
    EXPECT_EQ(opening_error(settings), place_of(settings) + "it says NOAUTH Authentication required.");
    EXPECT_EQ(log.text(), "");
}

TEST_F(RedisBusTest, NeverRepeatsThePasswordThatTheServerRepeats) {
    const RedisServer server({"--rename-command", "AUTH", "LOG_IN"});
    RedisSettings settings = settings_of(server);
    settings.password = "hunter2";
    EXPECT_EQ(opening_error(settings),
              place_of(settings) + "it says ERR unknown command 'AUTH', with args beginning with: '***' ");
}

TEST_F(RedisBusTest, RefusesADatabaseAndAnAccountThatCantBeUsed) {
    const RedisServer server({"--databases", "4"});
    RedisSettings settings = settings_of(server);
    settings.dbid = 4;
    EXPECT_EQ(opening_error(settings), place_of(settings) + "it says ERR DB index is out of range");
    settings.dbid = 3;
    EXPECT_EQ(opening_error(settings), "nothing was thrown");
    EXPECT_EQ(server.run({"ACL", "SETUSER", "default", "resetchannels", "&others/*"}), "+OK");
    EXPECT_TRUE(opening_error(settings).starts_with(place_of(settings) + "it says NOPERM ")) << opening_error(settings);
}

TEST_F(RedisBusTest, WaitsForAServerThatIsntThereYet) {
    RedisServer server;
    server.kill();
    RedisBus bus(settings_of(server), "example.org", impatient());
    EXPECT_EQ(log.count("\n"), 1U) << log.text();
    EXPECT_TRUE(log.contains("Connection refused")) << log.text();
    const BusListener listener(bus, thread);
    server.start();
    thread.run_until([&] { return listener.gaps == 1; });
    EXPECT_TRUE(log.wait_for("is there again"));
    EXPECT_EQ(log.count("\n"), 2U) << log.text();
}

TEST_F(RedisBusTest, SaysOnceMoreWhenAServerThatWasLostRefuses) {
    RedisServer server({"--requirepass", "right horse"});
    RedisSettings settings = settings_of(server);
    settings.password = "right horse";
    RedisBus bus(settings, "example.org", impatient());
    server.kill();
    thread.run_until([&] { return log.count("is lost") == 1; });
    RedisServer changed({"--port", std::to_string(server.port()), "--requirepass", "new horse"});
    thread.run_until([&] { return log.count("WRONGPASS") == 1; });
    EXPECT_EQ(log.count("\n"), 2U) << log.text();
    EXPECT_FALSE(log.contains("horse")) << log.text();
}

TEST_F(RedisBusTest, IsHeardOnASocketInTheFileSystemToo) {
    const RedisServer server;
    RedisSettings settings;
    settings.host = server.socket();
    RedisBus here(settings, "example.org", impatient());
    RedisBus there(settings_of(server), "example.org", impatient());
    const BusListener listener(there, thread);
    here.publish(0, {"a", "b"});
    thread.run_until([&] { return listener.has_heard("a: b"); });
    settings.use_tls = true;
    EXPECT_EQ(opening_error(settings),
              "can't open the bus over Redis at " + settings.host + ": a socket in the file system has no TLS");
}

TEST_F(RedisBusTest, KeepsServersAndDatabasesApart) {
    const RedisServer server;
    RedisSettings settings = settings_of(server);
    RedisBus bus(settings, "example.org", impatient());
    RedisBus of_other_server(settings, "example.com", impatient());
    settings.dbid = 1;
    RedisBus of_other_database(settings, "example.org", impatient());
    settings.dbid = 0;
    RedisBus same(settings, "example.org", impatient());
    const BusListener listener(same, thread);
    of_other_server.publish(0, {"from", "another server"});
    of_other_database.publish(0, {"from", "another database"});
    bus.publish(0, {"from", "the same"});
    thread.run_until([&] { return listener.has_heard("from: the same"); });
    EXPECT_EQ(listener.heard.size(), 1U);
}

TEST_F(RedisBusTest, NoticesAServerThatHasStopped) {
    const RedisServer server;
    BusTimes times = impatient();
    times.probe_every = std::chrono::milliseconds(20);
    times.answer_within = std::chrono::milliseconds(500);
    RedisBus bus(settings_of(server), "example.org", times);
    const BusListener listener(bus, thread);
    server.signal(SIGSTOP);
    EXPECT_TRUE(log.wait_for("is lost: no answer within 0.5 s"));
    server.signal(SIGCONT);
    thread.run_until([&] { return listener.gaps == 1; });
    EXPECT_TRUE(log.wait_for("is there again"));
}

/// A server that has stopped with two buses on it, one of which listens.
class StoppedRedisTest : public RedisBusTest {
protected:
    void SetUp() override {
        RedisBusTest::SetUp();
        if (IsSkipped()) return;
        server.emplace();
        here.emplace(settings_of(*server), "example.org", impatient());
        there.emplace(settings_of(*server), "example.org", impatient());
        listener.emplace(*there, thread);
        server->signal(SIGSTOP);
    }
    void go_on_and_hear_the_last() {
        server->signal(SIGCONT);
        here->publish(0, {"n", "last"});
        thread.run_until([&] { return listener->has_heard("n: last"); });
        EXPECT_EQ(log.text(), "") << "the connection was never lost";
    }

    std::optional<RedisServer> server;
    std::optional<RedisBus> here;
    std::optional<RedisBus> there;
    std::optional<BusListener> listener;
};

TEST_F(StoppedRedisTest, TellsTheOthersOfAGapWhenMoreWaitsThanItKeeps) {
    for (int number = 0; number < 10000; ++number) here->publish(0, {"n", std::to_string(number)});
    go_on_and_hear_the_last();
    EXPECT_GE(listener->gaps, 1);
}

TEST_F(StoppedRedisTest, SendsThoseThatAreTheSameOnceWhenTheyWait) {
    for (int number = 0; number < 1000; ++number) here->publish(0, {"n", "same"});
    go_on_and_hear_the_last();
    EXPECT_LE(listener->heard.size(), 4U) << "one before it stopped, one that was under way, one that waited";
}

/// Answers one connection as a web server does.
class WebServer {
public:
    WebServer() : acceptor_(io_, {boost::asio::ip::address_v4::loopback(), 0}), thread_([this] { serve(); }) {}
    ~WebServer() { thread_.join(); }
    WebServer(const WebServer&) = delete;
    WebServer& operator=(const WebServer&) = delete;
    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

private:
    void serve() {
        boost::asio::ip::tcp::socket socket = acceptor_.accept();
        std::string answer = "HTTP/1.1 400 Bad Request\r\n\r\n";
        boost::asio::write(socket, boost::asio::buffer(answer));
        boost::system::error_code end;
        while (!end) socket.read_some(boost::asio::buffer(answer), end);
    }

    boost::asio::io_context io_;
    boost::asio::ip::tcp::acceptor acceptor_;
    std::thread thread_;
};

TEST_F(RedisBusTest, SaysThatSomethingElseThanRedisAnswers) {
    const WebServer server;
    RedisSettings settings;
    settings.host = "127.0.0.1";
    settings.port = server.port();
    const RedisBus bus(settings, "example.org", impatient());
    EXPECT_TRUE(log.contains("it isn't Redis that answers: Protocol error, got \"H\"")) << log.text();
}

class RedisBusOverTlsTest : public HttpsTest {
protected:
    void SetUp() override {
        if (!RedisServer::is_installed()) GTEST_SKIP() << "redis-server isn't installed";
        const std::string port = std::to_string(free_port());
        const std::string certificate = folder.file("cert.pem");
        server.emplace(std::vector<std::string>{"--port", "0", "--tls-port", port, "--tls-cert-file", certificate,
                                                "--tls-key-file", folder.file("key.pem"), "--tls-ca-cert-file", certificate,
                                                "--tls-auth-clients", "no"});
        settings.host = "localhost";
        settings.port = static_cast<std::uint16_t>(std::stoi(port));
        settings.use_tls = true;
        settings.ca_file = certificate;
    }

    std::optional<RedisServer> server;
    RedisSettings settings;
    LogCapture log;
    ListeningThread thread;
};

TEST_F(RedisBusOverTlsTest, CarriesWhatIsSaid) {
    RedisBus here(settings, "example.org", impatient());
    RedisBus there(settings, "example.org", impatient());
    const BusListener listener(there, thread);
    for (int number = 0; number < 500; ++number) here.publish(0, {"n", std::to_string(number) + std::string(900, ' ')});
    thread.run_until([&] { return listener.heard.size() == 500; });
    server->run({"CLIENT", "KILL", "TYPE", "pubsub"});
    thread.run_until([&] { return listener.gaps == 1; });
}

TEST_F(RedisBusOverTlsTest, RefusesACertificateThatNobodyTrustedHasSigned) {
    settings.ca_file.clear();
    const std::string place = "can't open the bus over Redis at localhost, port " + std::to_string(settings.port) + ": ";
    EXPECT_EQ(opening_error(settings), place + "its certificate isn't trusted: self-signed certificate");
    trust();
    EXPECT_EQ(opening_error(settings), "nothing was thrown");
}

TEST_F(RedisBusOverTlsTest, RefusesACertificateForAnotherHost) {
    settings.host = "127.0.0.1";
    const std::string place = "can't open the bus over Redis at 127.0.0.1, port " + std::to_string(settings.port) + ": ";
    EXPECT_EQ(opening_error(settings), place + "its certificate isn't trusted: IP address mismatch");
}

TEST_F(RedisBusOverTlsTest, SaysWhichFileCantBeRead) {
    settings.ca_file = "/nowhere/ca.pem";
    const std::string error = opening_error(settings);
    EXPECT_NE(error.find(": can't read the certificates in /nowhere/ca.pem: "), std::string::npos) << error;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
}

TEST_F(RedisBusOverTlsTest, RefusesAServerThatDoesntSpeakIt) {
    const WebServer plain;
    settings.port = plain.port();
    const std::string error = opening_error(settings);
    EXPECT_NE(error.find(": it doesn't speak TLS with this process: "), std::string::npos) << error;
}

}  // namespace
