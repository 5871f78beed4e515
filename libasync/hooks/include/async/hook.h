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

template <class To, class Via, class From>
task<To> convert(task<From> answer) {
    Via converted = co_await std::move(answer);
    co_return To(std::move(converted));
}

/// Whether a callable for a signature that yields R yields what it may; the messages are for module authors.
template <class R, class Function, class... Arguments>
constexpr bool check_answer() {
    using yields = result_of<Function&, passed<Arguments>...>;
    if constexpr (std::is_void_v<R>) {
        static_assert(std::is_void_v<yields>, "this callback returns nothing: return void or async::task<void>");
        return std::is_void_v<yields>;
    } else {
        static_assert(std::is_convertible_v<yields, R>,
                      "this callback's answer has another type: see its declaration in <callbacks/...> for what it may return");
        return std::is_convertible_v<yields, R>;
    }
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
        auto& function = word.get();
        using Function = std::remove_reference_t<decltype(function)>;
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

template <class Signature>
class driven_hook;

/// The same for what yields nothing, run by a dispatcher that doesn't await it: a call goes as far as the callable does without
/// leaving the thread. Cost: as of `hook`, without a task for who ends at once.
template <class... Arguments>
class driven_hook<void(Arguments...)> {
public:
    template <class Function>
    static driven_hook to(Function& target) noexcept {
        return driven_hook(std::addressof(target), &run<detail::callable_at_word<Function>>);
    }
    template <class Function>
    requires(detail::fits_into_a_word<Function, Arguments...>()) static driven_hook holding(Function target) noexcept {
        using in_word = detail::callable_in_word<Function>;
        return driven_hook(in_word::word_of(target), &run<in_word>);
    }

    /// True: it has ended. Else `rest` is what is left of it, to be awaited as a `driven_task`. Throws what the callable throws
    /// before it leaves the thread. The arguments and `here` outlive the rest.
    [[nodiscard]] bool operator()(const context& here, std::optional<task<void>>& rest,
                                  detail::passed<Arguments>... arguments) const {
        return run_(object_, here, rest, arguments...);
    }

private:
    using run_function = bool (*)(void*, const context&, std::optional<task<void>>&, detail::passed<Arguments>...);

    driven_hook(void* object, run_function how) noexcept : object_(object), run_(how) {}

    template <class Word>
    static bool run(void* object, const context& here, std::optional<task<void>>& rest,
                    detail::passed<Arguments>... arguments) {
        Word word(object);
        auto& function = word.get();
        using Function = std::remove_reference_t<decltype(function)>;
        if constexpr (requires { function.run_driven(here, rest, arguments...); }) {
            return function.run_driven(here, rest, arguments...);
        } else if constexpr (detail::is_task<std::remove_cvref_t<std::invoke_result_t<Function&, decltype(arguments)...>>>) {
            task<void> started = std::invoke(function, arguments...);
            if (!detail::driven_task<void>::start(started, here)) [[unlikely]] {
                rest.emplace(std::move(started));
                return false;
            }
            detail::driven_task<void>::take(started);
            return true;
        } else {
            static_cast<void>(here);
            static_cast<void>(rest);
            std::invoke(function, arguments...);
            return true;
        }
    }

    void* object_;
    run_function run_;
};

/// A hook together with what it calls: made from any callable, copyable, empty if nothing was given.
template <class Signature, template <class> class Hook = hook>
class owned_hook;

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
