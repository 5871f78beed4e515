#include <modapi/hosting/broadcasts.h>
#include <modapi/hosting/log.h>

#include <callbacks/errors.h>
#include <callbacks/storable_json.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <spdlog/spdlog.h>

#include <exception>
#include <utility>

namespace modapi {

namespace {

using callbacks::JsonDict;

constexpr std::string_view topic_of_broadcasts = "broadcasts";

}  // namespace

void Broadcasts::connect(SharedMessages& messages) {
    messages_ = &messages;
    messages.listen(std::string(topic_of_broadcasts), [this](const SharedMessage& message) { tell_workers(message.text); });
}

std::size_t Broadcasts::subscribe(const boost::asio::any_io_executor& executor, Handler handler) {
    return workers_.subscribe(executor, std::move(handler));
}

void Broadcasts::unsubscribe(std::size_t subscriber) { workers_.unsubscribe(subscriber); }

async::task<void> Broadcasts::send(Broadcasts& self, Broadcast broadcast) {
    std::string content = boost::json::serialize(*broadcast.content);
    if (content.size() > most_bytes) {
        throw callbacks::SynapseError(413,
                                      "A broadcast of module " + broadcast.module + " has " + std::to_string(content.size()) +
                                          " bytes as JSON, of at most " + std::to_string(most_bytes),
                                      callbacks::Codes::TOO_LARGE);
    }
    if (self.messages_ != nullptr) {
        JsonDict envelope;
        envelope["module"] = broadcast.module;
        envelope["topic"] = broadcast.topic;
        envelope["content"] = *broadcast.content;
        std::string text = boost::json::serialize(envelope);
        async::task<void> sending = SharedMessages::send(*self.messages_, std::string(topic_of_broadcasts), std::move(text));
        co_await std::move(sending);
    }
    self.workers_.publish(InProcessWorkerBus<Broadcast>::nobody, broadcast);
}

void Broadcasts::tell_workers(const std::string& text) {
    try {
        boost::json::parse_options options;
        options.max_depth = callbacks::max_stored_nesting + 2;
        const callbacks::JsonValue parsed = boost::json::parse(text, {}, options);
        const JsonDict& envelope = parsed.as_object();
        Broadcast broadcast;
        broadcast.module = envelope.at("module").as_string();
        broadcast.topic = envelope.at("topic").as_string();
        broadcast.content = std::make_shared<const JsonDict>(envelope.at("content").as_object());
        workers_.publish(InProcessWorkerBus<Broadcast>::nobody, broadcast);
    } catch (const std::exception& failure) {
        framework_log().error("a broadcast of another process can't be read: {}", failure.what());
    }
}

}  // namespace modapi
