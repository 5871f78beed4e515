#include "events/notifier.h"

#include <utility>

namespace homeserver {

std::size_t Notifier::attach(boost::asio::any_io_executor executor, Handler handler) {
    return bus_.subscribe(std::move(executor), std::move(handler));
}

void Notifier::detach(std::size_t attached) { bus_.unsubscribe(attached); }

void Notifier::tell(const News& news) { bus_.publish(modapi::WorkerBus<News>::nobody, news); }

void Notifier::publish(const News& news) {
    tell(news);
    hint(stream_topic, std::string());
}

void Notifier::wake(std::vector<std::string> users) {
    News news;
    news.users = std::move(users);
    publish(news);
}

void Notifier::wake_everywhere(const std::string& user_id) {
    News news;
    news.users.push_back(user_id);
    tell(news);
    hint(woken_user_topic, user_id);
}

async::task<void> Notifier::all_have_read() { return ask_readers_ ? ask_readers_() : async::make_ready_task(); }

void Notifier::connect(modapi::Bus* bus, std::size_t subscriber) noexcept {
    others_ = bus;
    subscriber_ = subscriber;
}

void Notifier::hint(const char* topic, std::string text) {
    if (others_ == nullptr) return;
    modapi::BusMessage message;
    message.topic = topic;
    message.text = std::move(text);
    others_->publish(subscriber_, std::move(message));
}

}  // namespace homeserver
