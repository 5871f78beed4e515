#include "addresses/third_party_ids.h"

#include <modapi/database.h>

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

}  // namespace

void refuse_taken_third_party_id(std::string_view medium) {
    throw SynapseError(400, medium == "email" ? "Email is already in use" : "Phone number is already in use",
                       Codes::THREEPID_IN_USE);
}

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

async::task<void> require_free(modapi::Database& database, std::string medium, std::string address) {
    const std::optional<std::string> owner =
        co_await database.read("owner_of_third_party_id", &owner_of_third_party_id, medium, std::move(address));
    if (owner) refuse_taken_third_party_id(medium);
}

}  // namespace homeserver
