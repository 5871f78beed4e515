#pragma once

#include <callbacks/field_key.h>
#include <callbacks/json.h>
#include <callbacks/open_fields.h>

#include <async/combine.h>
#include <async/name.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <type_traits>

namespace callbacks {

namespace detail {
class FieldWriter;
class FirstWalk;
}
class UnsignedBatch;

/// What a module adds its fields to, in the writer form of add_field_to_unsigned:
///
///     void add(const Event& event, UnsignedWriter& out) { out.add("org.example.kind", event.type()); }
///
/// A field that is added twice has the value it was given last, whichever module gave it. The host's own fields win over all.
/// Lifetime: until the callback ends, also across its awaits. Thread: the callback's. Errors: std::length_error for an object
/// beyond a gigabyte. Cost: a call, the copying of key and value into the response's bytes, and a look whether a field of this
/// name may be there; only then the object's fields are read. Nothing is allocated but for growth.
class UnsignedWriter {
public:
    /// How it settles fields with one name: what the declaration of add_field_to_unsigned says.
    using combine_rule = async::last_wins_per_key;

    /// Writes an object of its own, which `take` yields.
    UnsignedWriter();
    ~UnsignedWriter();
    UnsignedWriter(const UnsignedWriter&) = delete;
    UnsignedWriter& operator=(const UnsignedWriter&) = delete;

    /// A string, a number, a boolean, null, a JSON value, array or object. The value is copied.
    template <class Value>
    [[gnu::always_inline]] void add(FieldKey key, const Value& value) {
        if constexpr (is_string<Value>) {
            const std::string_view text(value);
            if (key.is_plain()) {
                put_string<true>(*writer_, key.text().data(), key.text().size(), key.hash(), text.data(), text.size());
            } else {
                put_string<false>(*writer_, key.text().data(), key.text().size(), key.hash(), text.data(), text.size());
            }
        } else if constexpr (is_integer<Value>) {
            using Wide = std::conditional_t<std::is_signed_v<Value>, std::int64_t, std::uint64_t>;
            if (key.is_plain()) {
                put_integer<true, Wide>(*writer_, key.text().data(), key.text().size(), key.hash(), value);
            } else {
                put_integer<false, Wide>(*writer_, key.text().data(), key.text().size(), key.hash(), value);
            }
        } else if constexpr (is_json<Value>) {
            put(key, value);
        } else if constexpr (std::floating_point<Value>) {
            put(key, JsonValue(static_cast<double>(value)));
        } else {
            static_assert(std::is_same_v<Value, bool> || std::is_null_pointer_v<Value>,
                          "a field is a string, a number, a boolean, null, or a JsonValue, JsonArray or JsonDict");
            put(key, JsonValue(value));
        }
    }
    /// Several fields whose names are known when the module is compiled, in their order: `out.add<"a", "b">(x, y)`. Cost: if all
    /// are strings no call, and that there is room and that nothing needs an escape is looked at once for all.
    template <async::name... Names, class... Values>
    requires(sizeof...(Names) >= 1 && sizeof...(Names) == sizeof...(Values))
        [[gnu::always_inline]] void add(const Values&... values) {
        static_assert((detail::WrittenName::is_plain(Names) && ...),
                      "a name that needs escapes in JSON is added alone: add(name, value)");
        if constexpr ((is_string<Values> && ...)) {
            put_strings<Names...>(std::string_view(values)...);
        } else {
            (add(FieldKey(detail::kept_name<Names>.view()), values), ...);
        }
    }
    /// Every field of an object.
    void write(const JsonDict& fields);
    /// Where an object that is returned or added is best made: it needs no heap there. Valid until the callback's event is
    /// written; a copy that is to live longer is made elsewhere.
    [[nodiscard]] const JsonMemory& memory() noexcept { return memory_; }

    /// What modules have added so far, as an object. Cost: it is read from the bytes of the response.
    [[nodiscard]] JsonDict written() const;
    /// The object, if it is one of its own; it is empty afterwards.
    [[nodiscard]] JsonDict take();

private:
    friend class ClientEvents;
    friend class UnsignedBatch;
    friend class detail::FirstWalk;
    explicit UnsignedWriter(JsonMemory memory);

