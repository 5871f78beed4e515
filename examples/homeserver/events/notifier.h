#pragma once

#include <callbacks/event.h>

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <mutex>
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
    using Handler = std::function<void(const News& news)>;

    /// `handler` is called on `executor` for all news from now on, in their order.
    void attach(boost::asio::any_io_executor executor, Handler handler);
    void detach_all();

    void publish(News news);
    /// Something is new for these users that is no event: account data, presence.
    void wake(std::vector<std::string> users);

private:
    struct Attached {
        boost::asio::any_io_executor executor;
        std::shared_ptr<Handler> handler;
    };
    std::mutex mutex_;
    std::vector<Attached> attached_;
};

}  // namespace homeserver
