#pragma once

#include <async/answered_at_once.h>
#include <async/dispatch.h>
#include <async/frame_allocator.h>
#include <async/hook_walk.h>
#include <async/promise.h>
#include <async/registry.h>
#include <async/watched_call.h>
#include <async/writer_slot.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace async {

namespace detail {

/// Tells whoever hears what hooks answer about an item that the one asked last has failed.
template <class Answered>
void note_failure(const Answered& answered) {
    if constexpr (requires { answered.failed(); }) answered.failed();
}

/// Where the coroutine of a batch waits for the walks that have suspended.
class walk_count {
public:
    void began() noexcept { ++running_; }
    void ended() {
        if (--running_ == 0 && waiting_) resume_nested(std::exchange(waiting_, nullptr));
    }

    [[nodiscard]] bool await_ready() const noexcept { return running_ == 0; }
    void await_suspend(std::coroutine_handle<> waiting) noexcept { waiting_ = waiting; }

private:
    std::size_t running_ = 0;
    std::coroutine_handle<> waiting_;
};

}  // namespace detail

/// The dispatcher of a callback that has a writer form: called like a function for one object, or for a batch of items at once.
///
/// Order, snapshot, cancellation, deadline and errors as of every dispatcher. In a batch each item has its own walk: a hook
/// that suspends holds up its item and no other one. Hooks of the batch form are asked before, one after another and each in
/// one run; what they answered is put in where a walk comes to them, as if they had been asked there. One in shadow mode is
/// asked about each item by itself. Cost: no allocation and no lock per item; of a hook whose interest doesn't match the item,
/// a few loads; of the batch form nothing where no hook has it, else some allocations for each hook.
template <name Name, class R, class... Arguments, class Combine, class Errors>
requires writer_answer<R>
class dispatch<Name, R(Arguments...), Combine, Errors, void> {
public:
    using slot_type = slot<Name, R(Arguments...), Combine, Errors>;
    using answer = typename R::dispatched;
    using result = answer;
    using writer = typename R::writer;
    using interest = typename R::interest;
    using memory = typename detail::remembering<R>::memory;
    using combine_rule = Combine;
    using error_rule = Errors;
    static constexpr std::string_view callback_name = Name.view();
    static_assert(std::is_base_of_v<typename writer::combine_rule, Combine>,
                  "the writer of this callback's answer follows another combine rule than the callback is declared with");

    dispatch() = default;
    dispatch(dispatch&&) noexcept = default;
    dispatch& operator=(dispatch&&) noexcept = default;

    /// The combined answer of all registered hooks, as an object.
    [[nodiscard]] task<result> operator()(Arguments... arguments) const {
        if (registered_.current() == nullptr) return task<result>(std::in_place);
        if (registered_.current()->is_watched()) [[unlikely]]
            return detail::watched(collect(*this, static_cast<Arguments&&>(arguments)...));
        return collect(*this, static_cast<Arguments&&>(arguments)...);
    }

    template <class Items>
    class batch;

    /// Has all hooks write their part of every item of `items`, which outlives the batch. To be awaited at once, where it is
    /// made; it needs no coroutine of its own.
    ///
    ///     bool next();                       goes on to the next item and opens it; false: there is none
    ///     writer& open_writer();             of the current item
    ///     auto arguments();                  a tuple of references to the hooks' arguments, valid until the item is closed
    ///     const auto& subject();             what interests are asked about
    ///     void close();                      the current item is finished
    ///     Place set_aside();                 the current item isn't finished; the others go on with another writer
    ///     void close(Place);                 an item that was set aside is finished
    ///
    /// and where the answer type has a batch form, of items that needn't be open:
    ///
    ///     std::size_t size();                how many there are
    ///     auto arguments_of(index), subject_of(index)
    ///
    /// and, where somebody remembers what hooks answered:
    ///
    ///     auto put_in(answered)              what a walk asks before a hook, in place of `answered`: `put(hook, writer&)`, false:
    ///                                        the hook is to be asked; `next_item()`; `failed()`, of the hook asked last
    ///     bool asks(hook, index)             whether a hook of the batch form is asked about this item
    ///     void failed_at_once(hook)          one of the batch form has failed
    ///
    /// Errors: the first exception, after every hook that had begun has ended. No further hook is begun then.
    template <class Items>
    [[nodiscard]] batch<Items> write_each(Items& items) const {
        return batch<Items>(*this, items);
    }

