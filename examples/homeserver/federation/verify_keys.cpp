#include "federation/verify_keys.h"

#include <algorithm>

namespace homeserver {

void VerifyKeys::add(std::string_view server, std::string_view key_id, const PublicKey& key) {
    keys_[std::string(server)].insert_or_assign(std::string(key_id), key);
}

const PublicKey* VerifyKeys::find(std::string_view server, std::string_view key_id) const {
    const auto of_server = keys_.find(server);
    if (of_server == keys_.end()) return nullptr;
    const auto key = of_server->second.find(key_id);
    return key == of_server->second.end() ? nullptr : &key->second;
}

bool VerifyKeys::has_signed(std::string_view server, const callbacks::JsonDict& object) const {
    const callbacks::JsonValue* const signatures = object.if_contains("signatures");
    if (signatures == nullptr || !signatures->is_object()) return false;
    const callbacks::JsonValue* const of_server = signatures->get_object().if_contains(server);
    if (of_server == nullptr || !of_server->is_object()) return false;
    const std::string bytes = signed_bytes(object);
    return std::any_of(of_server->get_object().begin(), of_server->get_object().end(), [&](const auto& entry) {
        const PublicKey* const key = find(server, entry.key());
        return key != nullptr && entry.value().is_string() && key->verifies(bytes, entry.value().get_string());
    });
}

}  // namespace homeserver
