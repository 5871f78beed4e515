#include "rooms/third_party_invites.h"

#include "addresses/login_identifier.h"
#include "addresses/phone_number.h"
#include "addresses/third_party_ids.h"
#include "events/room_store.h"
#include "events/signing_key.h"
#include "http/public_baseurl.h"
#include "http/requests.h"
#include "rooms/event_sender.h"
#include "rooms/limited_draft.h"
#include "rooms/membership.h"
#include "rooms/room_operation.h"
#include "text/secrets.h"
#include "text/server_name.h"

#include <modapi/database.h>

#include <callbacks/errors.h>
#include <callbacks/spam_checker.h>
#include <callbacks/third_party_rules.h>

#include <spdlog/spdlog.h>

#include <memory>
#include <tuple>
#include <utility>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::SynapseError;
using modapi::Transaction;

/// An invite that waits for somebody to have the address.
struct WaitingInvite {
    std::string token;
    std::string room_id;
    std::string sender;
};

void insert_waiting(Transaction& transaction, const WaitingInvite& invite, const std::string& medium,
                    const std::string& address) {
    transaction.execute("INSERT INTO third_party_invites (token, room_id, sender, medium, address) VALUES (?, ?, ?, ?, ?)",
                        invite.token, invite.room_id, invite.sender, medium, address);
}

/// Each of them once: whoever takes them redeems them.
std::vector<WaitingInvite> take_waiting(Transaction& transaction, const std::string& medium, const std::string& address) {
    auto rows = transaction.query<std::string, std::string, std::string>(
        "SELECT token, room_id, sender FROM third_party_invites WHERE medium = ? AND address = ? ORDER BY token", medium,
        address);
    std::vector<WaitingInvite> waiting;
    for (auto& [token, room_id, sender] : rows) {
        WaitingInvite invite;
        invite.token = std::move(token);
        invite.room_id = std::move(room_id);
        invite.sender = std::move(sender);
        waiting.push_back(std::move(invite));
    }
    transaction.execute("DELETE FROM third_party_invites WHERE medium = ? AND address = ?", medium, address);
    return waiting;
}

/// What the room is shown of an address: enough for who knows it, `a...@e...`.
std::string obfuscated(const std::string& address) {
    const auto first_of = [](std::string_view part) { return std::string(part.substr(0, 1)) + "..."; };
    const std::size_t at = address.find('@');
    if (at == std::string::npos) return first_of(address);
    return first_of(std::string_view(address).substr(0, at)) + "@" + first_of(std::string_view(address).substr(at + 1));
}

std::string validity_url(const PublicBaseurl& public_baseurl) {
    return public_baseurl.url + "_matrix/identity/v2/pubkey/isvalid";
}

JsonDict invite_content(const PublicBaseurl& public_baseurl, const SigningKey& signing_key, const std::string& address) {
    JsonDict key;
    key["public_key"] = signing_key.public_key();
    key["key_validity_url"] = validity_url(public_baseurl);
    JsonDict content = key;
    content["display_name"] = obfuscated(address);
    JsonArray keys;
    keys.emplace_back(std::move(key));
    content["public_keys"] = std::move(keys);
    return content;
}

async::task<void> ask_whether_invitable(modapi::Database& database, callbacks::ThirdPartyRulesDispatch& third_party_rules,
                                        const ThirdPartyInvite& invite) {
    const auto& hook = third_party_rules.check_threepid_can_be_invited;
    if (hook.empty()) co_return;
    const callbacks::StateMap state = co_await visible_state(database, invite.room_id);
    const bool can_be_invited = co_await hook(invite.medium, invite.address, state);
    if (!can_be_invited)
        throw SynapseError(403, "This third-party identifier can not be invited in this room", Codes::FORBIDDEN);
}

async::task<void> invite_owner(Memberships& memberships, ThirdPartyInvite invite, std::string owner, InviteClaims claims) {
    MembershipChange change;
    change.room_id = std::move(invite.room_id);
    change.sender = std::move(invite.sender);
    change.target = std::move(owner);
    change.membership = "invite";
    change.is_counted_invite = true;
    change.claims = std::move(claims);
    change.content = std::move(invite.content);
    change.sender_is_admin = invite.sender_is_admin;
    change.requester = std::move(invite.requester);
    co_await memberships.change(std::move(change));
}

async::task<void> invite_whoever_gets(const PublicBaseurl& public_baseurl, const SigningKey& signing_key,
                                      callbacks::SpamCheckerDispatch& spam_checker, EventSender& event_sender,
                                      const ThirdPartyInvite& invite, InviteClaims claims) {
    const callbacks::Verdict verdict =
        co_await spam_checker.user_may_send_3pid_invite(invite.sender, invite.medium, invite.address, invite.room_id);
    deny_if_spam(verdict, "Cannot send threepid invite");
    WaitingInvite waiting;
    waiting.token = new_media_id() + new_media_id();
    waiting.room_id = invite.room_id;
    waiting.sender = invite.sender;
    Draft draft;
    draft.room_id = invite.room_id;
    draft.type = "m.room.third_party_invite";
    draft.sender = invite.sender;
    draft.state_key = waiting.token;
    draft.content = invite_content(public_baseurl, signing_key, invite.address);
    const std::string medium = invite.medium;
    const std::string address = invite.address;
    draft.alongside = [waiting, medium, address](Transaction& transaction) {
        insert_waiting(transaction, waiting, medium, address);
    };
    for (std::shared_ptr<RateClaim>& claim : claims) count_when_stored(draft, std::move(claim));
    if (invite.requester) {
        std::string act("invite users");
        co_await event_sender.send_for(*invite.requester, std::move(draft), std::move(act));
    } else {
        co_await event_sender.send(std::move(draft));
    }
}

