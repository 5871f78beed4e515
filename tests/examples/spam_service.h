#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace homeserver_test {

/// A real HTTP service on a loopback port that serves any number of connections at once and keeps them open; may be stopped and
/// started again on the same port.
class SpamService {
public:
    struct Question {
        std::string target;
        std::string authorization;
        std::string body;
        std::string traceparent;
        std::string tracestate;
    };
    struct Reply {
        unsigned status = 200;
        std::string body = "{}";
        std::chrono::milliseconds delay{0};
    };
    using Handler = std::function<Reply(const Question&)>;

    explicit SpamService(Handler handler) : handler_(std::move(handler)) {
        // Below those that connections to anywhere begin at: while it is stopped, nobody else takes its port.
        for (port_ = static_cast<unsigned short>(20'000 + ::getpid() % 10'000); !running_; ++port_) {
            try {
                start();
                return;
            } catch (const boost::system::system_error& taken) {
                if (taken.code() != boost::asio::error::address_in_use) throw;
            }
        }
    }
    ~SpamService() { stop(); }
    SpamService(const SpamService&) = delete;
    SpamService& operator=(const SpamService&) = delete;

    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    /// Closes all connections; nobody listens any more.
    void stop() {
        if (!running_) return;
        running_->io.stop();
        running_->thread.join();
        running_.reset();
    }
    void start() {
        running_ = std::make_unique<Running>(port_);
        port_ = running_->acceptor.local_endpoint().port();
        accept();
        running_->thread = std::thread([this] { running_->io.run(); });
    }

    [[nodiscard]] int connections() const noexcept { return connections_; }
    /// What was asked so far.
    [[nodiscard]] std::vector<Question> questions() const {
        const std::lock_guard lock(mutex_);
        return questions_;
    }

private:
    using tcp = boost::asio::ip::tcp;

    struct Running {
        explicit Running(unsigned short port) : acceptor(io, tcp::endpoint(boost::asio::ip::address_v4::loopback(), port)) {}
        boost::asio::io_context io{1};
        tcp::acceptor acceptor;
        std::thread thread;
    };
    struct Connection {
        explicit Connection(tcp::socket accepted) : socket(std::move(accepted)), delay(socket.get_executor()) {}
        tcp::socket socket;
        boost::asio::steady_timer delay;
        boost::beast::flat_buffer buffer;
        boost::beast::http::request<boost::beast::http::string_body> request;
        boost::beast::http::response<boost::beast::http::string_body> response;
    };
    using SharedConnection = std::shared_ptr<Connection>;

    void accept() {
        running_->acceptor.async_accept([this](boost::system::error_code error, tcp::socket socket) {
            if (error) return;
            ++connections_;
            read(std::make_shared<Connection>(std::move(socket)));
            accept();
        });
    }
    void read(const SharedConnection& connection) {
        connection->request = {};
        boost::beast::http::async_read(connection->socket, connection->buffer, connection->request,
                                       [this, connection](boost::system::error_code error, std::size_t) {
                                           if (!error) answer(connection);
                                       });
    }
    void answer(const SharedConnection& connection) {
        Question question;
        question.target = std::string(connection->request.target());
        question.authorization = std::string(connection->request[boost::beast::http::field::authorization]);
        question.body = connection->request.body();
        question.traceparent = std::string(connection->request["traceparent"]);
        question.tracestate = std::string(connection->request["tracestate"]);
        const Reply reply = handler_(question);
        {
            const std::lock_guard lock(mutex_);
            questions_.push_back(std::move(question));
        }
        connection->response = {static_cast<boost::beast::http::status>(reply.status), 11};
        connection->response.body() = reply.body;
        connection->response.keep_alive(connection->request.keep_alive());
        connection->response.prepare_payload();
        connection->delay.expires_after(reply.delay);
        connection->delay.async_wait([this, connection](boost::system::error_code error) {
            if (!error) write(connection);
        });
    }
    void write(const SharedConnection& connection) {
        boost::beast::http::async_write(connection->socket, connection->response,
                                        [this, connection](boost::system::error_code error, std::size_t) {
                                            if (!error && connection->response.keep_alive()) read(connection);
                                        });
    }

    Handler handler_;
    unsigned short port_ = 0;
    std::atomic<int> connections_ = 0;
    mutable std::mutex mutex_;
    std::vector<Question> questions_;
    std::unique_ptr<Running> running_;
};

}  // namespace homeserver_test
