#include "bus_contract.h"
#include "test_database.h"

#include <modapi/hosting/bus_error.h>
#include <modapi/hosting/postgresql_bus.h>

#include <boost/algorithm/hex.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <fstream>
#include <iterator>
#include <sstream>

namespace {

using modapi::BusTimes;
using modapi::PostgresqlBus;
using postgresql_test::administrate;

/// How often the server's log has it.
std::size_t times_in_server_log(const std::string& part) {
    std::ostringstream text;
    text << std::ifstream(postgresql_test::host() + "/log").rdbuf();
    std::size_t times = 0;
    for (std::size_t at = text.str().find(part); at != std::string::npos; at = text.str().find(part, at + 1)) ++times;
    return times;
}

}  // namespace

class OverPostgresql : public TwoBuses {
public:
    static std::string reason_to_skip() { return {}; }
    void open() {
        connection_ = database_.settings().postgresql_connection;
        here_ = another();
        there_ = another();
    }
    void cut() { postgresql_test::cut_off(database_.name()); }
    void go_away() {
        administrate("ALTER ROLE \"" + database_.name() + "\" NOLOGIN");
        cut();
    }
    void wait_for_tries() {
        const std::string refusal = "role \"" + database_.name() + "\" is not permitted to log in";
        while (times_in_server_log(refusal) < 6) administrate("SELECT pg_sleep(0.01)");
    }
    void come_back() { administrate("ALTER ROLE \"" + database_.name() + "\" LOGIN"); }
    void say(const std::string& bytes) {
        std::string digits;
        boost::algorithm::hex(bytes, std::back_inserter(digits));
        for (const std::string& text : {digits, digits + "0", "no digits: " + digits})
            administrate("SELECT pg_notify('modapi_bus/" + database_.name() + "', '" + text + "')");
    }

private:
    std::unique_ptr<modapi::Bus> another() { return std::make_unique<PostgresqlBus>(connection_, std::string(), impatient()); }

    TestDatabase database_;
    std::string connection_;
};
INSTANTIATE_TYPED_TEST_SUITE_P(PostgresqlBus, BusContract, OverPostgresql);
INSTANTIATE_TYPED_TEST_SUITE_P(PostgresqlBus, ServerBusContract, OverPostgresql);

