#include <modapi/hosting/server_bus.h>

#include "bus_thread.h"

#include <utility>

namespace modapi {

ServerBus::ServerBus(const MakeLine& make_line, const BusTimes& times)
    : thread_(std::make_unique<BusThread>(make_line, times)) {}

ServerBus::~ServerBus() = default;

std::size_t ServerBus::subscribe(boost::asio::any_io_executor executor, Handlers handlers) {
    return thread_->subscribers().subscribe(std::move(executor), std::move(handlers));
}

void ServerBus::unsubscribe(std::size_t subscriber) { thread_->subscribers().unsubscribe(subscriber); }

void ServerBus::publish(std::size_t from, BusMessage message) { thread_->publish(from, std::move(message)); }

}  // namespace modapi
