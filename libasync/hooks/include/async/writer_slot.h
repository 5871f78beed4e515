#pragma once

#include <async/callable.h>
#include <async/driven_hook.h>
#include <async/slot.h>
#include <async/task.h>

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
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

/// An answer type whose callables may be asked about all items of a batch at once says also:
///     `using batch`           handed to them by reference, with `items()`; a dispatcher makes one and calls
///                             `append(arguments...)` for each item, which outlives it. `size()` and `arguments(position)`, a
///                             tuple of references, give those again; `put(position, writer&)` writes what the callable gave
///                             for an item, `put(position, batch&, there)` gives it to another batch
template <class R>
concept batch_answer = writer_answer<R> && requires {
    typename R::batch;
};

/// An answer type whose callables may say at their registration that what they answer depends on the item alone says also:
///     `using once`    the word by which they say so, the last one in a slot's braces
///     `using memory`  where a host keeps what they answered (async/writer_dispatch.h); `static std::shared_ptr<memory>
///                     new_memory()` and `static void forget(memory&) noexcept`, which forgets all
template <class R>
concept remembered_answer = writer_answer<R> && requires {
    typename R::once;
    typename R::memory;
};

namespace detail {

/// The word of an answer type that has none, and its memory.
struct no_word {
    no_word() = delete;
};
struct no_memory {};
template <class R>
struct remembering {
    using word = no_word;
    using memory = no_memory;
};
template <remembered_answer R>
struct remembering<R> {
    using word = typename R::once;
    using memory = typename R::memory;
};

/// The form of a slot's callable that is asked about many items at once; nothing where the answer type knows of none.
template <class R>
class form_at_once {};

template <batch_answer R>
class form_at_once<R> {
public:
    using batch = typename R::batch;
    using batch_hook = driven_hook<void(batch&)>;

    /// Null: it is asked about each item by itself.
    [[nodiscard]] const batch_hook* at_once() const noexcept { return hook_ != nullptr ? &hook_->get() : nullptr; }
    /// From now on it is asked at once, by `function(batch&)`, where there is a batch.
    template <class Function>
    void ask_at_once(Function&& function) {
        hook_ = std::make_shared<const owned>(std::forward<Function>(function));
    }

private:
    using owned = owned_hook<void(batch&), driven_hook>;

    std::shared_ptr<const owned> hook_;
};

/// Whether a callable is one that is asked about all items of a batch at once.
template <class R, class Function>
inline constexpr bool takes_batch = false;
template <batch_answer R, class Function>
inline constexpr bool takes_batch<R, Function> =
    std::is_invocable_v<Function&, decltype(std::declval<typename R::batch&>().items()), typename R::batch&>;

}  // namespace detail

/// The slot of a callback that has a writer form. Accepts, as functions or coroutines:
///     object f(arguments...)               object form
///     object f(arguments..., memory)       object form; the object is best made in `memory`, which the writer keeps
///     void   f(arguments..., writer&)      writer form
///     void   f(items, batch&)              batch form, of a batch_answer: asked once about all items of a batch that its
///                                          interest matches; one that comes by itself is a batch of one
/// With an interest after it the callable is only called for what the interest matches:
///     slot(async::bind<&Module::add>(this), callbacks::EventInterest().types({"m.room.topic"}))
/// and with the answer type's word behind that, where it has one, what it answers is remembered for each item.
template <name Name, class R, class... Arguments, class Combine, class Errors>
requires writer_answer<R>
class slot<Name, R(Arguments...), Combine, Errors, void> : public detail::form_at_once<R> {
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

