#pragma once

#include <callbacks/event.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace homeserver {

/// Who may do what in a room, from its m.room.power_levels event, or from the defaults of a room that has none.
///
/// Lifetime: the state outlives it.
class PowerLevels {
public:
    explicit PowerLevels(const callbacks::StateMap& state);

    [[nodiscard]] std::int64_t of_user(std::string_view user_id) const;
    /// What a sender needs for an event of that type.
    [[nodiscard]] std::int64_t for_event(std::string_view type, bool is_state) const;
    /// What notifying a whole room needs: `room` for `@room`.
    [[nodiscard]] std::int64_t for_notification(std::string_view key) const;
    /// What an action needs: `invite`, `kick`, `ban`, `redact`.
    [[nodiscard]] std::int64_t for_action(std::string_view action) const;

private:
    [[nodiscard]] std::int64_t level(std::string_view key, std::int64_t otherwise) const;

    const callbacks::Event* event_;
    std::string creator_;
};

/// Why the new content of an m.room.power_levels event is refused; none if it is well formed and within what `sender` may
/// change. `before`: the content that it replaces; null if there is none.
[[nodiscard]] std::optional<std::string> refused_power_levels(const callbacks::JsonDict& content,
                                                              const callbacks::JsonDict* before, std::string_view sender,
                                                              std::int64_t sender_level);

}  // namespace homeserver
