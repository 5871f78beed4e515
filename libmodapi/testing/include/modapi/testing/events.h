#pragma once

#include <callbacks/event.h>

#include <string>

namespace modapi::testing {

/// An event that is no state, as callbacks get it.
[[nodiscard]] callbacks::Event event(const std::string& type, const std::string& sender, const std::string& room_id,
                                     callbacks::JsonDict content);
/// A state event, as callbacks get it.
[[nodiscard]] callbacks::Event state_event(const std::string& type, const std::string& state_key, const std::string& sender,
                                           const std::string& room_id, callbacks::JsonDict content);
/// A text message.
[[nodiscard]] callbacks::Event message(const std::string& sender, const std::string& room_id, const std::string& body);
/// An m.room.member event; `content` is what it has beside `membership`.
[[nodiscard]] callbacks::Event member_event(const std::string& sender, const std::string& target, const std::string& room_id,
                                            const std::string& membership, callbacks::JsonDict content = callbacks::JsonDict());

}  // namespace modapi::testing
