#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <atomic>
#include <functional>
#include <list>
#include <string>
#include <thread>
#include <utility>

/// A server that does with each connection what a test says, on a thread for each.
class RawPeer {
public:
    /// A connection as a script sees it.
    class Connection {
    public:
        explicit Connection(boost::asio::ip::tcp::socket socket) : socket_(std::move(socket)) {}

        /// Reads a request without a body. False: the client has closed.
        bool read_request() {
            boost::system::error_code error;
            const std::size_t size =
                boost::asio::read_until(socket_, boost::asio::dynamic_buffer(received_), "\r\n\r\n", error);
            request_ = received_.substr(0, size);
            received_.erase(0, size);
            return !error;
        }
        /// The last request that was read.
        [[nodiscard]] const std::string& request() const noexcept { return request_; }
        /// False: the client has closed.
        bool send(const std::string& bytes) {
            boost::system::error_code error;
            boost::asio::write(socket_, boost::asio::buffer(bytes), error);
            return !error;
        }
        /// Waits until the client closes.
        void wait_for_end() {
            while (read_request()) {
            }
        }
        /// Ends the connection, and a script that waits on it.
        void shut_down() {
            boost::system::error_code ignored;
            socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_both, ignored);
        }

    private:
        boost::asio::ip::tcp::socket socket_;
        std::string received_;
        std::string request_;
    };
    using Script = std::function<void(Connection&)>;

    explicit RawPeer(Script script)
        : script_(std::move(script)), acceptor_(io_, {boost::asio::ip::make_address("127.0.0.1"), 0}) {
        address_ = "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
        accepting_ = std::thread([this] { accept(); });
    }
    ~RawPeer() {
        is_ending_ = true;
        boost::asio::ip::tcp::socket last(io_);
        boost::system::error_code ignored;
        last.connect(acceptor_.local_endpoint(), ignored);
        accepting_.join();
        for (auto& [connection, thread] : connections_) {
            connection.shut_down();
            thread.join();
        }
    }
    RawPeer(const RawPeer&) = delete;
    RawPeer& operator=(const RawPeer&) = delete;

    [[nodiscard]] const std::string& address() const noexcept { return address_; }
    [[nodiscard]] int connections() const noexcept { return count_; }

private:
    void accept() {
        for (;;) {
            boost::asio::ip::tcp::socket socket = acceptor_.accept();
            if (is_ending_) return;
            ++count_;
            auto& [connection, thread] = connections_.emplace_back(Connection(std::move(socket)), std::thread());
            thread = std::thread([this, &served = connection] {
                script_(served);
                served.shut_down();
            });
        }
    }

    Script script_;
    boost::asio::io_context io_;
    boost::asio::ip::tcp::acceptor acceptor_;
    std::string address_;
    std::list<std::pair<Connection, std::thread>> connections_;
    std::atomic<int> count_ = 0;
    std::atomic<bool> is_ending_ = false;
    std::thread accepting_;
};
