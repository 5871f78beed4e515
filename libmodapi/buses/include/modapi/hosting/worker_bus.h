#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace modapi {

/// Tells workers what happened in one of them. Several processes need another implementation than InProcessWorkerBus; nothing
/// above assumes that there is only one.
///
/// Thread: any.
template <class Message>
class WorkerBus {
public:
    using Handler = std::function<void(const Message&)>;
    static constexpr std::size_t nobody = 0;  ///< no subscriber's number: all hear of what it publishes

    WorkerBus() = default;
    virtual ~WorkerBus() = default;
    WorkerBus(const WorkerBus&) = delete;
    WorkerBus& operator=(const WorkerBus&) = delete;

    /// Calls `handler` on `executor` for every message that others publish; gives the subscriber's number, which is never 0.
    [[nodiscard]] virtual std::size_t subscribe(boost::asio::any_io_executor executor, Handler handler) = 0;
    /// After this returns on the subscriber's own executor, its handler isn't called any more.
    virtual void unsubscribe(std::size_t subscriber) = 0;
    /// Tells all subscribers but `from`, the publisher's own number; `nobody`: it tells all.
    virtual void publish(std::size_t from, const Message& message) = 0;
};

/// The bus between the workers of one process: all of them hear of two messages in the same order. Cost: a message is copied
/// once, however many hear it, and not at all where nobody does.
template <class Message>
class InProcessWorkerBus final : public WorkerBus<Message> {
public:
    using typename WorkerBus<Message>::Handler;

    [[nodiscard]] std::size_t subscribe(boost::asio::any_io_executor executor, Handler handler) override {
        const std::scoped_lock lock(mutex_);
        subscribers_.push_back({next_, std::move(executor), std::make_shared<Handler>(std::move(handler))});
        return next_++;
    }

    void unsubscribe(std::size_t subscriber) override {
        const std::scoped_lock lock(mutex_);
        const auto found = std::find_if(subscribers_.begin(), subscribers_.end(),
                                        [&](const Subscriber& candidate) { return candidate.number == subscriber; });
        if (found == subscribers_.end()) return;
        // What is posted already finds it empty; both happen on the subscriber's executor.
        *found->handler = nullptr;
        subscribers_.erase(found);
    }

    void publish(std::size_t from, const Message& message) override {
        std::shared_ptr<const Message> copy;
        // The posts are made under the lock: that is what gives everybody the same order.
        const std::scoped_lock lock(mutex_);
        for (const Subscriber& subscriber : subscribers_) {
            if (subscriber.number == from) continue;
            if (copy == nullptr) copy = std::make_shared<const Message>(message);
            boost::asio::post(subscriber.executor, [handler = subscriber.handler, copy] {
                if (*handler) (*handler)(*copy);
            });
        }
    }

private:
    struct Subscriber {
        std::size_t number;
        boost::asio::any_io_executor executor;
        std::shared_ptr<Handler> handler;
    };
    std::mutex mutex_;
    std::size_t next_ = 1;
    std::vector<Subscriber> subscribers_;
};

}  // namespace modapi
