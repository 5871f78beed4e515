#pragma once

#include <modapi/hosting/bus.h>
#include <modapi/hosting/worker_bus.h>

#include <optional>

namespace modapi {

/// The bus between the subscribers of one process: no message is lost, so that nobody hears of a gap unless whoever has the bus
/// says so. Cost: a message is copied once, however many hear it.
class InProcessBus final : public Bus {
public:
    [[nodiscard]] std::size_t subscribe(boost::asio::any_io_executor executor, Handlers handlers) override;
    void unsubscribe(std::size_t subscriber) override { subscribers_.unsubscribe(subscriber); }
    void publish(std::size_t from, BusMessage message) override;
    /// Tells all subscribers that messages may have been lost, behind those that were published before. Thread: any.
    void tell_gap() { subscribers_.publish(0, std::nullopt); }

private:
    InProcessWorkerBus<std::optional<BusMessage>> subscribers_;  ///< nothing: a gap
};

}  // namespace modapi