    [[nodiscard]] bool empty() const noexcept { return registered_.current() == nullptr; }

    /// Where what hooks answer may be kept that said that it depends on the item alone; null: no hook did. Another one as soon as
    /// other hooks are registered.
    [[nodiscard]] const std::shared_ptr<memory>& remembered() const noexcept { return memory_; }
    /// Calls `visit(const callback_identity&, bool is_remembered, std::uint64_t changes)` for every hook, in order; `changes`
    /// grows whenever it is changed which calls this hook is asked.
    template <class Visitor>
    void each_hook(Visitor&& visit) const {
        const snapshot* const hooks = registered_.current();
        if (hooks == nullptr) return;
        for (const entry& each : *hooks)
            visit(std::as_const(*each.identity), each.registered.is_remembered(), each.registered.changes());
    }
    /// What all hooks are told by; null: nobody told it.
    [[nodiscard]] const dispatch_settings* settings() const noexcept { return registered_.settings(); }

    /// Adds a module's callback after the ones there, or where `how` says; an empty slot adds nothing.
    void add(std::string_view module, const slot_type& registered, dispatch_settings* settings, const registration& how = {}) {
        if (!registered) return;
        const bool has_filter = !registered.declared_interest().matches_all();
        registered_.add(module, callback_name, settings, entry{nullptr, has_filter, registered}, how);
        note_forms();
    }
    /// As of every dispatcher.
    void add_from(const dispatch& other, std::uint64_t registrant) {
        registered_.add_from(other.registered_, registrant);
        note_forms();
    }
    /// Changes places with another one's hooks.
    void exchange(dispatch& other) noexcept {
        registered_.exchange(other.registered_);
        std::swap(asks_at_once_, other.asks_at_once_);
        std::swap(memory_, other.memory_);
        forget_all();
        other.forget_all();
    }

    /// As of every dispatcher. A batch that is under way and hasn't come there finds the new one, too.
    template <class Around>
    bool surround(const callback_identity& identity, const std::shared_ptr<const bool>& is_shadowed, const Around& around) {
        forget_all();
        return registered_.replace(identity, is_shadowed, [&](entry& changed) {
            changed.registered = around(std::as_const(changed.registered));
        });
    }

    /// Calls `visit(const callback_identity&)` for every registration, in order.
    template <class Visitor>
    void each_registration(Visitor&& visit) const {
        registered_.each_registration(visit);
    }

private:
    /// In cache lines of its own, of which a walk reads the first.
    struct alignas(64) entry {
        callback_identity* identity;
        bool has_filter;  // interested in some subjects only
        slot_type registered;
    };
    using snapshot = typename detail::registry<entry>::snapshot;
    static constexpr std::uint32_t sampled_every = 1024;        // runs are short and many
    static constexpr std::uint32_t batches_sampled_every = 64;  // as of other dispatchers: there is one for many items
    static constexpr bool has_batch_form = batch_answer<R>;

    void note_forms() {
        const snapshot* const hooks = registered_.current();
        if constexpr (remembered_answer<R>) {
            const bool remembers = hooks != nullptr && std::any_of(hooks->begin(), hooks->end(), [](const entry& each) {
                                       return each.registered.is_remembered();
                                   });
            forget_all();
            memory_ = remembers ? R::new_memory() : nullptr;
        }
        if constexpr (has_batch_form) {
            asks_at_once_ = hooks != nullptr && std::any_of(hooks->begin(), hooks->end(), [](const entry& each) {
                                return each.registered.at_once() != nullptr;
                            });
        }
    }

    void forget_all() noexcept {
        if constexpr (remembered_answer<R>) {
            if (memory_ != nullptr) R::forget(*memory_);
        }
    }

