#include <modapi/hosting/cause.h>

#include <algorithm>

namespace modapi {

bool EventBudget::take(std::uint32_t events, const WorkerPlace& worker) {
    const std::scoped_lock lock(mutex_);
    if (!is_shared_out_) {
        if (events > left_) return false;
        left_ -= events;
        return true;
    }
    spent_.resize(std::max(spent_.size(), worker.count));
    std::uint32_t& spent = spent_.at(worker.index);
    const auto share = static_cast<std::uint32_t>(left_ / worker.count);
    if (events > share || spent > share - events) return false;
    spent += events;
    return true;
}

void EventBudget::share_out() {
    const std::scoped_lock lock(mutex_);
    is_shared_out_ = true;
}

const Cause& CausedWork::cause() const {
    if (cause_.budget == nullptr) cause_.budget = std::make_shared<EventBudget>();
    return cause_;
}

Cause Cause::of(const async::context& here) {
    const CausedWork* const around = async::innermost<CausedWork>(here);
    if (around != nullptr) return around->cause();
    Cause of_its_own;
    of_its_own.budget = std::make_shared<EventBudget>();
    return of_its_own;
}

async::task<void> run_caused(Cause cause, async::task<void> work) {
    const async::context& outer = co_await async::this_context;
    const CausedWork caused(outer, std::move(cause));
    co_await std::move(work).in(caused.here());
}

}  // namespace modapi
