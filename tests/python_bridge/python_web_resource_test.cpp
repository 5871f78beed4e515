#include "log_capture.h"
#include "python_worker.h"
#include "temporary_folder.h"

#include <python_web_resource.h>

#include <async/sleep.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fstream>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

/// Requests that are forwarded to a process: to a server of the test's own, which says whatever it likes, and to a real one.
namespace {

using namespace std::chrono_literals;
using modapi::PythonWebResource;
using modapi::Request;
using modapi::Response;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// What listens on web.sock and answers one request with these bytes, and then closes.
class RawSite {
public:
    RawSite(const std::filesystem::path& directory, std::function<std::string(const std::string& request)> answer,
            bool endless = false)
        : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string path = (directory / "web.sock").string();
        std::memcpy(address.sun_path, path.data(), path.size());
        if (::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
            ::listen(socket_, 4) != 0)  // NOLINT
            throw std::runtime_error("web.sock");
        thread_ = std::thread([this, answer = std::move(answer), endless] {
            const int client = ::accept(socket_, nullptr, nullptr);
            if (client < 0) return;
            std::string request;
            char bytes[65536];
            while (request.find("\r\n\r\n") == std::string::npos || request.find("wait for the end") != std::string::npos) {
                const ssize_t size = ::recv(client, bytes, sizeof bytes, 0);
                if (size <= 0) break;
                request.append(bytes, static_cast<std::size_t>(size));
            }
            std::string response = answer(request);
            do {
                if (::send(client, response.data(), response.size(), MSG_NOSIGNAL) < 0) break;
                sent += response.size();
                if (endless) response = std::string(1 << 16, 'x');
            } while (endless);
            ::close(client);
        });
    }
    ~RawSite() {
        ::shutdown(socket_, SHUT_RDWR);
        thread_.join();
        ::close(socket_);
    }
    RawSite(const RawSite&) = delete;
    RawSite& operator=(const RawSite&) = delete;
    std::atomic<std::size_t> sent{0};

private:
    int socket_;
    std::thread thread_;
};

class PythonWebResourceTest : public testing::Test {
protected:
    Response handled(const Request& request, async::clock::duration limit = 20s) {
        std::optional<Response> response;
        std::exception_ptr failure;
        bool done = false;
        async::task<Response> handling = resource.handle(request);
        async::co_spawn(where, async::with_deadline(limit, std::move(handling)),
                        [&](std::exception_ptr thrown, Response given) {
                            failure = std::move(thrown);
                            response = std::move(given);
                            done = true;
                        });
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (!done) {
            if (std::chrono::steady_clock::now() > end) throw std::runtime_error("it doesn't end");
            io.restart();
            io.run_one_for(5ms);
        }
        if (failure) std::rethrow_exception(failure);
        return std::move(*response);
    }
    static Request get(const std::string& target = "/_synapse/client/pages/plain") { return Request::of("GET", target); }
    static std::string header(const Response& response, const std::string& name) {
        for (const auto& [each, value] : response.headers)
            if (each == name) return value;
        return "none";
    }

    boost::asio::io_context io{1};
    async::environment where{io.get_executor()};
    TemporaryFolder folder;
    std::optional<std::filesystem::path> directory = folder.path();
    std::vector<std::string> begun;
    PythonWebResource resource{[this] { return directory; }, {}, [this](const std::string& path) {
                                   begun.push_back(path);
                                   return nullptr;
                               }, "pages.Pages@3"};
    LogCapture log;
};