    /// One item's way through the hooks.
    class walker : public detail::hook_walk<Errors, void> {
        using base = detail::hook_walk<Errors, void>;
        using base::fail;
        using base::run_;
        using base::suspended_;

    public:
        static void* operator new(std::size_t size) { return detail::allocate_frame(size); }
        static void operator delete(void* memory, std::size_t size) noexcept { detail::free_frame(memory, size); }

        walker(const context& outer, const dispatch_settings* settings, const snapshot& hooks) noexcept
            : base(outer, settings, sampled_every), hooks_(hooks) {}

        void start_over() {
            run_.throw_if_operation_cancelled();
            next_ = hooks_.data();
        }

        /// Runs hooks until all have run (true) or one suspends: `rest` then waits for it, `settle` ends it.
        /// What hooks have `answered` that were asked at once is put in at their places.
        template <class Answered, class Subject>
        bool advance(const Answered& answered, const Subject& subject, writer& out, detail::passed<Arguments>... arguments) {
            return advance_here(answered, subject, out, arguments...);
        }
        /// Does what advance does, inside of its caller: in the loop over items a call for each of them is a tenth of what they
        /// cost.
        template <class Answered, class Subject>
        [[gnu::always_inline]] bool advance_here(const Answered& answered, const Subject& subject, writer& out,
                                                 detail::passed<Arguments>... arguments) {
            const entry* const end = hooks_.data() + hooks_.size();
            for (const entry* at = next_; at != end; ++at) {
                const entry& registered = *at;
                if constexpr (!std::is_same_v<Answered, detail::nothing_answered>) {
                    if (answered.put(static_cast<std::size_t>(at - hooks_.data()), out)) continue;
                }
                if (registered.has_filter && !registered.registered.declared_interest().matches(subject)) continue;
                run_.begin(*registered.identity);
                try {
                    if (!registered.registered.get()(run_.here(), suspended_, arguments..., out)) [[unlikely]] {
                        next_ = at + 1;
                        run_.suspended();
                        return false;
                    }
                } catch (...) {
                    detail::note_failure(answered);
                    fail(std::current_exception(), arguments...);
                    continue;
                }
                run_.end();
            }
            run_.leave();
            return true;
        }
        template <class Answered>
        void settle(const Answered& answered, detail::passed<Arguments>... arguments) {
            if (std::exception_ptr failure = base::settle()) [[unlikely]] {
                detail::note_failure(answered);
                fail(std::move(failure), arguments...);
            } else {
                run_.end();
            }
        }

    private:
        const snapshot& hooks_;
        const entry* next_ = hooks_.data();
    };

    static task<result> collect(const dispatch& self, Arguments... arguments) {
        const context& outer = co_await this_context;
        const auto subject = interest::subject_of(arguments...);
        writer out;
        const snapshot* const hooks = self.registered_.current();
        if (hooks == nullptr) co_return out.take();
        walker walk(outer, self.registered_.settings(), *hooks);
        walk.start_over();
        const detail::nothing_answered alone;
        while (!walk.advance(alone, subject, out, arguments...)) {
            co_await walk.rest();
            walk.settle(alone, arguments...);
        }
        co_return out.take();
    }

    /// The way through the hooks of the batch form, which are asked about all of `Items` at once.
    template <class Items>
    class walker_at_once : public detail::hook_walk<Errors, void> {
        using base = detail::hook_walk<Errors, void>;
        using base::fail;
        using base::run_;
        using base::suspended_;
        using batch_type = typename R::batch;

    public:
        walker_at_once(const context& outer, const dispatch_settings* settings, const snapshot& hooks, Items& items)
            : base(outer, settings, batches_sampled_every), hooks_(hooks), items_(items) {}

