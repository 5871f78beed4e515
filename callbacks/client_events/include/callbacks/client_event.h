#pragma once

#include <callbacks/client_event_text.h>
#include <callbacks/event.h>
#include <callbacks/event_interest.h>
#include <callbacks/field_key.h>
#include <callbacks/json_arena.h>
#include <callbacks/json_buffer.h>
#include <callbacks/unsigned.h>

#include <async/context.h>
#include <async/driven_task.h>
#include <async/task.h>

#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace callbacks {

namespace detail {
class FirstWalk;
struct KeptFields;
}  // namespace detail

/// An event in the form that clients get, prepared once for all of them: the text up to where the fields of `unsigned` that
/// depend on the recipient, the time and the modules go. Nothing of it changes; a host keeps it with the event.
///
/// Thread: may be shared between workers. Memory: the event, its text and a few words.
class ClientEvent {
public:
    /// `text` is complete: up to its number. Errors: NotUtf8, since no client could read it, and with it nothing of a response.
    ClientEvent(Event event, const ClientEventText& text);
    ClientEvent(ClientEvent&&) = delete;

    [[nodiscard]] const Event& event() const noexcept { return event_; }

private:
    friend class ClientEvents;
    friend class detail::FirstWalk;

    Event event_;
    EventTraits traits_;
    std::uint64_t number_;                  // no other one's of this process
    std::string text_;                      // {"room_id":...,"type":...,"unsigned":{...,"age":
    std::size_t short_begin_ = 0;           // where the comma stands at which the short form begins
    std::size_t own_begin_ = 0;             // where the first field of `unsigned` begins
    std::vector<std::uint32_t> own_names_;  // hashes of their keys
    std::uint32_t number_name_ = 0;         // hash of the key whose number follows
};

/// A field of `unsigned` that is the host's own and wins over what modules add.
struct OwnString {
    FieldKey name;
    std::string_view value;
};

/// One event of a response.
struct OutgoingEvent {
    const ClientEvent* event = nullptr;     ///< outlives the writing
    std::string_view before;                ///< what stands in front of it: a comma, the end of a list, ...
    std::int64_t number = 0;                ///< what the prepared text ends in front of, the event's age for example
    std::optional<OwnString> own_string{};  ///< for this recipient only; the text outlives the writing
    bool in_full = true;                    ///< false: in the short form, without what the prepared text begins with
};

/// Writes events as clients get them, and runs add_field_to_unsigned for each. The host's own fields win over all
/// modules', the later module's over the earlier one's.
///
///     callbacks::ClientEvents events;
///     const std::string_view text = co_await events.write(hooks.unsigned_section, outgoing, "]}");
///
/// The text is that of the events in their order, each after its `before`, and then `after`. Modules that answer at once write
/// straight into it; a callback that leaves the thread holds up its own event only. Kept from response to response, it
/// allocates nothing. Memory: the text; about 6 KB for every event whose callbacks wait at once. Errors: what a module throws
/// (the whole response fails), after all callbacks that had begun have ended. Thread: one worker; one response at a time.
/// Lifetime: the text is valid until the next `write`.
class ClientEvents {
public:
    ClientEvents();
    ~ClientEvents();
    ClientEvents(const ClientEvents&) = delete;
    ClientEvents& operator=(const ClientEvents&) = delete;

    class Writing;
    /// To be awaited at once, where it is made; yields the text. Needs no coroutine of its own.
    [[nodiscard]] Writing write(const UnsignedDispatch& hooks, std::span<const OutgoingEvent> events,
                                std::string_view after = {});

private:
    class Items;
    class KnownItems;
    struct Batch;
    using Known = std::vector<std::shared_ptr<const detail::KeptFields>>;

    /// An event whose callbacks left the thread: what it has of `unsigned`, to be put in at a place of the text.
    struct SetAside {
        std::unique_ptr<UnsignedWriter> fields;
        JsonBuffer text;
        std::size_t place = 0;
    };

    /// The writing of a response that hooks have to be asked for, and what waits for it where it suspends.
    struct Rest {
        explicit Rest(async::task<void> begun) noexcept : run(std::move(begun)), waiting(run) {}
        Rest(const Rest&) = delete;
        Rest& operator=(const Rest&) = delete;
        async::task<void> run;
        async::detail::driven_task<void> waiting;
    };

    [[nodiscard]] std::unique_ptr<UnsignedWriter> new_fields();
    void begin();
    void write_without_modules(std::span<const OutgoingEvent> events);
    [[nodiscard]] char* put_opening(const OutgoingEvent& outgoing, std::size_t more);
    void open(const OutgoingEvent& outgoing);
    void close();
    [[nodiscard]] SetAside& set_aside();
    [[nodiscard]] std::string_view finished();

    // Where fields are remembered.
    [[nodiscard]] bool begin_remembered(const UnsignedDispatch& hooks, std::span<const OutgoingEvent> events,
                                        const async::context& here);
    [[nodiscard]] bool write_if_known(RememberedFields& memory, std::span<const OutgoingEvent> events);
    void write_known(const OutgoingEvent& outgoing, const detail::KeptFields& known);
    static async::task<void> write_remembered(ClientEvents& self, const UnsignedDispatch& hooks,
                                              std::span<const OutgoingEvent> events);
    static async::task<void> know(std::shared_ptr<RememberedFields> memory,
                                  const decltype(UnsignedDispatch::add_field_to_unsigned_callback)& hook,
                                  std::span<const OutgoingEvent> events, Known& known);

    JsonBuffer text_;
    JsonBuffer assembled_;  // `text_` with the events that were set aside, if there were any
    JsonArena arena_;
    std::unique_ptr<UnsignedWriter> fields_;
    std::vector<std::unique_ptr<SetAside>> set_aside_;
    std::vector<std::unique_ptr<SetAside>> spare_;
    std::unique_ptr<Batch> batch_;  // the one that is being written
    std::optional<Rest> rest_;  // likewise, where fields are remembered
};

/// A response that is being written.
class [[nodiscard]] ClientEvents::Writing {
public:
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;

    void bind_context(const async::context& here) noexcept { here_ = &here; }
    [[nodiscard]] bool await_ready() const;
    void await_suspend(std::coroutine_handle<> waiting) const noexcept;
    [[nodiscard]] std::string_view await_resume() const;

private:
    friend class ClientEvents;
    Writing(ClientEvents& owner, const UnsignedDispatch& hooks, std::span<const OutgoingEvent> events,
            std::string_view after) noexcept
        : owner_(owner), hooks_(hooks), events_(events), after_(after) {}

    ClientEvents& owner_;
    const UnsignedDispatch& hooks_;
    std::span<const OutgoingEvent> events_;
    std::string_view after_;
    const async::context* here_ = nullptr;
};

}  // namespace callbacks
