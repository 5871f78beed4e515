#pragma once

#include "account_data/account_data.h"
#include "events/room_store.h"
#include "push/unread_notifications.h"
#include "rooms/receipts.h"
#include "rooms/remote_invites.h"
#include "sync/changed_rooms.h"
#include "sync/sync_filter.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace homeserver {

/// What a sync asks for.
struct SyncRequest {
    std::string user_id;
    std::int64_t since = 0;   ///< stream position; 0: everything
    bool full_state = false;  ///< all of the state, also what the client has
    SyncFilter filter;
};

/// One joined or left room's part of the answer.
struct RoomChanges {
    std::string room_id;
    std::vector<StoredEvent> state;     ///< before the timeline
    std::vector<StoredEvent> timeline;  ///< oldest first
    bool limited = false;               ///< older events are left out
    std::int64_t before_timeline = 0;   ///< the stream position to page back from
    std::vector<AccountDataItem> account_data;
    std::vector<Receipt> receipts;
    UnreadCounts unread;  ///< of a joined room
};

/// What is told of a room that the user is invited to, or has knocked on.
struct StrippedRoom {
    std::string room_id;
    std::vector<callbacks::Event> state;  ///< what somebody outside is told of the room
    std::optional<StoredEvent> membership;
};

/// Everything that is new for a user behind a position.
struct SyncChanges {
    std::int64_t now = 0;  ///< the position up to which this reaches
    std::vector<RoomChanges> joined;
    std::vector<RoomChanges> left;
    std::vector<StrippedRoom> invited;
    std::vector<StrippedRoom> knocked;
    std::vector<AccountDataItem> account_data;

    [[nodiscard]] bool empty() const noexcept {
        return joined.empty() && left.empty() && invited.empty() && knocked.empty() && account_data.empty();
    }
};

/// What a sync asks of the database whatever there is, with the transaction's next statement.
class SyncQuestions {
public:
    /// Both outlive it.
    SyncQuestions(modapi::Transaction& transaction, const SyncRequest& request);

    modapi::LaterRows<std::int64_t> now;  ///< the stream's position
    LaterAccountData account_data;
    std::optional<LaterReceipts> receipts;      ///< none: they aren't wanted
    std::optional<ChangedRelations> relations;  ///< none: all are told of
    LaterRemoteInvites remote_invites;
    std::optional<modapi::LaterRows<std::string>> shut_down_rooms;  ///< none: who begins knows of none
};

/// For use inside a transaction, which gives one consistent view, and has been `asked`.
[[nodiscard]] SyncChanges find_changes(modapi::Transaction& transaction, const SyncRequest& request, SyncQuestions& asked);

}  // namespace homeserver
