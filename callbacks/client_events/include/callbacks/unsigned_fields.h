#pragma once

#include <callbacks/field_key.h>
#include <callbacks/field_names.h>
#include <callbacks/json.h>
#include <callbacks/json_arena.h>
#include <callbacks/json_buffer.h>

#include <async/combine.h>

#include <concepts>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>

namespace callbacks {

/// What a module adds its fields to, in the writer form of add_field_to_unsigned:
///
///     void add(const Event& event, UnsignedFields& out) { out.add("org.example.kind", event.type()); }
///
/// A field that is added twice has the value it was given last, whichever module gave it. The host's own fields win over all.
/// Lifetime: until the callback ends, also across its awaits. Cost: the copying of key and value into the response's bytes, and
/// a look whether a field of this name may be there; only then the object's fields are read. Nothing is allocated but for
/// growth.
class UnsignedFields {
public:
    /// Asked which of two values of one name stays; add_field_to_unsigned is declared with it.
    using combine_rule = async::last_wins_per_key;

    /// Writes an object of its own, that `take` yields.
    UnsignedFields() : text_(&own_text_) {}
    UnsignedFields(const UnsignedFields&) = delete;
    UnsignedFields& operator=(const UnsignedFields&) = delete;

    /// A text, a number, a truth value, null, a JSON value, array or object. The value is copied.
    /// Inlined, so that the length of a literal key is known where it is copied.
    template <class Value>
    [[gnu::always_inline]] void add(FieldKey key, const Value& value) {
        char* const begin = text_->reserve(key.text().size() + sizeof(R"("":,)") + most_bytes_of(value));
        char* at = put_key(begin, key);
        if (at != nullptr) [[likely]]
            at = put_value(at, value);
        if (at == nullptr) [[unlikely]]
            return add_escaped(key, value);
        *at = ',';
        text_->commit(at + 1);
        if (!names_.claim(key.hash())) [[unlikely]]
            settle_name(static_cast<std::size_t>(begin - text_->data()));
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

    /// Begins an object at the end of `text`, of which the opening brace is written. What stands behind `opened_at` is the
    /// host's own, whose names the caller notes.
    void open(JsonBuffer& text, std::size_t opened_at) noexcept {
        text_ = &text;
        opened_at_ = opened_at;
        own_size_ = 0;
        indexed_size_ = 0;
        names_.clear();
    }
    void note_own(std::uint32_t hash) noexcept { static_cast<void>(names_.claim(hash)); }
    /// What is there by now wins over all that is added.
    void end_own() noexcept { own_size_ = text_->size() - opened_at_; }
    void make_objects_in(JsonArena& arena) noexcept { memory_ = JsonMemory(&arena); }
    /// Ends an object that has a field: every field ends with a comma, and the last one's becomes the brace.
    void close() { text_->data()[text_->size() - 1] = '}'; }
    /// Goes on at the end of another buffer, to which what was written since `text_begin` is moved.
    void move_to(JsonBuffer& text, std::size_t text_begin);

    template <class Value>
    [[gnu::noinline, gnu::cold]] void add_escaped(FieldKey key, const Value& value) {
        const std::size_t begin = text_->size();
        text_->string(key.text());
        text_->append(':');
        write_value(value);
        text_->append(',');
        if (!names_.claim(key.hash())) settle_name(begin);
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
    /// The field from `begin` on may have the name of one that is there: of the two one goes.
    [[gnu::cold]] void settle_name(std::size_t begin);

    JsonBuffer* text_;
    std::size_t opened_at_ = 0;
    std::size_t own_size_ = 0;      // of the host's own fields, which stand first
    std::size_t indexed_size_ = 0;  // of the fields that `index_` knows, which stand first
    std::unique_ptr<detail::FieldIndex> index_;
    detail::NameHashes names_;
    JsonMemory memory_;
    JsonBuffer own_text_;
};

}  // namespace callbacks
