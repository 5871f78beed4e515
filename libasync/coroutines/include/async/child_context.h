#pragma once

#include <async/context.h>

namespace async {

/// The context of a part of a chain that can be ended by itself, with the source that ends it:
///
///     const async::context& outer = co_await async::this_context;
///     async::child_context child(outer);
///     co_await std::move(body).in(child.here());      // ends with the chain, or when child.source() says so
///
/// Lifetime: outlives what runs in it; `outer` and its source outlive it. Thread: that of the chain.
class child_context {
public:
    /// Also ends when `outer` does; what `outer` is shielded from is kept from it as well.
    explicit child_context(const context& outer) : source_(outer.cancellation, outer.shielded), here_(outer) {
        here_.end_with(source_);
    }
    struct for_clean_up {};
    /// For clean-up: ends when `outer` does for a reason that `outer` hasn't ended for yet, and that isn't `caller_gone`.
    child_context(const context& outer, for_clean_up) : child_context(outer, outer.cancel_requested()) {}

    [[nodiscard]] const context& here() const noexcept { return here_; }
    [[nodiscard]] cancellation_source& source() noexcept { return source_; }

private:
    child_context(const context& outer, cancel_reason ended_for)
        : source_(ended_for == cancel_reason::stopping ? nullptr : outer.cancellation,
                  ended_for == cancel_reason::deadline ? cancel_reason::stopping : cancel_reason::deadline),
          here_(outer) {
        here_.end_with(source_);
    }

    cancellation_source source_;
    context here_;
};

}  // namespace async
