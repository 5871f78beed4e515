#pragma once

#include <callbacks/field_key.h>
#include <callbacks/json_buffer.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace callbacks {

/// The JSON text of an event as a host prepares it: its members in the host's order, then what `unsigned` always has, up to the
/// number that is another one each time the event is sent. The modules' fields come after that number.
///
///     callbacks::ClientEventText text;
///     text.member("room_id", event.room_id());
///     text.end_long_form();
///     text.member("type", event.type());
///     ...
///     text.begin_unsigned();
///     text.own_field("prev_content", before);
///     text.end_before_number("age");
///     callbacks::ClientEvent prepared(event, text);
///
/// Each of the last two steps once, in this order. Names are different ones: nobody looks whether one is there twice.
class ClientEventText {
public:
    ClientEventText() { text_.append('{'); }

    /// What the event has, in the form that clients get.
    template <class Value>
    void member(std::string_view key, const Value& value) {
        text_.string(key);
        text_.append(':');
        text_.write(value);
        text_.append(',');
    }
    /// The members so far, at least one, are left out where the event is sent in its short form.
    void end_long_form() noexcept { short_begin_ = text_.size() - 1; }
    void begin_unsigned();
    /// A field of `unsigned` that wins over what modules add.
    template <class Value>
    void own_field(FieldKey key, const Value& value) {
        own_names_.push_back(key.hash());
        member(key.text(), value);
    }
    /// The last field of the host's own, whose number follows in OutgoingEvent.
    void end_before_number(FieldKey key);

private:
    friend class ClientEvent;

    JsonBuffer text_;
    std::size_t short_begin_ = 0;
    std::size_t own_begin_ = 0;
    std::vector<std::uint32_t> own_names_;
    std::uint32_t number_name_ = 0;
};

}  // namespace callbacks
