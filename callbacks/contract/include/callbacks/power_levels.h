#pragma once

#include <callbacks/event.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace callbacks {

/// Who may do what in a room: its m.room.power_levels, and what Matrix says where that says nothing.
///
///     const callbacks::PowerLevels levels(co_await api.get_room_state(room_id));
///     if (levels.of_user(sender) < levels.to_ban()) ...
///
/// A level is a whole number, or the text of one, as rooms of versions before 10 may have it; one of another kind counts as if
/// it weren't there. Lifetime: its own; it shares the event with the state.
class PowerLevels {
public:
    /// What the content of an m.room.power_levels event says. Cost: a copy of it.
    explicit PowerLevels(JsonDict content);
    /// What a room's state says. Without an m.room.power_levels event the room's creator, which m.room.create names, has 100
    /// and everybody may send any event. The state needs those two events only.
    explicit PowerLevels(const StateMap& state);

    /// A user's own level, else the room's default for users.
    [[nodiscard]] std::int64_t of_user(std::string_view user_id) const;

    // What a sender needs at least.
    /// For an event of that type that is no state event.
    [[nodiscard]] std::int64_t for_event(std::string_view type) const;
    /// For a state event of that type.
    [[nodiscard]] std::int64_t for_state(std::string_view type) const;
    [[nodiscard]] std::int64_t to_invite() const { return level("invite", 0); }
    /// To kick and to ban, one has to be above the target too.
    [[nodiscard]] std::int64_t to_kick() const { return level("kick", moderator); }
    [[nodiscard]] std::int64_t to_ban() const { return level("ban", moderator); }
    /// To redact the events of others.
    [[nodiscard]] std::int64_t to_redact() const { return level("redact", moderator); }
    /// To notify a whole room: `room` for `@room`.
    [[nodiscard]] std::int64_t to_notify(std::string_view key) const;

private:
    static constexpr std::int64_t moderator = 50;

    [[nodiscard]] std::int64_t level(std::string_view key, std::int64_t otherwise) const;
    [[nodiscard]] std::optional<std::int64_t> level_in(std::string_view table, std::string_view key) const;

    std::optional<Event> event_;
    std::string creator_;
};

}  // namespace callbacks
