#pragma once

#include <modapi/hosting/new_event.h>
#include <modapi/hosting/worker_bus.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace homeserver {

/// What one worker tells all.
struct News {
    std::shared_ptr<modapi::NewEvent> event;  ///< that was stored; null: no module asks for it, or something else is new
    std::vector<std::string> users;           ///< for whom it is new
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
