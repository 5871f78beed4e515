#pragma once

#include <callbacks/field_key.h>
#include <callbacks/json.h>
#include <callbacks/json_arena.h>
#include <callbacks/json_buffer.h>

#include <concepts>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <vector>

namespace callbacks {

namespace detail {

/// The fields that an object has so far: key's hash to where the field stands. Open addressing; a new object makes all of it
/// free by counting up.
class FieldTable {
public:
    struct Field {
        std::uint32_t generation = 0;  ///< of the object that it belongs to
        std::uint32_t hash = 0;
        std::uint32_t begin = 0;  ///< in bytes, of the key's quote
        std::uint32_t end = 0;    ///< behind the comma; its highest bit: the host's own
    };
    static constexpr std::uint32_t of_host = 0x80000000U;

    FieldTable() : fields_(64), mask_(63) {}

    void clear() noexcept {
        count_ = 0;
        if (++generation_ == 0) [[unlikely]] {
            for (Field& field : fields_) field.generation = 0;
            generation_ = 1;
        }
    }
    /// The place of a field with this hash behind `from`, or the free one.
    [[nodiscard]] Field& find(std::uint32_t hash) noexcept { return next(fields_[hash & mask_], hash); }
    [[nodiscard]] Field& find_after(Field& found, std::uint32_t hash) noexcept { return next(following(found), hash); }
    [[nodiscard]] bool is_taken(const Field& field) const noexcept { return field.generation == generation_; }
    /// Puts a field into the free place.
    void put(Field& free, std::uint32_t hash, std::uint32_t begin, std::uint32_t end) {
        free = {generation_, hash, begin, end};
        if (++count_ > mask_ / 2) [[unlikely]]
            grow();
    }
    template <class Visitor>
    void each(Visitor&& visit) {
        for (Field& field : fields_) {
            if (is_taken(field)) visit(field);
        }
    }

private:
    [[nodiscard]] Field& following(Field& field) noexcept {
        Field* const behind = &field + 1;
        return behind == fields_.data() + mask_ + 1 ? fields_.front() : *behind;
    }
    [[nodiscard]] Field& next(Field& from, std::uint32_t hash) noexcept {
        Field* at = &from;
        while (is_taken(*at) && at->hash != hash) at = &following(*at);
        return *at;
    }
    void grow();

    std::vector<Field> fields_;
    std::uint32_t mask_;
    std::uint32_t count_ = 0;
    std::uint32_t generation_ = 0;
};

}  // namespace detail

/// What a module adds its fields to, in the direct form of add_field_to_unsigned:
///
///     void add(const Event& event, UnsignedFields& out) { out.add("org.example.kind", event.type()); }
///
/// A field that is added twice has the value it was given last, whichever module gave it. The host's own fields win over all.
/// Lifetime: until the callback ends, also across its awaits. Cost: the copying of key and value into the response's bytes, and
/// a look into a table of the fields that are there. Nothing is allocated but for growth.
class UnsignedFields {
public:
    /// Writes an object of its own, that `take` yields.
    UnsignedFields() : text_(&own_text_) { open(own_text_); }
    UnsignedFields(const UnsignedFields&) = delete;
    UnsignedFields& operator=(const UnsignedFields&) = delete;

    /// A text, a number, a truth value, null, a JSON value, array or object. The value is copied.
    template <class Value>
    void add(FieldKey key, const Value& value) {
        add_field(key, value, 0);
    }
    /// Every field of an object.
    void write(const JsonDict& fields) {
        for (const auto& field : fields) add(FieldKey(std::string_view(field.key())), field.value());
    }
    /// Where an object that is returned or added is best made: it needs no heap there. Valid until the callback's event is
    /// written; a copy that is to live longer is made elsewhere.
    [[nodiscard]] const JsonMemory& memory() noexcept { return memory_; }

    /// The object, if it is one of its own; it is empty afterwards.
    [[nodiscard]] JsonDict take();

private:
    friend class ClientEvents;

