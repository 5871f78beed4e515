#pragma once

#include <callbacks/event.h>

#include <async/string_hash.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace callbacks {

/// What of an event an interest looks at, in the form in which it looks: one bit each of sets of 64. Made once per event.
struct EventTraits {
    explicit EventTraits(const Event& of)
        : event(&of), kind(kind_bit(of.type(), of.is_state())), sender(bit_of(of.sender())), room(bit_of(of.room_id())) {}

    /// The bit of 64 that stands for a text; several texts share one.
    static std::uint64_t bit_of(std::string_view text) noexcept {
        return std::uint64_t(1) << (async::detail::hash_of_string(text) >> 58);
    }
    /// Events that are state have the upper half.
    static std::uint64_t kind_bit(std::string_view type, bool is_state) noexcept {
        return std::uint64_t(1) << ((async::detail::hash_of_string(type) >> 59) + (is_state ? 32 : 0));
    }

    const Event* event;  ///< outlives this
    std::uint64_t kind;
    std::uint64_t sender;
    std::uint64_t room;
};

/// Which events a callback is interested in, said at its registration. It isn't called for others, which cost it next to
/// nothing. What isn't named isn't restricted; without any of it a callback is called for everything, as in the contract.
///
///     callbacks::EventInterest().types({"m.room.message"}).in_rooms({"!hall:example.org"})
///
/// Cost: for most events that don't match three loads; a list is only looked through for those that may.
class EventInterest {
public:
    using Names = std::vector<std::string>;

    /// Only events of one of these types.
    EventInterest& types(Names any_of);
    /// Only events that have a state key, or only those that have none.
    EventInterest& with_state_key(bool has_one);
    /// Only events that one of these users sent.
    EventInterest& senders(Names any_of);
    /// Only events in one of these rooms.
    EventInterest& in_rooms(Names any_of);

    /// What `matches` looks at, of an event.
    [[nodiscard]] static EventTraits subject_of(const Event& event) { return EventTraits(event); }
    [[nodiscard]] bool matches_all() const noexcept { return lists_ == nullptr; }
    /// Whether a module with this interest is asked about the event. Cost: a comparison if it has none.
    [[nodiscard]] bool matches(const EventTraits& subject) const noexcept {
        if ((kinds_ & subject.kind) == 0 || (senders_ & subject.sender) == 0 || (rooms_ & subject.room) == 0) return false;
        return matches_all() || is_listed(*subject.event);
    }
    [[nodiscard, deprecated("it is named matches_all")]] bool is_everything() const noexcept { return matches_all(); }
    /// The former name of matches.
    [[nodiscard, deprecated("it is named matches")]] bool admits(const EventTraits& subject) const noexcept {
        return matches(subject);
    }

private:
    struct Lists {
        std::optional<Names> types;
        std::optional<bool> state;
        std::optional<Names> senders;
        std::optional<Names> rooms;
    };

    [[nodiscard]] bool is_listed(const Event& event) const noexcept;
    void restrict(void (*change)(Lists&, Names&&), Names&& names);
    void note_kinds();

    std::uint64_t kinds_ = ~std::uint64_t(0);
    std::uint64_t senders_ = ~std::uint64_t(0);
    std::uint64_t rooms_ = ~std::uint64_t(0);
    std::shared_ptr<const Lists> lists_;
};

}  // namespace callbacks
