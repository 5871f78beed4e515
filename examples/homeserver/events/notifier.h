#pragma once

#include "events/waiting_syncs.h"

#include <callbacks/event.h>

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace homeserver {

/// Carries "something new for these users" and "this event was stored" from the worker where it happened to all workers of
/// the process, the same one included. Thread: any.
class Notifier {
public:
    using EventHandler = std::function<void(const callbacks::Event& event, std::shared_ptr<const callbacks::StateMap> state)>;
    using WakeHandler = std::function<void(const std::vector<std::string>& users)>;

    /// Both handlers are called on `executor`, in the order of the notifications.
    void attach(boost::asio::any_io_executor executor, EventHandler on_event, WakeHandler on_wake);
    void detach_all();

    /// After an event was stored: every worker runs on_new_event for it and then wakes the users' syncs.
    void event_stored(const callbacks::Event& event, std::shared_ptr<const callbacks::StateMap> state,
                      std::vector<std::string> users);
    /// Something else is new for these users: account data, presence.
    void wake(std::vector<std::string> users);

private:
    struct Attached {
        boost::asio::any_io_executor executor;
        std::shared_ptr<EventHandler> on_event;
        std::shared_ptr<WakeHandler> on_wake;
    };
    std::mutex mutex_;
    std::vector<Attached> attached_;
};

}  // namespace homeserver
