#pragma once

#include <modapi/hosting/deferred_calls.h>

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace modapi {

/// Threads for what modules do that blocks (ModuleApi::defer_to_thread, and pools of a module's own for defer_to_threadpool).
/// Each module has its own, shared by its instances on all workers, so that calls which never return take threads of their own
/// module only.
///
/// A thread begins when a call finds no other of its module's free, and stays. What it runs is named where a crash or a stop
/// that doesn't end is told. Thread: any. Lifetime: outlives the workers whose modules use it. Cost: nothing for a module that
/// defers nothing.
class BlockingThreads final : public CallingThreads {
public:
    /// `max_per_module`: threads of one module beside its own pools; at least 1.
    explicit BlockingThreads(std::size_t max_per_module);
    ~BlockingThreads() override;
    BlockingThreads(const BlockingThreads&) = delete;
    BlockingThreads& operator=(const BlockingThreads&) = delete;

    void add(const std::string& module, const ThreadPool* pool, std::shared_ptr<detail::DeferredCall> call) override;
    bool take_back(const std::string& module, const ThreadPool* pool, const detail::DeferredCall& call) noexcept override;
    /// Waits for what was added and ends the threads. Nothing is added any more. May be called again.
    void join();

private:
    struct Share;
    using Owner = std::pair<std::string, std::string>;  // a module and its pool; no pool: the threads it has anyway

    /// The mutex is held. Errors: std::logic_error for a pool too many.
    [[nodiscard]] Share& share_of(const std::string& module, const ThreadPool* pool);
    void begin_thread(Share& share);
    void work(Share& share, std::size_t number);
    [[nodiscard]] std::shared_ptr<detail::DeferredCall> next(Share& share);

    const std::size_t max_per_module_;
    std::mutex mutex_;
    std::map<Owner, std::unique_ptr<Share>> shares_;  // under the mutex, as what is in them
    std::size_t begun_ = 0;                           // threads of all modules; under the mutex
    bool is_ending_ = false;                          // under the mutex
};

}  // namespace modapi
