#pragma once

#include <async/context.h>
#include <async/operation.h>
#include <async/task.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace modapi {

/// So many calls may lie within each other. What a module asks its host for runs callbacks, its own too: one that causes itself
/// would go on until the memory ends.
inline constexpr std::uint32_t max_nested_calls = 50;

/// A call of a module's back into its host.
class NestedCall final : public async::operation {
public:
    explicit NestedCall(const async::context& outer) noexcept : operation(outer) {
        const NestedCall* const around = async::innermost<NestedCall>(outer);
        if (around != nullptr) depth_ = around->depth_ + 1;
    }
    /// How many such calls lie within each other, this one included.
    [[nodiscard]] std::uint32_t depth() const noexcept { return depth_; }

private:
    std::uint32_t depth_ = 1;
};

/// A call of a module's that callbacks run for.
template <class T>
[[nodiscard]] async::task<T> nested_call(std::string method, async::task<T> call) {
    const async::context& outer = co_await async::this_context;
    const NestedCall inner(outer);
    if (inner.depth() > max_nested_calls) {
        throw std::runtime_error(method + ": " + std::to_string(max_nested_calls) +
                                 " calls lie within each other: a callback causes itself by what it does");
    }
    co_return co_await std::move(call).in(inner.here());
}

}  // namespace modapi