    /// Begins an object at the end of `text`, of which the opening brace is written.
    void open(JsonBuffer& text) noexcept {
        text_ = &text;
        opened_at_ = text.size();
        fields_.clear();
    }
    void make_objects_in(JsonArena& arena) noexcept { memory_ = JsonMemory(&arena); }
    /// A field of the host's: wins over every module.
    template <class Value>
    void add_own(FieldKey key, const Value& value) {
        add_field(key, value, detail::FieldTable::of_host);
    }
    /// A field of the host's that is in the text already.
    void note_own(std::uint32_t hash, std::size_t begin, std::size_t end) {
        const auto from = static_cast<std::uint32_t>(begin);
        const auto to = static_cast<std::uint32_t>(end) | detail::FieldTable::of_host;
        detail::FieldTable::Field* place = &fields_.find(hash);
        while (fields_.is_taken(*place)) place = &fields_.find_after(*place, hash);
        fields_.put(*place, hash, from, to);
    }
    /// Ends the object: every field ends with a comma, and the last one's becomes the brace.
    void close() {
        if (text_->size() == opened_at_) {
            text_->append('}');
        } else {
            text_->data()[text_->size() - 1] = '}';
        }
    }
    /// Goes on at the end of another buffer, to which what was written since `text_begin` is moved.
    void move_to(JsonBuffer& text, std::size_t text_begin);

    template <class Value>
    void add_field(FieldKey key, const Value& value, std::uint32_t owner) {
        const std::size_t begin = text_->size();
        if constexpr (std::is_convertible_v<const Value&, std::string_view> && !std::is_same_v<Value, JsonValue>) {
            const std::string_view text(value);
            static_cast<void>(text_->reserve(key.text().size() + text.size() + sizeof(R"("":"",)")));
            write_key(key);
            text_->string(text);
        } else {
            write_key(key);
            write_value(value);
        }
        text_->append(',');
        const auto end = static_cast<std::uint32_t>(text_->size()) | owner;
        detail::FieldTable::Field& place = fields_.find(key.hash());
        if (fields_.is_taken(place)) [[unlikely]] {
            settle_duplicate(place, key.hash(), begin, end);
        } else {
            fields_.put(place, key.hash(), static_cast<std::uint32_t>(begin), end);
        }
    }
    void write_key(FieldKey key) {
        const std::string_view name = key.text();
        if (!key.is_plain()) [[unlikely]] {
            text_->string(name);
            text_->append(':');
            return;
        }
        char* const at = text_->reserve(name.size() + sizeof(R"("":)"));
        at[0] = '"';
        std::memcpy(at + 1, name.data(), name.size());
        at[name.size() + 1] = '"';
        at[name.size() + 2] = ':';
        text_->commit(at + name.size() + 3);
    }
    template <class Value>
    void write_value(const Value& value) {
        if constexpr (std::is_same_v<Value, bool>) {
            text_->boolean(value);
        } else if constexpr (std::is_null_pointer_v<Value>) {
            text_->null();
        } else if constexpr (std::signed_integral<Value>) {
            text_->number(static_cast<std::int64_t>(value));
        } else if constexpr (std::unsigned_integral<Value>) {
            text_->number(static_cast<std::uint64_t>(value));
        } else if constexpr (std::floating_point<Value>) {
            text_->number(static_cast<double>(value));
        } else if constexpr (std::is_same_v<Value, JsonDict>) {
            text_->object(value);
        } else if constexpr (std::is_same_v<Value, JsonArray>) {
            text_->array(value);
        } else {
            static_assert(std::is_same_v<Value, JsonValue>,
                          "a field is a text, a number, a truth value, null, or a JsonValue, JsonArray or JsonDict");
            text_->value(value);
        }
    }
    /// The field from `begin` on may be one that is there: of the two one goes.
    [[gnu::cold]] void settle_duplicate(detail::FieldTable::Field& place, std::uint32_t hash, std::size_t begin,
                                        std::uint32_t end);

    JsonBuffer* text_;
    std::size_t opened_at_ = 0;
    detail::FieldTable fields_;
    JsonMemory memory_;
    JsonBuffer own_text_;
};

}  // namespace callbacks
