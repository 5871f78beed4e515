#include <async/notification.h>

#include <cstdio>
#include <cstdlib>

namespace async {

notification::~notification() {
    if (first_ == nullptr) return;
    std::fputs("async::notification: destroyed while a task waits for it\n", stderr);
    std::abort();
}

void notification::waiter::await_suspend(std::coroutine_handle<> waiting) noexcept {
    suspend(waiting);
    queued_ = true;
    previous_ = owner_->last_;
    if (previous_ != nullptr) {
        previous_->next_ = this;
    } else {
        owner_->first_ = this;
    }
    owner_->last_ = this;
    ++owner_->count_;
}

void notification::waiter::remove() noexcept {
    if (!queued_) return;
    queued_ = false;
    if (previous_ != nullptr) {
        previous_->next_ = next_;
    } else {
        owner_->first_ = next_;
    }
    if (next_ != nullptr) {
        next_->previous_ = previous_;
    } else {
        owner_->last_ = previous_;
    }
    previous_ = next_ = nullptr;
    --owner_->count_;
}

void notification::notify_all() noexcept {
    while (waiter* const woken = first_) {
        woken->remove();
        woken->wake();
    }
}

}  // namespace async
