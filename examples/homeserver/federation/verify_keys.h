#pragma once

#include "events/public_key.h"

#include <callbacks/json.h>

#include <map>
#include <string>
#include <string_view>

namespace homeserver {

/// Whose signatures are believed: the configuration's `federation_verify_keys`. Nothing else is, nobody is asked for keys.
///
/// Filled once at start, then only read; any thread.
class VerifyKeys {
public:
    /// `key_id` is `ed25519:VERSION`.
    void add(std::string_view server, std::string_view key_id, const PublicKey& key);

    /// Whether anything of that server is believed.
    [[nodiscard]] bool knows(std::string_view server) const { return keys_.find(server) != keys_.end(); }
    /// Null: not known.
    [[nodiscard]] const PublicKey* find(std::string_view server, std::string_view key_id) const;
    /// Whether `object` bears a signature of `server` by one of its known keys. Errors: those of canonical_json.
    [[nodiscard]] bool has_signed(std::string_view server, const callbacks::JsonDict& object) const;

private:
    std::map<std::string, std::map<std::string, PublicKey, std::less<>>, std::less<>> keys_;
};

}  // namespace homeserver
