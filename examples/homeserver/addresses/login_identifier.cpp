#include "addresses/login_identifier.h"

#include "addresses/phone_number.h"
#include "http/requests.h"

#include <modapi/case_folding.h>

#include <callbacks/errors.h>

#include <optional>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonDict;
using callbacks::SynapseError;

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blank = " \t\r\n";
    const std::size_t first = text.find_first_not_of(blank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

ThirdPartyIdentifier third_party_identifier(const JsonDict& from) {
    const std::optional<std::string> medium = string_member(from, "medium");
    const std::optional<std::string> address = string_member(from, "address");
    if (!medium || !address) throw SynapseError(400, "Invalid thirdparty identifier");
    ThirdPartyIdentifier identifier;
    identifier.medium = *medium;
    identifier.address = *medium == "email" ? canonical_email(*address) : *address;
    return identifier;
}

ThirdPartyIdentifier phone_identifier(const JsonDict& from) {
    std::optional<std::string> number = string_member(from, "phone");
    if (!number) number = string_member(from, "number");  // the older name
    const std::optional<std::string> country = string_member(from, "country");
    if (!number || !country) throw SynapseError(400, "Invalid phone-type identifier", Codes::INVALID_PARAM);
    ThirdPartyIdentifier identifier;
    identifier.medium = "msisdn";
    identifier.address = canonical_phone(*country, *number);
    return identifier;
}

}  // namespace

std::string canonical_email(std::string_view address) {
    const std::string_view bare = trimmed(address);
    const std::size_t at = bare.find('@');
    const bool has_one_at = at != std::string_view::npos && bare.find('@', at + 1) == std::string_view::npos;
    if (!has_one_at || at == 0 || at + 1 == bare.size()) throw SynapseError(400, "Unable to parse email address");
    return modapi::without_case(bare);
}

LoginIdentifier login_identifier(const JsonDict& body) {
    if (const std::optional<std::string> user = string_member(body, "user")) return UserIdentifier{*user};
    if (body.contains("medium") && body.contains("address")) return third_party_identifier(body);
    const callbacks::JsonValue* const given = body.if_contains("identifier");
    if (given == nullptr) throw SynapseError(400, "Missing param: identifier", Codes::INVALID_PARAM);
    if (!given->is_object()) throw SynapseError(400, "'identifier' must be an object", Codes::INVALID_PARAM);
    const JsonDict& identifier = given->get_object();
    const std::optional<std::string> type = string_member(identifier, "type");
    if (!type) throw SynapseError(400, "Login identifier has no type", Codes::INVALID_PARAM);
    if (*type == "m.id.phone") return phone_identifier(identifier);
    if (*type == "m.id.thirdparty") return third_party_identifier(identifier);
    if (*type != "m.id.user") throw SynapseError(400, "Unknown login identifier type");
    const std::optional<std::string> user = string_member(identifier, "user");
    if (!user) throw SynapseError(400, "User identifier is missing 'user' key");
    return UserIdentifier{*user};
}

}  // namespace homeserver
