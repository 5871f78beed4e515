#pragma once

#include "field_writer.h"

#include <callbacks/client_event.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <tuple>

namespace callbacks {

/// The events of one response, as the dispatcher walks them.
class ClientEvents::Items {
public:
    Items(ClientEvents& owner, std::span<const OutgoingEvent> events) noexcept
        : owner_(owner), first_(events.data()), next_(events.data()), end_(events.data() + events.size()) {}

    [[gnu::always_inline]] bool next() {
        if (next_ == end_) return false;
        current_ = next_++;
        owner_.open(*current_);
        return true;
    }
    [[nodiscard]] UnsignedWriter& open_writer() noexcept { return *owner_.fields_; }
    [[nodiscard]] std::tuple<const Event&> arguments() const noexcept { return {current_->event->event_}; }
    [[nodiscard]] const EventTraits& subject() const noexcept { return current_->event->traits_; }
    void close() {
        owner_.close();
        if (owner_.set_aside_.empty()) owner_.arena_.rewind();
    }
    [[nodiscard]] SetAside* set_aside() { return &owner_.set_aside(); }
    static void close(SetAside* finished) { finished->fields->writer_->close(); }

    [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(end_ - first_); }
    [[nodiscard]] std::tuple<const Event&> arguments_of(std::size_t index) const noexcept {
        return {first_[index].event->event_};
    }
    [[nodiscard]] const EventTraits& subject_of(std::size_t index) const noexcept { return first_[index].event->traits_; }

    /// What an event needs at most up to its number, the number, and two braces.
    [[nodiscard]] static std::size_t room_for(const OutgoingEvent& outgoing) noexcept {
        return outgoing.before.size() + outgoing.event->text_.size() + JsonBuffer::room_for_integer + 2;
    }
    /// Up to the number, where there is room.
    [[nodiscard, gnu::always_inline]] static char* put_opening(char* at, const OutgoingEvent& outgoing) noexcept {
        const ClientEvent& event = *outgoing.event;
        // What stands in front of an event is a comma most of the time.
        if (outgoing.before.size() == 1) [[likely]] {
            *at = outgoing.before.front();
        } else if (!outgoing.before.empty()) {
            std::memcpy(at, outgoing.before.data(), outgoing.before.size());
        }
        at += outgoing.before.size();
        const std::size_t left_out = outgoing.in_full ? 0 : event.short_begin_;
        const std::size_t copied = event.text_.size() - left_out;
        std::memcpy(at, event.text_.data() + left_out, copied);
        *at = '{';
        return at + copied;
    }
    [[nodiscard]] static std::uint64_t number_of(const OutgoingEvent& outgoing) noexcept { return outgoing.event->number_; }

private:
    ClientEvents& owner_;
    const OutgoingEvent* first_;
    const OutgoingEvent* next_;
    const OutgoingEvent* end_;
    const OutgoingEvent* current_ = nullptr;
};

/// Writes one event after another at the end of a text: where that is is a register's affair until all are written.
class TextEnd {
public:
    explicit TextEnd(JsonBuffer& text) noexcept : text_(text), end_(text.end()), limit_(text.growing().limit) {}

    /// Where to write, with so much room.
    [[nodiscard, gnu::always_inline]] char* reserve(std::size_t bytes) {
        if (static_cast<std::size_t>(limit_ - end_) < bytes) [[unlikely]]
            grow(bytes);
        return end_;
    }
    void move_to(char* end) noexcept { end_ = end; }
    /// The text's end is where this one is.
    void commit() noexcept { text_.commit(end_); }
    /// Likewise the other way round.
    void read() noexcept {
        end_ = text_.end();
        limit_ = text_.growing().limit;
    }

private:
    [[gnu::noinline, gnu::cold]] void grow(std::size_t bytes) {
        commit();
        static_cast<void>(text_.reserve(bytes));
        read();
    }

    JsonBuffer& text_;
    char* end_;
    char* limit_;
};

/// Up to the number. Leaves room for the rest of an event: a number, two braces, and what else is to follow.
[[gnu::always_inline]] inline char* ClientEvents::put_opening(const OutgoingEvent& outgoing, std::size_t more) {
    return Items::put_opening(text_.reserve(Items::room_for(outgoing) + more), outgoing);
}

/// Up to and with the host's own fields, which become known to the modules' writer.
[[gnu::always_inline]] inline void ClientEvents::open(const OutgoingEvent& outgoing) {
    const ClientEvent& event = *outgoing.event;
    detail::FieldWriter& fields = *fields_->writer_;
    char* at = put_opening(outgoing, 0);
    const std::size_t opened_at = static_cast<std::size_t>(at - text_.data()) - (event.text_.size() - event.own_begin_);
    at = JsonBuffer::put_number(at, outgoing.number);
    *at = ',';
    text_.commit(at + 1);
    fields.open(text_, opened_at);
    fields.note_own(event.number_name_);
    for (const std::uint32_t name : event.own_names_) fields.note_own(name);
    if (outgoing.own_string) [[unlikely]] {
        fields.add(outgoing.own_string->name, outgoing.own_string->value);
    }
    fields.end_own();
}

[[gnu::always_inline]] inline void ClientEvents::close() {
    fields_->writer_->close();
    text_.append('}');
}

}  // namespace callbacks