TEST_F(PythonWebResourceTest, ForwardsTheRequestWithHeadersOfTheHostsOwn) {
    std::string seen;
    std::string request_path;
    Response response;
    {
        const RawSite site(folder.path(), [&](const std::string& request) {
            seen = request;
            return "HTTP/1.1 418 Tea\r\nContent-Type: text/tea\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nServer: TwistedWeb\r\n"
                   "Connection: close\r\nContent-Length: 3\r\n\r\npot";
        });
        Request request = Request::of("POST", "/_synapse/client/pages/a%20b?c=d&e=%26");
        request.headers = {
            {"Authorization", "Bearer token"},   {"x-MODAPI-client", "6.6.6.6"}, {"X-Modapi-Call", "7"},
            {"x-modapi-entry", "another@1"},     {"Connection", "keep-alive"},        {"Content-Length", "99"},       {"Transfer-Encoding", "chunked"},
            {"X-Split", "a\r\nX-Modapi-Call: 7"}};
        request.body = "the body";
        request.client_address = "1.2.3.4";
        request_path = request.path;
        response = handled(request);
    }
    EXPECT_EQ(response.status, 418);
    EXPECT_EQ(response.body, "pot");
    EXPECT_EQ(response.headers, (std::vector<std::pair<std::string, std::string>>{
                                    {"Content-Type", "text/tea"}, {"Set-Cookie", "a=b"}, {"Set-Cookie", "c=d"}}));
    EXPECT_THAT(seen, AllOf(testing::StartsWith("POST /_synapse/client/pages/a%20b?c=d&e=%26 HTTP/1.1\r\n"),
                            HasSubstr("Authorization: Bearer token\r\n"), HasSubstr("X-Modapi-Client: 1.2.3.4\r\n"),
                            HasSubstr("X-Modapi-Entry: pages.Pages@3\r\n"), HasSubstr("X-Modapi-Call: request "), HasSubstr("Connection: close\r\n"),
                            HasSubstr("Content-Length: 8\r\n"), testing::EndsWith("\r\n\r\nthe body")));
    EXPECT_EQ(begun, std::vector<std::string>{request_path});
    EXPECT_THAT(seen, AllOf(Not(HasSubstr("6.6.6.6")), Not(HasSubstr("Call: 7")), Not(HasSubstr("another@1")),
                            Not(HasSubstr("chunked")), Not(HasSubstr("X-Split"))));
}

TEST_F(PythonWebResourceTest, TakesWhatIsSentInPartsAndUntilTheEnd) {
    {
        const RawSite site(folder.path(), [](const std::string&) {
            return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        });
        const Response response = handled(get("http://example.org/_synapse/client/pages/plain"));
        EXPECT_EQ(response.body, "abcde");
        EXPECT_TRUE(response.headers.empty());
    }
    std::filesystem::remove(folder.path() / "web.sock");
    const RawSite site(folder.path(), [](const std::string&) { return "HTTP/1.0 200 OK\r\n\r\nuntil the end"; });
    EXPECT_EQ(handled(get()).body, "until the end");
}

TEST_F(PythonWebResourceTest, HasNoBodyForHead) {
    const RawSite site(folder.path(), [](const std::string&) { return "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"; });
    const Response response = handled(Request::of("HEAD", "/_synapse/client/pages/plain"));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "");
}

