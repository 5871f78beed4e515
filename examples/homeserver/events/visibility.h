#pragma once

#include "events/room_store.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace homeserver {

/// Which of a room's events one user may see: by the room's history visibility and the user's membership at each event.
class Visibility {
public:
    /// Reads what it needs, with two statements that travel together; for use inside a transaction.
    Visibility(modapi::Transaction& transaction, const std::string& room_id, const std::string& user_id);

    [[nodiscard]] bool shows(const StoredEvent& stored) const;
    /// Whether the user ever was joined, invited, or the room is open to the world.
    [[nodiscard]] bool shows_anything() const noexcept;
    /// Whether somebody who never was in the room sees what happens there.
    [[nodiscard]] bool is_open_to_the_world() const noexcept;
    /// Up to where the room's state is the user's to know, at most `position`: the end of their last stay for who left, 0 for
    /// who never was in a room that isn't open to the world.
    [[nodiscard]] std::int64_t state_until(std::int64_t position) const noexcept;
    /// Whether the user never had to do with the room, nor it with them.
    [[nodiscard]] bool is_of_stranger() const noexcept { return is_of_stranger_; }
    /// The user's membership now.
    [[nodiscard]] const std::string& membership() const noexcept { return membership_; }
    /// Where the stream was when this was read.
    [[nodiscard]] std::int64_t now() const noexcept { return now_; }
    /// Removes what isn't shown.
    void restrict(std::vector<StoredEvent>& events) const;

private:
    using Change = std::pair<std::int64_t, std::string>;  // position, new value
    void note_membership(std::int64_t position, std::string membership);
    [[nodiscard]] static const std::string& value_at(const std::vector<Change>& changes, std::int64_t position,
                                                     const std::string& before);

    std::string user_id_;
    std::int64_t now_ = 0;
    bool is_of_stranger_ = false;
    std::string membership_ = "leave";
    std::vector<Change> memberships_;   // of the user
    std::vector<Change> visibilities_;  // of the room
    std::int64_t last_join_ = 0;
    std::optional<std::int64_t> last_leave_;  // the end of the stay that began with the last join
};

}  // namespace homeserver
