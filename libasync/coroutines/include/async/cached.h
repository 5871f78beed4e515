#pragma once

#include <async/cached_function.h>
#include <async/cached_key.h>
#include <async/callable.h>
#include <async/notification.h>
#include <async/task.h>

#include <boost/unordered/unordered_flat_set.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace async {

/// The number of key parts of a cached function whose key is all of its arguments.
inline constexpr std::size_t all_arguments = static_cast<std::size_t>(-1);

/// Remembers what a function answered, by its arguments. A member of the class whose function it calls:
///
///     async::cached<std::string(const std::string&)> department{"get_department_for_user",
///                                                               async::bind<&MyModule::fetch_department>(this)};
///     ...
///     const std::string found = co_await department(user);
///
/// Key:       the arguments, or the first `KeyParts` of them; strings, integers and bools. A string is looked up as it is
///            given: a literal or a string_view is only copied when the function runs.
/// Flight:    concurrent callers of one key share one run. It runs in the chain of the caller that started it: that caller's
///            `caller_gone` takes effect after it; if a deadline or the host's stop cuts it, another waiter runs it anew. A
///            waiter that is cancelled leaves at once. Who calls the function for the same key from inside its own run waits
///            for itself.
/// Errors:    an exception reaches every waiter and isn't kept.
/// Kept:      the least recently used entries go when there are too many, or unused for too long (cache_options). With a
///            maximum of 0 nothing is kept and flights are still shared.
/// Invalidation and prefill win over a run in flight: its waiters get its result, which isn't kept; the next call runs anew.
/// Result:    copied to each caller; for large answers let R be a shared_ptr to const.
/// Time:      the clock of the task that ran it last, which outlives the cache or that cache's next run.
/// Thread:    one executor, no lock. Lifetime: outlives its runs (the program ends with a message otherwise).
/// Cost:      a hit is a lookup and a copy: no coroutine, no allocation; a miss is one frame and two small blocks; dropping an
///            entry takes the same however many there are.
/// Memory:    an entry is its key, its value and 32 bytes on the heap, and 10 to 21 bytes of the table.
template <class Signature, std::size_t KeyParts = all_arguments>
class cached;

/// A cached function of these arguments, of which the first `KeyParts` are the key; all, if it says nothing.
template <class R, class... Arguments, std::size_t KeyParts>
class cached<R(Arguments...), KeyParts> final : public cached_function {
    static constexpr std::size_t part_count = KeyParts == all_arguments ? sizeof...(Arguments) : KeyParts;
    static_assert(part_count <= sizeof...(Arguments), "the key has more parts than the function has arguments");
    using key_of = detail::cached_key<std::make_index_sequence<part_count>, Arguments...>;
    static_assert(
        key_of::are_parts,
        "the key of a cached function is made of strings, integers and bools: pass other things as their id, or after "
        "the key (cached<R(Arguments...), number of key parts>)");
    static_assert(std::is_copy_constructible_v<R>, "every caller gets a copy of the answer: let R be a shared_ptr to const");

public:
    using key_type = typename key_of::stored;
    /// Whether values of these types name every part of a key.
    template <class... Given>
    static constexpr bool is_key = key_of::template are_given_by<Given...>();

    /// `function(arguments...)` returns R or task<R>; what it refers to outlives the cache. `name` is a literal or outlives it
    /// too.
    template <class Function>
    cached(std::string_view name, Function&& function, cache_options options = cache_options())
        : cached_function(name, options), function_(own<std::decay_t<Function>>(std::forward<Function>(function))) {}
    ~cached() override {
        if (pending_ + detached_ > 0) detail::destroyed_running_cache(name());
        remove_all();
    }

    /// The answer for these arguments: remembered, of the run in flight, or of a run that this call starts.
    template <class... Given>
    requires(sizeof...(Given) == sizeof...(Arguments) && (detail::passes_as<Given, Arguments> && ...))
        [[nodiscard, gnu::flatten]] task<R>
        operator()(const Given&... given) {
        const lookup wanted = lookup_of(view_of(std::tie(given...)));
        if (entry* const found = find(wanted)) {
            count_hit();
            return task<R>(std::in_place, std::as_const(found->value));
        }
        return look_up(*this, kept_arguments(detail::kept_argument<Arguments>(given)...));
    }

