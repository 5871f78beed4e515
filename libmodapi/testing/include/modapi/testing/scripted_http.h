#pragma once

#include <modapi/http_transport.h>

#include <async/clock.h>

#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace modapi::testing {

/// A module made a request that the test said nothing of: "no answer is scripted for POST http://...".
class UnscriptedRequest : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

/// The network of a test: what it answers is written down beforehand, and what it was asked is kept.
class ScriptedHttp final : public HttpTransport {
public:
    /// A request that a module made.
    struct Request {
        std::string method;
        std::string url;
        HttpHeaders headers;
        std::string body;
        /// Empty if it isn't there; the name's case doesn't matter.
        [[nodiscard]] std::string header(const std::string& name) const;
    };

    /// Answers every request of this method to exactly this URL, until something else is said of it.
    void answer(const std::string& method, const std::string& url, int status, std::string body = "{}");
    /// Answers with a redirect.
    void redirect(const std::string& method, const std::string& url, int status, std::string location);
    /// What is answered there comes later, in virtual time.
    void delay(const std::string& method, const std::string& url, async::clock::duration by);
    /// Nobody listens there: boost::system::system_error, connection refused.
    void refuse(const std::string& method, const std::string& url);
    /// Never answers: the client's time runs out, in virtual time.
    void stall(const std::string& method, const std::string& url);

    /// All requests, in order.
    std::vector<Request> requests;
    /// Throws UnscriptedRequest, once for each that was made since the last time. The module got it as well.
    void require_all_scripted();

    [[nodiscard]] async::task<HttpResponse> exchange(const std::string& method, const std::string& url,
                                                     const HttpHeaders& headers, const std::string& body) override;

private:
    enum class Behaviour : unsigned char { answers, refuses, stalls };
    struct Script {
        Behaviour behaviour = Behaviour::answers;
        int status = 200;
        std::string body;
        std::string location;
        async::clock::duration delay{0};
    };
    std::vector<std::string> unscripted_;
    std::map<std::pair<std::string, std::string>, Script> scripts_;
};

}  // namespace modapi::testing
