#include "smtp_peer.h"

#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include <sys/socket.h>

#include <chrono>
#include <utility>

namespace homeserver_test {

namespace {

using boost::asio::ip::tcp;

const tcp::endpoint any_loopback_port(boost::asio::ip::address_v4::loopback(), 0);

/// One client's lines.
template <class Stream>
class LineReader {
public:
    explicit LineReader(Stream& stream) : stream_(stream) {}
    /// False: the client is gone.
    bool read(std::string& line) {
        boost::system::error_code error;
        const std::size_t size = boost::asio::read_until(stream_, boost::asio::dynamic_buffer(received_), "\r\n", error);
        if (error) return false;
        line = received_.substr(0, size - 2);
        received_.erase(0, size);
        return true;
    }
    void answer(const std::string& line) {
        boost::system::error_code ignored;
        boost::asio::write(stream_, boost::asio::buffer(line + "\r\n"), ignored);
    }

private:
    Stream& stream_;
    std::string received_;
};

std::string in_brackets(const std::string& command) {
    const std::size_t begin = command.find('<');
    return command.substr(begin + 1, command.find('>') - begin - 1);
}

}  // namespace

unsigned short refused_port() {
    boost::asio::io_context io;
    return tcp::acceptor(io, any_loopback_port).local_endpoint().port();
}

SmtpPeer::SmtpPeer(SmtpBehaviour behaviour)
    : behaviour_(std::move(behaviour)),
      acceptor_(io_, any_loopback_port),
      port_(acceptor_.local_endpoint().port()),
      thread_([this] { run(); }) {}

SmtpPeer::~SmtpPeer() {
    ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
    ::shutdown(serving_, SHUT_RDWR);
    thread_.join();
}

std::vector<ReceivedMail> SmtpPeer::mails() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return mails_;
}

bool SmtpPeer::was_told(const std::string& command) {
    std::unique_lock<std::mutex> lock(mutex_);
    return something_came_.wait_for(lock, std::chrono::seconds(20), [&] {
        for (const std::string& known : commands_) {
            if (known.starts_with(command)) return true;
        }
        return false;
    });
}

void SmtpPeer::run() {
    for (;;) {
        tcp::socket socket(io_);
        boost::system::error_code error;
        acceptor_.accept(socket, error);
        if (error) return;
        serving_ = socket.native_handle();
        serve(socket);
        serving_ = -1;
    }
}

void SmtpPeer::serve(tcp::socket& socket) {
    const bool wants_tls = converse(socket, ReceivedMail(), true);
    if (!wants_tls) return;
    boost::asio::ssl::stream<tcp::socket&> stream(socket, *behaviour_.tls);
    boost::system::error_code error;
    stream.handshake(boost::asio::ssl::stream_base::server, error);
    if (error) return;
    ReceivedMail mail;
    mail.was_encrypted = true;
    converse(stream, mail, false);
}

template <class Stream>
bool SmtpPeer::converse(Stream& stream, ReceivedMail mail, bool greet) {
    LineReader<Stream> lines(stream);
    if (greet) lines.answer("220 peer ready");
    std::string command;
    while (lines.read(command)) {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            commands_.push_back(command);
        }
        something_came_.notify_all();
        const auto scripted = behaviour_.answers.find(command.substr(0, 4));
        if (scripted != behaviour_.answers.end()) {
            if (!scripted->second.empty()) lines.answer(scripted->second);
        } else if (command.starts_with("EHLO")) {
            if (behaviour_.tls != nullptr && !mail.was_encrypted) lines.answer("250-STARTTLS");
            if (behaviour_.offers_login) lines.answer("250-AUTH PLAIN");
            lines.answer("250 8BITMIME");
        } else if (command == "STARTTLS") {
            lines.answer("220 go on");
            return true;
        } else if (command.starts_with("AUTH PLAIN")) {
            mail.login = command.substr(std::string("AUTH PLAIN").size());
            lines.answer(mail.login.empty() ? "334 " : "235 welcome");
        } else if (command.starts_with("MAIL FROM:")) {
            mail.from = in_brackets(command);
            lines.answer("250 fine");
        } else if (command.starts_with("RCPT TO:")) {
            mail.to = in_brackets(command);
            lines.answer("250 fine");
        } else if (command == "DATA") {
            lines.answer("354 go on");
            mail.data.clear();
            std::string line;
            while (lines.read(line) && line != ".") mail.data += (line.starts_with('.') ? line.substr(1) : line) + "\r\n";
            const std::lock_guard<std::mutex> lock(mutex_);
            mails_.push_back(mail);
            lines.answer("250 taken");
        } else if (command == "QUIT") {
            lines.answer("221 bye");
            return false;
        } else {
            mail.login = command;  // what follows an AUTH PLAIN without it
            lines.answer("235 welcome");
        }
    }
    return false;
}

}  // namespace homeserver_test
