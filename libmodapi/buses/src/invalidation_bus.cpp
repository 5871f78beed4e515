#include <modapi/invalidation_bus.h>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace modapi {

std::size_t InProcessInvalidationBus::subscribe(boost::asio::any_io_executor executor, Handler handler) {
    const std::scoped_lock lock(mutex_);
    subscribers_.push_back({next_, std::move(executor), std::make_shared<Handler>(std::move(handler))});
    return next_++;
}

void InProcessInvalidationBus::unsubscribe(std::size_t subscriber) {
    const std::scoped_lock lock(mutex_);
    const auto found = std::find_if(subscribers_.begin(), subscribers_.end(),
                                    [&](const Subscriber& candidate) { return candidate.number == subscriber; });
    if (found == subscribers_.end()) return;
    // What is posted already finds it empty; both happen on the subscriber's executor.
    *found->handler = nullptr;
    subscribers_.erase(found);
}

void InProcessInvalidationBus::publish(std::size_t from, const CacheInvalidation& invalidation) {
    const std::scoped_lock lock(mutex_);
    for (const Subscriber& subscriber : subscribers_) {
        if (subscriber.number == from) continue;
        boost::asio::post(subscriber.executor, [handler = subscriber.handler, invalidation] {
            if (*handler) (*handler)(invalidation);
        });
    }
}

}  // namespace modapi
