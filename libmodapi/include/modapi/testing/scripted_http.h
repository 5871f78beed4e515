#pragma once

#include <modapi/http_transport.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace modapi::testing {

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
    /// Nobody listens there: boost::system::system_error, connection refused.
    void refuse(const std::string& method, const std::string& url);
    /// Never answers: the client's time runs out, in virtual time.
    void stall(const std::string& method, const std::string& url);

    /// All requests, in order.
    std::vector<Request> requests;
    /// Those that nothing was said of: the module got std::logic_error "no answer is scripted for POST http://...".
    std::vector<std::string> unscripted;

    [[nodiscard]] async::task<HttpAnswer> exchange(const std::string& url, const HttpRequest& request) override;

private:
    enum class Behaviour : unsigned char { answers, refuses, stalls };
    struct Script {
        Behaviour behaviour = Behaviour::answers;
        int status = 200;
        std::string body;
    };
    std::map<std::pair<std::string, std::string>, Script> scripts_;
};

}  // namespace modapi::testing
