#pragma once

#include <async/dispatch.h>
#include <async/driven_task.h>
#include <async/failure.h>
#include <async/limiter.h>
#include <async/shadow_call.h>
#include <async/writer_slot.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace async {

namespace detail {

/// What every limited callable does with a failure.
///
/// `Policy` says what the callback's declaration knows and a limiter doesn't:
///     static std::uint32_t point_of(const arguments&...)           of 10'000, by which a share is asked
///     static bool is_answer(const std::exception_ptr&)             an exception by which the callback answers
///     static answer denial()                                       how this callback denies; or throws what denies the
///     operation static std::exception_ptr later(clock::duration remaining)   what leaves for tempfail; 0: nobody knows when it
///     is better
/// and, where it can be asked in shadow mode, what async/shadow_call.h says.
template <class Policy, class Combine, class answer>
class ruling {
protected:
    /// Of a call that isn't asked: as if it had no opinion.
    static answer neutral() {
        if constexpr (std::is_void_v<answer>) {
            return;
        } else if constexpr (std::is_same_v<typename Combine::template result<answer>, answer>) {
            typename Combine::template walk<answer> nothing_added;
            return nothing_added.finish();
        } else {
            throw ruled_failure();  // no answer says that
        }
    }

    /// What becomes of a run that ended with `failure`, which is thrown. The end of the operation, and an answer in the form of
    /// an exception, pass.
    [[noreturn]] static void settle(limiter& by, const context& here, std::exception_ptr failure, bool is_probe) {
        if (ends_the_operation(failure, here)) {
            if (is_probe) by.limits().breaker->gave_up();
            std::rethrow_exception(std::move(failure));
        }
        if (Policy::is_answer(failure)) {
            by.succeeded(here, is_probe);
            std::rethrow_exception(std::move(failure));
        }
        by.failed(here, failure, is_probe);
        switch (by.limits().on_failure) {
            case failure_outcome::contract:
                break;
            case failure_outcome::accept:
                throw ruled_failure(failure_outcome::accept, std::move(failure), nullptr);
            case failure_outcome::reject:
                reject(std::move(failure));
            case failure_outcome::tempfail:
                throw ruled_failure(failure_outcome::tempfail, failure, Policy::later(remaining_of(failure)));
        }
        std::rethrow_exception(std::move(failure));
    }

private:
    [[noreturn]] static void reject(std::exception_ptr failure) {
        std::exception_ptr leaves;
        std::shared_ptr<void> denial;
        try {
            if constexpr (std::is_void_v<answer>) {
                Policy::denial();
            } else {
                denial = std::make_shared<answer>(Policy::denial());
            }
        } catch (...) {
            leaves = std::current_exception();
        }
        throw ruled_failure(failure_outcome::reject, std::move(failure), std::move(leaves), std::move(denial));
    }

    static bool ends_the_operation(const std::exception_ptr& failure, const context& here) noexcept {
        return here.cancel_requested() == cancel_reason::stopping && is_cancellation(failure);
    }
    static clock::duration remaining_of(const std::exception_ptr& failure) noexcept {
        const auto* const refusal = failure_as<breaker_is_open>(failure);
        return refusal != nullptr ? refusal->remaining() : clock::duration(0);
    }
};

}  // namespace detail

/// What is registered in the place of a callable that somebody limits: it has the callable inside.
///
///     dispatcher.add(module, async::limited_call<slot, policy>::around(given, limits), settings, limits->stands_at(0));
///
/// Cost: where the callable answers at once, two looks at the coarse clock if it has a deadline, and a frame if it is a
/// coroutine. Lifetime and thread: those of the registration.
template <class Slot, class Policy>
class limited_call;

