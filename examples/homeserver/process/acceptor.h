#pragma once

#include "process/server_configuration.h"

#include <modapi/hosting/configuration.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <string>

namespace homeserver {

/// Accepts the clients of one address. Thread: that of its io_context.
class Acceptor {
public:
    /// Listens from now on. Errors: modapi::ConfigurationError, `FILE:LINE: listeners[0].port: 127.0.0.1:8008 is already in
    /// use`.
    Acceptor(boost::asio::io_context& io, const Listener& listener, const modapi::ConfigurationFile& file);

    /// Begins to accept; `give` gets each client.
    void start(std::function<void(boost::asio::ip::tcp::socket client)> give);
    /// Nobody gets in any more.
    void stop();
    /// `127.0.0.1:8008`, with the real port where 0 was asked for.
    [[nodiscard]] std::string address() const;

private:
    void accept_next();
    void wait_and_accept();

    boost::asio::ip::tcp::acceptor acceptor_;
    boost::asio::steady_timer pause_;
    std::function<void(boost::asio::ip::tcp::socket client)> give_;
};

}  // namespace homeserver
