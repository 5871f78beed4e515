#include "http_test_client.h"
#include "http_test_server.h"
#include "https_test.h"
#include "proxy_peer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>

namespace {

using modapi::HttpClient;
using modapi::HttpClientSettings;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

HttpTestServer::Response target_of(const HttpTestServer::Request& request) {
    return HttpTestServer::answer(200, std::string(request.target()) + " " + std::string(request["Proxy-Authorization"]));
}

/// Sets variables of the environment, until its end.
class Environment {
public:
    explicit Environment(std::map<std::string, std::string> variables) : variables_(std::move(variables)) {
        for (const auto& [name, value] : variables_) setenv(name.c_str(), value.c_str(), 1);
    }
    ~Environment() {
        for (const auto& [name, value] : variables_) unsetenv(name.c_str());
    }
    Environment(const Environment&) = delete;
    Environment& operator=(const Environment&) = delete;

private:
    std::map<std::string, std::string> variables_;
};

class HttpProxyTest : public HttpsTest {
protected:
    HttpClientSettings by(const ProxyPeer& proxy) {
        HttpClientSettings settings;
        settings.http_proxy = settings.https_proxy = "http://me:s%40cret@" + proxy.address();
        return settings;
    }
};

TEST_F(HttpProxyTest, AsksTheProxyForWhatIsPlain) {
    const HttpTestServer server(&target_of);
    const ProxyPeer proxy;
    HttpClient client(by(proxy));
    client.allow(on("chat.example", server));
    EXPECT_THAT(wait(client.get_raw("http://" + on("chat.example", server) + "/x?y")), HasSubstr("/x?y"));
    ASSERT_EQ(proxy.seen().size(), 1U);
    EXPECT_THAT(proxy.seen()[0], StartsWith("GET http://" + on("chat.example", server) + "/x?y HTTP/1.1\r\n"));
    EXPECT_THAT(proxy.seen()[0], HasSubstr("Proxy-Authorization: Basic bWU6c0BjcmV0\r\n")) << "me:s@cret";
}

TEST_F(HttpProxyTest, TunnelsWhatIsSecureAndTellsTheServerNothingOfTheProxy) {
    trust();
    const HttpTestServer server(&target_of, &tls);
    const ProxyPeer proxy;
    HttpClient client(by(proxy));
    client.allow(on("localhost", server));
    const modapi::HttpHeaders headers = {{"Authorization", "Bearer t"}};
    const std::string url = "https://" + on("localhost", server) + "/x";
    const modapi::HttpResponse answer = wait(client.request("GET", url, std::string(), headers));
    EXPECT_EQ(answer.body, "/x ");
    EXPECT_FALSE(answer.header("X-Of")) << "what the proxy said";
    ASSERT_EQ(proxy.seen().size(), 1U);
    EXPECT_THAT(proxy.seen()[0], StartsWith("CONNECT " + on("localhost", server) + " HTTP/1.1\r\n"));
    EXPECT_THAT(proxy.seen()[0], HasSubstr("Proxy-Authorization: Basic "));
    EXPECT_THAT(proxy.seen()[0], Not(HasSubstr("Bearer")));
}

TEST_F(HttpProxyTest, FindsAProxyByItsName) {
    const HttpTestServer server(&target_of);
    const ProxyPeer proxy;
    HttpClientSettings settings;
    settings.http_proxy = "localhost:" + proxy.address().substr(proxy.address().find(':') + 1);
    Allowed allowed(server, settings);
    EXPECT_THAT(wait(allowed.client.get_raw("http://" + server.address())), StartsWith("http://"));
    EXPECT_EQ(proxy.seen().size(), 1U);
}

TEST_F(HttpProxyTest, ChecksAddressesBeforeTheProxyHearsOfThem) {
    const HttpTestServer server(&target_of);
    const ProxyPeer proxy;
    HttpClient client(by(proxy));
    for (const std::string host : {"localhost", "127.0.0.1", "[::ffff:127.0.0.1]"}) {
        for (const std::string scheme : {"http://", "https://"}) {
            EXPECT_THROW(wait(client.get_raw(scheme + on(host, server))), modapi::BlockedAddressError) << scheme << host;
        }
    }
    EXPECT_THROW(wait(client.get_raw("http://nobody.invalid/")), boost::system::system_error) << "what can't be checked";
    EXPECT_THAT(proxy.seen(), IsEmpty());
}

TEST_F(HttpProxyTest, GoesDirectlyToWhomTheSettingsName) {
    const HttpTestServer server(&target_of);
    const ProxyPeer proxy;
    for (const std::string entry : {"127.0.0.0/8", "127.0.0.1", "*"}) {
        HttpClientSettings settings = by(proxy);
        settings.no_proxy_hosts = {"example.org", entry};
        Allowed allowed(server, settings);
        EXPECT_EQ(wait(allowed.client.get_raw("http://" + server.address() + "/x")), "/x ") << entry;
    }
    for (const std::string entry : {"localhost", ".LOCALHOST", "*.localhost"}) {
        HttpClientSettings settings = by(proxy);
        settings.no_proxy_hosts = {entry};
        HttpClient client(settings);
        client.allow(on("localhost", server));
        EXPECT_EQ(wait(client.get_raw("http://" + on("localhost", server) + "/x")), "/x ") << entry;
    }
    EXPECT_THAT(proxy.seen(), IsEmpty());
    HttpClientSettings settings = by(proxy);
    settings.no_proxy_hosts = {"host", "10.0.0.0/8"};
    HttpClient client(settings);
    client.allow(on("localhost", server));
    EXPECT_THAT(wait(client.get_raw("http://" + on("localhost", server) + "/x")), StartsWith("http://localhost"));
    EXPECT_EQ(proxy.seen().size(), 1U) << "localhost isn't within host";
}

TEST_F(HttpProxyTest, NeverAsksTheEnvironment) {
    const HttpTestServer server(&target_of);
    const ProxyPeer named_by_environment;
    const ProxyPeer proxy;
    const std::string elsewhere = "http://" + named_by_environment.address();
    const Environment environment({{"http_proxy", elsewhere},
                                   {"HTTP_PROXY", elsewhere},
                                   {"https_proxy", elsewhere},
                                   {"all_proxy", elsewhere},
                                   {"ALL_PROXY", elsewhere},
                                   {"no_proxy", "*"},
                                   {"NO_PROXY", "*"}});
    Allowed direct(server);
    EXPECT_EQ(wait(direct.client.get_raw("http://" + server.address() + "/x")), "/x ");
    Allowed by_proxy(server, by(proxy));
    EXPECT_THAT(wait(by_proxy.client.get_raw("http://" + server.address() + "/x")), StartsWith("http://"));
    EXPECT_EQ(proxy.seen().size(), 1U);
    EXPECT_THAT(named_by_environment.seen(), IsEmpty());
}

TEST_F(HttpProxyTest, ReportsAProxyThatRefusesWithoutItsPassword) {
    const HttpTestServer server(&target_of);
    const ProxyPeer proxy("407 Who are you");
    Allowed allowed(server, by(proxy));
    const std::string message = message_of<boost::system::system_error>(allowed.client.get_raw("https://" + server.address()));
    EXPECT_THAT(message, StartsWith(server.address() + " by the proxy " + proxy.address() + ", which answered 407: "));
    EXPECT_THAT(message, Not(HasSubstr("cret")));
    EXPECT_EQ(message_of<modapi::HttpResponseException>(allowed.client.get_raw("http://" + server.address())),
              "the server answered 407 Who are you");
}

TEST_F(HttpProxyTest, ReportsAProxyThatIsNotThere) {
    const HttpTestServer server(&target_of);
    std::string gone;
    HttpClientSettings settings;
    {
        const ProxyPeer proxy;
        gone = proxy.address();
        settings = by(proxy);
    }
    Allowed allowed(server, settings);
    EXPECT_EQ(message_of<boost::system::system_error>(allowed.client.get_raw("http://" + server.address())),
              server.address() + " by the proxy " + gone + ": Connection refused [system:111]");
}

TEST_F(HttpProxyTest, RefusesSettingsThatNameNoProxyWithoutRepeatingThem) {
    for (const std::string bad : {"https://me:secret@proxy", "socks5://me:secret@proxy", "http://me:secret@proxy/path",
                                  "http://me:secret@", "me:secret@proxy:99999", "me:secret@pro xy"}) {
        HttpClientSettings settings;
        settings.https_proxy = bad;
        try {
            const HttpClient client(settings);
            ADD_FAILURE() << bad;
        } catch (const modapi::HttpFormatError& error) {
            EXPECT_STREQ(error.what(), "https_proxy: must be a proxy, like http://user:password@host:port") << bad;
        }
    }
    for (const std::string bad : {"", ".", "10.0.0.0/33"}) {
        HttpClientSettings settings;
        settings.no_proxy_hosts = {bad};
        EXPECT_THROW(HttpClient{settings}, modapi::HttpFormatError) << bad;
    }
}

}  // namespace
