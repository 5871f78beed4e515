#pragma once

#include <async/context.h>
#include <async/observation.h>

#include <atomic>

namespace async {

class callback_place;
class operation;

/// What a chain inherits while callbacks run in it; it hangs on async::context::layer.
struct callback_layer : layer_state {
    const callback_place* running = nullptr;  ///< of the callback being run; null outside of one
    operation* inside = nullptr;              ///< the innermost operation that the chain is in the middle of; null: none

    /// A copy of what `here` has, to be changed and hung onto a context of one's own.
    [[nodiscard]] static callback_layer of(const context& here) noexcept {
        return here.layer != nullptr ? static_cast<const callback_layer&>(*here.layer) : callback_layer();
    }
};

/// Where a callback runs: whose it is, and what its chain is in the middle of. Whoever has one leaves it before it ends; a
/// callback_frame does so by itself.
///
/// Lifetime: `outer` outlives it; it stays where it is and outlives what runs in it. Cost: a few stores.
class callback_place {
public:
    explicit callback_place(const context& outer) noexcept
        : outer_(outer), inner_(outer), layer_(callback_layer::of(outer)), observer_(outer.environment->observer) {
        layer_.running = this;
        inner_.layer = &layer_;
    }
    callback_place(const callback_place&) = delete;
    callback_place& operator=(const callback_place&) = delete;

    [[nodiscard]] const context& here() const noexcept { return inner_; }
    /// Whose callback it is; null: nothing was entered yet.
    [[nodiscard]] const callback_identity* identity() const noexcept { return identity_; }
    /// What runs from here on is this registration's.
    void enter(const callback_identity& callback) noexcept {
        identity_ = &callback;
        if (observer_ != nullptr) [[unlikely]]
            observer_->resumed(inner_);
    }
    /// What the thread runs from here on is `outer`'s again.
    void leave() const noexcept {
        if (observer_ != nullptr) [[unlikely]]
            observer_->resumed(outer_);
    }

protected:
    ~callback_place() = default;
    [[nodiscard]] const callback_identity& running() const noexcept { return *identity_; }
    [[nodiscard]] bool is_observed() const noexcept { return observer_ != nullptr; }

    const context& outer_;
    context inner_;

private:
    callback_layer layer_;
    const callback_identity* identity_ = nullptr;
    chain_observer* observer_;  // the environment's, at hand
};

/// The callback that runs in this context; null outside of one. Lives as long as its dispatcher.
[[nodiscard]] inline const callback_identity* running_callback(const context& here) noexcept {
    const callback_place* const place =
        here.layer != nullptr ? static_cast<const callback_layer&>(*here.layer).running : nullptr;
    return place != nullptr ? place->identity() : nullptr;
}

/// Says whose callback is on the stack of an executor's thread right now, to a watchdog on another thread and to whoever is
/// called on the same one without a context, as a log is:
///
///     async::running_callback_mark mark;
///     environment.observer = &mark;
///
/// Thread: `identity` is read from any. What it names lives as long as the dispatcher that it is registered in.
class running_callback_mark final : public chain_observer {
public:
    void resumed(const context& here) noexcept override;
    void suspended() noexcept override;
    void began_elsewhere(const context& here) noexcept override;
    void ended_elsewhere() noexcept override;

    [[nodiscard]] const std::atomic<const callback_identity*>& identity() const noexcept { return identity_; }

    /// The mark that observes an environment; null if none does.
    [[nodiscard]] static const running_callback_mark* of(const environment& where) noexcept {
        return dynamic_cast<const running_callback_mark*>(where.observer);
    }
    /// Where the callback runs that is on this thread's stack, by whatever mark, or that waits for what this thread does for it
    /// (async::run_on); null: there is none. Until the caller awaits or returns. Not where in it the chain is: operations that the callback itself began may end without a mark hearing of it.
    [[nodiscard]] static const callback_place* on_this_thread() noexcept;
    /// Nobody is told of this place any more.
    static void forget(const callback_place& ending) noexcept;

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
/// Lifetime as of every callback_place; it may end while what runs in it waits.
class callback_frame final : public callback_place {
public:
    using callback_place::callback_place;
    ~callback_frame() {
        if (is_observed()) [[unlikely]]
            running_callback_mark::forget(*this);
    }
    callback_frame(const callback_frame&) = delete;
    callback_frame& operator=(const callback_frame&) = delete;
};

}  // namespace async
