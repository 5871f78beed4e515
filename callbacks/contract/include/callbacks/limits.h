#pragma once

#include <cstddef>

/// How long names may be in Matrix. What a module makes up and is longer than this, a host refuses.
namespace callbacks {

inline constexpr std::size_t max_user_id = 255;     ///< bytes of a user id, with its sigil and domain
inline constexpr std::size_t max_room_id = 255;     ///< bytes of a room id
inline constexpr std::size_t max_room_alias = 255;  ///< bytes of a room alias, with its sigil and domain
inline constexpr std::size_t max_event_id = 255;    ///< bytes of an event id
inline constexpr std::size_t max_event_type = 255;  ///< bytes of an event's type
inline constexpr std::size_t max_state_key = 255;   ///< bytes of a state key
inline constexpr std::size_t max_event = 65536;     ///< bytes of a whole event as canonical JSON, with hashes and signatures

}  // namespace callbacks
