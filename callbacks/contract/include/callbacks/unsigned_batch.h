#pragma once

#include <callbacks/event.h>
#include <callbacks/field_key.h>
#include <callbacks/json.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

namespace callbacks {

class UnsignedWriter;

/// One of several events that a callback is asked about at once. Lifetime: until the callback ends, also across its awaits.
class EventRef {
public:
    explicit EventRef(const Event& event) noexcept : event_(&event) {}
    operator const Event&() const noexcept { return *event_; }  // NOLINT: it is read as the event
    const Event& operator*() const noexcept { return *event_; }
    const Event* operator->() const noexcept { return event_; }

private:
    const Event* event_;
};

/// Where a module puts its fields for the events of a response, in the batch form of add_field_to_unsigned:
///
///     void add(std::span<const EventRef> events, UnsignedBatch& out) {
///         for (std::size_t at = 0; at < events.size(); ++at) out[at].add("org.example.kind", events[at]->type());
///     }
///
/// Events may be filled in any order, also after awaits; within one event a field that is added twice has the value it was
/// given last. Lifetime: until the callback ends. Thread: the callback's. Errors: std::out_of_range for a position that no
/// event has; as of UnsignedWriter for what can't be sent. Cost: key and value are written once as the text that they are in
/// the response, and copied there; what grows is kept together for all events, not for each.
class UnsignedBatch {
public:
    /// The fields of one event; used where it was asked for.
    class Fields {
    public:
        /// A string, a number, a boolean, null, a JSON value, array or object. The value is copied.
        template <class Value>
        void add(FieldKey key, const Value& value) {
            if constexpr (is_json<Value>) {
                batch_.put(position_, key, value);
            } else if constexpr (std::is_convertible_v<const Value&, std::string_view> && !std::is_null_pointer_v<Value>) {
                batch_.put(position_, key, std::string_view(value));
            } else if constexpr (std::integral<Value> && !std::is_same_v<Value, bool>) {
                using Wide = std::conditional_t<std::is_signed_v<Value>, std::int64_t, std::uint64_t>;
                batch_.put(position_, key, static_cast<Wide>(value));
            } else if constexpr (std::floating_point<Value>) {
                batch_.put(position_, key, JsonValue(static_cast<double>(value)));
            } else {
                static_assert(std::is_same_v<Value, bool> || std::is_null_pointer_v<Value>,
                              "a field is a string, a number, a boolean, null, or a JsonValue, JsonArray or JsonDict");
                batch_.put(position_, key, JsonValue(value));
            }
        }
        /// Several fields whose names are known when the module is compiled, as of UnsignedWriter.
        template <async::name... Names, class... Values>
        requires(sizeof...(Names) >= 1 && sizeof...(Names) == sizeof...(Values)) void add(const Values&... values) {
            (add(FieldKey(detail::kept_name<Names>.view()), values), ...);
        }
        /// Every field of an object.
        void write(const JsonDict& fields);

    private:
        friend class UnsignedBatch;
        Fields(UnsignedBatch& batch, std::size_t position) noexcept : batch_(batch), position_(position) {}

        template <class Value>
        static constexpr bool is_json =
            std::is_same_v<Value, JsonValue> || std::is_same_v<Value, JsonArray> || std::is_same_v<Value, JsonDict>;

        UnsignedBatch& batch_;
        std::size_t position_;
    };

    UnsignedBatch();
    ~UnsignedBatch();
    UnsignedBatch(const UnsignedBatch&) = delete;
    UnsignedBatch& operator=(const UnsignedBatch&) = delete;

    /// Of the event at this position among those that the callback was given.
    [[nodiscard]] Fields operator[](std::size_t position);
    [[nodiscard]] std::size_t size() const noexcept { return events_.size(); }

    // What a dispatcher does with it (async/writer_slot.h).

    /// One more event.
    void append(const Event& event) { events_.emplace_back(event); }
    [[nodiscard]] std::span<const EventRef> items() const noexcept { return events_; }
    /// What a hook is called with for the event at `position`.
    [[nodiscard]] std::tuple<const Event&> arguments(std::size_t position) const noexcept { return {*events_[position]}; }
    /// Writes what was added to the event at `position`.
    void put(std::size_t position, UnsignedWriter& out) const;
    /// Adds what was added to the event at `position` to the event at `there` of another batch.
    void put(std::size_t position, UnsignedBatch& out, std::size_t there) const;

private:
    struct Text;

    void put(std::size_t position, FieldKey key, std::string_view text);
    void put(std::size_t position, FieldKey key, std::int64_t number);
    void put(std::size_t position, FieldKey key, std::uint64_t number);
    void put(std::size_t position, FieldKey key, const JsonValue& value);
    void put(std::size_t position, FieldKey key, const JsonArray& values);
    void put(std::size_t position, FieldKey key, const JsonDict& members);
    template <class Value>
    void put_any(std::size_t position, FieldKey key, const Value& value);
    [[nodiscard]] Text& text();

    std::vector<EventRef> events_;
    std::unique_ptr<Text> text_;  // null: nothing was put in
};

}  // namespace callbacks
