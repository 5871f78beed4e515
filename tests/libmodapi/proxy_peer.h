#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

/// A real HTTP proxy on a loopback port, on a thread of its own: one connection at a time. Whatever host it is asked for, it
/// connects to that port on 127.0.0.1. Plain requests are passed on as they are, CONNECT makes a tunnel.
class ProxyPeer {
public:
    /// Answers everything with this status line instead, if there is one.
    explicit ProxyPeer(std::string refusal = {})
        : refusal_(std::move(refusal)), acceptor_(io_, {boost::asio::ip::make_address("127.0.0.1"), 0}) {
        port_ = acceptor_.local_endpoint().port();
        thread_ = std::thread([this] { accept(); });
    }
    ~ProxyPeer() {
        is_ending_ = true;
        boost::asio::ip::tcp::socket last(io_);
        boost::system::error_code ignored;
        last.connect(acceptor_.local_endpoint(), ignored);
        thread_.join();
    }
    ProxyPeer(const ProxyPeer&) = delete;
    ProxyPeer& operator=(const ProxyPeer&) = delete;

    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    /// The headers of all requests so far.
    [[nodiscard]] std::vector<std::string> seen() const {
        const std::lock_guard lock(mutex_);
        return seen_;
    }

private:
    using tcp = boost::asio::ip::tcp;

    void accept() {
        for (;;) {
            tcp::socket socket = acceptor_.accept();
            if (is_ending_) return;
            serve(socket);
        }
    }
    void serve(tcp::socket& client) {
        boost::system::error_code error;
        std::string request;
        const std::size_t size = boost::asio::read_until(client, boost::asio::dynamic_buffer(request), "\r\n\r\n", error);
        if (error) return;
        {
            const std::lock_guard lock(mutex_);
            seen_.push_back(request.substr(0, size));
        }
        if (!refusal_.empty()) {
            boost::asio::write(client, boost::asio::buffer("HTTP/1.1 " + refusal_ + "\r\nContent-Length: 0\r\n\r\n"), error);
            return;
        }
        tcp::socket server(io_);
        server.connect({boost::asio::ip::make_address("127.0.0.1"), port_of(request)}, error);
        if (error) return;
        if (request.starts_with("CONNECT ")) {
            request.erase(0, size);
            boost::asio::write(client, boost::asio::buffer(std::string("HTTP/1.1 200 OK\r\nX-Of: the proxy\r\n\r\n")), error);
        }
        boost::asio::write(server, boost::asio::buffer(request), error);
        std::thread back([&] { pass(server, client); });
        pass(client, server);
        back.join();
    }
    static void pass(tcp::socket& from, tcp::socket& to) {
        std::array<char, 4096> bytes{};
        boost::system::error_code error;
        while (!error) {
            const std::size_t size = from.read_some(boost::asio::buffer(bytes), error);
            if (!error) boost::asio::write(to, boost::asio::buffer(bytes.data(), size), error);
        }
        boost::system::error_code ignored;
        from.shutdown(tcp::socket::shutdown_both, ignored);
        to.shutdown(tcp::socket::shutdown_both, ignored);
    }
    /// `GET http://host:PORT/path ...` or `CONNECT host:PORT ...`
    static std::uint16_t port_of(const std::string& request) {
        const std::size_t target = request.find(' ') + 1;
        const std::size_t scheme = request.find("://", target);
        const std::size_t colon = request.find(':', scheme == std::string::npos ? target : scheme + 1);
        return static_cast<std::uint16_t>(std::stoul(request.substr(colon + 1)));
    }

    std::string refusal_;
    boost::asio::io_context io_;
    tcp::acceptor acceptor_;
    std::uint16_t port_ = 0;
    std::atomic<bool> is_ending_ = false;
    mutable std::mutex mutex_;
    std::vector<std::string> seen_;
    std::thread thread_;
};
