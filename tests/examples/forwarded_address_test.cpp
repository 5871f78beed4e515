#include "server_process.h"

#include "http/forwarded_address.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Who the client of a proxy is.
namespace {

using homeserver::forwarded_address;
using Headers = std::vector<std::pair<std::string, std::string>>;

std::optional<std::string> from(const std::string& value) { return forwarded_address({{"X-Forwarded-For", value}}); }

TEST(ForwardedAddressTest, IsTheLastEntryOfTheLastHeader) {
    EXPECT_EQ(forwarded_address({{"Host", "hs.test"}}), std::nullopt);
    EXPECT_EQ(from("192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(from("10.0.0.1, 192.0.2.1 ,\t192.0.2.2 "), "192.0.2.2");
    EXPECT_EQ(from("nonsense, 192.0.2.2"), "192.0.2.2") << "what a client says before it is nobody's affair";
    const Headers two = {
        {"x-forwarded-for", "192.0.2.1"}, {"X-FORWARDED-FOR", "192.0.2.2, 192.0.2.3"}, {"X-Forwarded-Host", "192.0.2.4"}};
    EXPECT_EQ(forwarded_address(two), "192.0.2.3");
}

TEST(ForwardedAddressTest, MayHaveBracketsAndAPort) {
    EXPECT_EQ(from("192.0.2.1:50000"), "192.0.2.1");
    EXPECT_EQ(from("2001:db8::1"), "2001:db8::1");
    EXPECT_EQ(from("[2001:DB8:0::1]"), "2001:db8::1");
    EXPECT_EQ(from("[2001:db8::1]:50000"), "2001:db8::1");
    EXPECT_EQ(from("::ffff:192.0.2.1"), "192.0.2.1") << "the same client is the same text";
}

TEST(ForwardedAddressTest, IsNoneWhereThereIsNoAddress) {
    for (const std::string value : {"",
                                    " ",
                                    ",",
                                    "192.0.2.1,",
                                    "unknown",
                                    "_hidden",
                                    "localhost",
                                    "192.0.2",
                                    "192.0.2.256",
                                    "192.0.2.1:",
                                    "192.0.2.1:x",
                                    "192.0.2.1:123456",
                                    "192.0.2.1 192.0.2.2",
                                    "[192.0.2.1]",
                                    "[2001:db8::1",
                                    "[2001:db8::1]x",
                                    "[2001:db8::1]:",
                                    "[]",
                                    "[]:1",
                                    "2001:db8::1]",
                                    "fe80::1%eth0",
                                    "for=192.0.2.1",
                                    "\"192.0.2.1\"",
                                    "0x7f.1",
                                    "192.0.2.1\n"})
        EXPECT_EQ(from(value), std::nullopt) << value;
    EXPECT_EQ(from(std::string(1000000, '1')), std::nullopt);
    EXPECT_EQ(from(std::string(1000000, ',')), std::nullopt);
    EXPECT_EQ(from(std::string("192.0.2.1\0", 10)), std::nullopt);
}

/// What the log says of the client of a request with these headers.
class ForwardingListener : public testing::Test {
protected:
    [[nodiscard]] bool is_client(const std::string& address, const std::string& headers) {
        const std::string path = "/nothing/" + std::to_string(++requests);
        homeserver_test::RawConnection connection(server.port());
        connection.send("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + "\r\n");
        static_cast<void>(connection.read_to_end());
        if (!server.log_shows("path=" + path + " ")) return false;
        const std::string log = server.log();
        const std::size_t line = log.find("path=" + path + " ");
        return log.substr(line, log.find('\n', line) - line).find(" client=" + address + " ") != std::string::npos;
    }

    homeserver_test::TemporaryFolder folder;
    homeserver_test::ServerProcess server{folder.path(), "workers: 2\n", "listeners: [{port: 0, x_forwarded: true}]\n"};
    int requests = 0;
};

TEST_F(ForwardingListener, TakesTheClientFromTheProxyElseFromTheConnection) {
    EXPECT_TRUE(is_client("192.0.2.3", "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2, 192.0.2.3\r\n"))
        << server.log();
    EXPECT_TRUE(is_client("2001:db8::1", "X-Forwarded-For: [2001:db8::1]:443\r\n"));
    EXPECT_TRUE(is_client("127.0.0.1", ""));
    EXPECT_TRUE(is_client("127.0.0.1", "X-Forwarded-For: 192.0.2.1, nobody\r\n"));
    EXPECT_TRUE(is_client("127.0.0.1", "X-Forwarded-For: " + std::string(10000, '1') + "\r\n"));
}

}  // namespace
