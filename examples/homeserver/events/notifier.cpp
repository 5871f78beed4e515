#include "events/notifier.h"

#include <utility>

namespace homeserver {

namespace {

constexpr std::size_t nobody = 0;  // no subscriber's number: who publishes hears of it too

}  // namespace

std::size_t Notifier::attach(boost::asio::any_io_executor executor, Handler handler) {
    return bus_.subscribe(std::move(executor), std::move(handler));
}

void Notifier::detach(std::size_t attached) { bus_.unsubscribe(attached); }

void Notifier::publish(const News& news) { bus_.publish(nobody, news); }

void Notifier::wake(std::vector<std::string> users) {
    News news;
    news.users = std::move(users);
    publish(news);
}

}  // namespace homeserver
