#include "mail/mail_address.h"

#include <sodium.h>

#include <algorithm>

namespace homeserver {

namespace {

constexpr std::size_t max_address = 254;
constexpr std::size_t max_local_part = 64;

bool is_printable_ascii(char character) { return character >= ' ' && character <= '~'; }

bool may_be_in_address(char character) {
    constexpr std::string_view special = "<>()[]\\,;:\"";
    return is_printable_ascii(character) && character != ' ' && special.find(character) == std::string_view::npos;
}

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

bool is_address(std::string_view text) {
    const std::size_t at = text.find('@');
    return text.size() <= max_address && at != std::string_view::npos && at > 0 && at <= max_local_part &&
           at + 1 < text.size() && text.find('@', at + 1) == std::string_view::npos &&
           std::all_of(text.begin(), text.end(), may_be_in_address);
}

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

std::optional<MailAddress> parse_mail_address(std::string_view text) {
    MailAddress parsed;
    text = trimmed(text);
    if (text.ends_with('>')) {
        const std::size_t bracket = text.rfind('<');
        if (bracket == std::string_view::npos) return std::nullopt;
        std::string_view name = trimmed(text.substr(0, bracket));
        if (name.size() >= 2 && name.starts_with('"') && name.ends_with('"')) name = name.substr(1, name.size() - 2);
        parsed.name = std::string(name);
        text = text.substr(bracket + 1, text.size() - bracket - 2);
    }
    const bool is_one_line = std::none_of(parsed.name.begin(), parsed.name.end(), [](char character) {
        return static_cast<unsigned char>(character) < ' ' || character == '\x7F';
    });
    if (!is_one_line || !is_address(text)) return std::nullopt;
    parsed.address = std::string(text);
    return parsed;
}

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
    const auto is_word = [](char character) { return may_be_in_address(character) || character == ' '; };
    const std::string name = header_text(address.name);
    const bool is_plain = name == address.name && std::all_of(name.begin(), name.end(), is_word);
    if (is_plain || name != address.name) return name + " <" + address.address + ">";
    std::string quoted = "\"";
    for (const char character : name) {
        if (character == '"' || character == '\\') quoted += '\\';
        quoted += character;
    }
    return quoted + "\" <" + address.address + ">";
}

}  // namespace homeserver
