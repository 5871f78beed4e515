#include <modapi/hosting/log.h>
#include <modapi/hosting/received_broadcasts.h>

#include <callbacks/errors.h>

#include <async/callback_frame.h>

#include <spdlog/spdlog.h>

#include <exception>
#include <utility>

namespace modapi {

ReceivedBroadcasts::ReceivedBroadcasts(Broadcasts& from, const async::environment& where, std::string module, std::string entry)
    : from_(from),
      module_(std::move(module)),
      entry_(std::move(entry)),
      receiving_(module_, "on_broadcast"),
      subscription_(from_.subscribe(where.executor, [this](const Broadcast& broadcast) { take(broadcast); })) {}

ReceivedBroadcasts::~ReceivedBroadcasts() { from_.unsubscribe(subscription_); }

void ReceivedBroadcasts::add(std::string topic, Handler handler) { handlers_.emplace(std::move(topic), std::move(handler)); }

void ReceivedBroadcasts::take(const Broadcast& broadcast) {
    if (broadcast.module != entry_ || !handlers_.contains(broadcast.topic)) return;
    if (waiting_.size() >= most_waiting) {
        if (dropped_++ == 0) {
            framework_log().warn("module {}: broadcasts are dropped: {} of them wait for its on_broadcast handlers", module_,
                                 waiting_.size());
        }
        return;
    }
    dropped_ = 0;
    waiting_.push_back(broadcast);
    filled_.notify_all();
}

async::task<void> ReceivedBroadcasts::call(const Handler& handler, const callbacks::JsonDict& content) {
    const async::context& outer = co_await async::this_context;
    async::callback_frame frame(outer);
    frame.enter(receiving_);
    async::callback_statistics::add(receiving_.statistics.runs);
    std::exception_ptr failure;
    try {
        async::task<void> running = handler.get()(content);
        co_await std::move(running).in(frame.here());
    } catch (...) {
        failure = std::current_exception();
    }
    frame.leave();
    if (!failure) co_return;
    outer.throw_if_cancelled();
    async::callback_statistics::add(receiving_.statistics.errors);
    framework_log().error("module {}: an on_broadcast handler failed: {}", module_, callbacks::message_of(failure));
}

async::task<void> ReceivedBroadcasts::hand_out(ReceivedBroadcasts& self) {
    for (;;) {
        while (self.waiting_.empty()) co_await self.filled_.wait();
        const Broadcast next = std::move(self.waiting_.front());
        self.waiting_.pop_front();
        // A handler may ask for more of them, which are for the next broadcast.
        const auto [first, end] = self.handlers_.equal_range(next.topic);
        std::vector<Handler> handlers;
        for (auto entry = first; entry != end; ++entry) handlers.push_back(entry->second);
        for (const Handler& handler : handlers) {
            async::task<void> calling = self.call(handler, *next.content);
            co_await std::move(calling);
        }
    }
}

}  // namespace modapi
