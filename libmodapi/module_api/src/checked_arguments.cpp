#include "checked_arguments.h"

#include <callbacks/errors.h>
#include <callbacks/json_place.h>
#include <callbacks/storable_json.h>
#include <callbacks/text.h>

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace modapi {

namespace {

using callbacks::Codes;
using callbacks::ForeignUserError;
using callbacks::SynapseError;
using callbacks::UserID;

template <class Id>
Id parsed(std::string text) {
    Id id(std::move(text));
    require_text(id.to_string(), "the id");
    return id;
}

std::string_view required_text(const callbacks::JsonDict& event, std::string_view key) {
    const std::optional<std::string_view> text = callbacks::place_in(event, key).text();
    if (!text) throw std::invalid_argument("an event needs a string '" + std::string(key) + "'");
    return *text;
}

/// JSON can have them, no column of a table can.
void require_no_nul(std::string_view text, std::string_view key) {
    if (text.find('\0') == std::string_view::npos) return;
    throw SynapseError(400, "Bad JSON value: '" + std::string(key) + "' has a NUL character", Codes::BAD_JSON);
}

}  // namespace

void require_text(const std::string& text, std::string_view name) {
    if (callbacks::is_storable_text(text)) return;
    throw SynapseError(400, std::string(name) + " is no UTF-8 text", Codes::INVALID_PARAM);
}

void require_text(const std::optional<std::string>& text, std::string_view name) {
    if (text) require_text(*text, name);
}

UserID parsed_user(std::string text) { return parsed<UserID>(std::move(text)); }
callbacks::RoomID parsed_room(std::string text) { return parsed<callbacks::RoomID>(std::move(text)); }
callbacks::RoomAlias parsed_alias(std::string text) { return parsed<callbacks::RoomAlias>(std::move(text)); }

UserID local_user(std::string text, std::string_view server_name) {
    UserID user = parsed_user(std::move(text));
    if (user.domain() != server_name) throw ForeignUserError(400, user.to_string() + " is not a user of this homeserver");
    return user;
}

UserID user_with_account(std::string text, std::string_view server_name) {
    UserID user = parsed_user(std::move(text));
    if (user.domain() != server_name) throw ForeignUserError(404, "No row found");
    return user;
}

void require_sendable(const callbacks::JsonDict& event, std::string_view server_name) {
    const std::string_view type = required_text(event, "type");
    if (type == "m.room.member") throw SynapseError(500, "Tried to send member event through non-member codepath");
    const std::string_view room_id = required_text(event, "room_id");
    const std::string_view sender = required_text(event, "sender");
    if (callbacks::place_in(event, "content").object() == nullptr)
        throw std::invalid_argument("an event needs an object 'content'");
    const callbacks::JsonPlace state_key = callbacks::place_in(event, "state_key");
    if (state_key.exists() && !state_key.text()) throw std::invalid_argument("an event's 'state_key' is a string");
    callbacks::require_storable(event);
    require_no_nul(type, "type");
    require_no_nul(room_id, "room_id");
    require_no_nul(sender, "sender");
    require_no_nul(state_key.text().value_or(std::string_view()), "state_key");
    if (callbacks::domain_of(sender) != server_name)
        throw ForeignUserError(400, "the sender " + std::string(sender) + " is not local");
}

void require_membership_change(std::string_view word) {
    constexpr std::string_view known[] = {"join", "invite", "leave", "ban", "knock", "kick", "unban"};
    if (std::find(std::begin(known), std::end(known), word) == std::end(known))
        throw SynapseError(400, "Invalid membership key");
}

}  // namespace modapi
