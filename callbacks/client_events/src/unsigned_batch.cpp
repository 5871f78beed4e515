#include <callbacks/unsigned_batch.h>

#include "field_writer.h"

#include <callbacks/json_buffer.h>
#include <callbacks/storable_json.h>
#include <callbacks/unsigned_writer.h>

#include <stdexcept>
#include <string>

namespace callbacks {

/// The fields of all events one after another, as they were added. Those of one event are found as a list.
struct UnsignedBatch::Text {
    static constexpr auto none = static_cast<std::uint32_t>(-1);

    struct Field {
        std::uint32_t hash;  // of the key
        std::uint32_t begin;
        std::uint32_t end;   // after the comma
        std::uint32_t next;  // of the same event
    };
    struct OfEvent {
        std::uint32_t first = none;
        std::uint32_t last = none;
    };

    /// What was written from `begin` on is a field of this event.
    void end_field(std::size_t position, std::uint32_t hash, std::size_t begin) {
        const auto added = static_cast<std::uint32_t>(fields.size());
        fields.push_back({hash, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(text.size()), none});
        OfEvent& event = events[position];
        if (event.first == none) {
            event.first = added;
        } else {
            fields[event.last].next = added;
        }
        event.last = added;
    }
    template <class Visitor>
    void each_field(std::size_t position, const Visitor& visit) const {
        for (std::uint32_t at = events[position].first; at != none; at = fields[at].next) {
            const Field& field = fields[at];
            visit(field.hash, text.view().substr(field.begin, field.end - field.begin));
        }
    }

    JsonBuffer text;
    std::vector<Field> fields;
    std::vector<OfEvent> events;
};

UnsignedBatch::UnsignedBatch() = default;
UnsignedBatch::~UnsignedBatch() = default;

UnsignedBatch::Fields UnsignedBatch::operator[](std::size_t position) {
    if (position >= events_.size()) [[unlikely]]
        throw std::out_of_range("a batch of " + std::to_string(events_.size()) + " events has none at position " +
                                std::to_string(position));
    return {*this, position};
}

UnsignedBatch::Text& UnsignedBatch::text() {
    if (text_ == nullptr) [[unlikely]]
        text_ = std::make_unique<Text>();
    if (text_->events.size() < events_.size()) [[unlikely]]
        text_->events.resize(events_.size());
    return *text_;
}

template <class Value>
void UnsignedBatch::put_any(std::size_t position, FieldKey key, const Value& value) {
    Text& all = text();
    const std::size_t begin = all.text.size();
    all.text.string(key.text());
    all.text.append(':');
    all.text.write(value);
    all.text.append(',');
    all.end_field(position, key.hash(), begin);
}

void UnsignedBatch::put(std::size_t position, FieldKey key, std::string_view text) { put_any(position, key, text); }
void UnsignedBatch::put(std::size_t position, FieldKey key, std::int64_t number) { put_any(position, key, number); }
void UnsignedBatch::put(std::size_t position, FieldKey key, std::uint64_t number) { put_any(position, key, number); }
void UnsignedBatch::put(std::size_t position, FieldKey key, const JsonValue& value) {
    detail::require_readable(value);
    put_any(position, key, value);
}
void UnsignedBatch::put(std::size_t position, FieldKey key, const JsonArray& values) {
    for (const JsonValue& value : values) detail::require_readable(value);
    put_any(position, key, values);
}
void UnsignedBatch::put(std::size_t position, FieldKey key, const JsonDict& members) {
    for (const auto& member : members) detail::require_readable(member.value());
    put_any(position, key, members);
}

void UnsignedBatch::Fields::write(const JsonDict& fields) {
    for (const auto& field : fields) {
        const FieldKey key(std::string_view(field.key()));
        if (field.value().is_string()) {
            batch_.put(position_, key, std::string_view(field.value().get_string()));
        } else {
            batch_.put(position_, key, field.value());
        }
    }
}

void UnsignedBatch::put(std::size_t position, UnsignedWriter& out) const {
    if (text_ == nullptr || position >= text_->events.size()) return;
    text_->each_field(position, [&](std::uint32_t hash, std::string_view field) { out.writer_->add_written(hash, field); });
}

void UnsignedBatch::put(std::size_t position, UnsignedBatch& out, std::size_t there) const {
    if (text_ == nullptr || position >= text_->events.size()) return;
    Text& all = out.text();
    text_->each_field(position, [&](std::uint32_t hash, std::string_view field) {
        const std::size_t begin = all.text.size();
        all.text.append(field);
        all.end_field(there, hash, begin);
    });
}

}  // namespace callbacks
