#pragma once

#include <modapi/hosting/worker_bus.h>

#include <callbacks/event.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace homeserver {

/// What one worker tells all.
struct News {
    std::optional<callbacks::Event> event;  ///< that was stored; none: something else is new
    std::shared_ptr<const callbacks::StateMap>
        state;                       ///< of the event's room, with the event; null where no module asks for it
    std::vector<std::string> users;  ///< for whom it is new
};

/// Carries news from the worker where they happened to all workers of the process, the same one included. Thread: any.
class Notifier {
public:
    using Handler = modapi::WorkerBus<News>::Handler;

    /// `handler` is called on `executor` for all news from now on, in their order. Gives the number to detach it by.
    [[nodiscard]] std::size_t attach(boost::asio::any_io_executor executor, Handler handler);
    /// From now on the handler isn't called any more. On the handler's executor.
    void detach(std::size_t attached);

    void publish(const News& news);
    /// Something is new for these users that is no event: account data, presence.
    void wake(std::vector<std::string> users);

private:
    modapi::InProcessWorkerBus<News> bus_;
};

}  // namespace homeserver
