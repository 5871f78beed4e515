#pragma once

#include <string>
#include <string_view>

namespace homeserver {

/// `length` random characters of `alphabet`, from the system's generator for secrets.
[[nodiscard]] std::string random_text(std::size_t length, std::string_view alphabet);

/// An access token: nobody guesses its 43 random characters.
[[nodiscard]] std::string new_access_token();
/// A token that logs in once: the same with another beginning.
[[nodiscard]] std::string new_login_token();
/// A device id, ten capital letters.
[[nodiscard]] std::string new_device_id();
/// The part of a room id before the colon, without `!`.
[[nodiscard]] std::string new_room_localpart();
/// What looks like the id of an event, and is none's.
[[nodiscard]] std::string new_event_id_lookalike();
/// What looks like the id of an event, and is none's: always one and the same for a text, which nobody else knows.
[[nodiscard]] std::string event_id_lookalike_of(std::string_view secret);
/// What tells one secret from others, and doesn't give it away.
[[nodiscard]] std::string fingerprint_of(std::string_view secret);
/// The id of an uploaded file.
[[nodiscard]] std::string new_media_id();
/// The id of a UI authentication session.
[[nodiscard]] std::string new_session_id();

}  // namespace homeserver
