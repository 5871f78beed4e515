#pragma once

#include <async/callback_frame.h>
#include <async/task.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace modapi {

/// So many calls may lie within each other. What a module asks its host for runs callbacks, its own too: one that causes itself
/// would go on until the memory ends.
inline constexpr std::uint32_t max_nested_calls = 50;

/// A call of a module's that callbacks run for.
template <class T>
[[nodiscard]] async::task<T> nested_call(std::string method, async::task<T> call) {
    const async::context& outer = co_await async::this_context;
    async::callback_layer deeper = async::callback_layer::of(outer);
    async::context inner = outer;
    inner.layer = &deeper;
    if (++deeper.nesting > max_nested_calls) {
        throw std::runtime_error(method + ": " + std::to_string(max_nested_calls) +
                                 " calls lie within each other: a callback causes itself by what it does");
    }
    co_return co_await std::move(call).in(inner);
}

}  // namespace modapi
