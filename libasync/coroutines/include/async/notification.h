#pragma once

#include <async/suspension.h>

#include <cstddef>

namespace async {

/// Wakes every task that waits for something to happen. Nothing is remembered: a wait sees only later notifications.
///
/// Thread: one executor; from another thread, post there first. Lifetime: outlives its waiters.
/// Cost: intrusive; a wait allocates nothing, a notification posts once per waiter.
class notification {
    class waiter;

public:
    notification() noexcept = default;
    ~notification();
    notification(const notification&) = delete;
    notification& operator=(const notification&) = delete;

    /// `co_await n.wait();` Throws when the chain is cancelled.
    [[nodiscard]] waiter wait() noexcept;
    void notify_all() noexcept;
    [[nodiscard]] std::size_t waiting() const noexcept { return count_; }

private:
    class waiter final : public detail::suspension {
    public:
        explicit waiter(notification& owner) noexcept : owner_(&owner) {}
        ~waiter() { remove(); }

        [[nodiscard]] bool await_ready() const noexcept { return is_cancelled(); }
        void await_suspend(std::coroutine_handle<> waiting) noexcept;
        void await_resume() const { throw_if_woken_by_cancellation(); }

    private:
        friend class notification;

        void on_cancelled() noexcept override { remove(); }
        void remove() noexcept;

        notification* owner_;
        waiter* previous_ = nullptr;
        waiter* next_ = nullptr;
        bool queued_ = false;
    };

    waiter* first_ = nullptr;
    waiter* last_ = nullptr;
    std::size_t count_ = 0;
};

inline notification::waiter notification::wait() noexcept { return waiter(*this); }

}  // namespace async
