#pragma once

#include <modapi/hosting/in_process_bus.h>
#include <modapi/hosting/server_bus.h>

#include "bus_line.h"
#include "bus_outbox.h"
#include "bus_packet.h"

#include <async/notification.h>
#include <async/task.h>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace modapi {

/// What a ServerBus consists of. All that waits for the server is on one thread, which ends with the object.
class BusThread {
public:
    using MakeLine = std::function<std::unique_ptr<BusLine>(const boost::asio::any_io_executor& executor)>;

    /// See ServerBus.
    BusThread(const MakeLine& make_line, const BusTimes& times);
    ~BusThread();
    BusThread(const BusThread&) = delete;
    BusThread& operator=(const BusThread&) = delete;

    [[nodiscard]] InProcessBus& subscribers() noexcept { return subscribers_; }
    void publish(std::size_t from, BusMessage message);

private:
    /// Why the line isn't there, or isn't any more.
    struct Failure {
        std::string reason;
        bool is_refusal = false;
    };

    void stop();
    /// The first try, and all that follows.
    async::task<void> run();
    /// From a connection to its loss. What is thrown says why.
    async::task<void> connect_and_carry();
    async::task<void> begin_carrying();
    async::task<void> send_all();
    async::task<void> receive_all();
    async::task<void> ask_for_probes();
    async::task<void> send(BusOutbox::Batch batch);
    /// Tells the subscribers what is in it; true: this bus sent it.
    bool deliver(const std::string& packet);
    void note_connection();
    void note_failure(const Failure& failure);
    [[nodiscard]] static Failure failure_of(const std::exception_ptr& error, const BusTimes& times);

    BusTimes times_;
    InProcessBus subscribers_;
    BusOutbox outbox_;
    BusNumber number_ = next_bus_number();
    boost::asio::io_context io_{1};
    boost::asio::cancellation_signal ending_;
    std::unique_ptr<BusLine> line_;  // of the executor above
    async::notification awake_;
    bool probe_is_due_ = false;
    std::optional<std::chrono::steady_clock::time_point> carries_since_;  ///< none: nothing is carried now
    std::optional<Failure> failure_;                                      ///< that the log has told of; none: all is well
    std::promise<void> first_try_;
    bool was_tried_ = false;
    std::thread thread_;
};

}  // namespace modapi
