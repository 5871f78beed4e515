#pragma once

#include <async/notification.h>
#include <async/task.h>

#include <cstddef>
#include <functional>
#include <string_view>

namespace async {

/// Structured background work: whatever is spawned here has ended before the scope does.
///
/// Thread:   one executor, that of the environment.
/// Lifetime: `join` must have returned before the destructor (the program ends with a message otherwise); the environment
///           and the parent source outlive the scope.
/// Errors:   an exception that leaves a spawned task goes to `on_error`, which must not throw; a cancellation doesn't.
class scope {
public:
    using error_handler = std::function<void(std::string_view name, std::exception_ptr)>;

    explicit scope(const environment& where, error_handler on_error, cancellation_source* parent = nullptr);
    ~scope();
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;

    /// Starts `body` by a post. `name` names it in error reports; it is a literal or outlives the task.
    void spawn(std::string_view name, task<void> body);
    /// Waits until everything spawned, also in the meantime, has ended. Not cut by the caller's cancellation.
    [[nodiscard]] task<void> join();
    /// Asks everything that runs, and everything spawned later, to end.
    void cancel(cancel_reason reason = cancel_reason::stopping) { cancellation_.request(reason); }

    [[nodiscard]] std::size_t running() const noexcept { return running_; }
    [[nodiscard]] const context& root() const noexcept { return root_; }

private:
    static detail::root_coroutine run(const context& root, scope& owner, std::string_view name, task<void> body);

    const environment& where_;
    error_handler on_error_;
    cancellation_source cancellation_;
    context root_;
    std::size_t running_ = 0;
    notification empty_;
};

}  // namespace async
