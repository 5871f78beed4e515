#pragma once

#include <async/callable.h>
#include <async/driven_hook.h>
#include <async/slot.h>
#include <async/task.h>

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>

/// The writer form of a callback: instead of returning an object that the dispatcher then takes apart, a callable may write its
/// part of the combined answer through a writer that it is handed. For callbacks that run so often that making the object is
/// the cost. Which of two values wins is the combine rule's to say: the writer asks it.
namespace async {

/// What an answer type R says so that callables may write it:
///     `using dispatched`  the object: what a callable returns that doesn't write, and what a call of the dispatcher yields
///     `using writer`      handed to callables by reference; has `write(const dispatched&)`, `memory()` (where an object may
///                         be made), `take()`, which ends it and yields the object, and `using combine_rule`: the rule that
///                         it asks which value of a key to keep, and that the callback is declared with
///     `using interest`    what a registration may say about the arguments it is interested in: `matches_all()`, where it
///                         doesn't `matches(subject)`, and `subject_of(arguments...)`, what is asked about
template <class R>
concept writer_answer = requires {
    typename R::dispatched;
    typename R::writer;
    typename R::interest;
};

/// The slot of a callback that has a writer form. Accepts, as functions or coroutines:
///     object f(arguments...)               object form
///     object f(arguments..., memory)       object form; the object is best made in `memory`, which the writer keeps
///     void   f(arguments..., writer&)      writer form
/// With an interest after it the callable is only called for what the interest matches:
///     slot(async::bind<&Module::add>(this), callbacks::EventInterest().types({"m.room.topic"}))
template <name Name, class R, class... Arguments, class Combine, class Errors>
requires writer_answer<R>
class slot<Name, R(Arguments...), Combine, Errors, void> {
public:
    using signature = R(Arguments...);
    using object = typename R::dispatched;
    using writer = typename R::writer;
    using interest = typename R::interest;
    using memory = std::remove_cvref_t<decltype(std::declval<writer&>().memory())>;
    using writer_hook = driven_hook<void(Arguments..., writer&)>;
    static constexpr std::string_view callback_name = Name.view();

    slot() noexcept = default;

    template <class Function>
    requires(!std::is_base_of_v<slot, std::remove_cvref_t<Function>>)
        slot(Function&& function)  // NOLINT: implicit, registration reads as an assignment
        : slot(std::forward<Function>(function), interest()) {}

    template <class Function>
    slot(Function&& function, interest declared) : declared_(std::move(declared)) {
        using held = std::decay_t<Function>;
        constexpr bool returns = std::is_invocable_v<held&, detail::passed<Arguments>...>;
        constexpr bool returns_in_memory = std::is_invocable_v<held&, detail::passed<Arguments>..., const memory&>;
        constexpr bool writes = std::is_invocable_v<held&, detail::passed<Arguments>..., writer&>;
        static_assert(returns || returns_in_memory || writes,
                      "this callback takes other arguments: see the callback's declaration for its forms");
        if constexpr (returns) {
            hook_ = owned(returning<held, false>{std::forward<Function>(function)});
        } else if constexpr (returns_in_memory) {
            hook_ = owned(returning<held, true>{std::forward<Function>(function)});
        } else {
            hook_ = owned(std::forward<Function>(function));
        }
    }

    explicit operator bool() const noexcept { return static_cast<bool>(hook_); }
    [[nodiscard]] const writer_hook& get() const noexcept { return hook_.get(); }
    [[nodiscard]] const interest& declared_interest() const noexcept { return declared_; }

private:
    using owned = owned_hook<void(Arguments..., writer&), driven_hook>;

    /// Turns what returns an object into what writes it.
    template <class Function, bool InMemory>
    struct returning {
        Function function;

        /// What `owned` asks for; a dispatcher calls `run_driven`.
        void operator()(detail::passed<Arguments>..., writer&);

        bool run_driven(const context& here, std::optional<task<void>>& rest, detail::passed<Arguments>... arguments,
                        writer& out) {
            if constexpr (InMemory) {
                return write(std::invoke(function, arguments..., out.memory()), here, rest, out);
            } else {
                return write(std::invoke(function, arguments...), here, rest, out);
            }
        }

    private:
        template <class Given>
        static bool write(Given given, const context& here, std::optional<task<void>>& rest, writer& out) {
            using yields = typename detail::yielded<Given>::type;
            static_assert(std::is_convertible_v<yields, object>,
                          "this callback's answer has another type: see the callback's declaration for what it may return");
            if constexpr (detail::is_task<Given>) {
                if (!detail::driven_task<yields>::start(given, here)) [[unlikely]] {
                    rest.emplace(write_later(std::move(given), out));
                    return detail::driven_task<void>::start(*rest, here);
                }
                write_now(detail::driven_task<yields>::take(given), out);
            } else {
                write_now(given, out);
            }
            return true;
        }
        template <class Yielded>
        static task<void> write_later(task<Yielded> started, writer& out) {
            detail::driven_task<Yielded> waiting(started);
            co_await waiting;
            write_now(detail::driven_task<Yielded>::take(started), out);
        }
        static void write_now(const object& made, writer& out) { out.write(made); }
    };

    owned hook_;
    interest declared_;
};

}  // namespace async
