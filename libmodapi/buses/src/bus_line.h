#pragma once

#include <async/task.h>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace modapi {

/// There is no connection to the server, or there was one. what() is one line; trying again may help.
class BusLost : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A server that hands what one process tells it to all that listen, and this process's connection to it.
///
/// Thread: that of its bus. One `send` and one `receive` at a time, side by side; neither after `close`, until it is open
/// again. Errors of all tasks: BusLost; BusError where the server refuses for good. Cancel: cuts them, and the connection is of
/// no use then.
class BusLine {
public:
    BusLine() = default;
    virtual ~BusLine() = default;
    BusLine(const BusLine&) = delete;
    BusLine& operator=(const BusLine&) = delete;

    /// What is at the other end, as log lines call it.
    [[nodiscard]] virtual const std::string& name() const noexcept = 0;
    /// Nothing works without the server, so that its absence when the bus is opened is an error.
    [[nodiscard]] virtual bool is_needed() const noexcept = 0;
    [[nodiscard]] virtual std::size_t longest_packet() const noexcept = 0;

    /// Connects and begins to listen. Gives up by itself when the server is silent.
    [[nodiscard]] virtual async::task<void> open() = 0;
    /// Sends the packets in their order, and returns when the server has them. None: asks the server whether it is still there,
    /// on all its connections.
    [[nodiscard]] virtual async::task<void> send(std::vector<std::string> packets) = 0;
    /// The next packet, of whomever.
    [[nodiscard]] virtual async::task<std::string> receive() = 0;
    virtual void close() noexcept = 0;
};

}  // namespace modapi
