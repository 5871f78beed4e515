#include "process/acceptor.h"

#include <spdlog/spdlog.h>
#include <boost/asio/ip/v6_only.hpp>

namespace homeserver {

namespace {

using boost::asio::ip::tcp;

/// After a failed accept: most often no file descriptor is left, and trying at once would only burn the processor.
constexpr auto pause_after_failure = std::chrono::milliseconds(100);

std::string reason_text(const Listener& listener, const boost::system::error_code& error) {
    if (error == boost::asio::error::address_in_use) return listener.to_string() + " is already in use";
    return "can't listen on " + listener.to_string() + ": " + error.message();
}

}  // namespace

Acceptor::Acceptor(boost::asio::io_context& io, const Listener& listener, const modapi::ConfigurationFile& file)
    : acceptor_(io), pause_(io) {
    const tcp::endpoint endpoint(boost::asio::ip::make_address(listener.address), listener.port);
    boost::system::error_code error;
    const auto require = [&] {
        if (error) file.fail(listener.path, reason_text(listener, error));
    };
    acceptor_.open(endpoint.protocol(), error);
    require();
    acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    require();
    if (endpoint.address().is_v6()) {
        acceptor_.set_option(boost::asio::ip::v6_only(true), error);  // `::` beside `0.0.0.0` are two listeners
        require();
    }
    acceptor_.bind(endpoint, error);
    require();
    acceptor_.listen(boost::asio::socket_base::max_listen_connections, error);
    require();
}

std::string Acceptor::address() const {
    const tcp::endpoint endpoint = acceptor_.local_endpoint();
    Listener resolved;
    resolved.address = endpoint.address().to_string();
    resolved.port = endpoint.port();
    return resolved.to_string();
}

void Acceptor::start(std::function<void(tcp::socket client)> give) {
    give_ = std::move(give);
    accept_next();
}

void Acceptor::stop() {
    boost::system::error_code ignored;  // NOLINT: what can't be closed isn't open
    acceptor_.close(ignored);
    pause_.cancel();
}

void Acceptor::accept_next() {
    acceptor_.async_accept([this](const boost::system::error_code& error, tcp::socket client) {
        if (!acceptor_.is_open()) return;
        if (error) {
            spdlog::warn("a client couldn't be let in: {}", error.message());
            wait_and_accept();
            return;
        }
        give_(std::move(client));
        accept_next();
    });
}

void Acceptor::wait_and_accept() {
    pause_.expires_after(pause_after_failure);
    pause_.async_wait([this](const boost::system::error_code& error) {
        if (!error && acceptor_.is_open()) accept_next();
    });
}

}  // namespace homeserver
