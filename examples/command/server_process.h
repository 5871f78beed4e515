#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/streambuf.hpp>

#include <functional>
#include <string>
#include <vector>

namespace command {

/// The reference homeserver as a child of this process. Its log goes where this process's does. It ends when this process is
/// interrupted, hung up on or terminated; also when it is killed.
class ServerProcess {
public:
    /// `arguments`: the program's path first. Errors: std::system_error.
    explicit ServerProcess(const std::vector<std::string>& arguments);
    ServerProcess(const ServerProcess&) = delete;
    ServerProcess& operator=(const ServerProcess&) = delete;

    [[nodiscard]] boost::asio::io_context& io() noexcept { return io_; }
    /// Waits until the server has ended and gives its status, as a shell would. `on_line` gets each line that it writes to its
    /// standard output, on this thread.
    int wait(const std::function<void(const std::string&)>& on_line);

private:
    void start(const std::vector<std::string>& arguments);
    void read_line(const std::function<void(const std::string&)>& on_line);
    void wait_for_interruption();
    void wait_for_end();

    boost::asio::io_context io_;
    boost::asio::signal_set interruptions_;
    boost::asio::signal_set ends_of_children_;
    boost::asio::posix::stream_descriptor output_;
    boost::asio::streambuf read_;
    int process_ = 0;
    int status_ = 0;
    bool was_interrupted_ = false;
};

}  // namespace command