        /// As of a walk about one item.
        void start() { run_.throw_if_operation_cancelled(); }
        bool advance() {
            while (next_ != hooks_.size()) {
                const std::size_t place = next_++;
                const entry& registered = hooks_[place];
                const auto* const hook = registered.registered.at_once();
                if (hook == nullptr || registered.identity->how.is_in_shadow()) continue;
                running_ = begin_batch(place);
                if (running_ == nullptr) continue;
                run_.begin(*registered.identity);
                try {
                    if (!(*hook)(run_.here(), suspended_, *running_)) {
                        run_.suspended();
                        return false;
                    }
                } catch (...) {
                    note_failure(place);
                    fail(std::current_exception(), *running_);
                    continue;
                }
                run_.end();
            }
            run_.leave();
            return true;
        }
        void settle() {
            if (std::exception_ptr failure = base::settle()) [[unlikely]] {
                note_failure(next_ - 1);
                fail(std::move(failure), *running_);
            } else {
                run_.end();
            }
        }

        [[nodiscard]] const detail::answered_at_once<batch_type>& answered() const noexcept { return answered_; }

    private:
        void note_failure(std::size_t place) {
            if constexpr (requires { items_.failed_at_once(place); }) items_.failed_at_once(place);
        }
        [[nodiscard]] batch_type* begin_batch(std::size_t place) {
            const entry& registered = hooks_[place];
            return answered_.begin(
                place, items_.size(),
                [&](std::size_t item) {
                    if constexpr (requires { items_.asks(place, item); }) {
                        if (!items_.asks(place, item)) return false;
                    }
                    return !registered.has_filter || registered.registered.declared_interest().matches(items_.subject_of(item));
                },
                [&](batch_type& begun, std::size_t item) {
                    std::apply([&](const auto&... argument) { begun.append(argument...); }, items_.arguments_of(item));
                });
        }

        const snapshot& hooks_;
        Items& items_;
        detail::answered_at_once<batch_type> answered_;
        batch_type* running_ = nullptr;
        std::size_t next_ = 0;
    };

public:
    /// A batch of items on its way through the hooks.
    template <class Items>
    class batch {
    public:
        batch(const dispatch& owner, Items& items) noexcept : owner_(owner), items_(items) {}
        batch(const batch&) = delete;
        batch& operator=(const batch&) = delete;

        void bind_context(const context& here) noexcept { outer_ = &here; }
        [[nodiscard]] bool await_ready() {
            hooks_ = owner_.registered_.current();
            if (hooks_ == nullptr) {
                while (items_.next()) items_.close();
                return true;
            }
            try {
                if constexpr (has_batch_form) {
                    if (owner_.asks_at_once_) [[unlikely]] {
                        ask_at_once();
                        return walks_.await_ready();
                    }
                }
                if (hooks_->is_watched()) [[unlikely]] {
                    walk_watched_items(put_in(detail::nothing_answered()));
                    return walks_.await_ready();
                }
                walk_items(put_in(detail::nothing_answered()));
            } catch (...) {
                failure_ = std::current_exception();
            }
            return walks_.await_ready();
        }
        void await_suspend(std::coroutine_handle<> waiting) noexcept { walks_.await_suspend(waiting); }
        void await_resume() {
            if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
        }

    private:
        using asking = std::conditional_t<has_batch_form, walker_at_once<Items>, walker>;

        /// Walks all items; those with a hook that has suspended go on by themselves.
        template <class Answered>
        void walk_items(Answered answered) {
            current_ = &first_.emplace(*outer_, owner_.registered_.settings(), *hooks_);
            for (; !failure_ && items_.next(); answered.next_item()) {
                current_->start_over();
                writer& out = items_.open_writer();
                const auto arguments = items_.arguments();
                const bool finished = std::apply(
                    [&](const auto&... argument) {
                        return current_->advance_here(answered, items_.subject(), out, argument...);
                    },
                    arguments);
                if (finished) [[likely]] {
                    items_.close();
                } else {
                    auto place = items_.set_aside();
                    std::unique_ptr<walker> next = std::make_unique<walker>(*outer_, owner_.registered_.settings(), *hooks_);
                    walker& left = *std::exchange(current_, next.get());
                    std::unique_ptr<walker> owned = std::exchange(further_, std::move(next));
                    walks_.began();
                    go_on(*outer_, *this, left, std::move(owned), std::move(place), answered, arguments, items_.subject(), out);
                }
            }
        }

