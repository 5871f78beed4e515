#pragma once

#include "process/descriptor_use.h"
#include "process/server_configuration.h"

#include <modapi/hosting/configuration.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

namespace homeserver {

/// Accepts the clients of one address. Thread: that of its io_context.
class Acceptor {
public:
    /// Listens from now on. Errors: modapi::ConfigurationError, `FILE:LINE: listeners[0].port: 127.0.0.1:8008 is already in
    /// use`.
    Acceptor(boost::asio::io_context& io, const Listener& listener, const modapi::ConfigurationFile& file);

    /// Begins to accept; `give` gets each client, `clients` says who is connected. Where no file descriptor is left clients are
    /// turned away, and the log says, once a second at most, what holds them all.
    void start(std::function<void(boost::asio::ip::tcp::socket client)> give, std::function<ConnectionCounts()> clients);
    /// Nobody gets in any more.
    void stop();
    /// `127.0.0.1:8008`, with the real port where 0 was asked for.
    [[nodiscard]] std::string address() const;

private:
    void accept_next();
    void wait_and_accept();
    /// Hands a client over; who can't be served is logged and let go.
    void hand_over(boost::asio::ip::tcp::socket client) noexcept;
    void turn_away(const boost::system::error_code& because);

    boost::asio::ip::tcp::acceptor acceptor_;
    boost::asio::steady_timer pause_;
    std::function<void(boost::asio::ip::tcp::socket client)> give_;
    std::function<ConnectionCounts()> clients_;
    SpareDescriptor spare_;
    std::size_t turned_away_ = 0;  ///< since it was last reported
    std::chrono::steady_clock::time_point next_report_;
};

}  // namespace homeserver
