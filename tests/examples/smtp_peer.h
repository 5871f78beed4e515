#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace homeserver_test {

/// What an SMTP server does.
struct SmtpBehaviour {
    /// What it answers instead to the commands that begin so: `{"RCPT", "550 no such user"}`. An empty answer: none, ever.
    std::map<std::string, std::string> answers;
    boost::asio::ssl::context* tls = nullptr;  ///< it offers STARTTLS
    bool offers_login = false;
};

/// A mail as it came in.
struct ReceivedMail {
    std::string from;
    std::string to;
    std::string data;   ///< headers and body, without the dots that SMTP adds
    std::string login;  ///< what came behind AUTH PLAIN
    bool was_encrypted = false;
};

/// A real SMTP server on a loopback port, on a thread of its own; one connection at a time.
class SmtpPeer {
public:
    explicit SmtpPeer(SmtpBehaviour behaviour = SmtpBehaviour());
    ~SmtpPeer();
    SmtpPeer(const SmtpPeer&) = delete;
    SmtpPeer& operator=(const SmtpPeer&) = delete;

    [[nodiscard]] unsigned short port() const noexcept { return port_; }
    [[nodiscard]] std::vector<ReceivedMail> mails() const;
    /// Waits until a command came that begins so.
    [[nodiscard]] bool was_told(const std::string& command);

private:
    void run();
    void serve(boost::asio::ip::tcp::socket& socket);
    template <class Stream>
    bool converse(Stream& stream, ReceivedMail mail, bool greet);

    SmtpBehaviour behaviour_;
    boost::asio::io_context io_{1};
    boost::asio::ip::tcp::acceptor acceptor_;
    unsigned short port_ = 0;
    mutable std::mutex mutex_;
    std::condition_variable something_came_;
    std::vector<std::string> commands_;
    std::vector<ReceivedMail> mails_;
    std::atomic<int> serving_{-1};  ///< the socket of who is being served
    std::thread thread_;
};

/// A port that nobody listens on.
[[nodiscard]] unsigned short refused_port();

}  // namespace homeserver_test
