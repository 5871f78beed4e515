#include "account_changes/assigned_third_party_ids.h"

#include "account_changes/third_party_id_changes.h"
#include "addresses/login_identifier.h"
#include "addresses/phone_number.h"
#include "addresses/third_party_ids.h"
#include "http/requests.h"

#include <modapi/database.h>

#include <callbacks/errors.h>

#include <vector>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonValue;
using callbacks::SynapseError;

std::pair<std::string, std::string> assigned_id(const JsonValue& entry) {
    if (!entry.is_object()) throw SynapseError(400, "'threepids' must be a list of objects", Codes::INVALID_PARAM);
    const std::string medium = required_string_member(entry.get_object(), "medium");
    const std::string address = required_string_member(entry.get_object(), "address");
    if (medium == "email") return {medium, canonical_email(address)};
    if (medium != "msisdn") throw SynapseError(400, "'medium' must be email or msisdn", Codes::INVALID_PARAM);
    // An id is a number's international form, which is written without the plus.
    return {medium, canonical_phone({}, address.starts_with('+') ? address : "+" + address)};
}

async::task<ThirdPartyIdSet> present_ids(modapi::Database& database, std::string user_id) {
    const std::vector<callbacks::ThirdPartyID> ids =
        co_await database.read("third_party_ids_of", &third_party_ids_of, std::move(user_id));
    ThirdPartyIdSet present;
    for (const callbacks::ThirdPartyID& id : ids) present.emplace(id.medium, id.address);
    co_return present;
}

}  // namespace

std::optional<ThirdPartyIdSet> assigned_third_party_ids(const callbacks::JsonDict& body) {
    const JsonValue* const given = body.if_contains("threepids");
    if (given == nullptr) return std::nullopt;
    if (!given->is_array()) throw SynapseError(400, "'threepids' must be a list of objects", Codes::INVALID_PARAM);
    ThirdPartyIdSet wanted;
    for (const JsonValue& entry : given->get_array()) wanted.insert(assigned_id(entry));
    return wanted;
}

async::task<void> require_assignable(modapi::Database& database, std::string user_id, ThirdPartyIdSet wanted) {
    const ThirdPartyIdSet present = co_await present_ids(database, std::move(user_id));
    for (const auto& id : wanted) {
        if (!present.contains(id)) co_await require_free(database, id.first, id.second);
    }
}

async::task<void> assign_third_party_ids(modapi::Database& database, ThirdPartyIdChanges& third_party_id_changes,
                                         std::string user_id, ThirdPartyIdSet wanted) {
    const ThirdPartyIdSet present = co_await present_ids(database, user_id);
    for (const auto& id : present) {
        if (!wanted.contains(id)) co_await third_party_id_changes.remove(user_id, id.first, id.second, nullptr);
    }
    for (const auto& id : wanted) {
        if (present.contains(id)) continue;
        NewThirdPartyId added;
        added.medium = id.first;
        added.address = id.second;
        co_await third_party_id_changes.add(user_id, std::move(added));
    }
}

}  // namespace homeserver
