#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

/// A server that speaks HTTP/2 over TLS and nothing else, on a thread of its own: one connection at a time, and every request
/// is answered with 200 and `{}`.
class Http2Peer {
public:
    explicit Http2Peer(boost::asio::ssl::context& tls)
        : tls_(tls), acceptor_(io_, {boost::asio::ip::make_address("127.0.0.1"), 0}) {
        port_ = acceptor_.local_endpoint().port();
        SSL_CTX_set_alpn_select_cb(tls_.native_handle(), &choose, nullptr);
        thread_ = std::thread([this] { accept(); });
    }
    ~Http2Peer() {
        is_ending_ = true;
        boost::asio::ip::tcp::socket last(io_);
        boost::system::error_code ignored;
        last.connect(acceptor_.local_endpoint(), ignored);
        thread_.join();
    }
    Http2Peer(const Http2Peer&) = delete;
    Http2Peer& operator=(const Http2Peer&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] int connections() const noexcept { return connections_; }
    [[nodiscard]] int requests() const noexcept { return requests_; }

private:
    using Stream = boost::asio::ssl::stream<boost::asio::ip::tcp::socket>;
    enum FrameType : std::uint8_t { data = 0, headers = 1, settings = 4 };
    static constexpr std::uint8_t acknowledges = 1;  // of settings
    static constexpr std::uint8_t ends_stream = 1;   // of headers and data
    static constexpr std::uint8_t ends_headers = 4;

    static int choose(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                      unsigned offered_size, void*) {
        const std::string_view offers(reinterpret_cast<const char*>(offered), offered_size);
        const std::size_t found = offers.find("\x02h2");
        if (found == std::string_view::npos) return SSL_TLSEXT_ERR_ALERT_FATAL;
        *chosen = offered + found + 1;
        *size = 2;
        return SSL_TLSEXT_ERR_OK;
    }
    void accept() {
        for (;;) {
            boost::asio::ip::tcp::socket socket = acceptor_.accept();
            if (is_ending_) return;
            ++connections_;
            Stream stream(std::move(socket), tls_);
            boost::system::error_code error;
            stream.handshake(boost::asio::ssl::stream_base::server, error);
            if (!error) serve(stream);
        }
    }
    void serve(Stream& stream) {
        constexpr std::size_t preface_size = 24;
        std::string received(preface_size, '\0');
        boost::system::error_code error;
        boost::asio::read(stream, boost::asio::buffer(received), error);
        if (!error) send(stream, settings, 0, 0, "", error);
        while (!error) {
            std::array<unsigned char, 9> head{};
            boost::asio::read(stream, boost::asio::buffer(head), error);
            if (error) return;
            received.resize((head[0] << 16U) + (head[1] << 8U) + head[2]);
            boost::asio::read(stream, boost::asio::buffer(received), error);
            if (error) return;
            if (head[3] == settings && (head[4] & acknowledges) == 0) send(stream, settings, acknowledges, 0, "", error);
            if (head[3] != headers) continue;
            ++requests_;
            constexpr const char* status_200 = "\x88";  // of HPACK's static table
            send(stream, headers, ends_headers, head[8], status_200, error);
            send(stream, data, ends_stream, head[8], "{}", error);
        }
    }
    static void send(Stream& stream, FrameType type, std::uint8_t flags, std::uint8_t stream_id, const std::string& payload,
                     boost::system::error_code& error) {
        std::string frame = {0, 0, static_cast<char>(payload.size()), static_cast<char>(type), static_cast<char>(flags), 0,
                             0, 0, static_cast<char>(stream_id)};
        boost::asio::write(stream, boost::asio::buffer(frame + payload), error);
    }

    boost::asio::ssl::context& tls_;
    boost::asio::io_context io_;
    boost::asio::ip::tcp::acceptor acceptor_;
    std::uint16_t port_ = 0;
    std::atomic<bool> is_ending_ = false;
    std::atomic<int> connections_ = 0;
    std::atomic<int> requests_ = 0;
    std::thread thread_;
};