TEST_F(PythonWebResourceTest, SaysTryAgainWhileThereIsNoProcess) {
    const auto expect_try_again = [](const Response& response) {
        EXPECT_EQ(response.status, 503);
        EXPECT_EQ(header(response, "Retry-After"), "1");
        EXPECT_THAT(response.body, HasSubstr(R"("errcode":"M_UNKNOWN")"));
    };
    expect_try_again(handled(get()));  // nobody listens
    directory.reset();
    expect_try_again(handled(get()));
    directory = folder.path();
    for (const char* const before_its_end :
         {"", "HTTP/1.1 200 OK\r\nContent-", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart"}) {
        const RawSite site(folder.path(), [=](const std::string&) { return before_its_end; });
        expect_try_again(handled(get()));
        std::filesystem::remove(folder.path() / "web.sock");
    }
}

TEST_F(PythonWebResourceTest, IsABadGatewayForWhatIsNoResponse) {
    const std::string head = "HTTP/1.1 200 OK\r\n";
    for (const std::string& nonsense :
         {std::string("hello, this is no HTTP\r\n\r\n"), head + "Content-Length: many\r\n\r\n", head + "no header\r\n\r\n",
          head + "X: " + std::string(100'000, 'x') + "\r\n\r\n", head + "Content-Length: 99999999999\r\n\r\n"}) {
        const RawSite site(folder.path(), [=](const std::string&) { return nonsense; });
        const Response response = handled(get());
        EXPECT_EQ(response.status, 502) << nonsense.substr(0, 60);
        EXPECT_EQ(header(response, "Retry-After"), "none");
        std::filesystem::remove(folder.path() / "web.sock");
    }
    EXPECT_TRUE(log.contains("502 of /_synapse/client/pages/plain, whose resource is in Python")) << log.text();
}

TEST_F(PythonWebResourceTest, TakesNoMoreThanTheLimitOfAnEndlessPage) {
    const RawSite site(
        folder.path(), [](const std::string&) { return "HTTP/1.1 200 OK\r\n\r\n"; }, true);
    EXPECT_EQ(handled(get()).status, 502);
    EXPECT_LT(site.sent.load(), PythonWebResource::largest_response + (8U << 20U));
}

TEST_F(PythonWebResourceTest, FollowsNoLinkFromWhereTheSocketShouldBe) {
    // A process that puts one there would have this server talk to what only this server may talk to.
    const TemporaryFolder other;
    bool was_reached = false;
    {
        const RawSite site(other.path(), [&](const std::string&) {
            was_reached = true;
            return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        });
        std::filesystem::create_symlink(other.path() / "web.sock", folder.path() / "web.sock");
        EXPECT_EQ(handled(get()).status, 503);
    }
    EXPECT_FALSE(was_reached);
    std::filesystem::remove(folder.path() / "web.sock");
    std::ofstream(folder.path() / "web.sock") << "no socket";
    EXPECT_EQ(handled(get()).status, 503);
}

TEST_F(PythonWebResourceTest, IsNamedInTheLogByWhatWasSentSoThatNoLineEndsInIt) {
    EXPECT_EQ(handled(get("/_synapse/client/pages/a%0Aforged?token=secret")).status, 503);
    EXPECT_TRUE(log.contains("503 of /_synapse/client/pages/a%0Aforged, whose resource is in Python")) << log.text();
    EXPECT_FALSE(log.contains("secret")) << log.text();
}

TEST_F(PythonWebResourceTest, IsCutWithItsRequest) {
    const RawSite site(folder.path(), [](const std::string&) { return ""; });
    Request slow = get();
    slow.headers = {{"X-What", "wait for the end"}};
    EXPECT_THROW(static_cast<void>(handled(slow, 50ms)), async::deadline_exceeded);
}

TEST_F(PythonWebResourceTest, ServesThePagesOfAModule) {
    const std::string missing = missing_for_python();
    if (!missing.empty()) GTEST_SKIP() << missing;
    PythonWorker modules;
    modules.construct("  - module: pages.Pages\n    config: {files: /usr/share/doc}\n");
    const auto asked = [&](Request request) -> Response {
        request.client_address = "1.2.3.4";
        const async::dispatch_settings settings;
        auto serving = modules.worker->web_resources().serve(request, settings, 20s);
        std::optional<Response> response = modules.wait(std::move(serving));
        if (!response) throw std::runtime_error("nobody serves " + request.path);
        return *std::move(response);
    };
    Request plain = Request::of("GET", "/_synapse/client/plain/a%20b?x=%C3%BC");
    plain.headers = {{"X-Test", "here"}, {"X-Modapi-Client", "6.6.6.6"}, {"Cookie", "c=d"}};
    const Response page = asked(plain);
    EXPECT_EQ(page.status, 200);
    EXPECT_THAT(page.body,
                AllOf(HasSubstr(R"("client": "1.2.3.4")"), HasSubstr(R"("header": "here")"), HasSubstr(R"("cookie": "d")")));
    EXPECT_EQ(header(page, "Set-Cookie"), "seen=yes");
    EXPECT_EQ(asked(Request::of("PUT", "/_synapse/client/plain")).status, 200) << "answered later";
    EXPECT_EQ(asked(Request::of("GET", "/_synapse/client/pages/nowhere")).status, 404);
}

}  // namespace