/// The invite of a user, which proves by its signature that the address is theirs.
async::task<void> redeem_one(modapi::Database& database, const ServerName& server_name, const SigningKey& signing_key,
                             EventSender& event_sender, Memberships& memberships, const WaitingInvite& waiting,
                             std::string user_id) {
    JsonDict signed_part;
    signed_part["mxid"] = user_id;
    signed_part["token"] = waiting.token;
    signing_key.sign_json(signed_part, server_name.text());
    const callbacks::StateMap state = co_await database.read("room_state", &current_state, waiting.room_id);
    const callbacks::Event* const invite = state.find("m.room.third_party_invite", waiting.token);
    JsonDict third_party;
    third_party["display_name"] = invite == nullptr ? "" : std::string(invite->content_string("display_name").value_or(""));
    third_party["signed"] = std::move(signed_part);
    MembershipChange change;
    change.room_id = waiting.room_id;
    change.sender = waiting.sender;
    change.target = user_id;
    change.membership = "invite";
    change.content["third_party_invite"] = std::move(third_party);
    Draft draft;
    draft.content = co_await memberships.content_of(std::move(change));
    draft.room_id = waiting.room_id;
    draft.type = "m.room.member";
    draft.sender = waiting.sender;
    draft.state_key = user_id;
    co_await event_sender.send(std::move(draft));
}

async::task<modapi::Response> is_key_valid(const RoutedRequest& request, const SigningKey& signing_key) {
    JsonDict answer;
    answer["valid"] = request.http.required_argument("public_key") == signing_key.public_key();
    co_return ok(std::move(answer));
}

std::string membership_in(Transaction& transaction, const std::string& room_id, const std::string& user_id) {
    return membership_of(transaction, room_id, user_id);
}

}  // namespace

void read_third_party(const JsonDict& body, ThirdPartyInvite& invite) {
    invite.medium = required_string_member(body, "medium");
    const std::string address = required_string_member(body, "address");
    if (invite.medium == "email") {
        invite.address = canonical_email(address);
    } else if (invite.medium == "msisdn") {
        invite.address = canonical_phone("", address.starts_with('+') ? address : "+" + address);
    } else {
        throw SynapseError(400, "'medium' must be email or msisdn", Codes::INVALID_PARAM);
    }
}

async::task<void> ThirdPartyInvites::invite(ThirdPartyInvite invite) {
    InviteClaims claims;
    if (invite.requester && !invite.sender_is_admin) {
        LimitedInvite limited;
        limited.issuer = invite.sender;
        limited.room_id = invite.room_id;
        claims = co_await rate_limits_.claim_invite(std::move(limited));
    }
    co_await ask_whether_invitable(database_, third_party_rules_, invite);
    std::optional<std::string> owner =
        co_await database_.read("owner_of_third_party_id", &owner_of_third_party_id, invite.medium, invite.address);
    if (owner) {
        co_await invite_owner(memberships_, std::move(invite), std::move(*owner), std::move(claims));
    } else {
        co_await invite_whoever_gets(public_baseurl_, signing_key_, spam_checker_, event_sender_, invite,
                                     std::move(claims));
        // Somebody may have got the address meanwhile. Whoever makes a room of it looks when it is there.
        const async::context& here = co_await async::this_context;
        if (RoomOperation::open_around(here, invite.room_id) == nullptr) co_await redeem_if_owned(invite.medium, invite.address);
    }
}

async::task<void> ThirdPartyInvites::redeem_if_owned(std::string medium, std::string address) {
    std::optional<std::string> owner =
        co_await database_.read("owner_of_third_party_id", &owner_of_third_party_id, medium, address);
    if (owner) co_await redeem(std::move(*owner), std::move(medium), std::move(address));
}

async::task<void> ThirdPartyInvites::redeem(std::string user_id, std::string medium, std::string address) {
    const std::vector<WaitingInvite> invites =
        co_await database_.run("take_third_party_invites", &take_waiting, medium, address);
    for (const WaitingInvite& waiting : invites) {
        const std::string membership = co_await database_.read("membership", &membership_in, waiting.room_id, user_id);
        if (membership == "join" || membership == "invite") continue;
        try {
            co_await redeem_one(database_, server_name_, signing_key_, event_sender_, memberships_, waiting, user_id);
        } catch (const std::exception& error) {
            spdlog::warn("{} is not invited to room {} by their address: {}", user_id, waiting.room_id, error.what());
        }
    }
}

void add_identity_key_endpoint(Router& router) { router.add("GET", "/_matrix/identity/v2/pubkey/isvalid", &is_key_valid); }

}  // namespace homeserver
