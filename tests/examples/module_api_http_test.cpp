#include "../libmodapi/http_test_server.h"
#include "../libmodapi/raw_peer.h"
#include "module_api_test.h"

namespace {

using namespace homeserver_test;

/// Answers `METHOD TARGET TYPE BODY AGENT`.
HttpTestServer::Response echo(const HttpTestServer::Request& request) {
    std::string seen(request.method_string());
    for (const auto part : {request.target(), request["Content-Type"], request["X-Own"]}) {
        seen.append(" ").append(part.data(), part.size());
    }
    seen += " " + request.body();
    const bool is_agent_named = request["User-Agent"].starts_with("modapi-homeserver/");
    return HttpTestServer::answer(is_agent_named ? 200 : 500, boost::json::serialize(boost::json::value(seen)));
}

class ModuleApiHttpTest : public ModuleApiServer {
protected:
    ModuleApiHttpTest() : peer(&echo) {}

    /// What a method gives for a path of the peer, as JSON; `others` are its second and third argument.
    [[nodiscard]] std::string asked(const std::string& method, const std::string& others) const {
        return json("http_client." + method, "[\"http://" + peer.address() + "/p\"," + others + ",\"" + peer.address() + "\"]");
    }
    /// What a get of JSON from such a server throws.
    [[nodiscard]] std::string error_of(RawPeer::Script script) const {
        const RawPeer bad(std::move(script));
        return error_text(
            call("http_client.get_json", "[\"http://" + bad.address() + "/\",null,null,\"" + bad.address() + "\"]"));
    }

    HttpTestServer peer;
};

TEST_F(ModuleApiHttpTest, EveryFormIsSentAsItSays) {
    EXPECT_EQ(asked("get_json", R"({"a":"b c"},{"X-Own":"mine"})"), R"("GET /p?a=b%20c  mine ")");
    EXPECT_EQ(asked("post_json_get_json", R"({"a":1},{"X-Own":"mine"})"), R"("POST /p application/json mine {\"a\":1}")");
    EXPECT_EQ(asked("post_urlencoded_get_json", R"({"a":"b c"},null)"),
              R"("POST /p application/x-www-form-urlencoded  a=b%20c")");
    EXPECT_EQ(asked("put_json", R"({"a":1},{"q":"x"})"), R"("PUT /p?q=x application/json  {\"a\":1}")");
    EXPECT_EQ(asked("get_raw", "null,null"), R"("\"GET /p   \"")");
    const std::string url = "http://" + peer.address() + "/p";
    EXPECT_EQ(asked("get_file", "100,null"), R"(["\"GET /p   \"",11,")" + url + "\"]");
    EXPECT_EQ(error_text(call("http_client.get_file", "[\"" + url + "\",10]")),
              "502 M_TOO_LARGE Requested file is too large > 10 bytes");
    EXPECT_EQ(json("http_client.request", R"(["DELETE",")" + url + R"(","text"])"), R"([200,"\"DELETE /p   text\""])");
}

TEST_F(ModuleApiHttpTest, WhatModulesMayNotReachIsRefusedAndBadPeersHarmNobody) {
    const RawPeer inside([](RawPeer::Connection& connection) { connection.wait_for_end(); });
    EXPECT_EQ(error_text(call("http_client.get_json", "[\"http://" + inside.address() + "/\"]")),
              "runtime_error modules may not reach 127.0.0.1 at 127.0.0.1 (ip_range_blocklist)");
    EXPECT_EQ(error_of([&](RawPeer::Connection& connection) {
                  if (connection.read_request())
                      connection.send("HTTP/1.1 307 There\r\nContent-Length: 0\r\nLocation: http://" + inside.address() +
                                      "/\r\n\r\n");
              }),
              "runtime_error modules may not reach 127.0.0.1 at 127.0.0.1 (ip_range_blocklist)");
    EXPECT_EQ(inside.connections(), 0);
    EXPECT_EQ(error_of([](RawPeer::Connection& connection) {
                  if (connection.read_request()) connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}");
              }).substr(0, 14),
              "runtime_error ");
    EXPECT_EQ(error_of([](RawPeer::Connection& connection) {
                  if (connection.read_request()) connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{");
              }),
              "invalid_argument the answer of 127.0.0.1 isn't JSON");
    EXPECT_EQ(error_of([](RawPeer::Connection& connection) {
                  if (connection.read_request())
                      connection.send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
              }),
              "runtime_error the server answered 503 Busy");
    EXPECT_EQ(error_text(call("http_client.get_json", R"(["ftp://example.org/"])")).substr(0, 17), "invalid_argument ");
    EXPECT_EQ(asked("get_json", "null,null"), R"("GET /p   ")") << "the module goes on";
}

}  // namespace
