#pragma once

#include "events/notifier.h"
#include "events/room_store.h"
#include "events/signing_key.h"
#include "rooms/appended_event.h"
#include "text/server_name.h"

#include <modapi/database.h>

#include <callbacks/event.h>
#include <callbacks/spam_checker.h>
#include <callbacks/third_party_rules.h>
#include <callbacks/users.h>

#include <async/clock.h>
#include <async/task.h>

#include <cstdint>
#include <functional>
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
    /// Asked in the transaction that stores the event, may be again: whether what the draft was made of is so still; empty: it
    /// is. If not, the event isn't sent.
    std::function<bool(modapi::Transaction&)> still_holds;
};

/// Sends this server's events into rooms. One a worker; thread: the worker's.
class EventSender {
public:
    EventSender(modapi::Database& database, const async::clock& clock, const ServerName& server_name,
                const SigningKey& signing_key, callbacks::SpamCheckerDispatch& spam_checker,
                callbacks::ThirdPartyRulesDispatch& third_party_rules, Notifier& notifier) noexcept
        : database_(database),
          clock_(clock),
          server_name_(server_name),
          signing_key_(signing_key),
          spam_checker_(spam_checker),
          third_party_rules_(third_party_rules),
          notifier_(notifier) {}

    /// Sends one event into an existing room, in the contract's order: build, check_event_allowed (which may replace it),
    /// check_event_for_spam (not for memberships), authorization, store; then, behind the answer, on_new_event on every worker.
    ///
    /// The result is the stored event, or the one that was sent before: of the same transaction, or the current state that this
    /// one equals. Errors: SynapseError as a refusing module has it; 500 for a replacement of another room, type, state key or
    /// server, or without the parts of an event; 403 `M_FORBIDDEN` from the authorization rules.
    [[nodiscard]] async::task<callbacks::Event> send(Draft draft);
    /// Sends an event only while its draft still holds; none: it doesn't, and nothing was sent.
    [[nodiscard]] async::task<std::optional<callbacks::Event>> send_if_expected(Draft draft);

    /// The event that a draft becomes in a room with that head and state, made by this server and now.
    [[nodiscard]] callbacks::Event build(const Draft& draft, const RoomHead& head, const callbacks::StateMap& state);

    /// Asks check_event_allowed; gives the event to go on with: the same, or what a module made of it.
    [[nodiscard]] async::task<callbacks::Event> allowed(callbacks::Event event, const RoomHead& head,
                                                        const callbacks::StateMap& state);

    /// Tells all workers of a stored event: `state` includes it.
    void announce(const callbacks::Event& event, const callbacks::StateMap& state, std::vector<std::string> users);

private:
    modapi::Database& database_;
    const async::clock& clock_;
    const ServerName& server_name_;
    const SigningKey& signing_key_;
    callbacks::SpamCheckerDispatch& spam_checker_;
    callbacks::ThirdPartyRulesDispatch& third_party_rules_;
    Notifier& notifier_;
};

/// Where and when an event is made.
struct EventOrigin {
    const SigningKey& signing_key;
    std::string_view server_name;
    std::int64_t now_ms = 0;
};

/// Builds a complete, signed event on top of `head` in a room of that state.
[[nodiscard]] callbacks::Event build_event(const EventOrigin& origin, const Draft& draft, const RoomHead& head,
                                           const callbacks::StateMap& state);

/// Throws 403 if the authorization rules refuse the event in that state.
void authorize(const callbacks::Event& event, const callbacks::StateMap& state);

}  // namespace homeserver