template <name Name, class R, class... Arguments, class Combine, class Errors, class Policy>
class limited_call<slot<Name, R(Arguments...), Combine, Errors>, Policy>
    : detail::ruling<Policy, Combine, typename detail::dispatched<R>::type> {
public:
    using slot_type = slot<Name, R(Arguments...), Combine, Errors>;
    using answer = typename detail::dispatched<R>::type;

    /// The limited form of a slot that isn't empty.
    [[nodiscard]] static slot_type around(const slot_type& given, std::shared_ptr<limiter> by) {
        limited_call limited(given, std::move(by));
        if constexpr (!std::is_void_v<typename slot_type::interest_type>) {
            if (given.interest() != nullptr) return slot_type(std::move(limited), *given.interest());
        }
        return slot_type(std::move(limited));
    }

    task<answer> operator()(detail::passed<Arguments>... arguments) const {
        limiter& by = *by_;
        if (!by.asks_all()) {
            if (!by.asks(Policy::point_of(arguments...))) return not_asked();
            if (by.is_in_shadow()) return beside(inner_, by_, arguments...);
        }
        const clock::time_point began = by.call_time();
        if (!by.is_free()) [[unlikely]]
            return run_later(inner_, by, began, arguments...);
        std::exception_ptr failure;
        try {
            task<answer> started = inner_.get()(arguments...);
            if (!started.finished()) return run<own_run>(by, began, std::move(started));
            if (!by.is_late(began)) [[likely]]
                return started;
            failure = std::make_exception_ptr(deadline_exceeded());
        } catch (...) {
            failure = std::current_exception();
        }
        return fail(by, std::move(failure));
    }

private:
    using ruling = detail::ruling<Policy, Combine, answer>;

    limited_call(const slot_type& given, std::shared_ptr<limiter> by) : inner_(given), by_(std::move(by)) {}

    static task<answer> not_asked() {
        if constexpr (std::is_void_v<answer>) {
            return make_ready_task();
        } else {
            return task<answer>(std::in_place, ruling::neutral());
        }
    }

    /// Asks it in shadow mode; the walk goes on as if it had no opinion.
    [[gnu::cold]] static task<answer> beside(const slot_type& inner, const std::shared_ptr<limiter>& by,
                                             detail::passed<Arguments>... arguments) {
        const context& here = co_await this_context;
        by->passed_over();
        if constexpr (has_shadow<Policy>) shadow_call<slot_type, Policy>::begin(here, inner, by, arguments...);
        static_cast<void>(here);
        if constexpr (!std::is_void_v<answer>) co_return ruling::neutral();
    }

    /// What `run` runs in: a run of its own, which nothing had to be waited for.
    class own_run {
    public:
        own_run(limiter& by, const context& outer, clock::time_point began) : run_(by, outer, began) {}
        [[nodiscard]] limited_run& get() noexcept { return run_; }
        /// A dispatcher starts it where it was made: what was free then is so now.
        void begin() { static_cast<void>(run_.admit()); }

    private:
        limited_run run_;
    };
    /// Likewise, the run that was let in before there was a coroutine.
    class admitted_run {
    public:
        admitted_run(limiter&, const context&, limited_run* admitted) noexcept : run_(*admitted) {}
        [[nodiscard]] limited_run& get() const noexcept { return run_; }
        void begin() const noexcept {}

    private:
        limited_run& run_;
    };

    /// Runs a coroutine. `given`: what a `Limits` is made of.
    template <class Limits, class Given>
    static task<answer> run(limiter& by, Given given, task<answer> started) {
        const context& outer = co_await this_context;
        std::exception_ptr failure;
        bool is_probe = false;
        {
            Limits around(by, outer, given);
            limited_run& limits = around.get();
            task<answer> running = std::move(started);  // ends before what it runs in
            try {
                around.begin();
                if (!detail::driven_task<answer>::start(running, limits.here())) {
                    limits.suspended();
                    co_await detail::driven_task<answer>(running);
                }
                if (limits.ended()) [[likely]] {
                    if (!limits.is_probe()) [[likely]]
                        co_return detail::driven_task<answer>::take(running);
                    if constexpr (std::is_void_v<answer>) {
                        detail::driven_task<answer>::take(running);
                        by.succeeded(outer, limits.take_probe());
                        co_return;
                    } else {
                        answer answered = detail::driven_task<answer>::take(running);
                        by.succeeded(outer, limits.take_probe());
                        co_return answered;
                    }
                }
                static_cast<void>(detail::driven_task<answer>::take(running));  // what it failed with counts, not when
                failure = std::make_exception_ptr(deadline_exceeded());
            } catch (...) {
                failure = std::current_exception();
            }
            is_probe = limits.take_probe();
        }
        ruling::settle(by, outer, std::move(failure), is_probe);
    }

    /// A call that finds a breaker which isn't closed, or no free place.
    static task<answer> run_later(const slot_type& inner, limiter& by, clock::time_point began,
                                  detail::passed<Arguments>... arguments) {
        const context& outer = co_await this_context;
        limited_run limits(by, outer, began);
        std::exception_ptr failure;
        std::optional<task<answer>> started;
        try {
            if (!limits.admit()) {
                limits.suspended();
                task<void> waiting = limited_run::wait_for_place(limits);
                co_await std::move(waiting).in(limits.here());
            }
            started.emplace(inner.get()(arguments...));
        } catch (...) {
            failure = std::current_exception();
        }
        if (failure) {
            const bool is_probe = limits.take_probe();
            ruling::settle(by, outer, std::move(failure), is_probe);
        }
        task<answer> running = run<admitted_run>(by, &limits, std::move(*started));
        co_return co_await std::move(running);
    }

    /// The callable failed before there was a context to tell it in.
    static task<answer> fail(limiter& by, std::exception_ptr failure) {
        const context& outer = co_await this_context;
        ruling::settle(by, outer, std::move(failure), false);
    }

    slot_type inner_;
    std::shared_ptr<limiter> by_;
};

/// The limited form of a callable that may write its answer. Where a failure counts as no opinion, what the callable wrote
/// until then must not stand: it writes into an object of its own then, which costs what making one does.
template <name Name, class R, class... Arguments, class Combine, class Errors, class Policy>
requires writer_answer<R>
class limited_call<slot<Name, R(Arguments...), Combine, Errors>, Policy> : detail::ruling<Policy, Combine, void> {
public:
    using slot_type = slot<Name, R(Arguments...), Combine, Errors>;
    using writer = typename R::writer;

