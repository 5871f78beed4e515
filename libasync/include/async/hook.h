#pragma once

#include <async/bind.h>
#include <async/callable.h>
#include <async/task.h>

#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>

namespace async {

namespace detail {

/// The type a host gets for an answer of type R. An answer type may be richer in what it converts from than the host needs to
/// know; it then names what it becomes: `using dispatched = Verdict;`.
template <class R>
struct dispatched {
    using type = R;
};
template <class R>
requires requires { typename R::dispatched; }
struct dispatched<R> {
    using type = typename R::dispatched;
};

/// How a signature's argument travels to the callable: always as a reference to what the caller holds, since a coroutine that
/// takes its parameter by reference must find it after the call itself has returned.
template <class Argument>
using passed = std::conditional_t<std::is_reference_v<Argument>, Argument, const Argument&>;

template <class Function>
inline constexpr bool is_bound_member = false;
template <auto Method, class Object>
inline constexpr bool is_bound_member<bound_member<Method, Object>> = true;

/// Whether a callable can live in a hook's object word, copied for each call: it must not change, and must not be a closure
/// whose coroutine goes on using it after the call.
template <class Function, class... Arguments>
constexpr bool fits_into_a_word() {
    if constexpr (!std::is_trivially_copyable_v<Function> || sizeof(Function) > sizeof(void*)) {
        return false;
    } else if constexpr (std::is_empty_v<Function> || std::is_pointer_v<Function> || is_bound_member<Function>) {
        return true;
    } else if constexpr (std::is_invocable_v<const Function&, passed<Arguments>...>) {
        return !is_task<std::remove_cvref_t<std::invoke_result_t<const Function&, passed<Arguments>...>>>;
    } else {
        return false;
    }
}

template <class To, class Via, class From>
task<To> convert(task<From> answer) {
    Via converted = co_await std::move(answer);
    co_return To(std::move(converted));
}

}  // namespace detail

template <class Signature>
class hook;

/// One callable behind a signature, in two words: where it is, and how to call it. Doesn't own what it calls.
///
/// Accepts functions and coroutines alike: whatever returns R, or task<R>, or something that converts to R.
/// Cost: an indirect call; nothing else for a plain function or a coroutine that returns exactly the dispatched type.
template <class R, class... Arguments>
class hook<R(Arguments...)> {
public:
    using answer = typename detail::dispatched<R>::type;

    /// Calls `target`, which outlives the hook and whoever runs it.
    template <class Function>
    static hook to(Function& target) noexcept {
        return hook(std::addressof(target), [](void* object, detail::passed<Arguments>... arguments) -> task<answer> {
            return call(*static_cast<Function*>(object), arguments...);
        });
    }

    /// Holds `target` itself in the object word: functions, bound members, small closures that aren't coroutines.
    template <class Function>
    requires(detail::fits_into_a_word<Function, Arguments...>()) static hook holding(Function target) noexcept {
        void* object = nullptr;
        if constexpr (!std::is_empty_v<Function>) std::memcpy(&object, &target, sizeof(Function));
        return hook(object, [](void* held, detail::passed<Arguments>... arguments) -> task<answer> {
            if constexpr (std::is_empty_v<Function> && std::is_default_constructible_v<Function>) {
                static_cast<void>(held);
                Function function;
                return call(function, arguments...);
            } else {
                alignas(Function) unsigned char storage[sizeof(void*)];
                std::memcpy(storage, &held, sizeof(void*));
                return call(*std::launder(reinterpret_cast<Function*>(storage)), arguments...);
            }
        });
    }

    /// The arguments are references to what the caller holds until the task has ended.
    [[nodiscard]] task<answer> operator()(detail::passed<Arguments>... arguments) const {
        return invoke_(object_, arguments...);
    }

    /// What a callable for this signature may yield; the messages are for module authors.
    template <class Function>
    static constexpr void check_answer() {
        using yields = detail::result_of<Function&, detail::passed<Arguments>...>;
        if constexpr (std::is_void_v<R>) {
            static_assert(std::is_void_v<yields>, "this callback returns nothing: return void or async::task<void>");
        } else {
            static_assert(
                std::is_convertible_v<yields, R>,
                "this callback's answer has another type: see its declaration in <callbacks/...> for what it may return");
        }
    }

private:
    using invoke_function = task<answer> (*)(void*, detail::passed<Arguments>...);

    hook(void* object, invoke_function invoke) noexcept : object_(object), invoke_(invoke) {}

    template <class Function>
    static task<answer> call(Function& function, detail::passed<Arguments>... arguments) {
        using returns = std::remove_cvref_t<std::invoke_result_t<Function&, detail::passed<Arguments>...>>;
        if constexpr (std::is_same_v<returns, task<answer>>) {
            return std::invoke(function, arguments...);
        } else if constexpr (detail::is_task<returns>) {
            return detail::convert<answer, R>(std::invoke(function, arguments...));
        } else if constexpr (std::is_void_v<R>) {
            std::invoke(function, arguments...);
            return make_ready_task();
        } else {
            R converted = std::invoke(function, arguments...);
            return task<answer>(std::in_place, std::move(converted));
        }
    }

    void* object_;
    invoke_function invoke_;
};

/// A hook together with what it calls: made from any callable, copyable, empty if nothing was given.
template <class Signature>
class owned_hook;

template <class R, class... Arguments>
class owned_hook<R(Arguments...)> {
public:
    owned_hook() noexcept = default;

    template <class Function>
    requires(!std::is_base_of_v<owned_hook, std::remove_cvref_t<Function>> &&
             std::is_invocable_v<std::decay_t<Function>&, detail::passed<Arguments>...>)
        owned_hook(Function&& function) {  // NOLINT: implicit, registration reads as an assignment
        using held = std::decay_t<Function>;
        hook<R(Arguments...)>::template check_answer<held>();
        if constexpr (detail::fits_into_a_word<held, Arguments...>()) {
            hook_.emplace(hook<R(Arguments...)>::holding(held(std::forward<Function>(function))));
        } else {
            auto kept = std::make_shared<held>(std::forward<Function>(function));
            hook_.emplace(hook<R(Arguments...)>::to(*kept));
            owner_ = std::move(kept);
        }
    }

    explicit operator bool() const noexcept { return hook_.has_value(); }
    [[nodiscard]] const hook<R(Arguments...)>& get() const noexcept { return *hook_; }

private:
    std::optional<hook<R(Arguments...)>> hook_;
    std::shared_ptr<void> owner_;
};

}  // namespace async
