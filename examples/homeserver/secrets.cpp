#include "secrets.h"

#include <sodium.h>

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
std::string new_media_id() { return random_text(24, letters_and_digits); }
std::string new_session_id() { return random_text(24, letters_and_digits); }

}  // namespace homeserver
