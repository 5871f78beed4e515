#pragma once

#include <async/clock.h>

#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <typeinfo>

namespace async {

struct callback_identity;
struct context;

/// A value whose type only those know who made it and who looks for it.
struct typed_value {
    const std::type_info* type = nullptr;  ///< null: there is no value
    const void* value = nullptr;

    /// Of a value that outlives this.
    template <class T>
    [[nodiscard]] static typed_value of(const T& value) noexcept {
        return {&typeid(T), std::addressof(value)};
    }
    /// The value as what it is; null: it is of another type.
    template <class T>
    [[nodiscard]] const T* as() const noexcept {
        return type != nullptr && *type == typeid(T) ? static_cast<const T*>(value) : nullptr;
    }
};

/// A run of a callback that there is something to tell of: whose it is, where and with what it ran. Made where it is told, so that it
/// costs nothing where there is nothing to tell.
///
/// Lifetime: all of it until the observer returns. Thread: the worker's.
struct observed_run {
    const callback_identity& callback;
    const context* here = nullptr;  ///< that it ran in, or of a run in shadow mode what it was carried along with; null: nothing is known
    std::span<const typed_value> arguments{};  ///< what it was called with; empty where that isn't known
    typed_value answer{};                      ///< of a decision
    std::optional<clock::duration> took{};     ///< from its beginning to its end; none: it ended at once and wasn't timed
    bool fails_the_call = false;               ///< of a failure: an exception leaves the dispatcher for it

    explicit observed_run(const callback_identity& of) noexcept : callback(of) {}
    observed_run(const callback_identity& of, const context& ran_in) noexcept : callback(of), here(&ran_in) {}

    /// The argument at this position, from 0, if it is of this type; null: it isn't.
    template <class T>
    [[nodiscard]] const T* argument(std::size_t position) const noexcept {
        return position < arguments.size() ? arguments[position].as<T>() : nullptr;
    }
};

}  // namespace async