    /// Forgets the answer for these key parts and detaches a run in flight. Unknown ones: nothing happens.
    template <class... Given>
    void invalidate(const Given&... given) {
        static_assert(sizeof...(Given) == part_count, "an invalidation names every part of the key: see invalidate_prefix");
        forget(lookup_of(view_of(std::tie(given...))));
    }
    /// Forgets the answer for every key that begins with these parts and detaches runs in flight. Cost: looks at every entry.
    template <class... Given>
    void invalidate_prefix(const Given&... given) {
        static_assert(sizeof...(Given) >= 1 && sizeof...(Given) <= part_count, "a prefix is one to all parts of the key");
        using prefix = detail::cached_key<std::make_index_sequence<sizeof...(Given)>, Arguments...>;
        const auto begins = prefix::view_of(std::tie(given...));
        forget_if([&](const view& key) { return prefix::view_of(key) == begins; });
    }
    void invalidate_all() override {
        forget_if([](const view&) { return true; });
    }
    /// Remembers `value` as the answer for these key parts and detaches a run in flight.
    template <class... Given>
    void prefill(R value, const Given&... given) {
        static_assert(sizeof...(Given) == part_count, "a prefill names every part of the key");
        const view key = view_of(std::tie(given...));
        forget(lookup_of(key));
        keep(key_of::copy_of(key), std::move(value));
    }

    /// A key as strings, the form in which it travels between workers; `invalidate_strings` reads it.
    template <class... Given>
    [[nodiscard]] std::vector<std::string> key_strings(const Given&... given) const {
        static_assert(sizeof...(Given) == part_count, "a key has another number of parts");
        return key_of::strings_of(view_of(std::tie(given...)));
    }
    /// The former name of key_strings.
    template <class... Given>
    [[nodiscard, deprecated("it is named key_strings")]] std::vector<std::string> key_text(const Given&... given) const {
        return key_strings(given...);
    }
    [[nodiscard]] std::size_t key_parts() const noexcept override { return part_count; }
    [[nodiscard]] bool invalidate_strings(std::span<const std::string> key) override {
        key_type parsed;
        if (key.size() != part_count || !key_of::parse(key, parsed)) return false;
        forget(lookup_of(view_of(parsed)));
        return true;
    }
    [[nodiscard]] bool invalidate_prefix_strings(std::span<const std::string> prefix) override {
        key_type parsed;
        if (prefix.empty() || prefix.size() > part_count || !key_of::parse(prefix, parsed)) return false;
        const view begins = view_of(parsed);
        forget_if([&](const view& key) { return key_of::equal_up_to(key, begins, prefix.size()); });
        return true;
    }

private:
    using view = typename key_of::view;
    using kept_arguments = std::tuple<detail::kept_argument<Arguments>...>;

    struct lookup {
        view key;
        std::size_t hash;
    };
    /// The function, whatever it is. Its arguments stay with the run that calls it.
    struct callable {
        virtual ~callable() = default;
        virtual task<R> call(kept_arguments& arguments) = 0;
    };
    template <class Function>
    struct owned_callable final : callable {
        explicit owned_callable(auto&& given) : function(std::forward<decltype(given)>(given)) {}
        task<R> call(kept_arguments& arguments) override {
            return std::apply(
                [this](auto&... kept) {
                    return detail::call_as_task<R>(function, static_cast<detail::passed<Arguments>>(kept)...);
                },
                arguments);
        }
        Function function;
    };
    template <class Function>
    static std::unique_ptr<callable> own(auto&& function) {
        static_assert(std::is_invocable_v<Function&, detail::passed<Arguments>...>,
                      "a cached function takes its declared arguments");
        if constexpr (detail::check_answer<R, Function, Arguments...>()) {
            return std::make_unique<owned_callable<Function>>(std::forward<decltype(function)>(function));
        } else {
            return nullptr;
        }
    }
    struct entry : detail::cache_entry {
        entry(key_type&& of, std::size_t hash_of_key, R&& answer)
            : key(std::move(of)), hash(hash_of_key), value(std::move(answer)) {}
        [[nodiscard]] view viewed() const { return view_of(key); }
        key_type key;
        std::size_t hash;
        R value;
    };
    struct flight : std::enable_shared_from_this<flight> {
        flight(const kept_arguments& of, std::size_t hash_of_key) : arguments(&of), hash(hash_of_key) {}
        [[nodiscard]] view viewed() const { return view_of(*arguments); }
        const kept_arguments* arguments;  // of the frame that runs it; valid until it landed
        std::size_t hash;
        bool landed = false;
        bool detached = false;
        std::optional<R> value;
        std::exception_ptr failure;  // neither value nor failure: the run was cut, somebody else must run
        notification ended;
    };
    struct hasher {
        using is_transparent = void;
        using is_avalanching = void;
        template <class Held>
        std::size_t operator()(const Held* held) const noexcept {
            return held->hash;
        }
        std::size_t operator()(const lookup& wanted) const noexcept { return wanted.hash; }
    };
    struct same_key {
        using is_transparent = void;
        template <class Held>
        bool operator()(const Held* first, const Held* second) const {
            return first->viewed() == second->viewed();
        }
        template <class Held>
        bool operator()(const lookup& wanted, const Held* held) const {
            return wanted.hash == held->hash && wanted.key == held->viewed();
        }
        template <class Held>
        bool operator()(const Held* held, const lookup& wanted) const {
            return operator()(wanted, held);
        }
    };
    template <class Held>
    using set_of = boost::unordered_flat_set<Held*, hasher, same_key>;

