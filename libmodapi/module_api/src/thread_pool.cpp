#include <modapi/thread_pool.h>

#include <stdexcept>
#include <utility>

namespace modapi {

ThreadPool::ThreadPool(std::string name, std::size_t threads) {
    if (name.empty()) throw std::invalid_argument("a thread pool needs a name, which the log can call it by");
    if (threads == 0 || threads > most_threads) {
        throw std::invalid_argument("the thread pool " + name + " would have " + std::to_string(threads) +
                                    " threads; it may have 1 to " + std::to_string(most_threads));
    }
    description_ = std::make_shared<const Description>(Description{std::move(name), threads});
}

}  // namespace modapi
