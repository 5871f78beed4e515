#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/thread_pool.hpp>

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace modapi {

/// Connections of one kind and the threads they are used on: as many threads as connections, so that one is always free.
template <class Connection>
class ConnectionPool {
public:
    using Open = std::function<std::unique_ptr<Connection>()>;

    template <class... Arguments>
    explicit ConnectionPool(std::size_t count, const Arguments&... arguments) : threads_(count) {
        for (std::size_t index = 0; index < count; ++index) free_.push_back(std::make_unique<Connection>(arguments...));
    }
    /// Each connection is opened by its first lease, whose errors are those of `open`.
    ConnectionPool(std::size_t count, Open open) : free_(count), open_(std::move(open)), threads_(count) {}
    ~ConnectionPool() { threads_.join(); }
    ConnectionPool(const ConnectionPool&) = delete;
    ConnectionPool& operator=(const ConnectionPool&) = delete;

    [[nodiscard]] boost::asio::any_io_executor executor() { return threads_.get_executor(); }

    /// Lends a connection for the life of this object. Waits for one if run_blocking uses it on a thread of its own.
    class Lease {
    public:
        explicit Lease(ConnectionPool& from) : from_(from) {
            std::unique_lock lock(from_.mutex_);
            from_.returned_.wait(lock, [this] { return !from_.free_.empty(); });
            connection_ = std::move(from_.free_.back());
            from_.free_.pop_back();
            lock.unlock();
            if (connection_ == nullptr) [[unlikely]]
                open();
        }
        ~Lease() { give_back(); }
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;
        [[nodiscard]] Connection& connection() const noexcept { return *connection_; }
        /// The next lease opens another one. For pools that open them.
        void close() noexcept { connection_.reset(); }

    private:
        void open() {
            try {
                connection_ = from_.open_();
            } catch (...) {
                give_back();
                throw;
            }
        }
        void give_back() noexcept {
            {
                const std::scoped_lock lock(from_.mutex_);
                from_.free_.push_back(std::move(connection_));
            }
            from_.returned_.notify_one();
        }

        ConnectionPool& from_;
        std::unique_ptr<Connection> connection_;
    };

private:
    std::mutex mutex_;
    std::condition_variable returned_;
    std::vector<std::unique_ptr<Connection>> free_;  // null: to be opened
    Open open_;
    boost::asio::thread_pool threads_;
};

}  // namespace modapi
