#include "addresses/third_party_ids.h"

#include "addresses/validation.h"
#include "rooms/third_party_invites.h"

#include <callbacks/errors.h>

#include <string_view>
#include <tuple>
#include <utility>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::SynapseError;
using callbacks::ThirdPartyID;
using modapi::Transaction;

[[noreturn]] void refuse_taken(std::string_view medium) {
    throw SynapseError(400, medium == "email" ? "Email is already in use" : "Phone number is already in use",
                       Codes::THREEPID_IN_USE);
}

/// False: it is somebody else's.
bool insert(Transaction& transaction, const std::string& user_id, const NewThirdPartyId& id, std::int64_t now) {
    const bool is_theirs =
        transaction.execute(
            "INSERT INTO user_threepids (medium, address, user_id, validated_at, added_at) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (medium, address) DO UPDATE SET validated_at = excluded.validated_at "
            "WHERE user_threepids.user_id = excluded.user_id",
            id.medium, id.address, user_id, id.validated_at, now) != 0;
    if (is_theirs) end_validation(transaction, id.sid);
    return is_theirs;
}

void take(Transaction& transaction, const std::string& user_id, const std::string& medium, const std::string& address) {
    for (const char* const table : {"user_threepids", "user_threepid_id_server"}) {
        transaction.execute(std::string("DELETE FROM ") + table + " WHERE user_id = ? AND medium = ? AND address = ?", user_id,
                            medium, address);
    }
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

callbacks::JsonArray described(const std::vector<ThirdPartyID>& ids) {
    callbacks::JsonArray list;
    for (const ThirdPartyID& id : ids) {
        callbacks::JsonDict entry;
        entry["medium"] = id.medium;
        entry["address"] = id.address;
        entry["validated_at"] = id.validated_at;
        entry["added_at"] = id.added_at;
        list.emplace_back(std::move(entry));
    }
    return list;
}

async::task<void> require_free(ServerWorker& worker, std::string medium, std::string address) {
    const std::optional<std::string> owner =
        co_await worker.database().read("owner_of_third_party_id", &owner_of_third_party_id, medium, std::move(address));
    if (owner) refuse_taken(medium);
}

async::task<void> add_third_party_id(ServerWorker& worker, std::string user_id, NewThirdPartyId id) {
    const std::int64_t now = worker.now_ms();
    const bool is_theirs = co_await worker.database().run("add_third_party_id", &insert, user_id, id, now);
    if (!is_theirs) refuse_taken(id.medium);
    const auto& rules = worker.hooks().third_party_rules;
    co_await rules.on_add_user_third_party_identifier(user_id, id.medium, id.address);
    co_await rules.on_threepid_bind(user_id, id.medium, id.address);
    co_await redeem_third_party_invites(worker, user_id, id.medium, id.address);
}

async::task<void> remove_third_party_id(ServerWorker& worker, std::string user_id, std::string medium, std::string address) {
    co_await worker.database().run("remove_third_party_id", &take, user_id, medium, address);
    co_await worker.hooks().third_party_rules.on_remove_user_third_party_identifier(user_id, medium, address);
}

async::task<void> remove_third_party_ids(ServerWorker& worker, std::string user_id) {
    const std::vector<ThirdPartyID> ids = co_await worker.database().run("remove_third_party_ids", &take_all, user_id);
    for (const ThirdPartyID& id : ids) {
        co_await worker.hooks().third_party_rules.on_remove_user_third_party_identifier(user_id, id.medium, id.address);
    }
}

}  // namespace homeserver
