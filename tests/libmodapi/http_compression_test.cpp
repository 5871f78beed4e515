#include "http_test_client.h"
#include "http_test_server.h"
#include "raw_peer.h"
#include "temporary_folder.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>

namespace {

using modapi::HttpClientSettings;

/// What the command writes, packed by the gzip program.
std::string compressed(const std::string& producer) {
    const TemporaryFolder folder;
    const std::string command = producer + " | gzip -9 > " + folder.file("content.gz").string();
    if (std::system(command.c_str()) != 0) throw std::runtime_error("gzip failed");
    std::ifstream file(folder.file("content.gz"), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

HttpTestServer::Handler sends_gzip(std::string content) {
    return [content = std::move(content)](const HttpTestServer::Request& request) {
        if (request["Accept-Encoding"].find("gzip") == std::string::npos) return HttpTestServer::answer(406, "");
        HttpTestServer::Response response = HttpTestServer::answer(200, content);
        response.set("Content-Encoding", "gzip");
        return response;
    };
}

TEST(HttpCompressionTest, DecompressesWhatAServerCompresses) {
    const HttpTestServer server(sends_gzip(compressed("printf '{\"a\":1}'")));
    Allowed allowed(server);
    const std::string url = "http://" + server.address();
    EXPECT_EQ(wait(allowed.client.get_raw(url)), "{\"a\":1}");
    EXPECT_EQ(wait(allowed.client.get_json(url)).at("a"), 1);
    std::ostringstream file;
    const modapi::HttpResponse answer = wait(allowed.client.get_file(url, file, 7));
    EXPECT_EQ(file.str(), "{\"a\":1}");
    EXPECT_EQ(answer.length, 7U) << "of what came out";
}

TEST(HttpCompressionTest, CountsWhatIsInAnAnswerAndNotHowSmallItWasPacked) {
    const HttpTestServer server(sends_gzip(compressed("head -c 100001 /dev/zero")));
    HttpClientSettings settings;
    settings.largest_body = 100'000;
    Allowed allowed(server, settings);
    const std::string url = "http://" + server.address();
    EXPECT_EQ(message_of<modapi::HttpFormatError>(allowed.client.get_raw(url)),
              "the answer of 127.0.0.1 is larger than 100000 bytes");
    settings.largest_body = 100'001;
    Allowed larger(server, settings);
    EXPECT_EQ(wait(larger.client.get_raw(url)).size(), 100'001U);
}

TEST(HttpCompressionTest, RefusesABombBeforeItHasBurst) {
    const std::string bomb = compressed("head -c 100000000 /dev/zero");
    ASSERT_LT(bomb.size(), 200'000U);
    // Half of it, and nothing more: who waits for the end of the answer waits until the time is over.
    const RawPeer peer([&](RawPeer::Connection& connection) {
        if (!connection.read_request()) return;
        connection.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + std::to_string(bomb.size()) +
                        "\r\n\r\n" + bomb.substr(0, bomb.size() / 2));
        connection.wait_for_end();
    });
    HttpClientSettings settings;
    settings.largest_body = 1'000'000;
    Allowed allowed(peer, settings);
    const std::string url = "http://" + peer.address();
    EXPECT_EQ(message_of<modapi::HttpFormatError>(allowed.client.get_raw(url)),
              "the answer of 127.0.0.1 is larger than 1000000 bytes");
    std::ostringstream file;
    EXPECT_EQ(message_of<callbacks::SynapseError>(allowed.client.get_file(url, file, 50'000)),
              "Requested file is too large > 50000 bytes");
    EXPECT_LE(file.str().size(), 50'000U);
}

TEST(HttpCompressionTest, ReportsWhatDoesNotUnpack) {
    const HttpTestServer server(sends_gzip("this is no gzip"));
    Allowed allowed(server);
    EXPECT_THROW(wait(allowed.client.get_raw("http://" + server.address())), boost::system::system_error);
}

}  // namespace
