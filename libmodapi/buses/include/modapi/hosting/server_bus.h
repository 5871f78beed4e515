#pragma once

#include <modapi/hosting/bus.h>

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <functional>
#include <memory>

namespace modapi {

class BusLine;
class BusThread;

/// How patient a bus is with its server.
struct BusTimes {
    /// From one packet to the next: what is published meanwhile goes together, since each packet wakes all other processes. The first
    /// behind a pause doesn't wait.
    std::chrono::milliseconds packets_apart = std::chrono::milliseconds(20);
    std::chrono::milliseconds probe_every = std::chrono::seconds(10);      ///< asks whether the server is still there
    std::chrono::milliseconds answer_within = std::chrono::seconds(10);    ///< a server that is silent for longer is lost
    std::chrono::milliseconds first_wait = std::chrono::milliseconds(50);  ///< before it is tried again; doubles with each try
    std::chrono::milliseconds longest_wait = std::chrono::seconds(2);
};

/// A bus between processes, over a server that all of them reach.
///
/// Subscribers of the own process are told at once and directly, whether the server is there or not. The others hear what the
/// bus's own thread sends, in batches: what is published while one is under way, or within 20 ms of it, goes together with the
/// next, two of the same topic and text once. When the connection is lost, and when more than 4,096 messages wait, what waits is dropped; who may
/// have missed something hears of a gap: the subscribers of this process after each connection that was made again, those of
/// the others with the first that is sent to them. What others than buses say on the channel is ignored.
///
/// A loss is one line in the log, and its end another. Thread: any; one of its own, on which all waiting is.
class ServerBus : public Bus {
public:
    /// What waits to be sent is dropped.
    ~ServerBus() override;

    [[nodiscard]] std::size_t subscribe(boost::asio::any_io_executor executor, Handlers handlers) final;
    void unsubscribe(std::size_t subscriber) final;
    void publish(std::size_t from, BusMessage message) final;

protected:
    using MakeLine = std::function<std::unique_ptr<BusLine>(const boost::asio::any_io_executor& executor)>;

    /// Blocks until the bus is open, or it is known that it isn't yet. Errors: BusError.
    ServerBus(const MakeLine& make_line, const BusTimes& times);

private:
    std::unique_ptr<BusThread> thread_;
};

}  // namespace modapi
