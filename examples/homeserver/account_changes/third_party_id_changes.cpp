#include "account_changes/third_party_id_changes.h"

#include "accounts/accounts.h"
#include "addresses/third_party_ids.h"
#include "addresses/validation.h"
#include "rooms/third_party_invites.h"

#include <utility>
#include <vector>

namespace homeserver {

namespace {

using callbacks::ThirdPartyID;
using modapi::Transaction;

/// False: it is somebody else's.
bool insert(Transaction& transaction, const std::string& user_id, const NewThirdPartyId& id, std::int64_t now) {
    if (id.require) id.require(transaction);
    const bool is_theirs =
        transaction.execute(
            "INSERT INTO user_threepids (medium, address, user_id, validated_at, added_at) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (medium, address) DO UPDATE SET validated_at = excluded.validated_at "
            "WHERE user_threepids.user_id = excluded.user_id",
            id.medium, id.address, user_id, id.validated_at.value_or(now), now) != 0;
    if (is_theirs) end_validation(transaction, id.sid);
    return is_theirs;
}

void take(Transaction& transaction, const std::string& user_id, const std::string& medium, const std::string& address,
          const std::function<void(Transaction&)>& require) {
    if (require) require(transaction);
    for (const char* const table : {"user_threepids", "user_threepid_id_server"}) {
        transaction.execute(std::string("DELETE FROM ") + table + " WHERE user_id = ? AND medium = ? AND address = ?", user_id,
                            medium, address);
    }
}

}  // namespace

std::function<void(Transaction&)> while_usable(std::string user_id) {
    return [user_id = std::move(user_id)](Transaction& transaction) { require_usable(transaction, user_id); };
}

async::task<void> ThirdPartyIdChanges::add(std::string user_id, NewThirdPartyId id) {
    const std::int64_t now = clock_.wall_time_ms();
    const bool is_theirs = co_await database_.run("add_third_party_id", &insert, user_id, id, now);
    if (!is_theirs) refuse_taken_third_party_id(id.medium);
    const auto& rules = third_party_rules_;
    co_await rules.on_add_user_third_party_identifier(user_id, id.medium, id.address);
    co_await rules.on_threepid_bind(user_id, id.medium, id.address);
    co_await third_party_invites_.redeem(user_id, id.medium, id.address);
}

async::task<void> ThirdPartyIdChanges::remove(std::string user_id, std::string medium, std::string address,
                                              std::function<void(modapi::Transaction&)> require) {
    co_await database_.run("remove_third_party_id", &take, user_id, medium, address, std::move(require));
    co_await third_party_rules_.on_remove_user_third_party_identifier(user_id, medium, address);
}

async::task<void> ThirdPartyIdChanges::tell_removed(std::string user_id, std::vector<ThirdPartyID> ids) {
    for (const ThirdPartyID& id : ids) {
        co_await third_party_rules_.on_remove_user_third_party_identifier(user_id, id.medium, id.address);
    }
}

}  // namespace homeserver
