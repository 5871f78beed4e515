#pragma once

#include <modapi/http_client.h>

#include <async/task.h>

#include <string>

namespace modapi {

/// One request as it would go to the network.
struct HttpRequest {
    std::string method;
    HttpHeaders headers;  ///< beside Host, Connection and Content-Length
    std::string body;
};

/// What came back.
struct HttpAnswer {
    int status = 0;
    std::string reason;
    std::string location;
    std::string body;
};

/// What answers HTTP requests in the network's place: a test's script, or a host's own way out (HttpClientSettings::transport).
/// The client still follows redirects, limits time and checks answers; its block list isn't asked, since there is no address.
class HttpTransport {
public:
    virtual ~HttpTransport() = default;

    /// `url` is absolute. Cancel: when the client's time is over. The references outlive the task.
    [[nodiscard]] virtual async::task<HttpAnswer> exchange(const std::string& url, const HttpRequest& request) = 0;
};

}  // namespace modapi
