#include "http_exchange.h"

#include <async/cancellation.h>
#include <async/notification.h>
#include <async/use_task.h>

#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include <memory>
#include <utility>

namespace modapi {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

constexpr std::uint32_t largest_header = 64 * 1024;

/// Closes the connection when the chain is cancelled. Not every composed operation passes a cancellation on to the operation it
/// waits for; a closed socket ends them all.
class CutOnCancel final : private async::cancellation_registration {
public:
    CutOnCancel(tcp::socket& socket, const async::context& here)
        : cancellation_registration([](async::cancellation_registration& self, async::cancel_reason) {
              boost::system::error_code ignored;
              static_cast<CutOnCancel&>(self).socket_.close(ignored);
          }),
          socket_(socket) {
        if (here.cancellation != nullptr) here.cancellation->add(*this, here.shielded);
    }

private:
    tcp::socket& socket_;
};

/// A lookup that runs: lives until both its operation and its waiter are done with it.
struct Lookup {
    explicit Lookup(const asio::any_io_executor& executor) : resolver(executor) {}

    tcp::resolver resolver;
    async::notification ended;
    bool has_ended = false;
    boost::system::error_code error;
    std::vector<tcp::endpoint> found;
};

http::request<http::string_body> message_of(const HttpUrl& url, const HttpRequest& request) {
    http::request<http::string_body> message(http::string_to_verb(request.method), url.target, 11);
    for (const auto& [name, value] : request.headers) message.insert(name, value);
    message.set(http::field::host, url.host_header());
    message.set(http::field::connection, "close");
    message.body() = request.body;
    message.prepare_payload();
    return message;
}

template <class Stream>
async::task<HttpAnswer> converse(Stream& stream, const HttpUrl& url, const HttpRequest& request, std::size_t largest_body) {
    http::request<http::string_body> message = message_of(url, request);
    co_await http::async_write(stream, message, async::use_task);
    boost::beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(largest_body);
    parser.header_limit(largest_header);
    co_await http::async_read(stream, buffer, parser, async::use_task);
    http::response<http::string_body> received = parser.release();
    HttpAnswer answer;
    answer.status = static_cast<int>(received.result_int());
    answer.reason = std::string(received.reason());
    answer.location = std::string(received[http::field::location]);
    answer.body = std::move(received.body());
    co_return answer;
}

async::task<void> connect(tcp::socket& socket, const std::vector<tcp::endpoint>& endpoints) {
    const async::context& here = co_await async::this_context;
    boost::system::system_error failure(asio::error::host_not_found);
    for (const tcp::endpoint& endpoint : endpoints) {
        try {
            co_await socket.async_connect(endpoint, async::use_task);
            co_return;
        } catch (const boost::system::system_error& error) {
            here.throw_if_cancelled();
            failure = error;
            boost::system::error_code ignored;
            socket.close(ignored);
        }
    }
    throw boost::system::system_error(failure);
}

async::task<HttpAnswer> converse_over_tls(tcp::socket& socket, const HttpUrl& url, const HttpRequest& request,
                                          std::size_t largest_body, asio::ssl::context& tls) {
    asio::ssl::stream<tcp::socket&> stream(socket, tls);
    stream.set_verify_mode(asio::ssl::verify_peer);
    stream.set_verify_callback(asio::ssl::host_name_verification(url.host));
    if (!url.is_address && SSL_set_tlsext_host_name(stream.native_handle(), url.host.c_str()) != 1) {
        throw HttpFormatError("the host's name can't be sent: " + url.host);
    }
    co_await stream.async_handshake(asio::ssl::stream_base::client, async::use_task);
    // The connection is closed without a close_notify: the answer's own length says that it is complete.
    async::task<HttpAnswer> conversation = converse(stream, url, request, largest_body);
    co_return co_await std::move(conversation);
}

}  // namespace

async::task<std::vector<tcp::endpoint>> look_up(const HttpUrl& url) {
    const async::context& here = co_await async::this_context;
    if (url.is_address) {
        std::vector<tcp::endpoint> literal;
        literal.emplace_back(asio::ip::make_address(url.host), url.port);
        co_return literal;
    }
    const auto lookup = std::make_shared<Lookup>(here.executor());
    lookup->resolver.async_resolve(
        url.host, std::to_string(url.port), tcp::resolver::numeric_service,
        [lookup](const boost::system::error_code& error, const tcp::resolver::results_type& results) {
            lookup->error = error;
            for (const auto& result : results) lookup->found.push_back(result.endpoint());
            lookup->has_ended = true;
            lookup->ended.notify_all();
        });
    while (!lookup->has_ended) co_await lookup->ended.wait();
    if (lookup->error) throw boost::system::system_error(lookup->error, url.host);
    co_return std::move(lookup->found);
}

async::task<HttpAnswer> exchange(const HttpUrl& url, const std::vector<tcp::endpoint>& endpoints, const HttpRequest& request,
                                 std::size_t largest_body, asio::ssl::context* tls) {
    const async::context& here = co_await async::this_context;
    tcp::socket socket(here.executor());
    const CutOnCancel cut(socket, here);
    try {
        async::task<void> connecting = connect(socket, endpoints);
        co_await std::move(connecting);
        if (url.is_secure) {
            async::task<HttpAnswer> secure = converse_over_tls(socket, url, request, largest_body, *tls);
            co_return co_await std::move(secure);
        }
        async::task<HttpAnswer> plain = converse(socket, url, request, largest_body);
        co_return co_await std::move(plain);
    } catch (const boost::system::system_error& error) {
        here.throw_if_cancelled();
        if (error.code() == http::error::body_limit) {
            throw HttpFormatError("the answer of " + url.host + " is larger than " + std::to_string(largest_body) + " bytes");
        }
        throw boost::system::system_error(error.code(), url.host_header());
    }
}

}  // namespace modapi
