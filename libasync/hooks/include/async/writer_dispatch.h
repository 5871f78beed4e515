#pragma once

#include <async/dispatch.h>
#include <async/frame_allocator.h>
#include <async/hook_walk.h>
#include <async/promise.h>
#include <async/registry.h>
#include <async/watched_call.h>
#include <async/writer_slot.h>

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace async {

namespace detail {

/// Where the coroutine of a batch waits for the walks that have suspended.
class walk_count {
public:
    void began() noexcept { ++running_; }
    void ended() {
        if (--running_ == 0 && waiting_) std::exchange(waiting_, nullptr).resume();
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
/// that suspends holds up its item and no other one. Cost: no allocation and no lock per item; of a hook whose interest
/// doesn't match the item, a few loads.
template <name Name, class R, class... Arguments, class Combine, class Errors>
requires writer_answer<R>
class dispatch<Name, R(Arguments...), Combine, Errors, void> {
public:
    using slot_type = slot<Name, R(Arguments...), Combine, Errors>;
    using answer = typename R::dispatched;
    using result = answer;
    using writer = typename R::writer;
    using interest = typename R::interest;
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
    /// Errors: the first exception, after every hook that had begun has ended. No further hook is begun then.
    template <class Items>
    [[nodiscard]] batch<Items> write_each(Items& items) const {
        return batch<Items>(*this, items);
    }

    [[nodiscard]] bool empty() const noexcept { return registered_.current() == nullptr; }

    /// Adds a module's callback after the ones there, or where `how` says; an empty slot adds nothing.
    void add(std::string_view module, const slot_type& registered, dispatch_settings* settings, const registration& how = {}) {
        if (!registered) return;
        const bool has_filter = !registered.declared_interest().matches_all();
        registered_.add(module, callback_name, settings, entry{registered.get(), nullptr, has_filter, registered}, how);
    }
    /// As of every dispatcher.
    void add_from(const dispatch& other, std::uint64_t registrant) { registered_.add_from(other.registered_, registrant); }
    void exchange(dispatch& other) noexcept { registered_.exchange(other.registered_); }

    /// As of every dispatcher. A batch that is under way and hasn't come there finds the new one, too.
    template <class Around>
    bool surround(const callback_identity& identity, const std::shared_ptr<const bool>& is_shadowed, const Around& around) {
        return registered_.replace(identity, is_shadowed, [&](entry& changed) {
            changed.registered = around(std::as_const(changed.registered));
            changed.hook = changed.registered.get();
        });
    }

    /// Calls `visit(const callback_identity&)` for every registration, in order.
    template <class Visitor>
    void each_registration(Visitor&& visit) const {
        registered_.each_registration(visit);
    }

private:
    struct entry {
        typename slot_type::writer_hook hook;
        callback_identity* identity;
        bool has_filter;       // interested in some subjects only
        slot_type registered;  // owns what `hook` calls
    };
    using snapshot = typename detail::registry<entry>::snapshot;
    static constexpr std::uint32_t sampled_every = 1024;  // runs are short and many

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
        template <class Subject>
        bool advance(const Subject& subject, writer& out, detail::passed<Arguments>... arguments) {
            return advance_here(subject, out, arguments...);
        }
        /// Does what advance does, inside of its caller: in the loop over items a call for each of them is a tenth of what they cost.
        template <class Subject>
        [[gnu::always_inline]] bool advance_here(const Subject& subject, writer& out, detail::passed<Arguments>... arguments) {
            const entry* const end = hooks_.data() + hooks_.size();
            for (const entry* at = next_; at != end; ++at) {
                const entry& registered = *at;
                if (registered.has_filter && !registered.registered.declared_interest().matches(subject)) continue;
                run_.begin(*registered.identity);
                try {
                    if (!registered.hook(run_.here(), suspended_, arguments..., out)) [[unlikely]] {
                        next_ = at + 1;
                        run_.suspended();
                        return false;
                    }
                } catch (...) {
                    fail(std::current_exception(), arguments...);
                    continue;
                }
                run_.end();
            }
            run_.leave();
            return true;
        }
        void settle(detail::passed<Arguments>... arguments) {
            const bool has_answered =
                base::settle(&detail::driven_task<void>::take,
                             [&](std::exception_ptr failure) { fail(std::move(failure), arguments...); });
            if (has_answered) run_.end();
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
        while (!walk.advance(subject, out, arguments...)) {
            co_await walk.rest();
            walk.settle(arguments...);
        }
        co_return out.take();
    }

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
                if (hooks_->is_watched()) [[unlikely]] {
                    walk_watched_items();
                    return walks_.await_ready();
                }
                current_ = &first_.emplace(*outer_, owner_.registered_.settings(), *hooks_);
                walk_items();
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
        /// Walks all items; those with a hook that has suspended go on by themselves.
        void walk_items() {
            while (!failure_ && items_.next()) {
                current_->start_over();
                writer& out = items_.open_writer();
                const auto arguments = items_.arguments();
                const bool finished = std::apply(
                    [&](const auto&... argument) { return current_->advance_here(items_.subject(), out, argument...); }, arguments);
                if (finished) [[likely]] {
                    items_.close();
                } else {
                    auto place = items_.set_aside();
                    std::unique_ptr<walker> next = std::make_unique<walker>(*outer_, owner_.registered_.settings(), *hooks_);
                    walker& left = *std::exchange(current_, next.get());
                    std::unique_ptr<walker> owned = std::exchange(further_, std::move(next));
                    walks_.began();
                    go_on(*outer_, *this, left, std::move(owned), std::move(place), arguments, items_.subject(), out);
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
        [[gnu::cold]] void walk_watched_items() {
            while (!failure_ && items_.next()) {
                auto item = std::make_unique<watched_item>(*outer_, owner_.registered_.settings(), *hooks_);
                item->walk.start_over();
                writer& out = items_.open_writer();
                const auto arguments = items_.arguments();
                const bool finished = std::apply(
                    [&](const auto&... argument) { return item->walk.advance(items_.subject(), out, argument...); }, arguments);
                if (finished) {
                    item->ended(out);
                    items_.close();
                } else {
                    auto place = items_.set_aside();
                    walks_.began();
                    walker& left = item->walk;
                    go_on(*outer_, *this, left, std::move(item), std::move(place), arguments, items_.subject(), out);
                }
            }
        }

        /// `owned` has `walk`.
        template <class Owner, class Place, class Given, class Subject>
        static detail::root_coroutine go_on(const context&, batch& all, walker& walk, std::unique_ptr<Owner> owned, Place place,
                                            Given arguments, const Subject& subject, writer& out) {
            try {
                for (bool finished = false; !finished;) {
                    co_await walk.rest();
                    std::apply([&](const auto&... argument) { walk.settle(argument...); }, arguments);
                    if (all.failure_) break;
                    finished =
                        std::apply([&](const auto&... argument) { return walk.advance(subject, out, argument...); }, arguments);
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
        detail::walk_count walks_;
        std::exception_ptr failure_;
    };

private:
    detail::registry<entry> registered_;
};

}  // namespace async
