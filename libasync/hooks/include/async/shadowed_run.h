#pragma once

#include <async/callback_frame.h>
#include <async/context.h>
#include <async/limiter.h>
#include <async/operation.h>
#include <async/waiting_runs.h>

#include <exception>
#include <optional>
#include <string_view>

namespace async {

/// A chain that runs a callable in shadow mode: what it answers isn't applied, and what it changes shouldn't be. Whoever offers
/// callables something that has effects asks for this first:
///
///     if (async::shadowed_run* const run = async::innermost<async::shadowed_run>(co_await async::this_context)) {
///         run->keep_back("send_mail");
///         throw ...;
///     }
///
/// Lifetime and thread as of every async::operation.
class shadowed_run final : public operation {
public:
    shadowed_run(const context& outer, limiter& by) noexcept : operation(outer), by_(by) {}

    /// The callback that runs.
    [[nodiscard]] const callback_identity& callback() const noexcept { return *running_callback(here()); }
    /// It was kept from changing something, `what`: that is counted and told.
    void keep_back(std::string_view what);
    [[nodiscard]] bool was_kept_back() const noexcept { return was_kept_back_; }

private:
    limiter& by_;
    bool was_kept_back_ = false;
};

namespace detail {

/// A run in shadow mode from the call that asked for it to its end, as far as that doesn't depend on what is called.
class shadow_frame {
public:
    ~shadow_frame() { frame_.leave(); }
    /// `root` is a context of a scope's, or what was carried there; `callback` is the shadow of what was registered (limiter::shadow_of).
    shadow_frame(const context& root, limiter& by, const callback_identity& callback, clock::time_point began);
    shadow_frame(const shadow_frame&) = delete;
    shadow_frame& operator=(const shadow_frame&) = delete;

    /// Before the callable is called. False: it isn't, and counts as skipped.
    [[nodiscard]] bool admit();
    [[nodiscard]] const context& here() const noexcept { return limits_->here(); }
    /// The callable waits.
    void suspended() {
        limits_->suspended();
        frame_.leave();
    }
    /// It has an answer. False: that came after its deadline.
    [[nodiscard]] bool ended() { return limits_->ended(); }
    void succeeded() { by_.tell_of_probe(by_.shadow_bounds_, mark_->here(), limits_->take_probe()); }
    /// True: only because the worker stops, and the run says nothing.
    [[nodiscard]] bool failed(const std::exception_ptr& failure);
    [[nodiscard]] bool was_kept_back() const noexcept { return mark_->was_kept_back(); }

private:
    callback_frame frame_;
    const context& root_;
    limiter& by_;
    std::optional<shadowed_run> mark_;
    std::optional<limited_run> limits_;
};

}  // namespace detail
}  // namespace async
