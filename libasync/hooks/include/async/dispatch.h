#pragma once

#include <async/combine.h>
#include <async/hook.h>
#include <async/hook_walk.h>
#include <async/observation.h>
#include <async/registry.h>
#include <async/sleep.h>
#include <async/slot.h>
#include <async/watched_call.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <exception>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace async {

/// What a declared callback looks like to the host: called like a function, answers for all modules together.
///
/// Order:    hooks run one after another, in registration order unless it was ruled otherwise, each awaited before the next.
/// Snapshot: a call walks the list it found when it began; a registration or an exchange during it counts for the next call. No lock,
///           no count.
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
        if (registered_.current() == nullptr) return neutral();
        if (registered_.current()->is_watched()) [[unlikely]]
            return detail::watched(walk(*this, static_cast<Arguments&&>(arguments)...));
        return walk(*this, static_cast<Arguments&&>(arguments)...);
    }

    [[nodiscard]] bool empty() const noexcept { return registered_.current() == nullptr; }
    /// Whether this registrant (`registration::registrant`) has registered anything.
    [[nodiscard]] bool has(std::uint64_t registrant) const noexcept { return registered_.has(registrant); }

    /// Adds a module's callback after the ones there, or where `how` says; an empty slot adds nothing.
    void add(std::string_view module, const slot_type& registered, dispatch_settings* settings, const registration& how = {}) {
        if (registered) registered_.add(module, callback_name, settings, entry{registered, nullptr, how.is_shadowed}, how);
    }
    /// Adds what this registrant has in another dispatcher, after the ones there or where it was ruled; that one keeps it too, and both
    /// count in the same place.
    void add_from(const dispatch& other, std::uint64_t registrant) { registered_.add_from(other.registered_, registrant); }
    /// Each has what the other had. Calls that have begun go on with the list they found, which `other` keeps: it outlives them.
    void exchange(dispatch& other) noexcept { registered_.exchange(other.registered_); }

    /// Puts `around(slot)`, which calls what that slot calls, in the place of the slot that is registered with this identity; see
    /// detail::registry::replace. False: it isn't one of these.
    template <class Around>
    bool surround(const callback_identity& identity, const std::shared_ptr<const bool>& is_shadowed, const Around& around) {
        return registered_.replace(identity, is_shadowed, [&](entry& changed) {
            changed.registered = around(std::as_const(changed.registered));
            changed.is_shadowed = is_shadowed;
        });
    }

    /// Calls `visit(const callback_identity&)` for every registration, in order.
    template <class Visitor>
    void each_registration(Visitor&& visit) const {
        registered_.each_registration(visit);
    }
    /// Calls `visit(const slot_type::interest_type*)` for every registration whose answers count, in order: what they rest on;
    /// null: anything.
    template <class Visitor>
    void each_interest(Visitor&& visit) const {
        if (registered_.current() == nullptr) return;
        for (const entry& each : *registered_.current()) {
            if (each.is_shadowed == nullptr || !*each.is_shadowed) visit(each.registered.interest());
        }
    }

