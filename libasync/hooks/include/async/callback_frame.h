#pragma once

#include <async/context.h>
#include <async/observation.h>

#include <atomic>

namespace async {

class operation;

/// What a chain inherits while callbacks run in it; it hangs on async::context::layer.
struct callback_layer : layer_state {
    const callback_identity* running = nullptr;  ///< the callback being run, for logs; null outside of one
    operation* inside = nullptr;                 ///< the innermost operation that the chain is in the middle of; null: none

    /// A copy of what `here` has, to be changed and hung onto a context of one's own.
    [[nodiscard]] static callback_layer of(const context& here) noexcept {
        return here.layer != nullptr ? static_cast<const callback_layer&>(*here.layer) : callback_layer();
    }
};

/// The callback that runs in this context; null outside of one. Lives as long as its dispatcher.
[[nodiscard]] inline const callback_identity* running_callback(const context& here) noexcept {
    return here.layer != nullptr ? static_cast<const callback_layer&>(*here.layer).running : nullptr;
}

/// Says whose callback is on the stack of an executor's thread right now, to a watchdog on another thread:
///
///     async::running_callback_mark mark;
///     environment.observer = &mark;
///
/// Thread: `identity` is read from any. What it names lives as long as the dispatcher that it is registered in.
class running_callback_mark final : public chain_observer {
public:
    void resumed(const context& here) noexcept override { identity_.store(running_callback(here), std::memory_order_relaxed); }
    void suspended() noexcept override { identity_.store(nullptr, std::memory_order_relaxed); }

    [[nodiscard]] const std::atomic<const callback_identity*>& identity() const noexcept { return identity_; }

    /// The mark that observes an environment; null if none does.
    [[nodiscard]] static const running_callback_mark* of(const environment& where) noexcept {
        return dynamic_cast<const running_callback_mark*>(where.observer);
    }

private:
    std::atomic<const callback_identity*> identity_{nullptr};
};

/// The context of code that runs in the name of a registration, one registration after another.
///
///     async::callback_frame frame(co_await async::this_context);
///     frame.enter(identity);
///     co_await std::move(body).in(frame.here());
///     frame.leave();
///
/// Lifetime: `outer` outlives it; it stays where it is and outlives what runs in it. Cost: a few stores.
class callback_frame {
public:
    explicit callback_frame(const context& outer) noexcept
        : outer_(outer), inner_(outer), layer_(callback_layer::of(outer)), observer_(outer.environment->observer) {
        inner_.layer = &layer_;
    }
    callback_frame(const callback_frame&) = delete;
    callback_frame& operator=(const callback_frame&) = delete;

    [[nodiscard]] const context& here() const noexcept { return inner_; }
    /// What runs from here on is this registration's.
    void enter(const callback_identity& callback) noexcept {
        layer_.running = &callback;
        if (observer_ != nullptr) [[unlikely]]
            observer_->resumed(inner_);
    }
    /// What the thread runs from here on is `outer`'s again.
    void leave() const noexcept {
        if (observer_ != nullptr) [[unlikely]]
            observer_->resumed(outer_);
    }

protected:
    [[nodiscard]] const callback_identity& running() const noexcept { return *layer_.running; }

    const context& outer_;
    context inner_;

private:
    callback_layer layer_;
    chain_observer* observer_;  // the environment's, at hand
};

}  // namespace async
