#pragma once

#include <callbacks/errors.h>
#include <callbacks/json.h>

#include <async/task.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace modapi {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;
using QueryArguments = std::vector<std::pair<std::string, std::string>>;

/// The server answered with another status than 2xx.
class HttpResponseException : public std::runtime_error {
public:
    HttpResponseException(int code, std::string reason, std::string body);
    [[nodiscard]] int code() const noexcept { return code_; }
    [[nodiscard]] const std::string& reason() const noexcept { return reason_; }
    [[nodiscard]] const std::string& body() const noexcept { return body_; }

private:
    int code_;
    std::string reason_;
    std::string body_;
};
/// No answer in time. A 504 for the client.
class RequestTimedOutError : public callbacks::SynapseError {
public:
    explicit RequestTimedOutError(const std::string& message) : callbacks::SynapseError(504, message) {}
};
/// The address isn't one that modules may reach (ip_range_blocklist).
class BlockedAddressError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};
/// The answer isn't JSON or is too large, the URL isn't one, or a header can't be sent.
class HttpFormatError : public std::invalid_argument {
public:
    using std::invalid_argument::invalid_argument;
};

class HttpTransport;

/// What a module's HTTP client may do.
struct HttpClientSettings {
    std::string user_agent = "modapi";
    /// CIDR ranges that may not be reached; those of the allowlist may all the same.
    std::vector<std::string> ip_range_blocklist = default_blocklist();
    std::vector<std::string> ip_range_allowlist;
    std::chrono::milliseconds timeout{60000};     ///< for the whole exchange
    std::size_t largest_body = 10 * 1024 * 1024;  ///< bytes of an answer
    HttpTransport* transport = nullptr;           ///< answers instead of the network; outlives the worker

    /// Private, loopback, link-local, shared and documentation ranges of IPv4 and IPv6.
    [[nodiscard]] static std::vector<std::string> default_blocklist();
    /// For a host that reads the lists from its configuration: throws HttpFormatError for the first text that is no range;
    /// `name` is what the message calls the list.
    static void check_ranges(const std::vector<std::string>& ranges, std::string_view name);
};

/// HTTP and HTTPS for modules (contract: `SimpleHttpClient`). One connection per request, certificates verified by the system's
/// authorities, up to 5 redirects, each checked against the block list again.
///
/// Errors: HttpResponseException, RequestTimedOutError, BlockedAddressError, HttpFormatError,
/// boost::system::system_error for what the network does. Cancel: cuts the exchange. Thread: one worker.
class HttpClient {
public:
    explicit HttpClient(HttpClientSettings settings);
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// `args` are appended to the query, percent-encoded.
    [[nodiscard]] async::task<callbacks::JsonValue> get_json(std::string uri, QueryArguments args, HttpHeaders headers);
    [[nodiscard]] async::task<callbacks::JsonValue> get_json(std::string uri, QueryArguments args);
    [[nodiscard]] async::task<callbacks::JsonValue> get_json(std::string uri);
    [[nodiscard]] async::task<callbacks::JsonValue> post_json_get_json(std::string uri, callbacks::JsonDict post_json,
                                                                       HttpHeaders headers);
    [[nodiscard]] async::task<callbacks::JsonValue> post_json_get_json(std::string uri, callbacks::JsonDict post_json);

    /// Lets requests to `host:port` (or the host and port of a URL) pass the block list: what a module's own configuration
    /// names.
    void allow(std::string_view host_and_port_or_url);

private:
    class Implementation;
    std::unique_ptr<Implementation> implementation_;
};

}  // namespace modapi