namespace {

/// What the constructor says.
std::string postgresql_opening_error(const std::string& connection, const BusTimes& times = impatient()) {
    try {
        const PostgresqlBus bus(connection, std::string(), times);
    } catch (const modapi::BusError& error) {
        return error.what();
    }
    return "nothing was thrown";
}

class PostgresqlBusTest : public testing::Test {
protected:
    LogCapture log;
    ListeningThread thread;
    TestDatabase database;
    std::string connection = database.settings().postgresql_connection;
};

TEST_F(PostgresqlBusTest, SaysOnOneLineWithoutThePasswordThatItIsWrong) {
    administrate("DROP ROLE IF EXISTS locked_too");
    administrate("CREATE ROLE locked_too LOGIN PASSWORD 'right horse'");
    const std::string common = "host=" + postgresql_test::host() + " user=locked_too dbname=postgres password=";
    EXPECT_EQ(postgresql_opening_error(common + "'right horse'"), "nothing was thrown");
    const std::string error = postgresql_opening_error(common + "'wrong horse'");
    EXPECT_TRUE(error.starts_with("can't open the bus over PostgreSQL: ")) << error;
    EXPECT_NE(error.find("password authentication failed for user \"locked_too\""), std::string::npos) << error;
    EXPECT_EQ(error.find("horse"), std::string::npos) << error;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
    EXPECT_EQ(log.text(), "");
}

TEST_F(PostgresqlBusTest, SaysOnOneLineWhichRightIsMissing) {
    administrate("ALTER ROLE \"" + database.name() + "\" NOLOGIN");
    const std::string error = postgresql_opening_error(connection);
    EXPECT_NE(error.find("\" is not permitted to log in"), std::string::npos) << error;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
}

TEST_F(PostgresqlBusTest, DoesntWaitForAServerThatIsntThere) {
    const std::string error = postgresql_opening_error("host=/nowhere user=u password=hunter2");
    EXPECT_TRUE(error.starts_with("can't open the bus over PostgreSQL: connection to server on socket \"/nowhere/")) << error;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
    EXPECT_EQ(postgresql_opening_error("password=two spaces"),
              "can't open the PostgreSQL database: the connection's parameters don't parse");
}

TEST_F(PostgresqlBusTest, GivesUpAServerThatIsSilent) {
    boost::asio::io_context io;
    const boost::asio::ip::tcp::acceptor acceptor(io, {boost::asio::ip::address_v4::loopback(), 0});
    const std::string port = std::to_string(acceptor.local_endpoint().port());
    EXPECT_EQ(postgresql_opening_error("host=127.0.0.1 port=" + port + " user=u connect_timeout=1"),
              "can't open the bus over PostgreSQL: no answer from 127.0.0.1, port " + port + ", within 1 s");
}

TEST_F(PostgresqlBusTest, GoesOnToTheNextHostOfAList) {
    boost::asio::io_context io;
    const boost::asio::ip::tcp::acceptor acceptor(io, {boost::asio::ip::address_v4::loopback(), 0});
    const std::string port = std::to_string(acceptor.local_endpoint().port());
    EXPECT_EQ(postgresql_opening_error("host=127.0.0.1,127.0.0.1," + postgresql_test::host() + " port=1," + port +
                                       ",5432 user=modapi dbname=postgres connect_timeout=1"),
              "nothing was thrown");
}

TEST_F(PostgresqlBusTest, KeepsSchemasApartUnlessAChannelIsNamed) {
    const TestDatabase other;
    const std::string elsewhere = other.settings().postgresql_connection;
    PostgresqlBus here(connection);
    PostgresqlBus there(elsewhere);
    PostgresqlBus here_named(connection, "together's \"bus\"");
    PostgresqlBus there_named(elsewhere, "together's \"bus\"");
    const BusListener listener(here, thread);
    const BusListener listener_named(here_named, thread);
    there.publish(0, {"from", "another schema"});
    there_named.publish(0, {"from", "a friend"});
    thread.run_until([&] { return listener_named.has_heard("from: a friend"); });
    PostgresqlBus beside(connection);
    beside.publish(0, {"from", "the same schema"});
    thread.run_until([&] { return listener.has_heard("from: the same schema"); });
    EXPECT_EQ(listener.heard.size(), 1U);
    EXPECT_EQ(listener_named.heard.size(), 1U);
    EXPECT_THROW(PostgresqlBus(connection, std::string(64, 'c')), std::invalid_argument);
}

TEST_F(PostgresqlBusTest, HearsInASchemaWithTheLongestName) {
    const std::string name(63, 's');
    const std::string long_connection = postgresql_test::make(name);
    {
        PostgresqlBus here(long_connection);
        PostgresqlBus there(long_connection);
        const BusListener listener(there, thread);
        here.publish(0, {"a", "b"});
        thread.run_until([&] { return listener.has_heard("a: b"); });
    }
    postgresql_test::drop(name);
}

TEST_F(PostgresqlBusTest, IsNotEndedForSayingNothing) {
    administrate("ALTER ROLE \"" + database.name() + "\" SET idle_session_timeout = 100");
    PostgresqlBus here(connection);
    PostgresqlBus there(connection);
    const BusListener listener(there, thread);
    administrate("SELECT pg_sleep(0.3)");
    here.publish(0, {"a", "b"});
    thread.run_until([&] { return listener.has_heard("a: b"); });
    EXPECT_EQ(log.text(), "");
}

TEST_F(PostgresqlBusTest, CanBeToldFromOtherSessions) {
    const PostgresqlBus bus(connection);
    EXPECT_EQ(administrate("SELECT application_name FROM pg_stat_activity WHERE usename = '" + database.name() + "'"),
              "modapi bus");
}

TEST_F(PostgresqlBusTest, SaysWhyTheServerEndedTheSession) {
    const PostgresqlBus bus(connection);
    postgresql_test::cut_off(database.name());
    EXPECT_TRUE(log.wait_for("the bus over PostgreSQL is lost: terminating connection due to administrator command; "));
    EXPECT_TRUE(log.wait_for("the bus over PostgreSQL is there again"));
}

TEST_F(PostgresqlBusTest, TellsTheOthersOfAGapWhenItsOwnConnectionWasLost) {
    PostgresqlBus here(connection + " application_name=here", std::string(), impatient());
    PostgresqlBus there(connection);
    const BusListener beside(here, thread);
    const BusListener elsewhere(there, thread);
    administrate("ALTER ROLE \"" + database.name() + "\" NOLOGIN");
    administrate("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'here'");
    EXPECT_TRUE(log.wait_for("is lost"));
    here.publish(0, {"never", "sent"});
    administrate("ALTER ROLE \"" + database.name() + "\" LOGIN");
    thread.run_until([&] { return beside.gaps == 1 && elsewhere.gaps == 1; });
    EXPECT_TRUE(elsewhere.heard.empty());
}

}  // namespace
