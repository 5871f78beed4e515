#pragma once

#include "field_writer.h"

#include <callbacks/client_event.h>

#include <cstddef>
#include <span>
#include <tuple>

namespace callbacks {

/// The events of one response, as the dispatcher walks them.
class ClientEvents::Items {
public:
    Items(ClientEvents& owner, std::span<const OutgoingEvent> events) noexcept
        : owner_(owner), first_(events.data()), next_(events.data()), end_(events.data() + events.size()) {}

    bool next() {
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

private:
    ClientEvents& owner_;
    const OutgoingEvent* first_;
    const OutgoingEvent* next_;
    const OutgoingEvent* end_;
    const OutgoingEvent* current_ = nullptr;
};

/// Up to the number. Leaves room for the rest of an event: a number, two braces, and what else is to follow.
[[gnu::always_inline]] inline char* ClientEvents::put_opening(const OutgoingEvent& outgoing, std::size_t more) {
    constexpr std::size_t max_rest = JsonBuffer::room_for_integer + 2;
    const ClientEvent& event = *outgoing.event;
    char* at = text_.reserve(outgoing.before.size() + event.text_.size() + max_rest + more);
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
