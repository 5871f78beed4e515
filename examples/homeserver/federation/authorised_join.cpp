#include "federation/authorised_join.h"

#include "events/event_format.h"
#include "events/public_key.h"
#include "events/signing_key.h"
#include "federation/verify_keys.h"
#include "rooms/restricted_joins.h"
#include "text/server_name.h"

#include <callbacks/errors.h>
#include <callbacks/event.h>
#include <callbacks/identifiers.h>

#include <optional>
#include <string>
#include <utility>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonDict;
using callbacks::JsonValue;
using callbacks::SynapseError;

std::string text_of(const JsonDict& object, std::string_view key) {
    const JsonValue* const value = object.if_contains(key);
    return value == nullptr || !value->is_string() ? std::string() : std::string(value->get_string());
}

/// Empty: the event is no join, or nobody let it in.
std::string authorising_user(const JsonDict& pdu) {
    const JsonDict& content = pdu.at("content").get_object();
    if (text_of(pdu, "type") != "m.room.member" || text_of(content, "membership") != "join") return {};
    return text_of(content, authorising_user_key);
}

bool has_own_signature(const ServerName& server_name, const SigningKey& signing_key, const JsonDict& signed_part) {
    const SigningKey& own = signing_key;
    const std::optional<PublicKey> key = PublicKey::from_base64(own.public_key());
    const JsonValue* const of_server = signed_part.at("signatures").get_object().if_contains(server_name.text());
    if (!key || of_server == nullptr || !of_server->is_object()) return false;
    return key->verifies(signed_bytes(signed_part), text_of(of_server->get_object(), own.key_id()));
}

}  // namespace

async::task<ReceivedPdu> AuthorisedJoins::authorised(ReceivedPdu received) {
    const std::string authorised_by = authorising_user(received.pdu);
    if (authorised_by.empty()) co_return received;
    if (callbacks::domain_of(authorised_by) != server_name_.text())
        throw SynapseError(400, "Only the server of " + authorised_by + " can authorise this join", Codes::BAD_JSON);
    const std::string room_id = text_of(received.pdu, "room_id");
    const std::string user_id = text_of(received.pdu, "sender");
    const Admission admission =
        co_await database_.read("find_admission", &find_admission, room_id, user_id, server_name_.text());
    static_cast<void>(require_admission(admission));
    JsonDict signed_part = redacted(received.pdu);
    signing_key_.sign_json(signed_part, server_name_.text());
    received.pdu["signatures"] = signed_part.at("signatures");
    co_return received;
}

void AuthorisedJoins::require_signature(const JsonDict& pdu) {
    const std::string authorised_by = authorising_user(pdu);
    if (authorised_by.empty()) return;
    const JsonDict signed_part = redacted(pdu);
    const std::string_view server = callbacks::domain_of(authorised_by);
    const bool is_signed = server == server_name_.text() ? has_own_signature(server_name_, signing_key_, signed_part)
                                                         : verify_keys_.has_signed(server, signed_part);
    if (is_signed) return;
    throw SynapseError(403, "The join isn't signed by the server of " + authorised_by, Codes::FORBIDDEN);
}

}  // namespace homeserver
