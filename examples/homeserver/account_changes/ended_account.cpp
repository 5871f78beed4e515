#include "account_changes/ended_account.h"

#include "addresses/third_party_ids.h"
#include "addresses/validation.h"
#include "events/stream.h"
#include "presence/presence.h"
#include "rooms/remote_invites.h"

#include <optional>

namespace homeserver {

namespace {

using modapi::Transaction;

/// Everything of an account that would go on doing something: rows whose column names the user. Data that is only looked at (the
/// profile, account data, rules, filters, media, where requests came from) is there still when the account comes back.
struct Ending {
    const char* table;
    const char* column;
};
/// Login tokens stay, which say to whoever uses them that the account is out of use; resume_account ends them.
constexpr Ending endings[] = {
    {"pushers", "user_id"},                  // also those that no session set
    {"user_threepids", "user_id"},           //
    {"user_threepid_id_server", "user_id"},  //
    {"third_party_invites", "sender"},       // which would invite in the user's name
    {"routed_presence", "recipient"},        //
    {"full_presence_due", "user_id"},        //
    {"unread_notifications", "user_id"},     //
    {"ui_auth_sessions", "result"},          // a registration that would log its account in once more
};

/// What the user has begun to prove who they are for, and codes that are under way to their addresses.
void end_proofs(Transaction& transaction, const std::string& user_id, const std::vector<callbacks::ThirdPartyID>& ids) {
    const std::string suffix = " by " + user_id;
    transaction.execute("DELETE FROM ui_auth_sessions WHERE SUBSTR(operation, LENGTH(operation) - ? + 1) = ?",
                        static_cast<std::int64_t>(suffix.size()), suffix);
    for (const callbacks::ThirdPartyID& id : ids) {
        transaction.execute("DELETE FROM address_validations WHERE medium = ? AND address = ?", id.medium, id.address);
    }
}

}  // namespace

EndedAccount end_account(Transaction& transaction, const std::string& user_id) {
    EndedAccount ended;
    transaction.execute("UPDATE users SET deactivated = 1, password_hash = NULL WHERE user_id = ?", user_id);
    const std::optional<std::string> no_device;
    ended.tokens = remove_all_sessions(transaction, user_id, no_device);
    ended.third_party_ids = third_party_ids_of(transaction, user_id);
    end_proofs(transaction, user_id, ended.third_party_ids);
    for (const Ending& ending : endings) {
        transaction.execute(std::string("DELETE FROM ") + ending.table + " WHERE " + ending.column + " = ?", user_id);
    }
    decline_remote_invites(transaction, user_id);
    ended.presence_watchers = end_presence(transaction, user_id);
    return ended;
}

void resume_account(Transaction& transaction, const std::string& user_id) {
    transaction.execute("DELETE FROM login_tokens WHERE user_id = ?", user_id);
    transaction.execute("UPDATE users SET deactivated = 0 WHERE user_id = ?", user_id);
}

}  // namespace homeserver
