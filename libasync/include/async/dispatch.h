#pragma once

#include <async/combine.h>
#include <async/hook.h>
#include <async/observation.h>
#include <async/sleep.h>
#include <async/slot.h>

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace async {

namespace detail {

/// Awaits one hook's task and remembers when it first left the thread.
template <class Answer>
class observed_run {
public:
    observed_run(task<Answer>& run, const context& here, const context& caller) noexcept
        : inner_(run, &here), here_(here), caller_(caller) {}

    void bind_context(const context&) const noexcept {}
    [[nodiscard]] bool await_ready() const { return inner_.await_ready(); }
    void await_suspend(std::coroutine_handle<> waiting) noexcept {
        suspended_at_ = here_.clock().now();
        suspended_ = true;
        caller_.note_on_stack();
        inner_.await_suspend(waiting);
    }
    Answer await_resume() const { return inner_.await_resume(); }

    /// When the run left the thread the first time; only meaningful if it did.
    [[nodiscard]] bool suspended() const noexcept { return suspended_; }
    [[nodiscard]] clock::time_point suspended_at() const noexcept { return suspended_at_; }

private:
    task_awaiter<Answer> inner_;
    const context& here_;
    const context& caller_;
    clock::time_point suspended_at_{};
    bool suspended_ = false;
};

}  // namespace detail

/// What a declared callback looks like to the host: called like a function, answers for all modules together.
///
/// Order:    hooks run one after another, in registration order, each awaited before the next.
/// Snapshot: a call walks the list it found; a registration during it counts for the next call. No lock, no count.
/// Cancel:   `caller_gone` never cuts a running hook; it takes effect after it, whatever the hook ended with. `stopping` does.
/// Deadline: cuts the awaits of a running hook; that is an exception of the hook, under the error rule.
/// Errors:   by the declared error rule. A cancellation is never swallowed. Cost: with no hook, no coroutine.
/// Thread:   one worker. Lifetime: outlives its calls; arguments passed by reference outlive the call.
template <name Name, class Signature, class Combine, class Errors, class Key = void>
class dispatch;

template <name Name, class R, class... Arguments, class Combine, class Errors>
class dispatch<Name, R(Arguments...), Combine, Errors, void> {
public:
    using slot_type = slot<Name, R(Arguments...), Combine, Errors>;
    using answer = typename detail::dispatched<R>::type;
    using result = typename Combine::template result<answer>;
    using combine_rule = Combine;
    using error_rule = Errors;
    static constexpr std::string_view callback_name = Name.view();

    dispatch() = default;
    dispatch(dispatch&&) noexcept = default;
    dispatch& operator=(dispatch&&) noexcept = default;

    /// The combined answer of all registered hooks.
    [[nodiscard]] task<result> operator()(Arguments... arguments) const {
        if (current_ == nullptr) return neutral();
        return walk(*this, *current_, static_cast<Arguments&&>(arguments)...);
    }

    [[nodiscard]] bool empty() const noexcept { return current_ == nullptr; }

    /// Adds a module's callback behind the ones there; an empty slot adds nothing.
    void add(std::string_view module, const slot_type& registered, dispatch_settings* settings) {
        if (!registered) return;
        settings_ = settings;
        identities_.push_back(std::make_unique<callback_identity>(std::string(module), callback_name));
        auto grown = std::make_unique<std::vector<entry>>();
        if (current_ != nullptr) *grown = *current_;
        grown->push_back({registered, identities_.back().get()});
        current_ = grown.get();
        snapshots_.push_back(std::move(grown));  // older ones stay for the walks that started with them
    }

    /// Calls `visit(const callback_identity&)` for every registration, in order.
    template <class Visitor>
    void each_registration(Visitor&& visit) const {
        for (const std::unique_ptr<callback_identity>& identity : identities_) visit(std::as_const(*identity));
    }

private:
    struct entry {
        slot_type registered;
        callback_identity* identity;
    };
    using snapshot = std::vector<entry>;
    static constexpr std::uint64_t sampled_mask = 63;

    static task<result> neutral() {
        if constexpr (std::is_void_v<result>) {
            return make_ready_task();
        } else {
            typename Combine::template walk<answer> nothing_added;
            return task<result>(std::in_place, nothing_added.finish());
        }
    }

    static task<result> walk(const dispatch& self, const snapshot& hooks, Arguments... arguments) {
        const context& outer = co_await this_context;
        dispatch_settings* const settings = self.settings_;
        context inner = outer;
        inner.shielded = true;
        typename Combine::template walk<answer> combined;
        for (const entry& registered : hooks) {
            throw_if_operation_cancelled(outer);
            callback_identity& identity = *registered.identity;
            inner.running = &identity;
            const std::uint64_t run_number = identity.statistics.runs.load(std::memory_order_relaxed);
            identity.statistics.runs.store(run_number + 1, std::memory_order_relaxed);
            const bool sampled = (run_number & sampled_mask) == 0;
            clock::time_point began{};
            if (sampled) began = inner.clock().now();
            bool decided = false;
            std::exception_ptr failure;
            try {
                inner.note_on_stack();
                task<answer> run = registered.registered.get()(arguments...);
                if (settings != nullptr && settings->callback_deadline.count() > 0) {
                    run = with_deadline(settings->callback_deadline, std::move(run));
                }
                detail::observed_run<answer> observed(run, inner, outer);
                if constexpr (std::is_void_v<answer>) {
                    co_await observed;
                } else {
                    answer given = co_await observed;
                    decided = combined.add(std::move(given));
                }
                if (sampled || observed.suspended()) {
                    self.measured(identity, inner, sampled ? began : observed.suspended_at());
                }
            } catch (const operation_cancelled&) {
                // A module that cancels its own work and lets that escape has failed like any other.
                if (inner.cancel_requested() == cancel_reason::stopping) {
                    outer.note_on_stack();
                    throw;
                }
                failure = std::current_exception();
            } catch (...) {
                failure = std::current_exception();
            }
            outer.note_on_stack();
            if (failure) {
                callback_statistics::add(identity.statistics.errors);
                if (settings != nullptr && settings->observer != nullptr) {
                    settings->observer->on_error(identity, Errors::level, failure);
                }
                throw_if_operation_cancelled(outer);
                Errors::apply(std::move(failure));
            } else {
                throw_if_operation_cancelled(outer);
            }
            if (decided) {
                callback_statistics::add(identity.statistics.decisions);
                if (settings != nullptr && settings->observer != nullptr) settings->observer->on_decision(identity);
                break;
            }
        }
        if constexpr (!std::is_void_v<result>) co_return combined.finish();
    }

    /// A deadline isn't asked for here: it comes out of the hook's awaits, as an exception under the error rule.
    static void throw_if_operation_cancelled(const context& here) {
        const cancel_reason reason = here.cancel_requested();
        if (reason == cancel_reason::none || reason == cancel_reason::deadline) [[likely]]
            return;
        throw_cancelled(reason);
    }

    void measured(callback_identity& identity, const context& here, clock::time_point began) const {
        const clock::duration took = here.clock().now() - began;
        const auto nanoseconds = static_cast<std::uint64_t>(took.count());
        callback_statistics& statistics = identity.statistics;
        callback_statistics::add(statistics.measured);
        callback_statistics::add(statistics.total_ns, nanoseconds);
        if (nanoseconds > statistics.longest_ns.load(std::memory_order_relaxed)) {
            statistics.longest_ns.store(nanoseconds, std::memory_order_relaxed);
        }
        if (settings_ != nullptr && settings_->observer != nullptr && took > settings_->slow) {
            settings_->observer->on_slow(identity, took);
        }
    }

    const snapshot* current_ = nullptr;
    dispatch_settings* settings_ = nullptr;
    std::vector<std::unique_ptr<snapshot>> snapshots_;
    std::vector<std::unique_ptr<callback_identity>> identities_;
};

/// The same for a callback registered per key: one list of hooks for every key, keys in order of first registration.
template <name Name, class R, class... Arguments, class Combine, class Errors, class Key>
requires(!std::is_void_v<Key>) class dispatch<Name, R(Arguments...), Combine, Errors, Key> {
public:
    using slot_type = slot<Name, R(Arguments...), Combine, Errors, Key>;
    using one = dispatch<Name, R(Arguments...), Combine, Errors>;
    using answer = typename one::answer;
    using result = typename one::result;
    using combine_rule = Combine;
    using error_rule = Errors;
    static constexpr std::string_view callback_name = Name.view();

    [[nodiscard]] bool empty() const noexcept { return lists_.empty(); }

    /// The list of the first key for which `matches(key)`; null if there is none.
    template <class Predicate>
    [[nodiscard]] const one* find_if(Predicate&& matches) const {
        for (const auto& [key, list] : lists_) {
            if (matches(key)) return list.get();
        }
        return nullptr;
    }

    [[nodiscard]] task<result> operator()(const Key& key, Arguments... arguments) const {
        const one* const list = find_if([&](const Key& registered) { return registered == key; });
        static const one nobody;
        return (list != nullptr ? *list : nobody)(static_cast<Arguments&&>(arguments)...);
    }

    void add(std::string_view module, const slot_type& registered, dispatch_settings* settings) {
        for (const auto& [key, checker] : registered.entries()) {
            one* list = nullptr;
            for (auto& [known, hooks] : lists_) {
                if (known == key) list = hooks.get();
            }
            if (list == nullptr) list = lists_.emplace_back(key, std::make_unique<one>()).second.get();
            list->add(module, checker, settings);
        }
    }

    /// Calls `visit(key, list)` in order of first registration.
    template <class Visitor>
    void each_key(Visitor&& visit) const {
        for (const auto& [key, list] : lists_) visit(key, std::as_const(*list));
    }
    template <class Visitor>
    void each_registration(Visitor&& visit) const {
        for (const auto& [key, list] : lists_) list->each_registration(visit);
    }

private:
    std::vector<std::pair<Key, std::unique_ptr<one>>> lists_;
};

}  // namespace async
