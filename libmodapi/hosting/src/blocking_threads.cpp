#include <modapi/hosting/blocking_threads.h>
#include <modapi/hosting/module_code.h>
#include <modapi/hosting/request_trace.h>

#include <async/callback_frame.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <thread>
#include <utility>
#include <vector>

namespace modapi {

/// One module's.
struct BlockingThreads::Share {
    explicit Share(const std::string& module)
        : on_stack(std::make_unique<async::callback_identity>(module, "defer_to_thread")) {}

    std::unique_ptr<async::callback_identity> on_stack;  ///< what its threads are in the middle of
    std::deque<std::shared_ptr<detail::DeferredCall>> waiting;
    std::condition_variable changed;
    std::size_t idle = 0;  ///< threads that wait for a call
    std::vector<std::thread> threads;
};

BlockingThreads::BlockingThreads(std::size_t max_per_module) : max_per_module_(std::max<std::size_t>(max_per_module, 1)) {}

BlockingThreads::~BlockingThreads() { join(); }

void BlockingThreads::add(const std::string& module, std::shared_ptr<detail::DeferredCall> call) {
    const std::scoped_lock lock(mutex_);
    std::unique_ptr<Share>& known = shares_[module];
    if (known == nullptr) known = std::make_unique<Share>(module);
    Share& share = *known;
    share.waiting.push_back(std::move(call));
    if (share.waiting.size() > share.idle && share.threads.size() < max_per_module_) {
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

bool BlockingThreads::take_back(const std::string& module, const detail::DeferredCall& call) noexcept {
    const std::scoped_lock lock(mutex_);
    const auto share = shares_.find(module);
    if (share == shares_.end()) return false;
    const auto is_this = [&](const std::shared_ptr<detail::DeferredCall>& other) { return other.get() == &call; };
    return std::erase_if(share->second->waiting, is_this) > 0;
}

void BlockingThreads::join() {
    {
        const std::scoped_lock lock(mutex_);
        is_ending_ = true;
        for (const auto& [module, share] : shares_) share->changed.notify_all();
    }
    for (const auto& [module, share] : shares_) {
        for (std::thread& thread : share->threads) thread.join();
        share->threads.clear();
    }
}

void BlockingThreads::begin_thread(Share& share) {
    share.threads.reserve(max_per_module_);
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
    share.changed.wait(lock, [&] { return is_ending_ || !share.waiting.empty(); });
    --share.idle;
    if (share.waiting.empty()) return nullptr;
    std::shared_ptr<detail::DeferredCall> call = std::move(share.waiting.front());
    share.waiting.pop_front();
    return call;
}

}  // namespace modapi
