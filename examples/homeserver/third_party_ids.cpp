#include "third_party_ids.h"

#include <callbacks/errors.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::SynapseError;
using callbacks::ThirdPartyID;
using modapi::Transaction;

[[noreturn]] void refuse_taken() { throw SynapseError(400, "Email is already in use", Codes::THREEPID_IN_USE); }

bool any_is_taken(Transaction& transaction, const std::vector<std::string>& emails) {
    return std::any_of(emails.begin(), emails.end(), [&](const std::string& address) {
        return owner_of_third_party_id(transaction, "email", address).has_value();
    });
}

/// False: it is somebody's.
bool insert(Transaction& transaction, const std::string& user_id, const ThirdPartyID& id) {
    return transaction.execute(
               "INSERT INTO user_threepids (medium, address, user_id, validated_at, added_at) VALUES (?, ?, ?, ?, ?) "
               "ON CONFLICT DO NOTHING",
               id.medium, id.address, user_id, id.validated_at, id.added_at) != 0;
}

std::vector<ThirdPartyID> take_all(Transaction& transaction, const std::string& user_id) {
    std::vector<ThirdPartyID> ids = third_party_ids_of(transaction, user_id);
    transaction.execute("DELETE FROM user_threepids WHERE user_id = ?", user_id);
    transaction.execute("DELETE FROM user_threepid_id_server WHERE user_id = ?", user_id);
    return ids;
}

}  // namespace

std::optional<std::string> owner_of_third_party_id(Transaction& transaction, const std::string& medium,
                                                   const std::string& address) {
    auto row = transaction.query_one<std::string>("SELECT user_id FROM user_threepids WHERE medium = ? AND address = ?", medium,
                                                  address);
    if (!row) return std::nullopt;
    return std::move(std::get<0>(*row));
}

std::vector<ThirdPartyID> third_party_ids_of(Transaction& transaction, const std::string& user_id) {
    auto rows = transaction.query<std::string, std::string, std::int64_t, std::int64_t>(
        "SELECT medium, address, validated_at, added_at FROM user_threepids WHERE user_id = ? "
        "ORDER BY added_at, medium, address",
        user_id);
    std::vector<ThirdPartyID> ids;
    for (auto& [medium, address, validated_at, added_at] : rows)
        ids.push_back({std::move(medium), std::move(address), validated_at, added_at});
    return ids;
}

async::task<void> require_free_emails(ServerWorker& worker, std::vector<std::string> addresses) {
    const bool is_taken = co_await worker.database().read("emails_in_use", &any_is_taken, std::move(addresses));
    if (is_taken) refuse_taken();
}

async::task<void> add_third_party_id(ServerWorker& worker, std::string user_id, std::string medium, std::string address) {
    ThirdPartyID id;
    id.medium = std::move(medium);
    id.address = std::move(address);
    id.validated_at = worker.now_ms();
    id.added_at = id.validated_at;
    const bool is_new = co_await worker.database().run("add_third_party_id", &insert, user_id, id);
    if (!is_new) refuse_taken();
    const auto& rules = worker.hooks().third_party_rules;
    co_await rules.on_add_user_third_party_identifier(user_id, id.medium, id.address);
    co_await rules.on_threepid_bind(user_id, id.medium, id.address);
}

async::task<void> remove_third_party_ids(ServerWorker& worker, std::string user_id) {
    const std::vector<ThirdPartyID> ids = co_await worker.database().run("remove_third_party_ids", &take_all, user_id);
    for (const ThirdPartyID& id : ids) {
        co_await worker.hooks().third_party_rules.on_remove_user_third_party_identifier(user_id, id.medium, id.address);
    }
}

}  // namespace homeserver
