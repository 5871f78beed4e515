#include <modapi/hosting/blocking_threads.h>
#include <modapi/hosting/module_code.h>
#include <modapi/hosting/request_trace.h>

#include <async/callback_frame.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace modapi {

/// One module's, or those of one of its pools.
struct BlockingThreads::Share {
    Share(const std::string& module, const char* member)
        : on_stack(std::make_unique<async::callback_identity>(module, member)) {}

    std::unique_ptr<async::callback_identity> on_stack;  ///< what its threads are in the middle of
    std::deque<std::shared_ptr<detail::DeferredCall>> waiting;
    std::condition_variable changed;
    std::size_t idle = 0;  ///< threads that wait for a call
    std::size_t limit = 0;  ///< so many calls are made at a time: what was said last
    std::vector<std::thread> threads;
};

BlockingThreads::BlockingThreads(std::size_t max_per_module) : max_per_module_(std::max<std::size_t>(max_per_module, 1)) {}

BlockingThreads::~BlockingThreads() { join(); }

BlockingThreads::Share& BlockingThreads::share_of(const std::string& module, const ThreadPool* pool) {
    const Owner owner(module, pool == nullptr ? std::string() : pool->name());
    const auto known = shares_.find(owner);
    if (known != shares_.end()) return *known->second;
    const auto is_pool_of_module = [&](const auto& share) {
        return share.first.first == module && !share.first.second.empty();
    };
    if (pool != nullptr && static_cast<std::size_t>(std::count_if(shares_.begin(), shares_.end(), is_pool_of_module)) >=
                               ThreadPool::most_of_a_module) {
        throw std::logic_error("defer_to_threadpool: module " + module + " has " +
                               std::to_string(ThreadPool::most_of_a_module) + " thread pools, and can't have another one, " +
                               pool->name());
    }
    auto share = std::make_unique<Share>(module, pool == nullptr ? "defer_to_thread" : "defer_to_threadpool");
    return *shares_.emplace(owner, std::move(share)).first->second;
}

void BlockingThreads::add(const std::string& module, const ThreadPool* pool, std::shared_ptr<detail::DeferredCall> call) {
    const std::scoped_lock lock(mutex_);
    Share& share = share_of(module, pool);
    const std::size_t before = std::exchange(share.limit, pool == nullptr ? max_per_module_ : pool->threads());
    if (share.limit > before) share.changed.notify_all();
    share.waiting.push_back(std::move(call));
    if (share.waiting.size() > share.idle && share.threads.size() < share.limit) {
        try {
            begin_thread(share);
        } catch (...) {
            // Where there is another thread, the call waits for that.
            if (share.threads.empty()) {
                share.waiting.pop_back();
                throw;
            }
        }
    }
    share.changed.notify_one();
}

bool BlockingThreads::take_back(const std::string& module, const ThreadPool* pool, const detail::DeferredCall& call) noexcept {
    const std::scoped_lock lock(mutex_);
    const auto share = shares_.find(Owner(module, pool == nullptr ? std::string() : pool->name()));
    if (share == shares_.end()) return false;
    const auto is_this = [&](const std::shared_ptr<detail::DeferredCall>& other) { return other.get() == &call; };
    return std::erase_if(share->second->waiting, is_this) > 0;
}

void BlockingThreads::join() {
    {
        const std::scoped_lock lock(mutex_);
        is_ending_ = true;
        for (const auto& [owner, share] : shares_) share->changed.notify_all();
    }
    for (const auto& [owner, share] : shares_) {
        for (std::thread& thread : share->threads) thread.join();
        share->threads.clear();
    }
}

void BlockingThreads::begin_thread(Share& share) {
    share.threads.reserve(share.limit);
    share.threads.emplace_back([this, &share, number = begun_ + 1] { work(share, number); });
    ++begun_;
}

void BlockingThreads::work(Share& share, std::size_t number) {
    async::running_callback_mark mark;
    async::environment where{boost::asio::any_io_executor()};
    where.observer = &mark;
    const async::context here(where);
    const WorkerOnThread on_this_thread("thread " + std::to_string(number), mark);
    while (std::shared_ptr<detail::DeferredCall> call = next(share)) {
        const TracedWork work(here, call->request());
        async::callback_frame frame(work.here());
        frame.enter(*share.on_stack);
        detail::DeferredCall::make(std::move(call));
        frame.leave();
    }
}

std::shared_ptr<detail::DeferredCall> BlockingThreads::next(Share& share) {
    std::unique_lock lock(mutex_);
    ++share.idle;
    // When the limit has fallen there are more threads; while a stop waits for what is due, each may make it.
    const auto may_go_on = [&] {
        if (share.waiting.empty()) return is_ending_;
        return is_ending_ || share.threads.size() - share.idle < share.limit;
    };
    share.changed.wait(lock, may_go_on);
    --share.idle;
    if (share.waiting.empty()) return nullptr;
    std::shared_ptr<detail::DeferredCall> call = std::move(share.waiting.front());
    share.waiting.pop_front();
    return call;
}

}  // namespace modapi
