#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace modapi {

/// What travels between workers: a cached function and the key that is no longer valid.
struct CacheInvalidation {
    std::string function;          ///< `module name.function name`
    std::vector<std::string> key;  ///< its parts as text
};

/// Carries invalidations from one worker to all the others. Several processes need another implementation; nothing above
/// assumes that there is only one.
///
/// Thread: any.
class InvalidationBus {
public:
    using Handler = std::function<void(const CacheInvalidation&)>;

    virtual ~InvalidationBus() = default;
    /// Calls `handler` on `executor` for every invalidation that others publish; gives the subscriber's number.
    [[nodiscard]] virtual std::size_t subscribe(boost::asio::any_io_executor executor, Handler handler) = 0;
    /// After this returns on the subscriber's own executor, its handler isn't called any more.
    virtual void unsubscribe(std::size_t subscriber) = 0;
    virtual void publish(std::size_t from, const CacheInvalidation& invalidation) = 0;
};

/// The bus between the workers of one process.
class InProcessInvalidationBus final : public InvalidationBus {
public:
    [[nodiscard]] std::size_t subscribe(boost::asio::any_io_executor executor, Handler handler) override;
    void unsubscribe(std::size_t subscriber) override;
    void publish(std::size_t from, const CacheInvalidation& invalidation) override;

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
