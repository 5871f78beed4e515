#include "events/public_key.h"

#include "events/canonical_json.h"

#include <sodium.h>

namespace homeserver {

namespace {

template <std::size_t Size>
bool decode(std::string_view text, std::array<unsigned char, Size>& bytes) {
    while (text.ends_with('=')) text.remove_suffix(1);
    std::size_t size = 0;
    return sodium_base642bin(bytes.data(), Size, text.data(), text.size(), nullptr, &size, nullptr,
                             sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0 &&
           size == Size;
}

}  // namespace

std::optional<PublicKey> PublicKey::from_base64(std::string_view text) {
    static_assert(crypto_sign_PUBLICKEYBYTES == 32);
    PublicKey key;
    if (!decode(text, key.bytes_)) return std::nullopt;
    return key;
}

bool PublicKey::verifies(std::string_view bytes, std::string_view signature) const {
    std::array<unsigned char, crypto_sign_BYTES> decoded{};
    if (!decode(signature, decoded)) return false;
    const auto* const text = reinterpret_cast<const unsigned char*>(bytes.data());
    return crypto_sign_verify_detached(decoded.data(), text, bytes.size(), bytes_.data()) == 0;
}

std::string signed_bytes(const callbacks::JsonDict& object) {
    return canonical_json_without(object, {"signatures", "unsigned"});
}

}  // namespace homeserver
