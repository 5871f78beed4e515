#pragma once

#include <async/dispatch.h>
#include <async/driven_task.h>
#include <async/limiter.h>
#include <async/operation.h>
#include <async/scope.h>
#include <async/shadowed_run.h>
#include <async/watched_call.h>
#include <async/writer_slot.h>

#include <array>
#include <concepts>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace async {

/// Whether a policy (async/limited_call.h) says of its callback that it can be asked in shadow mode, and how its answers
/// compare:
///     static constexpr bool shadowed
///     template <class T> using owned      `type`, `static std::optional<type> copy(const T&)`, none: it can't be copied, and
///                                         `static T& get(type&)`
///     using shadow_answer                 what is compared: the answer; of a callback that answers nothing, or writes its
///                                         answer, what the next two make
///     static shadow_answer answered(const copies& before, const copies& after)      of one that answers nothing
///     static shadow_answer answered(object, object written_before)                  of one that writes its answer
///     static shadow_result compared(const shadow_answer* answer, failure, const call_outcome<result>&)
///                                         null: it answered with an exception
template <class Policy>
concept has_shadow = requires {
    requires Policy::shadowed;
};

/// Asks a callable in shadow mode: with copies of its arguments, in a scope of its own, beside the call that reached it.
template <name Name, class R, class... Arguments, class Combine, class Errors, class Policy>
class shadow_call<slot<Name, R(Arguments...), Combine, Errors>, Policy> {
public:
    using slot_type = slot<Name, R(Arguments...), Combine, Errors>;
    using answer = typename detail::dispatched<R>::type;
    using result = typename Combine::template result<answer>;
    using shadow_answer = typename Policy::shadow_answer;
    using outcome = detail::call_outcome<result>;

    /// Begins a run, or counts why it doesn't. `here` is the dispatcher's context for the callable. `written`: what other
    /// callables have written so far, where the callback has a writer form.
    template <class... Written>
    static void begin(const context& here, const slot_type& inner, const std::shared_ptr<limiter>& by,
                      const std::remove_cvref_t<Arguments>&... arguments, Written&&... written) noexcept {
        const callback_identity& callback = *running_callback(here);
        try {
            if (!by->may_shadow(callback)) return;
            std::optional<copies> own = copied(arguments...);
            if (!own) return by->ended_in_shadow(observed_run(by->shadow_of(callback), here), {shadow_end::skipped, {}, {}});
            auto what = std::make_unique<asked>(here, inner, by, std::move(*own), std::forward<Written>(written)...);
            by->settings_->shadow_runs->spawn(slot_type::callback_name, run(std::move(what)));
        } catch (...) {
            by->ended_in_shadow(observed_run(by->shadow_of(callback), here), {shadow_end::skipped, {}, {}});
        }
    }

private:
    template <class Argument>
    using owned = typename Policy::template owned<std::remove_cvref_t<Argument>>;
    using copies = std::tuple<typename owned<Arguments>::type...>;

    /// All that a run has, until it has ended.
    struct asked {
        template <class... Written>
        asked(const context& here, const slot_type& hook, std::shared_ptr<limiter> limits, copies own, Written&&... written)
            : by(std::move(limits)),
              callback(by->shadow_of(*running_callback(here))),
              around(carried_from(here, by->settings_->shadow_runs->root())),
              began(here.clock().coarse_now()),
              since(here.clock().now()),
              listed(by->settings_->waiting, callback, here, since),
              inner(hook),
              arguments(std::move(own)),
              told(detail::watched_call<result>::outcome_for(here)),
              written_before(std::forward<Written>(written)...) {}

        std::shared_ptr<limiter> by;
        const callback_identity& callback;
        std::unique_ptr<operation> around;  // null: nothing
        clock::time_point began;  // in coarse time
        clock::time_point since;
        std::optional<clock::duration> took;  // none: it hasn't ended
        listed_run listed;  // ends after all that the callable's owner made
        slot_type inner;
        copies arguments;
        std::shared_ptr<outcome> told;  // null: the call isn't watched
        std::conditional_t<writer_answer<R>, detail::ready_value<answer>, detail::empty_value> written_before;
    };

