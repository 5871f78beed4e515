#include "events/notifier.h"

#include <boost/asio/post.hpp>

namespace homeserver {

void Notifier::attach(boost::asio::any_io_executor executor, EventHandler on_event, WakeHandler on_wake) {
    const std::lock_guard lock(mutex_);
    attached_.push_back({std::move(executor), std::make_shared<EventHandler>(std::move(on_event)),
                         std::make_shared<WakeHandler>(std::move(on_wake))});
}

void Notifier::detach_all() {
    const std::lock_guard lock(mutex_);
    attached_.clear();
}

// The posts are made under the lock: all workers hear of two notifications in the same order.
void Notifier::event_stored(const callbacks::Event& event, std::shared_ptr<const callbacks::StateMap> state,
                            std::vector<std::string> users) {
    const auto woken = std::make_shared<const std::vector<std::string>>(std::move(users));
    const std::lock_guard lock(mutex_);
    for (const Attached& worker : attached_) {
        boost::asio::post(worker.executor, [on_event = worker.on_event, on_wake = worker.on_wake, event, state, woken] {
            (*on_event)(event, state);
            (*on_wake)(*woken);
        });
    }
}

void Notifier::wake(std::vector<std::string> users) {
    const auto woken = std::make_shared<const std::vector<std::string>>(std::move(users));
    const std::lock_guard lock(mutex_);
    for (const Attached& worker : attached_) {
        boost::asio::post(worker.executor, [on_wake = worker.on_wake, woken] { (*on_wake)(*woken); });
    }
}

}  // namespace homeserver
