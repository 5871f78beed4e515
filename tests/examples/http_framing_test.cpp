// Where a request ends (RFC 9112, sections 6 and 7): what isn't certain is refused, and nothing of it is taken for a request.
#include "server_process.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace homeserver_test;

constexpr const char* post_login = "POST /_matrix/client/v3/login HTTP/1.1\r\nHost: x\r\n";

class HttpFramingTest : public testing::Test {
protected:
    [[nodiscard]] std::string answer_to(const std::string& bytes) const {
        RawConnection connection(server.port());
        connection.send(bytes);
        return connection.read_to_end();
    }
    /// Of the server's memory, in kB.
    [[nodiscard]] long resident() const {
        std::ifstream status("/proc/" + std::to_string(server.process()) + "/status");
        for (std::string line; std::getline(status, line);) {
            if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
        }
        return 0;
    }

    TemporaryFolder folder;
    ServerProcess server{folder.path(), "enable_registration: true\nenable_registration_without_verification: true\n"};
};

std::size_t responses_in(const std::string& answer) {
    std::size_t count = 0;
    for (std::size_t at = answer.find("HTTP/1.1 "); at != std::string::npos; at = answer.find("HTTP/1.1 ", at + 1)) ++count;
    return count;
}

struct UncertainRequest {
    const char* headers_and_body;
    int status;
};

TEST_F(HttpFramingTest, WhatEndsNobodyKnowsWhereIsRefusedAndWhatFollowsIsNoRequest) {
    const std::vector<UncertainRequest> requests = {
        {"Transfer-Encoding: gzip\r\n\r\n", 400},
        {"Transfer-Encoding: identity\r\n\r\n", 400},
        {"Transfer-Encoding: xchunked\r\n\r\n", 400},
        {"Transfer-Encoding: chunkedx\r\n\r\n", 400},
        {"Transfer-Encoding: \"chunked\"\r\n\r\n", 400},
        {"Transfer-Encoding: chunked;q=1\r\n\r\n", 400},
        {"Transfer-Encoding:\r\n\r\n", 400},
        {"Transfer-Encoding: ,\r\n\r\n", 400},
        {"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400},
        {"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400},
        {"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
        {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n", 400},
        {"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400},
        {"Transfer-Encoding: \x0b"
         "chunked\r\n\r\n0\r\n\r\n",
         400},
        {"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400},
        {"Content-Length: 2, 3\r\n\r\n{}", 400},
        {"Content-Length: +2\r\n\r\n{}", 400},
        {"Content-Length: 0x2\r\n\r\n{}", 400},
        {"Content-Length: 2 2\r\n\r\n{}", 400},
        {"Content-Length: \r\n\r\n{}", 400},
        {"Content-Length: 18446744073709551618\r\n\r\n{}", 400},
        {"Transfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n", 400},
        {"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n", 400},
        {"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n", 400},
        {"Transfer-Encoding: chunked\r\n\r\n2\r\n{}xx0\r\n\r\n", 400},
        {"Transfer-Encoding: chunked\r\n\r\n10000000000000002\r\n{}\r\n0\r\n\r\n", 400},
        {"Transfer-Encoding: chunked\r\n\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400},
    };
    for (const UncertainRequest& request : requests) {
        const std::string answer = answer_to(std::string(post_login) + request.headers_and_body +
                                             "GET /_matrix/client/versions HTTP/1.1\r\nHost: x\r\n\r\n");
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + std::to_string(request.status) + " "))
            << request.headers_and_body << " is answered by " << answer;
        EXPECT_EQ(responses_in(answer), 1U) << request.headers_and_body << " is answered by " << answer;
    }
    EXPECT_TRUE(answer_to("POST /_matrix/client/v3/login HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
                    .starts_with("HTTP/1.1 400 "));
}

TEST_F(HttpFramingTest, ABodyInChunksIsTakenWithAllThatTheyMayHave) {
    const std::vector<std::string> bodies = {
        "2\r\n{}\r\n0\r\n\r\n",
        "1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
        "0002\r\n{}\r\n000\r\n\r\n",
        "2;name=value;flag;quoted=\"a;b\"\r\n{}\r\n0;last\r\n\r\n",
        "2\r\n{}\r\n0\r\nX-Trailer: 1\r\n\r\n",
    };
    for (const std::string& body : bodies) {
        const std::string answer =
            answer_to(std::string(post_login) + "Transfer-Encoding: Chunked\r\nConnection: close\r\n\r\n" + body);
        EXPECT_NE(answer.find("Missing JSON keys."), std::string::npos) << body << " is answered by " << answer;
    }
}

TEST_F(HttpFramingTest, ATrailerIsNoHeader) {
    const std::string token = server.register_user("alice");
    const std::string request =
        "GET /_matrix/client/v3/account/whoami HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
    const std::string answer = answer_to(request + "Authorization: Bearer " + token + "\r\nConnection: close\r\n\r\n" +
                                         "GET /_matrix/client/versions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 401 ")) << answer;
    EXPECT_NE(answer.find("M_MISSING_TOKEN"), std::string::npos) << answer;
    EXPECT_NE(answer.find("\"versions\""), std::string::npos) << "nor does one end the connection: " << answer;
}

TEST_F(HttpFramingTest, WhatSurroundsChunksHasALimit) {
    const std::string endless(200 * 1024, '0');
    std::string many;
    for (int chunk = 0; chunk < 200; ++chunk) many += "1;" + std::string(100, 'x') + "\r\n \r\n";
    for (const std::string& body : {"1;" + endless, endless, "0\r\nX: " + endless, many}) {
        RawConnection connection(server.port());
        connection.send(std::string(post_login) + "Transfer-Encoding: chunked\r\n\r\n" + body);
        EXPECT_TRUE(connection.read_until("\r\n\r\n").starts_with("HTTP/1.1 400 ")) << body.substr(0, 20);
    }
}

TEST_F(HttpFramingTest, ClientsThatSendEndlessChunkExtensionsCostNoMemory) {
    EXPECT_EQ(server.request("GET", "/_matrix/client/versions").status, 200);
    const long before = resident();
    constexpr long connections = 300;
    std::vector<std::unique_ptr<RawConnection>> open;
    for (long count = 0; count < connections; ++count) {
        open.push_back(std::make_unique<RawConnection>(server.port()));
        open.back()->send(std::string(post_login) + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(200 * 1024, 'x'));
    }
    EXPECT_EQ(server.request("GET", "/_matrix/client/versions").status, 200);
    // AddressSanitizer keeps what was freed for a while, and a shadow of everything.
#ifdef __SANITIZE_ADDRESS__
    constexpr long limit = 160;
#else
    constexpr long limit = 64;
#endif
    EXPECT_LT(resident() - before, connections * limit) << "kB";
}

}  // namespace
