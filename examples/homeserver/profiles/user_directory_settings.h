#pragma once

namespace homeserver {

/// Who finds whom in the user directory.
struct UserDirectorySettings {
    bool is_enabled = true;
    bool search_all_users = false;  ///< else only users in public rooms or sharing a room with the searcher are found
};

}  // namespace homeserver
