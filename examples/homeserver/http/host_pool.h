#pragma once

#include <boost/asio/any_io_executor.hpp>

namespace homeserver {

/// The threads for the server's own blocking work (passwords, files, signatures): a module that fills the pool that modules
/// defer to keeps nobody from logging in.
struct HostPool {
    boost::asio::any_io_executor executor;
};

}  // namespace homeserver
