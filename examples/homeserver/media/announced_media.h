#pragma once

#include <modapi/database.h>

#include <callbacks/users.h>

#include <cstdint>
#include <string>

/// Media whose id was given away before the upload (`POST /_matrix/media/v1/create`), so that a client can send an event with
/// it meanwhile. All for use inside transactions; a process's time is made the one that all processes share.
namespace homeserver {

/// So long a client has for the upload.
inline constexpr std::int64_t announcement_lasts_ms = 24 * 60 * 60 * 1000LL;
/// So many a user may have that aren't uploaded.
inline constexpr std::int64_t max_announced = 5;

/// Gives `media_id` to the requester; until when it is good, in milliseconds since 1970. Forgets all that have expired. For
/// Database::run_in_turn. Errors: 401 of a session that has ended; 429 `M_LIMIT_EXCEEDED` with `retry_after_ms` for one too
/// many.
[[nodiscard]] std::int64_t announce_media(modapi::Transaction& transaction, const std::string& media_id,
                                          const callbacks::Requester& requester, std::int64_t process_now_ms);

/// Whether somebody may upload it yet.
[[nodiscard]] bool is_announced(modapi::Transaction& transaction, const std::string& media_id, std::int64_t process_now_ms);

/// Returns if `user_id` may upload it. Errors: 404 `M_NOT_FOUND` for what nobody was given, or has expired, 403 `M_FORBIDDEN`
/// for somebody else's, 409 `M_CANNOT_OVERWRITE_MEDIA` for what is uploaded already.
void require_announced(modapi::Transaction& transaction, const std::string& media_id, const std::string& user_id,
                       std::int64_t process_now_ms);

/// Takes the announcement away, for the upload whose row is inserted beside. `now_ms`: the shared time. Errors: those of
/// require_announced.
void end_announcement(modapi::Transaction& transaction, const std::string& media_id, const std::string& user_id,
                      std::int64_t now_ms);

/// What a second upload of one id is answered.
[[noreturn]] void refuse_to_overwrite();

}  // namespace homeserver
