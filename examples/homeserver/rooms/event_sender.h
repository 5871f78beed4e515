#pragma once

#include "../server_worker.h"
#include "room_store.h"
#include "signing_key.h"

#include <callbacks/event.h>
#include <callbacks/users.h>

#include <async/task.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace homeserver {

/// An event that somebody wants to send.
struct Draft {
    std::string room_id;
    std::string type;
    std::string sender;
    std::optional<std::string> state_key;
    std::optional<std::string> redacts;  ///< the event that a redaction is about
    callbacks::JsonDict content;
    std::optional<SentTransaction> transaction;
};

/// Sends one event into an existing room, in the contract's order: build, check_event_allowed (which may replace it),
/// check_event_for_spam (not for memberships), authorization, store; then, behind the answer, on_new_event on every worker.
///
/// The result is the stored event, or the one that was sent before: of the same transaction, or the current state that this
/// one equals. Errors: SynapseError as a refusing module has it; 500 for a replacement of another room, type, state key or
/// server, or without the parts of an event; 403 `M_FORBIDDEN` from the authorization rules.
[[nodiscard]] async::task<callbacks::Event> send_event(ServerWorker& worker, Draft draft);

/// Where and when an event is made.
struct EventOrigin {
    const SigningKey& signing_key;
    std::string_view server_name;
    std::int64_t now_ms = 0;
};

/// Builds a complete, signed event on top of `head` in a room of that state.
[[nodiscard]] callbacks::Event build_event(const EventOrigin& origin, const Draft& draft, const RoomHead& head,
                                           const callbacks::StateMap& state);
/// The same, by this server and now.
[[nodiscard]] callbacks::Event build_event(const ServerWorker& worker, const Draft& draft, const RoomHead& head,
                                           const callbacks::StateMap& state);

/// Asks check_event_allowed; gives the event to go on with: the same, or what a module made of it.
[[nodiscard]] async::task<callbacks::Event> allowed_event(ServerWorker& worker, callbacks::Event event, const RoomHead& head,
                                                          const callbacks::StateMap& state);

/// Throws 403 if the authorization rules refuse the event in that state.
void authorize(const callbacks::Event& event, const callbacks::StateMap& state);

/// Tells all workers of a stored event: `state` includes it.
void announce(ServerWorker& worker, const callbacks::Event& event, const callbacks::StateMap& state,
              std::vector<std::string> users);

}  // namespace homeserver
