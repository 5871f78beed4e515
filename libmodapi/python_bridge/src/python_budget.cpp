#include "python_budget.h"

#include <exception>

namespace modapi {

async::task<void> PythonBudget::Places::take(Places& self) {
    if (self.free_ > 0) {
        --self.free_;
        co_return;
    }
    Waiting mine;
    self.waiting_.push_back(&mine);
    std::exception_ptr failure;
    try {
        co_await mine.turn.wait();
    } catch (...) {
        failure = std::current_exception();
    }
    if (!failure) co_return;
    if (mine.has_it)
        self.give_back();
    else
        std::erase(self.waiting_, &mine);
    std::rethrow_exception(failure);
}

void PythonBudget::Places::give_back() noexcept {
    if (waiting_.empty()) {
        ++free_;
        return;
    }
    Waiting* const next = waiting_.front();
    waiting_.pop_front();
    next->has_it = true;
    next->turn.notify_all();
}

}  // namespace modapi
