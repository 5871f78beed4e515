#pragma once

#include "field_writer.h"
#include "kept_fields.h"

#include <callbacks/client_event.h>
#include <callbacks/remembered_fields.h>

#include <async/context.h>
#include <async/notification.h>
#include <async/promise.h>
#include <async/task.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

namespace callbacks::detail {

/// An event that hooks are asked about for all who want it. It outlives the response that wanted it first, and with it the host's.
struct AskedEvent {
    AskedEvent(Event about, std::uint64_t event_number) : event(std::move(about)), traits(event), number(event_number) {}
    AskedEvent(AskedEvent&&) = delete;

    static constexpr auto none = static_cast<std::size_t>(-1);

    const Event event;
    const EventTraits traits;
    const std::uint64_t number;
    std::string own;                        // the host's fields for every recipient, as they stand in front of the modules'
    std::vector<std::uint32_t> own_names;   // hashes of their keys
    UnsignedWriter writer;                  // of what the hook writes that is asked
    std::shared_ptr<KeptFields> result = std::make_shared<KeptFields>();
    std::shared_ptr<FirstWalk> walk;        // until that has ended
    std::size_t hook = none;                // that is asked
    bool is_at_last_hook = false;
    bool hook_has_failed = false;
    bool has_failed = false;                // one of them
    bool is_detached = false;               // forgotten meanwhile: what comes of it isn't kept
    bool has_answer = false;                // all hooks have ended that were asked, and the response doesn't fail for one of them
};

/// The walk in which hooks are asked about events that nothing is kept of, or not all of it. Has a context of its own, and is the
/// items of its batch (async/writer_dispatch.h).
///
/// Lifetime: shared by who waits for it and by the walk itself. Thread: the worker's.
class FirstWalk {
public:
    using Hook = decltype(UnsignedDispatch::add_field_to_unsigned_callback);
    using Events = std::vector<std::shared_ptr<AskedEvent>>;

    FirstWalk(std::shared_ptr<RememberedFields> memory, const Hook& hook, const async::context& asked_by, Events events);
    FirstWalk(const FirstWalk&) = delete;
    FirstWalk& operator=(const FirstWalk&) = delete;

    /// What is to be asked about an event of which `known` is kept; null: nothing.
    [[nodiscard]] static std::shared_ptr<AskedEvent> about(const ClientEvent& event, const RememberedFields& memory,
                                                           const KeptFields* known);
    /// Runs until the first hook suspends; its events have it as theirs.
    static void start(const std::shared_ptr<FirstWalk>& walk);
    [[nodiscard]] bool has_ended() const noexcept { return has_ended_; }
    /// Throws where the waiting chain is cancelled.
    [[nodiscard]] static async::task<void> ended(std::shared_ptr<FirstWalk> walk);
    [[nodiscard]] const std::exception_ptr& failure() const noexcept { return failure_; }
    /// The worker stops.
    [[nodiscard]] bool was_cut() const noexcept { return cancellation_.requested() != async::cancel_reason::none; }

    static void copy(const KeptPiece& piece, UnsignedWriter& out);

    // As items of a batch.

    bool next();
    [[nodiscard]] UnsignedWriter& open_writer() noexcept { return current().writer; }
    [[nodiscard]] std::tuple<const Event&> arguments() const noexcept { return {current().event}; }
    [[nodiscard]] const EventTraits& subject() const noexcept { return current().traits; }
    void close() { end_hook(current()); }
    [[nodiscard]] AskedEvent* set_aside() noexcept { return &current(); }
    static void close(AskedEvent* finished) { end_hook(*finished); }
    [[nodiscard]] std::size_t size() const noexcept { return events_.size(); }
    [[nodiscard]] std::tuple<const Event&> arguments_of(std::size_t index) const noexcept { return {events_[index]->event}; }
    [[nodiscard]] const EventTraits& subject_of(std::size_t index) const noexcept { return events_[index]->traits; }
    [[nodiscard]] bool asks(std::size_t hook, std::size_t index) const noexcept {
        return asks_about(*events_[index], hook);
    }
    void failed_at_once(std::size_t hook);

    /// Hears which hook comes next, and asks those alone that are remembered and not kept.
    template <class Answered>
    class Recording {
    public:
        Recording(FirstWalk& walk, const Answered& answered) noexcept : walk_(&walk), answered_(answered) {}
        [[nodiscard]] bool put(std::size_t hook, UnsignedWriter& out) const {
            return !walk_->begin_hook(*walk_->events_[item_], hook) || answered_.put(hook, out);
        }
        void next_item() noexcept {
            ++item_;
            answered_.next_item();
        }
        void failed() const noexcept { hook_failed(*walk_->events_[item_]); }

    private:
        FirstWalk* walk_;
        std::size_t item_ = 0;
        Answered answered_;
    };
    template <class Answered>
    [[nodiscard]] Recording<Answered> put_in(const Answered& answered) noexcept {
        return Recording<Answered>(*this, answered);
    }

private:
    [[nodiscard]] AskedEvent& current() const noexcept { return *events_[next_ - 1]; }
    [[nodiscard]] bool asks_about(const AskedEvent& event, std::size_t hook) const noexcept {
        return hooks_->hooks[hook].is_remembered && !event.result->by_hook[hook].is_there;
    }
    [[nodiscard]] bool begin_hook(AskedEvent& event, std::size_t hook);
    static void end_hook(AskedEvent& event);
    static void hook_failed(AskedEvent& event) noexcept { event.hook_has_failed = event.has_failed = true; }
    static void put_together(AskedEvent& event, const RememberedHooks& hooks);

    static async::detail::root_coroutine run(const async::context& root, std::shared_ptr<FirstWalk> self);
    void end() noexcept;

    std::shared_ptr<RememberedFields> memory_;
    std::shared_ptr<const RememberedHooks> hooks_;
    const Hook& hook_;
    async::environment surroundings_;  // who asked first may be gone before it ends
    async::cancellation_source cancellation_;
    async::context root_;
    Events events_;
    std::size_t next_ = 0;
    std::vector<bool> failed_at_once_;
    bool has_ended_ = false;
    std::exception_ptr failure_;
    async::notification ended_;
};

}  // namespace callbacks::detail