    static view view_of(const auto& held) { return key_of::view_of(held); }
    lookup lookup_of(const view& wanted) const { return {wanted, key_of::hash(wanted, seed_)}; }

    // --- entries

    entry* find(const lookup& wanted) {
        const auto found = entries_.find(wanted);
        if (found == entries_.end()) return nullptr;
        entry* const known = *found;
        return is_live(*known) ? known : nullptr;
    }
    void keep(key_type key, R value) {
        const std::size_t hash = key_of::hash(view_of(key), seed_);
        auto made = std::make_unique<entry>(std::move(key), hash, std::move(value));
        entries_.insert(made.get());
        link(*made.release());
    }
    void remove(detail::cache_entry& gone) noexcept override {
        auto* const removed = static_cast<entry*>(&gone);
        entries_.erase(removed);
        delete removed;
    }
    void forget(const lookup& wanted) {
        if (const auto found = entries_.find(wanted); found != entries_.end()) drop_invalidated(**found);
        if (const auto found = flights_.find(wanted); found != flights_.end()) {
            flight* const running = *found;
            flights_.erase(found);
            detach(*running);
        }
    }
    template <class Predicate>
    void forget_if(Predicate&& matches) {
        drop_invalidated_if(
            [&](const detail::cache_entry& known) { return matches(static_cast<const entry&>(known).viewed()); });
        boost::unordered::erase_if(flights_, [&](flight* running) {
            if (!matches(running->viewed())) return false;
            detach(*running);
            return true;
        });
    }
    void detach(flight& running) {
        running.detached = true;
        --pending_;
        ++detached_;
    }

    // --- flights

    static task<R> look_up(cached& self, kept_arguments arguments) {
        const context& here = co_await this_context;
        self.use_clock(here.clock());
        bool counted = false;
        std::optional<R> found;
        for (;;) {
            here.throw_if_cancelled();
            const lookup wanted = self.lookup_of(view_of(arguments));
            std::shared_ptr<flight> joined;
            if (entry* const known = self.find(wanted)) {
                found = known->value;
            } else if (const auto running = self.flights_.find(wanted); running != self.flights_.end()) {
                joined = (*running)->shared_from_this();
            } else {
                break;
            }
            if (!std::exchange(counted, true)) self.count_hit();
            if (joined) {
                while (!joined->landed) co_await joined->ended.wait();
                if (joined->failure) co_await detail::ends_with(joined->failure);
                found = joined->value;
            }
            if (found) co_return std::move(*found);
        }
        if (!counted) self.count_miss();
        task<R> own = run(self, std::move(arguments));
        co_return co_await std::move(own);
    }

    static task<R> run(cached& self, kept_arguments arguments) {
        const context& here = co_await this_context;
        context uncut = here;
        uncut.shielded = true;
        const std::shared_ptr<flight> own = std::allocate_shared<flight>(detail::recycling_allocator<flight>(), arguments,
                                                                         self.lookup_of(view_of(arguments)).hash);
        self.flights_.insert(own.get());
        ++self.pending_;
        std::exception_ptr failure;
        bool was_cut = false;
        try {
            task<R> running = self.function_->call(arguments);
            own->value.emplace(co_await std::move(running).in(uncut));
        } catch (const operation_cancelled&) {
            failure = std::current_exception();
            was_cut = uncut.cancel_requested() != cancel_reason::none;
        } catch (const deadline_exceeded&) {
            failure = std::current_exception();
            was_cut = uncut.cancel_requested() == cancel_reason::deadline;
        } catch (...) {
            failure = std::current_exception();
        }
        own->landed = true;
        if (!was_cut) own->failure = failure;
        if (own->detached) {
            --self.detached_;
        } else {
            self.flights_.erase(own.get());
            --self.pending_;
            if (!failure) self.keep_if_possible(arguments, *own->value);
        }
        own->ended.notify_all();
        here.throw_if_cancelled();  // of a caller that left during the run
        if (failure) co_await detail::ends_with(failure);
        co_return *own->value;
    }
    void keep_if_possible(kept_arguments& arguments, const R& value) noexcept {
        try {
            keep(key_of::take(arguments), R(value));
        } catch (...) {
            // Without memory for it the answer is still an answer; it only isn't remembered.
        }
    }

    std::unique_ptr<callable> function_;
    std::uint64_t seed_ = detail::hash_seed();
    set_of<entry> entries_;
    set_of<flight> flights_;
};

}  // namespace async
