#include "process/acceptor.h"

#include <spdlog/spdlog.h>
#include <boost/asio/ip/v6_only.hpp>

#include <exception>
#include <utility>

namespace homeserver {

namespace {

using boost::asio::ip::tcp;

/// After a failed accept: most often no file descriptor is left, and trying at once would only burn the processor.
constexpr auto pause_after_failure = std::chrono::milliseconds(100);
constexpr auto report_interval = std::chrono::seconds(1);
/// So many clients are turned away before anything else is done.
constexpr int max_turned_away = 1000;

bool is_out_of_descriptors(const boost::system::error_code& error) {
    return error == boost::system::errc::too_many_files_open || error == boost::system::errc::too_many_files_open_in_system;
}

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
    acceptor_.non_blocking(true, error);
    require();
}

std::string Acceptor::address() const {
    const tcp::endpoint endpoint = acceptor_.local_endpoint();
    Listener resolved;
    resolved.address = endpoint.address().to_string();
    resolved.port = endpoint.port();
    return resolved.to_string();
}

void Acceptor::start(std::function<void(tcp::socket client)> give, std::function<ConnectionCounts()> clients) {
    give_ = std::move(give);
    clients_ = std::move(clients);
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
            turn_away(error);
            wait_and_accept();
            return;
        }
        hand_over(std::move(client));
        accept_next();
    });
}

void Acceptor::hand_over(tcp::socket client) noexcept {
    try {
        give_(std::move(client));
    } catch (const std::exception& error) {
        spdlog::error("a client can't be served: {}", error.what());
    }
}

/// Whoever waits at the limit would wait for nothing: who is let in is closed at once, by a descriptor that is kept for
/// that.
void Acceptor::turn_away(const boost::system::error_code& because) {
    const bool is_full = is_out_of_descriptors(because);
    if (is_full) {
        spare_.release();
        boost::system::error_code error;
        for (int count = 0; !error && count < max_turned_away; ++count) {
            tcp::socket turned_away(acceptor_.get_executor());
            acceptor_.accept(turned_away, error);
            if (!error) ++turned_away_;
        }
    }
    const auto now = std::chrono::steady_clock::now();
    if (now >= next_report_) {
        next_report_ = now + report_interval;
        const std::string use = is_full ? ": " + descriptor_use(clients_()) : std::string();
        spdlog::warn("a client couldn't be let in: {}{}; turned_away={}", because.message(), use,
                     std::exchange(turned_away_, 0));
    }
    if (is_full) spare_.hold();
}

void Acceptor::wait_and_accept() {
    pause_.expires_after(pause_after_failure);
    pause_.async_wait([this](const boost::system::error_code& error) {
        if (!error && acceptor_.is_open()) accept_next();
    });
}

}  // namespace homeserver
