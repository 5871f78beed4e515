#pragma once

#include <boost/asio/any_io_executor.hpp>

#include <cstddef>
#include <functional>
#include <string>

namespace modapi {

/// What one subscriber of a Bus tells the others.
struct BusMessage {
    static constexpr std::size_t longest_topic = 60;
    static constexpr std::size_t longest_text = 1000;

    std::string topic;  ///< at most 60 bytes
    std::string text;   ///< at most 1,000 bytes
};

/// Wakes those who wait for something that was written: workers of a process, and of other processes that share a database.
///
/// A message is a hint, and nothing rests on it: it may be lost, or come twice, and two of the same topic and text may come as
/// one. What must not be lost is a row of the database, which those who are woken read; so do they every few seconds, woken or
/// not.
///
/// Thread: any. Lifetime: outlives its subscribers.
class Bus {
public:
    /// What a subscriber is called with, on its executor.
    struct Handlers {
        std::function<void(const BusMessage&)> message;
        /// Messages may have been lost: read on. Empty: nothing is called.
        std::function<void()> gap;
    };

    Bus() = default;
    virtual ~Bus() = default;
    Bus(const Bus&) = delete;
    Bus& operator=(const Bus&) = delete;

    /// Calls `handlers` on `executor`, for every message of others from now on; gives the subscriber's number, which is never
    /// 0. Those of one publisher come in their order.
    [[nodiscard]] virtual std::size_t subscribe(boost::asio::any_io_executor executor, Handlers handlers) = 0;
    /// After this returns on the subscriber's own executor, its handlers aren't called any more.
    virtual void unsubscribe(std::size_t subscriber) = 0;
    /// Tells all subscribers in all processes but `from`, the publisher's own number; 0: all of them. Doesn't wait. Errors:
    /// std::invalid_argument for a message that is too long.
    virtual void publish(std::size_t from, BusMessage message) = 0;
};

}  // namespace modapi
