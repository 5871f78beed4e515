#pragma once

#include <callbacks/errors.h>
#include <callbacks/json.h>

#include <async/duration_histogram.h>
#include <async/task.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace modapi {

/// Names and values, in the order in which they are sent.
using HttpHeaders = std::vector<std::pair<std::string, std::string>>;
/// Names and values, percent-encoded when they are sent.
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
    std::size_t largest_body = 10 * 1024 * 1024;  ///< bytes of an answer, decompressed
    HttpTransport* transport = nullptr;           ///< answers instead of the network; outlives the worker
    /// Proxies for http:// and for https:// (by CONNECT): `http://user:password@host:port`, of which only the host is needed;
    /// the port is 1080 if none is named. Empty: none. Environment variables are never asked. A proxy's own address isn't
    /// checked against the block list. The name of a URL is looked up and checked here before each request that goes through a
    /// proxy, unless `allow` named it; one that this machine can't look up isn't reached. What remains: the proxy looks the
    /// name up again, and whoever answers for the name may answer the proxy something else. A proxy that can reach addresses
    /// which modules must not has to refuse them itself.
    std::string http_proxy;
    std::string https_proxy;
    /// Who is reached without a proxy: `example.org` (with what is below it; `.example.org` and `*.example.org` are the same),
    /// addresses, CIDR ranges (for URLs with an address), `*` for everybody.
    std::vector<std::string> no_proxy_hosts;

    /// Private, loopback, link-local, shared and documentation ranges of IPv4 and IPv6.
    [[nodiscard]] static std::vector<std::string> default_blocklist();
    /// For a host that reads the lists from its configuration: throws HttpFormatError for the first text that is no range;
    /// `name` is what the message calls the list.
    static void check_ranges(const std::vector<std::string>& ranges, std::string_view name);
    /// Checks what `settings` say of proxies: throws HttpFormatError, whose message begins with the setting's name and has
    /// nothing of the credentials.
    static void check_proxies(const HttpClientSettings& settings);
};

/// An answer, whatever its status.
struct HttpResponse {
    int status = 0;
    std::string reason;        ///< empty with HTTP/2, which has none
    HttpHeaders headers;       ///< as sent: also those that describe the compressed body
    std::string url;           ///< where it came from in the end, behind redirects
    std::string body;          ///< decompressed; empty if it went into a stream
    std::uint64_t length = 0;  ///< bytes of the body, decompressed

    /// The first of that name, whatever the case; none.
    [[nodiscard]] std::optional<std::string> header(std::string_view name) const;
};
/// What came of a client's requests so far. What is wrong with a request before it is sent isn't counted.
struct HttpClientCounts {
    std::array<std::uint64_t, 6> answered{};  ///< by the first digit of the status, behind redirects; [0]: no answer came
    async::duration_counts durations;         ///< from the request to its whole answer, or to what came in its place

    /// Adds another one's counts.
    void add(const HttpClientCounts& others) noexcept {
        for (std::size_t digit = 0; digit < answered.size(); ++digit) answered[digit] += others.answered[digit];
        durations.add(others.durations);
    }
};
/// Whether a content type, as the header has it, is one that is wanted.
using ContentTypeCheck = std::function<bool(std::string_view content_type)>;

/// HTTP and HTTPS for modules (contract: `SimpleHttpClient`). Certificates are verified by the system's authorities; up to 5
/// redirects are followed, each checked against the block list again. Connections are kept for the next request to the same
/// server: 16 at most, for half a minute. A request for which such a connection turns out to be closed, before anything of an
/// answer came, is sent once more over a new one, whatever its method. Servers may answer compressed (gzip, deflate, brotli, zstd) and, over TLS, by HTTP/2 if
/// the request has no body.
/// A request that is made while its chain works for one that came to the host has the headers `traceparent` and `tracestate` of W3C
/// Trace Context, with that one as its parent, also where a redirect leads; one that is given a `traceparent` of its own has only
/// what it was given.
/// Connections go to the first address that answers, IPv6 or IPv4. Nothing is taken from the environment but whom OpenSSL
/// trusts (SSL_CERT_FILE, SSL_CERT_DIR).
///
/// Errors: HttpResponseException for another status than 2xx, RequestTimedOutError, BlockedAddressError, HttpFormatError,
/// boost::system::system_error for what the network does: no connection, an invalid certificate, an end before the announced
/// length. Cancel: cuts the exchange. Thread: one worker, whose executor outlives the client; a request on another
/// executor than the one before throws std::logic_error.
class HttpClient {
public:
    explicit HttpClient(HttpClientSettings settings);
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// `args` are appended to the query, percent-encoded.
    [[nodiscard]] async::task<callbacks::JsonValue> get_json(std::string uri, QueryArguments args = QueryArguments(),
                                                             HttpHeaders headers = HttpHeaders());
    /// POSTs JSON and reads JSON.
    [[nodiscard]] async::task<callbacks::JsonValue> post_json_get_json(std::string uri, callbacks::JsonDict post_json,
                                                                       HttpHeaders headers = HttpHeaders());
    /// `args` are the body, as a form sends them.
    [[nodiscard]] async::task<callbacks::JsonValue> post_urlencoded_get_json(std::string uri,
                                                                             QueryArguments args = QueryArguments(),
                                                                             HttpHeaders headers = HttpHeaders());
    /// PUTs JSON and reads JSON.
    [[nodiscard]] async::task<callbacks::JsonValue> put_json(std::string uri, callbacks::JsonDict json_body,
                                                             QueryArguments args = QueryArguments(),
                                                             HttpHeaders headers = HttpHeaders());
    /// The body as it comes.
    [[nodiscard]] async::task<std::string> get_raw(std::string uri, QueryArguments args = QueryArguments(),
                                                   HttpHeaders headers = HttpHeaders());
    /// Writes the body into `output_stream` as it comes, without keeping it: `max_size` bytes at most, none: any number. What
    /// came before an error is in the stream. Errors, beside the others: SynapseError 502 for a content type that isn't
    /// allowed, 502 `M_TOO_LARGE`. The stream outlives the task.
    [[nodiscard]] async::task<HttpResponse> get_file(std::string url, std::ostream& output_stream,
                                                     std::optional<std::uint64_t> max_size = std::nullopt,
                                                     HttpHeaders headers = HttpHeaders(),
                                                     ContentTypeCheck is_allowed_content_type = ContentTypeCheck());
    /// Any request; `data` is its body, whose type is in the headers. The answer may have any status.
    [[nodiscard]] async::task<HttpResponse> request(std::string method, std::string uri, std::string data = std::string(),
                                                    HttpHeaders headers = HttpHeaders());

    /// Lets requests to `host:port` (or the host and port of a URL) pass the block list: what a module's own configuration
    /// names.
    void allow(std::string_view host_and_port_or_url);
    /// Thread: the worker's.
    [[nodiscard]] HttpClientCounts counts() const noexcept;

private:
    class Implementation;
    std::unique_ptr<Implementation> implementation_;
};

}  // namespace modapi
