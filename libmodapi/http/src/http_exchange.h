#pragma once

#include "block_list.h"
#include "curl_multi.h"
#include "http_request.h"
#include "tls_authorities.h"

#include <modapi/http_client.h>

#include <async/task.h>

#include <boost/asio/ip/address.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace modapi {

/// What an exchange goes by; all of it outlives the exchange.
struct HttpRoute {
    const BlockList& block_list;
    const HttpProxy* proxy;  ///< null: directly
    TlsAuthorities& authorities;
};

/// One request and its answer, over a new connection or one that was kept.
///
/// Every address is checked against the block list right before a socket for it is made, and again, for a kept connection too,
/// before the request is sent: what is talked to is what was checked, whatever a name resolves to the next time. Behind a proxy
/// it is the proxy that connects, and who asks for the exchange has looked the name up before.
///
/// libcurl's own lookups aren't used: one that hangs would hold up the whole thread when its transfer is cancelled. Where
/// libcurl needs addresses that it doesn't know the attempt ends, Asio looks them up, and the transfer begins anew.
///
/// A kept connection may be closed by the peer just when a request goes out over it. Where nothing of an answer has come, the
/// request is sent once more, over a new connection; libcurl does that where it finds the end while it reads, this class where
/// it is writing.
class HttpExchange {
public:
    /// References outlive this.
    HttpExchange(const HttpUrl& url, const HttpRequest& request, const HttpRoute& route);
    HttpExchange(const HttpExchange&) = delete;
    HttpExchange& operator=(const HttpExchange&) = delete;

    /// Once. Errors: those of HttpClient, but for the status and the time. Cancel: cuts the connection.
    [[nodiscard]] async::task<HttpResponse> perform(std::shared_ptr<CurlMulti> multi);

private:
    /// What the next line of a header is.
    enum class Expected : unsigned char { status, field, nothing };

    static int on_lookup(void* resolver, void* reserved, void* self) noexcept;
    static curl_socket_t on_open(void* self, curlsocktype purpose, curl_sockaddr* address) noexcept;
    static int on_connected(void* self, char* address, char* local_address, int port, int local_port) noexcept;
    static std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* self) noexcept;
    static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self) noexcept;
    static CURLcode on_tls(CURL* easy, void* tls, void* self) noexcept;

    template <class Value>
    void set(CURLoption option, Value value);
    void set_limits_of_libcurl();
    void set_request();
    void set_headers();
    void set_proxy();
    [[nodiscard]] async::task<CURLcode> transfer(std::shared_ptr<CurlMulti> multi);
    [[nodiscard]] bool may_be_sent() noexcept;
    [[nodiscard]] bool lost_a_kept_connection(CURLcode code) const noexcept;
    [[nodiscard]] bool may_connect_to(const boost::asio::ip::address& address) noexcept;
    void read_header_line(std::string_view line);
    void read_status_line(std::string_view line);
    void read_field(std::string_view line);
    void end_header();
    void read_body(std::string_view bytes);
    [[nodiscard]] async::task<void> provide_addresses();
    [[noreturn]] void fail(CURLcode code) const;

    const HttpUrl& url_;
    const HttpRequest& request_;
    HttpRoute route_;
    HttpResponse answer_;
    std::ostream* output_ = nullptr;
    Expected expected_ = Expected::status;
    std::size_t header_size_ = 0;
    std::exception_ptr failure_;  ///< thrown where libcurl's code is on the stack
    std::optional<boost::asio::ip::address> refused_;
    /// Over what the request was sent last.
    enum class Sent : unsigned char { not_yet, over_a_kept_connection, over_a_new_connection };
    Sent sent_ = Sent::not_yet;
    bool has_connected_ = false;  ///< in this attempt: the connection isn't one that was kept
    bool would_be_repeated_ = false;
    bool needs_addresses_ = false;
    bool has_addresses_ = false;
    CurlLines headers_;
    CurlLines addresses_;
    CurlEasy easy_;  // refers to the lists
};

}  // namespace modapi
