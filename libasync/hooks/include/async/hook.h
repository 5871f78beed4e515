#pragma once

#include <async/bind.h>
#include <async/callable.h>
#include <async/shorter_callable.h>
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

template <class Function>
inline constexpr bool is_bound_member = false;
template <auto Method, class Object>
inline constexpr bool is_bound_member<bound_member<Method, Object>> = true;
template <auto Method, class Object, std::size_t Taken>
inline constexpr bool is_bound_member<shorter_callable<bound_member<Method, Object>, Taken>> = true;

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

/// A hook's object word, read as what it was made of: the callable itself, or where it is.
template <class Function>
class callable_in_word {
public:
    explicit callable_in_word(void* word) noexcept { std::memcpy(storage_, &word, sizeof(void*)); }
    [[nodiscard]] static void* word_of(const Function& function) noexcept {
        void* word = nullptr;
        std::memcpy(&word, &function, sizeof(Function));
        return word;
    }
    [[nodiscard]] Function& get() noexcept { return *std::launder(reinterpret_cast<Function*>(storage_)); }

private:
    alignas(Function) unsigned char storage_[sizeof(void*)];
};
template <class Function>
requires(std::is_empty_v<Function>&& std::is_default_constructible_v<Function>) class callable_in_word<Function> {
public:
    explicit callable_in_word(void*) noexcept {}
    [[nodiscard]] static void* word_of(const Function&) noexcept { return nullptr; }
    [[nodiscard]] Function& get() noexcept { return function_; }

private:
    Function function_;
};
template <class Function>
class callable_at_word {
public:
    explicit callable_at_word(void* word) noexcept : function_(static_cast<Function*>(word)) {}
    [[nodiscard]] Function& get() const noexcept { return *function_; }

private:
    Function* function_;
};

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
        return hook(std::addressof(target), &call<detail::callable_at_word<Function>>);
    }

    /// Holds `target` itself in the object word: functions, bound members, small closures that aren't coroutines.
    template <class Function>
    requires(detail::fits_into_a_word<Function, Arguments...>()) static hook holding(Function target) noexcept {
        using in_word = detail::callable_in_word<Function>;
        return hook(in_word::word_of(target), &call<in_word>);
    }

    /// The arguments are references to what the caller holds until the task has ended.
    [[nodiscard]] task<answer> operator()(detail::passed<Arguments>... arguments) const {
        return invoke_(object_, arguments...);
    }

private:
    using invoke_function = task<answer> (*)(void*, detail::passed<Arguments>...);

    hook(void* object, invoke_function invoke) noexcept : object_(object), invoke_(invoke) {}

    template <class Word>
    static task<answer> call(void* object, detail::passed<Arguments>... arguments) {
        Word word(object);
        return detail::call_as_task<answer, R>(word.get(), arguments...);
    }

    void* object_;
    invoke_function invoke_;
};

/// A hook together with what it calls: made from any callable, copyable, empty if nothing was given.
template <class Signature, template <class> class Hook = hook>
class owned_hook;

/// One that takes these arguments.
template <class R, class... Arguments, template <class> class Hook>
class owned_hook<R(Arguments...), Hook> {
public:
    owned_hook() noexcept = default;

    template <class Function>
    requires(!std::is_base_of_v<owned_hook, std::remove_cvref_t<Function>> &&
             std::is_invocable_v<std::decay_t<Function>&, detail::passed<Arguments>...>)
        owned_hook(Function&& function) {  // NOLINT: implicit, registration reads as an assignment
        using held = std::decay_t<Function>;
        if constexpr (!detail::check_answer<R, held, Arguments...>()) {
            return;
        } else if constexpr (detail::fits_into_a_word<held, Arguments...>()) {
            hook_.emplace(Hook<R(Arguments...)>::holding(held(std::forward<Function>(function))));
        } else {
            auto kept = std::make_shared<held>(std::forward<Function>(function));
            hook_.emplace(Hook<R(Arguments...)>::to(*kept));
            owner_ = std::move(kept);
        }
    }

    explicit operator bool() const noexcept { return hook_.has_value(); }
    [[nodiscard]] const Hook<R(Arguments...)>& get() const noexcept { return *hook_; }

private:
    std::optional<Hook<R(Arguments...)>> hook_;
    std::shared_ptr<void> owner_;
};

}  // namespace async
