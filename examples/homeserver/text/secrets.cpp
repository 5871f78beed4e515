#include "text/secrets.h"

#include <sodium.h>

#include <array>
#include <cstdint>

namespace homeserver {

namespace {

constexpr std::string_view capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view letters_and_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

}  // namespace

std::string random_text(std::size_t length, std::string_view alphabet) {
    std::string text(length, '\0');
    for (char& character : text) character = alphabet[randombytes_uniform(static_cast<std::uint32_t>(alphabet.size()))];
    return text;
}

std::string new_access_token() { return "mat_" + random_text(43, letters_and_digits); }
std::string new_login_token() { return "syl_" + random_text(43, letters_and_digits); }
std::string new_device_id() { return random_text(10, capitals); }
std::string new_room_localpart() { return random_text(18, letters_and_digits); }
std::string new_event_id_lookalike() {
    return "$" + random_text(43, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
}
std::string event_id_lookalike_of(std::string_view secret) { return "$" + fingerprint_of(secret); }
std::string fingerprint_of(std::string_view secret) {
    std::array<unsigned char, crypto_generichash_BYTES> hash{};
    crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), nullptr,
                       0);
    constexpr int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
    std::string text(sodium_base64_ENCODED_LEN(hash.size(), variant), '\0');
    sodium_bin2base64(text.data(), text.size(), hash.data(), hash.size(), variant);
    text.pop_back();  // sodium counts the NUL byte behind it
    return text;
}
std::string new_media_id() { return random_text(24, letters_and_digits); }
std::string new_session_id() { return random_text(24, letters_and_digits); }

}  // namespace homeserver
