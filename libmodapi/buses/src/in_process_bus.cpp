#include <modapi/hosting/in_process_bus.h>

#include <stdexcept>
#include <utility>

namespace modapi {

std::size_t InProcessBus::subscribe(boost::asio::any_io_executor executor, Handlers handlers) {
    return subscribers_.subscribe(std::move(executor), [handlers = std::move(handlers)](const std::optional<BusMessage>& told) {
        if (told) {
            handlers.message(*told);
        } else if (handlers.gap) {
            handlers.gap();
        }
    });
}

void InProcessBus::publish(std::size_t from, BusMessage message) {
    if (message.topic.size() > BusMessage::longest_topic)
        throw std::invalid_argument("a topic on the bus has at most 60 bytes, not " + std::to_string(message.topic.size()));
    if (message.text.size() > BusMessage::longest_text)
        throw std::invalid_argument("a text on the bus has at most 1,000 bytes, not " + std::to_string(message.text.size()));
    subscribers_.publish(from, std::move(message));
}

}  // namespace modapi
