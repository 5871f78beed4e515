#include "events/notifier.h"

#include <boost/asio/post.hpp>

#include <utility>

namespace homeserver {

void Notifier::attach(boost::asio::any_io_executor executor, Handler handler) {
    const std::lock_guard lock(mutex_);
    attached_.push_back({std::move(executor), std::make_shared<Handler>(std::move(handler))});
}

void Notifier::detach_all() {
    const std::lock_guard lock(mutex_);
    attached_.clear();
}

void Notifier::publish(News news) {
    const auto shared = std::make_shared<const News>(std::move(news));
    // The posts are made under the lock: all workers hear of two things in the same order.
    const std::lock_guard lock(mutex_);
    for (const Attached& worker : attached_) {
        boost::asio::post(worker.executor, [handler = worker.handler, shared] { (*handler)(*shared); });
    }
}

void Notifier::wake(std::vector<std::string> users) {
    News news;
    news.users = std::move(users);
    publish(std::move(news));
}

}  // namespace homeserver
