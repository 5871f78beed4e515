#include "mail/mail_address.h"

#include <sodium.h>

#include <algorithm>
#include <string>

namespace homeserver {

namespace {

bool is_printable_ascii(char character) { return character >= ' ' && character <= '~'; }

/// How many of the first `most` bytes can be taken without cutting a character of UTF-8.
std::size_t whole_characters(std::string_view text, std::size_t most) {
    if (text.size() <= most) return text.size();
    std::size_t size = most;
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) --size;
    return size == 0 ? most : size;  // what isn't UTF-8 is cut anywhere
}

std::string encoded_word(std::string_view text) {
    std::string base64(sodium_base64_encoded_len(text.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
    sodium_bin2base64(base64.data(), base64.size(), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                      sodium_base64_VARIANT_ORIGINAL);
    base64.pop_back();  // the terminating NUL
    return "=?utf-8?B?" + base64 + "?=";
}

}  // namespace

std::string header_text(std::string_view text) {
    constexpr std::size_t max_plain = 60;
    std::string line(text);
    for (char& character : line) {
        if (static_cast<unsigned char>(character) < ' ' || character == '\x7F') character = ' ';
    }
    const bool is_plain = line.size() <= max_plain && std::all_of(line.begin(), line.end(), is_printable_ascii) &&
                          line.find("=?") == std::string::npos;
    if (is_plain) return line;
    constexpr std::size_t bytes_in_a_word = 45;  // 60 characters of base64: with its frame below the 75 of RFC 2047
    std::string words;
    for (std::string_view rest = line; !rest.empty();) {
        const std::size_t size = whole_characters(rest, bytes_in_a_word);
        words.append(words.empty() ? "" : "\r\n ").append(encoded_word(rest.substr(0, size)));
        rest.remove_prefix(size);
    }
    return words;
}

std::string header_address(const MailAddress& address) {
    if (address.name.empty()) return address.address;
    constexpr std::string_view special = "<>()[]\\,;:\"";
    const std::string name = header_text(address.name);
    const bool is_plain = name == address.name && name.find_first_of(special) == std::string::npos;
    if (is_plain || name != address.name) return name + " <" + address.address + ">";
    std::string quoted = "\"";
    for (const char character : name) {
        if (character == '"' || character == '\\') quoted += '\\';
        quoted += character;
    }
    return quoted + "\" <" + address.address + ">";
}

}  // namespace homeserver
