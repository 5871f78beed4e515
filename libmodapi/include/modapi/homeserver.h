#pragma once

#include <callbacks/event.h>
#include <callbacks/json.h>

#include <async/task.h>

#include <optional>
#include <string>

namespace modapi {

/// What a host provides to ModuleApi. One object per worker; called on that worker's thread only.
///
/// Lifetime: outlives the worker. Errors: as semantics 7.3 has them for the ModuleApi method of the same name.
class Homeserver {
public:
    virtual ~Homeserver() = default;

    /// The part of user ids behind the colon.
    [[nodiscard]] virtual const std::string& server_name() const noexcept = 0;
    /// Ends with `/`.
    [[nodiscard]] virtual const std::string& public_baseurl() const noexcept = 0;
    /// Sends an event as one of the server's own users, through the same checks as a client's: check_event_allowed and
    /// check_event_for_spam run. Memberships: SynapseError 500. Sender not in the room: 403 `M_FORBIDDEN`.
    [[nodiscard]] virtual async::task<callbacks::Event> create_and_send_event(callbacks::JsonDict event) = 0;
    /// The canonical id of a local user; none if there is none.
    [[nodiscard]] virtual async::task<std::optional<std::string>> check_user_exists(std::string user_id) = 0;
};

}  // namespace modapi