    static std::optional<copies> copied(const std::remove_cvref_t<Arguments>&... arguments) {
        std::tuple<std::optional<typename owned<Arguments>::type>...> each{owned<Arguments>::copy(arguments)...};
        return std::apply(
            [](auto&... copy) {
                return (copy.has_value() && ...) ? std::optional<copies>(std::in_place, std::move(*copy)...) : std::nullopt;
            },
            each);
    }
    /// Calls `call(argument&...)` with what a run has of its own.
    template <class Call>
    static decltype(auto) with_arguments(copies& own, Call&& call) {
        return std::apply([&](auto&... argument) -> decltype(auto) { return call(owned<Arguments>::get(argument)...); }, own);
    }

    static task<void> run(std::unique_ptr<asked> what) {
        const context& spawned = co_await this_context;
        const context& root = what->around != nullptr ? what->around->here() : spawned;
        std::optional<shadow_answer> given;
        std::exception_ptr failure;
        {
            detail::shadow_frame frame(root, *what->by, what->callback, what->began);
            if (!frame.admit()) co_return tell(*what, {shadow_end::skipped, {}, {}});
            try {
                if constexpr (writer_answer<R>) {
                    typename R::writer own;
                    std::optional<task<void>> rest;
                    const bool has_ended = with_arguments(what->arguments, [&](auto&... argument) {
                        return what->inner.get()(frame.here(), rest, argument..., own);
                    });
                    if (!has_ended) {
                        frame.suspended();
                        co_await detail::driven_task<void>(*rest);
                        detail::driven_task<void>::take(*rest);
                    }
                    given.emplace(Policy::answered(own.take(), std::move(what->written_before)));
                } else if constexpr (std::is_void_v<answer>) {
                    const copies before = what->arguments;
                    task<void> running = started(*what);
                    if (!detail::driven_task<void>::start(running, frame.here())) {
                        frame.suspended();
                        co_await detail::driven_task<void>(running);
                    }
                    detail::driven_task<void>::take(running);
                    given.emplace(Policy::answered(before, what->arguments));
                } else {
                    task<answer> running = started(*what);
                    if (!detail::driven_task<answer>::start(running, frame.here())) {
                        frame.suspended();
                        co_await detail::driven_task<answer>(running);
                    }
                    given.emplace(detail::driven_task<answer>::take(running));
                }
                if (!frame.ended()) failure = std::make_exception_ptr(deadline_exceeded());
            } catch (...) {
                failure = std::current_exception();
            }
            what->took = root.clock().now() - what->since;
            if (failure && !Policy::is_answer(failure)) {
                if (frame.failed(failure)) co_return;
                const shadow_end end = frame.was_kept_back() ? shadow_end::kept_back : shadow_end::failed;
                co_return tell(*what, {end, Policy::text_of(failure), {}});
            }
            frame.succeeded();
        }
        if (what->told != nullptr) {
            while (!what->told->is_over) co_await what->told->over.wait();
        }
        tell(*what, compared(*what, failure ? nullptr : &*given, failure));
    }

    static void tell(asked& what, const shadow_result& result) noexcept {
        with_arguments(what.arguments, [&](const auto&... argument) {
            const std::array<typed_value, sizeof...(Arguments)> given{typed_value::of(argument)...};
            observed_run run(what.callback);
            run.arguments = given;
            run.took = what.took;
            if (what.around != nullptr) run.here = &what.around->here();
            what.by->ended_in_shadow(run, result);
        });
    }
    static task<answer> started(asked& what) {
        return with_arguments(what.arguments, [&](auto&... argument) { return what.inner.get()(argument...); });
    }
    static shadow_result compared(const asked& what, const shadow_answer* given, const std::exception_ptr& failure) {
        if (what.told != nullptr && (what.told->result || what.told->failure))
            return Policy::compared(given, failure, *what.told);
        return {shadow_end::not_compared, given != nullptr ? Policy::text_of(*given) : Policy::text_of(failure), {}};
    }
};

}  // namespace async