    /// The limited form of a slot that isn't empty.
    [[nodiscard]] static slot_type around(const slot_type& given, std::shared_ptr<limiter> by) {
        limited_call limited(given, by);
        slot_type made(std::move(limited), given.declared_interest());
        made.remember_as(given, by->changes());
        if constexpr (batch_answer<R>) {
            if (given.at_once() != nullptr) made.ask_at_once(all_at_once<R>{given, std::move(by)});
        }
        return made;
    }

    task<void> operator()(detail::passed<Arguments>... arguments, writer& out) const {
        limiter& by = *by_;
        if (!by.asks_all()) {
            if (!by.asks(Policy::point_of(arguments...))) return make_ready_task();
            if (by.is_in_shadow()) return beside(inner_, by_, arguments..., out);
        }
        return run<writer, detail::passed<Arguments>...>(inner_.get(), by, by.call_time(), arguments..., out);
    }

private:
    using ruling = detail::ruling<Policy, Combine, void>;

    limited_call(const slot_type& given, std::shared_ptr<limiter> by) : inner_(given), by_(std::move(by)) {}

    /// As of every limited callable.
    [[gnu::cold]] static task<void> beside(const slot_type& inner, const std::shared_ptr<limiter>& by,
                                           detail::passed<Arguments>... arguments, writer& out) {
        const context& here = co_await this_context;
        by->passed_over();
        if constexpr (has_shadow<Policy>) shadow_call<slot_type, Policy>::begin(here, inner, by, arguments..., out.written());
        static_cast<void>(here);
    }

    /// `hook` is called with `given` and then `out`, which is a writer or a batch.
    template <class Out, class... Given, class Hook>
    static task<void> run(const Hook& hook, limiter& by, clock::time_point began, Given... given, Out& out) {
        const context& outer = co_await this_context;
        std::exception_ptr failure;
        bool is_probe = false;
        {
            std::optional<Out> own;
            if (by.limits().on_failure == failure_outcome::accept) make_like(out, own);
            limited_run limits(by, outer, began);
            std::optional<task<void>> rest;
            try {
                if (!limits.admit()) {
                    limits.suspended();
                    task<void> waiting = limited_run::wait_for_place(limits);
                    co_await std::move(waiting).in(limits.here());
                }
                if (!hook(limits.here(), rest, given..., own ? *own : out)) {
                    limits.suspended();
                    co_await detail::driven_task<void>(*rest);
                    detail::driven_task<void>::take(*rest);
                }
                if (limits.ended()) {
                    by.succeeded(outer, limits.take_probe());
                    if (own) hand_over(*own, out);
                    co_return;
                }
                failure = std::make_exception_ptr(deadline_exceeded());
            } catch (...) {
                failure = std::current_exception();
            }
            is_probe = limits.take_probe();
        }
        ruling::settle(by, outer, std::move(failure), is_probe);
    }

    static void make_like(const writer&, std::optional<writer>& own) { own.emplace(); }
    static void hand_over(writer& own, writer& out) { out.write(own.take()); }
    template <class Batch>
    static void make_like(const Batch& out, std::optional<Batch>& own) {
        own.emplace();
        for (std::size_t position = 0; position < out.size(); ++position)
            std::apply([&](const auto&... argument) { own->append(argument...); }, out.arguments(position));
    }
    template <class Batch>
    static void hand_over(const Batch& own, Batch& out) {
        for (std::size_t position = 0; position < own.size(); ++position) own.put(position, out, position);
    }

    /// The limited form of what is asked about all items of a batch at once: one run. Of a share it is asked about those items
    /// that are in it. In shadow mode it isn't asked here: each item's answer is compared with what was done for that item.
    template <class Answer>
    struct all_at_once {
        using batch = typename Answer::batch;

        slot_type inner;
        std::shared_ptr<limiter> by;

        task<void> operator()(batch& all) const {
            if (by->is_in_shadow()) {
                by->passed_over();
                return make_ready_task();
            }
            if (!by->asks_all()) return about_a_share(inner, *by, all);
            return run<batch>(*inner.at_once(), *by, by->call_time(), all);
        }

        static task<void> about_a_share(const slot_type& inner, limiter& by, batch& all) {
            batch part;
            std::vector<std::size_t> places;
            for (std::size_t position = 0; position < all.size(); ++position) {
                const auto arguments = all.arguments(position);
                const std::uint32_t point =
                    std::apply([](const auto&... argument) { return Policy::point_of(argument...); }, arguments);
                if (!by.asks_about(point)) continue;
                std::apply([&](const auto&... argument) { part.append(argument...); }, arguments);
                places.push_back(position);
            }
            if (places.empty()) {
                by.passed_over();
                co_return;
            }
            task<void> asking = run<batch>(*inner.at_once(), by, by.call_time(), part);
            co_await std::move(asking);
            for (std::size_t position = 0; position < places.size(); ++position) part.put(position, all, places[position]);
        }
    };

    slot_type inner_;
    std::shared_ptr<limiter> by_;
};

}  // namespace async
