#pragma once

#include <modapi/database.h>

#include <cstdint>
#include <string>

/// Up to where users have read: one position for all of a room, and further ones in its threads. For use inside a transaction.
namespace homeserver {

/// What belongs to no thread, as receipts call it.
inline constexpr const char* main_thread = "main";
/// All of a room, whatever the thread.
inline constexpr const char* every_thread = "";

/// From now on the user has read up to there; it never goes back. Nothing is stored for somebody who has no account here.
void mark_read(modapi::Transaction& transaction, const std::string& user_id, const std::string& room_id,
               const std::string& thread_id, std::int64_t position);
/// The user has read all of the room, also what notifies nobody but them.
void mark_room_read(modapi::Transaction& transaction, const std::string& user_id, const std::string& room_id,
                    std::int64_t position);
/// Who reads thread by thread has a position for each. Where everything up to somewhere is read, in whichever thread, one takes
/// their place, so that nobody looks through what was read long ago. Cost: by what came since the oldest that isn't read.
void raise_mark(modapi::Transaction& transaction, const std::string& user_id, const std::string& room_id);

}  // namespace homeserver