private:
    struct entry {
        slot_type registered;
        callback_identity* identity;
        std::shared_ptr<const bool> is_shadowed;
    };
    using snapshot = typename detail::registry<entry>::snapshot;
    static constexpr std::uint32_t sampled_every = 64;

    static task<result> neutral() {
        if constexpr (std::is_void_v<result>) {
            return make_ready_task();
        } else {
            typename Combine::template walk<answer> nothing_added;
            return task<result>(std::in_place, nothing_added.finish());
        }
    }

    static task<result> walk(const dispatch& self, Arguments... arguments) {
        const context& outer = co_await this_context;
        walker walk(outer, self.registered_);
        walk.start();
        while (!walk.advance(arguments...)) {
            co_await walk.rest();
            walk.settle(arguments...);
        }
        if constexpr (!std::is_void_v<result>) co_return walk.combined.finish();
    }

    /// One call's way through the hooks. A plain loop while hooks answer at once: no coroutine is involved but their own.
    class walker : public detail::hook_walk<Errors, answer> {
        using base = detail::hook_walk<Errors, answer>;
        using base::run_;
        using base::suspended_;

    public:
        walker(const context& outer, const detail::registry<entry>& registered) noexcept
            : base(outer, registered.settings(), sampled_every) {
            if (const snapshot* const hooks = registered.current(); hooks != nullptr) {
                next_ = hooks->data();
                end_ = hooks->data() + hooks->size();
            }
        }

        void start() { run_.throw_if_operation_cancelled(); }
        /// Runs hooks until the walk is over (true) or one suspends: `rest` then waits for it, `settle` takes its answer.
        bool advance(detail::passed<Arguments>... arguments) {
            while (next_ != end_) {
                const entry& registered = *next_++;
                run_.begin(*registered.identity);
                bool is_decided = false;
                try {
                    task<answer> started = registered.registered.get()(arguments...);
                    if (!detail::driven_task<answer>::start(started, run_.here())) [[unlikely]] {
                        suspended_.emplace(std::move(started));
                        run_.suspended();
                        return false;
                    }
                    is_decided = take(started);
                } catch (...) {
                    fail(std::current_exception(), arguments...);
                    continue;
                }
                end(is_decided, arguments...);
            }
            run_.leave();
            return true;
        }
        void settle(detail::passed<Arguments>... arguments) {
            bool is_decided = false;
            std::exception_ptr failure;
            if constexpr (std::is_void_v<answer>) {
                failure = base::settle();
            } else {
                failure = base::settle([&](answer&& given) { is_decided = combined.add(std::move(given)); });
            }
            if (failure) [[unlikely]]
                return fail(std::move(failure), arguments...);
            end(is_decided, arguments...);
        }

        typename Combine::template walk<answer> combined;

    private:
        bool take(task<answer>& finished) {
            if constexpr (std::is_void_v<answer>) {
                detail::driven_task<answer>::take(finished);
                return false;
            } else {
                return combined.add(detail::driven_task<answer>::take(finished));
            }
        }
        [[gnu::noinline]] void end_decided(detail::passed<Arguments>... arguments) {
            run_.end();
            decide(arguments...);
        }
        [[gnu::always_inline]] void end(bool is_decided, detail::passed<Arguments>... arguments) {
            if (is_decided) [[unlikely]]
                return end_decided(arguments...);
            run_.end();
        }
        [[gnu::cold]] void fail(std::exception_ptr failure, detail::passed<Arguments>... arguments) {
            const std::shared_ptr<void> ruled = base::fail(std::move(failure), arguments...);
            if constexpr (!std::is_void_v<answer>) {
                if (ruled != nullptr && combined.add(std::move(*static_cast<answer*>(ruled.get())))) decide(arguments...);
            }
        }
        [[gnu::cold]] void decide(detail::passed<Arguments>... arguments) {
            const std::array<typed_value, sizeof...(Arguments)> given{typed_value::of(arguments)...};
            run_.decided(given, decision());
            next_ = end_;
        }
        /// What ended the walk.
        [[nodiscard]] typed_value decision() const noexcept {
            if constexpr (!requires { combined.decided; }) {
                return {};
            } else if constexpr (std::is_same_v<decltype(combined.decided), answer>) {
                return typed_value::of(combined.decided);
            } else {
                return typed_value::of(*combined.decided);
            }
        }

        const entry* next_ = nullptr;
        const entry* end_ = nullptr;
    };

    detail::registry<entry> registered_;
};

/// The dispatcher of a callback that is registered per key: one list of hooks for every key, keys in order of first
/// registration.
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

    /// The list of the first key for which `matches(key)`; null if there is none. Until the caller awaits something else than a
    /// call of it.
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

    /// Registers for each key that the slot names.
    void add(std::string_view module, const slot_type& registered, dispatch_settings* settings, const registration& how = {}) {
        for (const auto& [key, checker] : registered.entries()) {
            list_of(key).add(module, checker, settings, how);
        }
    }
    /// Takes over from another list what that registrant has there.
    void add_from(const dispatch& other, std::uint64_t registrant) {
        for (const auto& [key, list] : other.lists_) {
            if (list->has(registrant)) list_of(key).add_from(*list, registrant);
        }
    }
    /// As of one list. What `find_if` gave before is the other's.
    void exchange(dispatch& other) noexcept { lists_.swap(other.lists_); }

    /// As of a dispatcher without keys.
    template <class Around>
    bool surround(const callback_identity& identity, const std::shared_ptr<const bool>& is_shadowed, const Around& around) {
        return std::any_of(lists_.begin(), lists_.end(),
                           [&](const auto& list) { return list.second->surround(identity, is_shadowed, around); });
    }

    /// Calls `visit(key, list)` in order of first registration.
    template <class Visitor>
    void each_key(Visitor&& visit) const {
        for (const auto& [key, list] : lists_) visit(key, std::as_const(*list));
    }
    /// Calls `visit(identity)` for every hook, key by key.
    template <class Visitor>
    void each_registration(Visitor&& visit) const {
        for (const auto& [key, list] : lists_) list->each_registration(visit);
    }

private:
    [[nodiscard]] one& list_of(const Key& key) {
        for (auto& [known, hooks] : lists_) {
            if (known == key) return *hooks;
        }
        return *lists_.emplace_back(key, std::make_unique<one>()).second;
    }

    std::vector<std::pair<Key, std::unique_ptr<one>>> lists_;
};

}  // namespace async