    /// The answer depends on the item alone: it is asked once about each, until it says otherwise.
    template <class Function>
    slot(Function&& function, interest declared, typename detail::remembering<R>::word)
        : slot(std::forward<Function>(function), std::move(declared)) {
        static const auto never_changed = std::make_shared<const std::uint64_t>(0);
        changes_ = never_changed;
    }
    template <class Function>
    slot(Function&& function, interest declared) : declared_(std::move(declared)) {
        using held = std::decay_t<Function>;
        constexpr bool returns = std::is_invocable_v<held&, detail::passed<Arguments>...>;
        constexpr bool returns_in_memory = std::is_invocable_v<held&, detail::passed<Arguments>..., const memory&>;
        constexpr bool writes = std::is_invocable_v<held&, detail::passed<Arguments>..., writer&>;
        constexpr bool takes_all = detail::takes_batch<R, held>;
        static_assert(returns || returns_in_memory || writes || takes_all,
                      "this callback takes other arguments: see the callback's declaration for its forms");
        if constexpr (returns) {
            hook_ = owned(returning<held, false>{std::forward<Function>(function)});
        } else if constexpr (returns_in_memory) {
            hook_ = owned(returning<held, true>{std::forward<Function>(function)});
        } else if constexpr (writes) {
            hook_ = owned(std::forward<Function>(function));
        } else if constexpr (takes_all) {
            const auto kept = std::make_shared<held>(std::forward<Function>(function));
            this->ask_at_once(all_at_once<held, R>{kept});
            hook_ = owned(by_itself<held, R>{kept});
        }
    }

    explicit operator bool() const noexcept { return static_cast<bool>(hook_); }
    [[nodiscard]] const writer_hook& get() const noexcept { return hook_.get(); }
    [[nodiscard]] const interest& declared_interest() const noexcept { return declared_; }

    /// Whether what it answers is to be remembered.
    [[nodiscard]] bool is_remembered() const noexcept { return changes_ != nullptr; }
    /// How often it was changed by somebody which calls are asked: what is remembered is from before then.
    [[nodiscard]] std::uint64_t changes() const noexcept { return changes_ != nullptr ? *changes_ : 0; }
    /// It stands in the place of `given`; `changes` counts how often it was changed which calls are asked.
    void remember_as(const slot& given, std::shared_ptr<const std::uint64_t> changes) {
        if (given.is_remembered()) changes_ = std::move(changes);
    }

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

    /// Asks a callable of the batch form about all items of a batch.
    template <class Function, class Answer>
    struct all_at_once {
        using batch = typename Answer::batch;
        std::shared_ptr<Function> function;

        decltype(auto) operator()(batch& all) const { return std::invoke(*function, all.items(), all); }
    };
    /// Asks it about one item.
    template <class Function, class Answer>
    struct by_itself {
        using batch = typename Answer::batch;
        std::shared_ptr<Function> function;

        /// What `owned` asks for; a dispatcher calls `run_driven`.
        void operator()(detail::passed<Arguments>..., writer&);

        bool run_driven(const context& here, std::optional<task<void>>& rest, detail::passed<Arguments>... arguments,
                        writer& out) {
            auto alone = std::make_unique<batch>();
            alone->append(arguments...);
            using given = std::remove_cvref_t<decltype(std::invoke(*function, alone->items(), *alone))>;
            if constexpr (detail::is_task<given>) {
                task<void> started = std::invoke(*function, alone->items(), *alone);
                if (!detail::driven_task<void>::start(started, here)) [[unlikely]] {
                    rest.emplace(put_later(std::move(alone), std::move(started), out));
                    return detail::driven_task<void>::start(*rest, here);
                }
                detail::driven_task<void>::take(started);
            } else {
                std::invoke(*function, alone->items(), *alone);
            }
            alone->put(0, out);
            return true;
        }

    private:
        static task<void> put_later(std::unique_ptr<batch> alone, task<void> started, writer& out) {
            detail::driven_task<void> waiting(started);
            co_await waiting;
            detail::driven_task<void>::take(started);
            alone->put(0, out);
        }
    };

    owned hook_;
    interest declared_;
    std::shared_ptr<const std::uint64_t> changes_;  // null: what it answers isn't to be remembered
};

}  // namespace async