    template <class Value>
    static constexpr bool is_json =
        std::is_same_v<Value, JsonValue> || std::is_same_v<Value, JsonArray> || std::is_same_v<Value, JsonDict>;
    template <class Value>
    static constexpr bool is_string =
        std::is_convertible_v<const Value&, std::string_view> && !std::is_null_pointer_v<Value> && !is_json<Value>;
    template <class Value>
    static constexpr bool is_integer = std::integral<Value> && !std::is_same_v<Value, bool>;

    static constexpr std::string_view behind_value = "\",";

    struct NamedString {
        const detail::WrittenName* name;
        std::string_view value;
    };
    template <async::name... Names, class... Texts>
    [[gnu::always_inline]] void put_strings(Texts... texts) {
        constexpr std::size_t around = ((detail::written_name<Names>.size + behind_value.size()) + ...);
        detail::GrowingText& text = *open_->written_to;
        if (!text.has_room((around + ... + texts.size()))) [[unlikely]]
            return put_apart<Names...>(*writer_, texts...);
        // The end of the text is a register's affair until all of them are written.
        char* at = text.end;
        detail::PlainCopy copied;
        ((at = put_string_at<Names>(at, texts, copied)), ...);
        if (copied.needs_escapes()) [[unlikely]]
            return put_apart<Names...>(*writer_, texts...);
        std::size_t new_ones = 0;
        if (!((open_->names.claim_first(detail::written_name<Names>.hash) && (++new_ones, true)) && ...)) [[unlikely]]
            return settle<Names...>(*writer_, new_ones, texts...);
        text.end = at;
    }
    template <async::name Name>
    [[gnu::always_inline]] static char* put_string_at(char* at, std::string_view text, detail::PlainCopy& copied) noexcept {
        std::memcpy(at, detail::written_name<Name>.text, detail::written_name<Name>.size);
        at = copied.copy(at + detail::written_name<Name>.size, text);
        std::memcpy(at, behind_value.data(), behind_value.size());
        return at + behind_value.size();
    }
    // What is rare is left by a jump to what takes the same, so that nothing has to be saved for it.

    /// One after another, wherever they go.
    template <async::name... Names, class... Texts>
    [[gnu::noinline, gnu::cold]] static void put_apart(detail::FieldWriter& to, Texts... texts) {
        const NamedString fields[] = {{&detail::written_name<Names>, texts}...};
        put_each_string(to, fields, sizeof...(Names));
    }
    /// They stand behind the text's end, and so many of them are known to be new.
    template <async::name... Names, class... Texts>
    [[gnu::noinline]] static void settle(detail::FieldWriter& to, std::size_t new_ones, Texts... texts) {
        const NamedString fields[] = {{&detail::written_name<Names>, texts}...};
        settle_strings(to, fields, sizeof...(Names), new_ones);
    }
    static void put_each_string(detail::FieldWriter& to, const NamedString* fields, std::size_t count);
    static void settle_strings(detail::FieldWriter& to, const NamedString* fields, std::size_t count, std::size_t new_ones);

    // These run for every field of every event: what is passed fits into registers, and the rare cases leave by a jump to what
    // takes the same, so that nothing has to be saved for them.
    template <bool KeyIsPlain>
    static void put_string(detail::FieldWriter& to, const char* name, std::size_t name_size, std::uint32_t hash,
                           const char* text, std::size_t text_size);
    template <bool KeyIsPlain, class Integer>
    static void put_integer(detail::FieldWriter& to, const char* name, std::size_t name_size, std::uint32_t hash,
                            Integer number);
    static void put_any_string(detail::FieldWriter& to, const char* name, std::size_t name_size, std::uint32_t hash,
                               const char* text, std::size_t text_size);
    template <class Integer>
    static void put_any_integer(detail::FieldWriter& to, const char* name, std::size_t name_size, std::uint32_t hash,
                                Integer number);
    void put(FieldKey key, const JsonValue& value);
    void put(FieldKey key, const JsonArray& values);
    void put(FieldKey key, const JsonDict& members);

    std::unique_ptr<detail::FieldWriter> writer_;
    detail::OpenFields* open_;  // of `writer_`
    JsonMemory memory_;
};

/// The former name.
using UnsignedFields [[deprecated("is named callbacks::UnsignedWriter")]] = UnsignedWriter;

}  // namespace callbacks
