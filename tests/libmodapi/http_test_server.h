#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>

/// A real HTTP server on a loopback port, on a thread of its own; one connection at a time.
class HttpTestServer {
public:
    using Request = boost::beast::http::request<boost::beast::http::string_body>;
    using Response = boost::beast::http::response<boost::beast::http::string_body>;
    using Handler = std::function<Response(const Request&)>;

    /// With `tls`, over TLS. A handler that is null never answers.
    explicit HttpTestServer(Handler handler, boost::asio::ssl::context* tls = nullptr)
        : handler_(std::move(handler)), tls_(tls), acceptor_(io_, {boost::asio::ip::make_address("127.0.0.1"), 0}) {
        port_ = acceptor_.local_endpoint().port();
        accept();
        thread_ = std::thread([this] { io_.run(); });
    }
    ~HttpTestServer() {
        io_.stop();
        thread_.join();
    }
    HttpTestServer(const HttpTestServer&) = delete;
    HttpTestServer& operator=(const HttpTestServer&) = delete;

    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

    static Response answer(unsigned status, std::string body) {
        Response response(static_cast<boost::beast::http::status>(status), 11);
        response.body() = std::move(body);
        response.prepare_payload();
        return response;
    }

private:
    void accept() {
        acceptor_.async_accept([this](boost::system::error_code error, boost::asio::ip::tcp::socket socket) {
            if (error) return;
            if (handler_) {
                serve(std::move(socket));
            } else {
                silent_.emplace(std::move(socket));
            }
            accept();
        });
    }
    void serve(boost::asio::ip::tcp::socket socket) {
        boost::system::error_code error;
        if (tls_ == nullptr) {
            exchange(socket);
            return;
        }
        boost::asio::ssl::stream<boost::asio::ip::tcp::socket> stream(std::move(socket), *tls_);
        stream.handshake(boost::asio::ssl::stream_base::server, error);
        if (!error) exchange(stream);
    }
    template <class Stream>
    void exchange(Stream& stream) {
        boost::system::error_code error;
        boost::beast::flat_buffer buffer;
        boost::beast::http::request_parser<boost::beast::http::string_body> parser;
        parser.body_limit(boost::none);
        boost::beast::http::read(stream, buffer, parser, error);
        if (error) return;
        Response response = handler_(parser.get());
        response.keep_alive(false);
        boost::beast::http::write(stream, response, error);
    }

    Handler handler_;
    boost::asio::ssl::context* tls_;
    boost::asio::io_context io_{1};
    boost::asio::ip::tcp::acceptor acceptor_;
    std::uint16_t port_ = 0;
    std::optional<boost::asio::ip::tcp::socket> silent_;
    std::thread thread_;
};
