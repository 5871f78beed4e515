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

    FieldTable() : fields_(32), mask_(31) {}

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
    [[gnu::always_inline]] void add(FieldKey key, const Value& value) {
        add_field(key, value, 0);
    }
    /// Every field of an object.
    void write(const JsonDict& fields);
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

    /// Inlined, so that the length of a literal key is known where it is copied.
    template <class Value>
    [[gnu::always_inline]] void add_field(FieldKey key, const Value& value, std::uint32_t owner) {
        char* const from = text_->reserve(key.text().size() + sizeof(R"("":,)") + most_bytes_of(value));
        const std::size_t begin = text_->size();
        char* at = put_key(from, key);
        if (at != nullptr) [[likely]]
            at = put_value(at, value);
        if (at == nullptr) [[unlikely]] {
            write_key(key);
            write_value(value);
            text_->append(',');
        } else {
            *at = ',';
            text_->commit(at + 1);
        }
        const auto end = static_cast<std::uint32_t>(text_->size()) | owner;
        detail::FieldTable::Field& place = fields_.find(key.hash());
        if (fields_.is_taken(place)) [[unlikely]] {
            settle_duplicate(place, key.hash(), begin, end);
        } else {
            fields_.put(place, key.hash(), static_cast<std::uint32_t>(begin), end);
        }
    }

    template <class Value>
    static constexpr bool is_text = std::is_convertible_v<const Value&, std::string_view> && !std::is_null_pointer_v<Value> &&
                                    !std::is_same_v<Value, JsonValue>;
    template <class Value>
    static constexpr bool is_integer = std::integral<Value> && !std::is_same_v<Value, bool>;

    /// What a value needs at most where it can be written at once.
    template <class Value>
    static std::size_t most_bytes_of(const Value& value) noexcept {
        if constexpr (is_text<Value>) {
            return std::string_view(value).size() + sizeof(R"("")");
        } else {
            return JsonBuffer::room_for_integer;
        }
    }

    /// The end of what was written; null if it isn't as simple as that.
    [[gnu::always_inline]] static char* put_key(char* at, FieldKey key) noexcept {
        const std::string_view name = key.text();
        at[0] = '"';
        if (key.is_plain()) {
            std::memcpy(at + 1, name.data(), name.size());
        } else if (!JsonBuffer::copy_plain(at + 1, name)) {
            return nullptr;
        }
        at[name.size() + 1] = '"';
        at[name.size() + 2] = ':';
        return at + name.size() + 3;
    }
    template <class Value>
    [[gnu::always_inline]] static char* put_value(char* at, const Value& value) noexcept {
        if constexpr (is_text<Value>) {
            const std::string_view text(value);
            at[0] = '"';
            if (!JsonBuffer::copy_plain(at + 1, text)) return nullptr;
            at[text.size() + 1] = '"';
            return at + text.size() + 2;
        } else if constexpr (is_integer<Value>) {
            using wide = std::conditional_t<std::is_signed_v<Value>, std::int64_t, std::uint64_t>;
            return JsonBuffer::put_number(at, static_cast<wide>(value));
        } else {
            return nullptr;
        }
    }
    void write_key(FieldKey key) {
        text_->string(key.text());
        text_->append(':');
    }
    template <class Value>
    void write_value(const Value& value) {
        if constexpr (is_text<Value>) {
            text_->string(std::string_view(value));
        } else if constexpr (std::is_same_v<Value, bool>) {
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
