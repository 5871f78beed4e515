#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace modapi {

/// Threads of a module's own for ModuleApi::defer_to_threadpool, apart from those of defer_to_thread, so that one kind of
/// blocking work doesn't keep another waiting:
///
///     modapi::ThreadPool thumbnails_{"thumbnails", 2};                       // a member of the module
///     co_await api_.defer_to_threadpool(thumbnails_, &scale, std::move(image));
///
/// It only says which threads: they are the host's. Each begins when a call finds no other of its pool's free, and stays.
/// Nothing has to be started or stopped, and this may end while calls go on. A name means the same pool in all instances of a
/// module, on all workers and after a reload; of how many threads is what the last call said. A module has at most 16 pools.
///
/// Thread: any. Errors: std::invalid_argument for an empty name, and for none or more than `most_threads` threads. Cost: of a
/// copy, a shared pointer's.
class ThreadPool {
public:
    static constexpr std::size_t most_threads = 64;
    static constexpr std::size_t most_of_a_module = 16;

    ThreadPool(std::string name, std::size_t threads);

    [[nodiscard]] const std::string& name() const noexcept { return description_->name; }
    /// At most so many calls of the pool run at a time; further ones queue.
    [[nodiscard]] std::size_t threads() const noexcept { return description_->threads; }

private:
    struct Description {
        std::string name;
        std::size_t threads;
    };
    std::shared_ptr<const Description> description_;
};

}  // namespace modapi