        /// An item that hooks in shadow mode are asked about.
        struct watched_item {
            watched_item(const context& outer, const dispatch_settings* settings, const snapshot& hooks)
                : call(outer), walk(call.here(), settings, hooks) {}

            void ended(writer& out) {
                if constexpr (requires { out.written(); }) call.ended_with(out.written());
            }

            detail::watched_call<result> call;
            walker walk;
        };
        template <class Answered>
        [[gnu::cold]] void walk_watched_items(Answered answered) {
            for (; !failure_ && items_.next(); answered.next_item()) {
                auto item = std::make_unique<watched_item>(*outer_, owner_.registered_.settings(), *hooks_);
                item->walk.start_over();
                writer& out = items_.open_writer();
                const auto arguments = items_.arguments();
                const bool finished = std::apply(
                    [&](const auto&... argument) { return item->walk.advance(answered, items_.subject(), out, argument...); },
                    arguments);
                if (finished) {
                    item->ended(out);
                    items_.close();
                } else {
                    auto place = items_.set_aside();
                    walks_.began();
                    walker& left = item->walk;
                    go_on(*outer_, *this, left, std::move(item), std::move(place), answered, arguments, items_.subject(), out);
                }
            }
        }

        /// Asks the hooks of the batch form, then walks all items.
        [[gnu::cold]] void ask_at_once() {
            at_once_ = std::make_unique<asking>(*outer_, owner_.registered_.settings(), *hooks_, items_);
            at_once_->start();
            if (at_once_->advance()) return walk_answered_items();
            walks_.began();
            go_on_asking(*outer_, *this);
        }
        void walk_answered_items() {
            const typename detail::answered_at_once<typename R::batch>::of_item first(at_once_->answered());
            if (hooks_->is_watched()) return walk_watched_items(put_in(first));
            walk_items(put_in(first));
        }
        /// With what somebody remembers, if there is somebody.
        template <class Answered>
        auto put_in(const Answered& answered) {
            if constexpr (requires { items_.put_in(answered); }) {
                return items_.put_in(answered);
            } else {
                return answered;
            }
        }
        static detail::root_coroutine go_on_asking(const context&, batch& all) {
            try {
                for (bool finished = false; !finished;) {
                    co_await all.at_once_->rest();
                    all.at_once_->settle();
                    finished = all.at_once_->advance();
                }
                all.walk_answered_items();
            } catch (...) {
                if (!all.failure_) all.failure_ = std::current_exception();
            }
            all.walks_.ended();
        }

        /// `owned` has `walk`.
        template <class Owner, class Place, class Answered, class Given, class Subject>
        static detail::root_coroutine go_on(const context&, batch& all, walker& walk, std::unique_ptr<Owner> owned, Place place,
                                            Answered answered, Given arguments, const Subject& subject, writer& out) {
            try {
                for (bool finished = false; !finished;) {
                    co_await walk.rest();
                    std::apply([&](const auto&... argument) { walk.settle(answered, argument...); }, arguments);
                    if (all.failure_) break;
                    finished = std::apply(
                        [&](const auto&... argument) { return walk.advance(answered, subject, out, argument...); }, arguments);
                }
                if constexpr (std::is_same_v<Owner, watched_item>) {
                    if (!all.failure_) owned->ended(out);
                }
            } catch (...) {
                if (!all.failure_) all.failure_ = std::current_exception();
            }
            owned.reset();
            all.items_.close(std::move(place));
            all.walks_.ended();
        }

        const dispatch& owner_;
        const snapshot* hooks_ = nullptr;
        Items& items_;
        const context* outer_ = nullptr;
        std::optional<walker> first_;      // enough for a batch of which no item is left waiting
        std::unique_ptr<walker> further_;  // the one after it, where a waiting item went on with the one before
        walker* current_ = nullptr;
        std::unique_ptr<asking> at_once_;  // null: no hook is of the batch form
        detail::walk_count walks_;
        std::exception_ptr failure_;
    };

private:
    detail::registry<entry> registered_;
    bool asks_at_once_ = false;  // a hook is of the batch form
    std::shared_ptr<memory> memory_;  // null: nobody says that its answer depends on the item alone
};

}  // namespace async
