#pragma once

#include "url.h"

#include <modapi/http_client.h>

#include <async/clock.h>
#include <async/task.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

/// Where the body of a successful answer goes instead of into memory.
struct HttpFileTarget {
    std::ostream* output = nullptr;
    ContentTypeCheck is_allowed_content_type;
};

/// One request, ready to be sent.
struct HttpRequest {
    std::string method;
    HttpHeaders headers;  ///< beside Host and Content-Length
    std::string body;
    std::optional<HttpFileTarget> file;
    std::optional<std::uint64_t> largest_answer;  ///< bytes of a body; none: any number

    /// Whether sending it twice does what sending it once does.
    [[nodiscard]] bool may_be_repeated() const noexcept { return method != "POST" && method != "PATCH"; }
};

[[nodiscard]] constexpr bool is_success(int status) noexcept { return status >= 200 && status <= 299; }
/// Where the body of an answer goes; null: into memory. Errors: SynapseError 502 for a content type that isn't allowed.
[[nodiscard]] std::ostream* output_for(const HttpRequest& request, int status, std::string_view content_type);
/// Throws what an answer that is larger than it may be is told by.
[[noreturn]] void refuse_size(const HttpUrl& url, const HttpRequest& request);

/// The addresses of the URL's host. Cancel: at once; the lookup itself ends by itself.
[[nodiscard]] async::task<std::vector<boost::asio::ip::tcp::endpoint>> look_up(const HttpUrl& url);

/// A connection to a server, for one request after the other.
///
/// Errors: boost::system::system_error, HttpFormatError for an answer that is larger than it may be. Cancel: cuts and closes
/// it.
class OutgoingConnection {
public:
    explicit OutgoingConnection(const boost::asio::any_io_executor& executor) : socket_(executor) {}

    /// Connects to one of `endpoints`, the first that can be reached, and to nothing else. `tls` is there for a secure URL: the
    /// certificate must be valid for the URL's host. References outlive the task.
    [[nodiscard]] async::task<void> open(const HttpUrl& url, const std::vector<boost::asio::ip::tcp::endpoint>& endpoints,
                                         boost::asio::ssl::context* tls);
    /// Sends one request and reads its answer. References outlive the task.
    [[nodiscard]] async::task<HttpResponse> exchange(const HttpUrl& url, const HttpRequest& request);

    /// After an exchange: whether the server lets another one follow.
    [[nodiscard]] bool may_go_on() const noexcept { return may_go_on_; }
    /// After an exchange that failed: whether anything of an answer had come.
    [[nodiscard]] bool has_answered() const noexcept { return has_answered_; }
    /// Of one that rests: the server has neither closed it nor said what nobody asked for.
    [[nodiscard]] bool is_quiet() noexcept;

    async::clock::time_point rests_since{};

private:
    template <class Stream>
    [[nodiscard]] async::task<HttpResponse> converse(Stream& stream, const HttpUrl& url, const HttpRequest& request);

    boost::asio::ip::tcp::socket socket_;
    std::optional<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> secure_;
    boost::beast::flat_buffer buffer_;
    bool may_go_on_ = false;
    bool has_answered_ = false;
};

}  // namespace modapi
