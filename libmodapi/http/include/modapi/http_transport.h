#pragma once

#include <modapi/http_client.h>

#include <async/task.h>

#include <string>

namespace modapi {

/// What answers HTTP requests in the network's place: a test's script, or a host's own way out (HttpClientSettings::transport).
/// The client still follows redirects, limits time and size and checks answers; its block list isn't asked, since there is no
/// address.
class HttpTransport {
public:
    virtual ~HttpTransport() = default;

    /// `url` is absolute. The whole body is in the answer. Cancel: when the client's time is over. The references outlive the
    /// task.
    [[nodiscard]] virtual async::task<HttpResponse> exchange(const std::string& method, const std::string& url,
                                                             const HttpHeaders& headers, const std::string& body) = 0;
};

}  // namespace modapi
