#pragma once

#include <async/cancellation.h>
#include <async/context.h>
#include <async/driven_task.h>
#include <async/notification.h>
#include <async/operation.h>
#include <async/task.h>

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace async::detail {

/// What a dispatcher's call comes to, shared by it and by the runs in shadow mode that it reached: either may end first.
template <class Result>
struct call_outcome {
    bool is_over = false;
    std::optional<ready_value<Result>> result;  ///< none: it failed, or was cancelled
    std::exception_ptr failure;                 ///< null: it didn't fail
    notification over;
};

/// A dispatcher's call that reaches hooks in shadow mode, which find here what it comes to. The operation that their context is
/// directly in.
template <class Result>
class watched_call final : public operation {
public:
    explicit watched_call(const context& outer) : operation(outer), outcome_(std::make_shared<call_outcome<Result>>()) {}
    /// A call that says nothing before was cancelled.
    ~watched_call() override {
        if (!outcome_->is_over) end();
    }

    [[nodiscard]] const std::shared_ptr<call_outcome<Result>>& outcome() const noexcept { return outcome_; }
    /// One of the two, once.
    void ended_with(const ready_value<Result>& result) {
        if constexpr (std::is_copy_constructible_v<ready_value<Result>>) outcome_->result.emplace(result);
        end();
    }
    void failed(std::exception_ptr failure) noexcept {
        outcome_->failure = std::move(failure);
        end();
    }

    /// Of the call that runs the hook of this context; null: it isn't watched.
    [[nodiscard]] static std::shared_ptr<call_outcome<Result>> outcome_for(const context& here) {
        const auto* const call = dynamic_cast<const watched_call*>(innermost_of(here));
        return call != nullptr ? call->outcome_ : nullptr;
    }

private:
    void end() noexcept {
        outcome_->is_over = true;
        outcome_->over.notify_all();
    }

    std::shared_ptr<call_outcome<Result>> outcome_;
};

/// A walk that reaches hooks in shadow mode, which are told what it comes to.
template <class Result>
[[gnu::cold]] task<Result> watched(task<Result> walk) {
    const context& outer = co_await this_context;
    watched_call<Result> call(outer);
    if (!driven_task<Result>::start(walk, call.here())) co_await driven_task<Result>(walk);
    std::exception_ptr failure = driven_task<Result>::take_failure(walk);
    if (failure) {
        if (!is_cancellation(failure)) call.failed(failure);
        co_await ends_with(std::move(failure));
    }
    if constexpr (std::is_void_v<Result>) {
        call.ended_with(ready_value<void>());
    } else {
        Result combined = driven_task<Result>::take(walk);
        call.ended_with(combined);
        co_return combined;
    }
}

}  // namespace async::detail
