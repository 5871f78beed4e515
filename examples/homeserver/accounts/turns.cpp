#include "accounts/turns.h"

#include <async/context.h>
#include <async/notification.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>

namespace homeserver {

/// Somebody who waits. All but `executor` belongs to that executor's thread.
struct Turns::Waiting {
    boost::asio::any_io_executor executor;
    async::notification handed_over;
    Turn turn;
};

/// A place in a queue, which is left with the wait, however that ends.
class Turns::Place {
public:
    Place(Turns& turns, const std::string& what, const std::shared_ptr<Waiting>& waiting) noexcept
        : turns_(turns), what_(what), waiting_(waiting) {}
    ~Place() { turns_.leave(what_, waiting_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

private:
    Turns& turns_;
    const std::string& what_;
    const std::shared_ptr<Waiting>& waiting_;
};

Turns::Turn Turns::begin(std::string what) {
    const std::lock_guard lock(mutex_);
    if (!taken_.try_emplace(what).second) return nullptr;
    return std::make_unique<Held>(*this, std::move(what));
}

Turns::Turn Turns::begin_or_queue(const std::string& what, const std::shared_ptr<Waiting>& waiting) {
    const std::lock_guard lock(mutex_);
    const auto [taken, is_first] = taken_.try_emplace(what);
    if (is_first) return std::make_unique<Held>(*this, what);
    taken->second.push_back(waiting);
    return nullptr;
}

void Turns::leave(const std::string& what, const std::shared_ptr<Waiting>& waiting) noexcept {
    const std::lock_guard lock(mutex_);
    const auto taken = taken_.find(what);
    if (taken != taken_.end()) std::erase(taken->second, waiting);
}

void Turns::end(const std::string& what) noexcept {
    const std::lock_guard lock(mutex_);
    const auto taken = taken_.find(what);
    if (taken->second.empty()) {
        taken_.erase(taken);
        return;
    }
    const std::shared_ptr<Waiting> next = std::move(taken->second.front());
    taken->second.pop_front();
    // Under the lock: until it is released, whoever waits can't have left, and so their executor is there. A turn that is
    // handed over too late, or never since the executor goes, ends with the handler or with what it is handed to, and is the
    // next one's.
    boost::asio::post(next->executor, [next, turn = std::make_unique<Held>(*this, what)]() mutable {
        next->turn = std::move(turn);
        next->handed_over.notify_all();
    });
}

async::task<Turns::Turn> Turns::take(std::string what) {
    const async::context& here = co_await async::this_context;
    const auto waiting = std::make_shared<Waiting>();
    waiting->executor = here.executor();
    Turn turn = begin_or_queue(what, waiting);
    if (turn) co_return turn;
    const Place place(*this, what, waiting);
    co_await waiting->handed_over.wait();
    co_return std::move(waiting->turn);
}

}  // namespace homeserver
