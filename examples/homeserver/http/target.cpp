#include "http/target.h"

#include <cstdint>

namespace homeserver {

namespace {

int hexadecimal_digit(char digit) noexcept {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

}  // namespace

std::string percent_decoded(std::string_view text, bool plus_is_space) {
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '%' && at + 2 < text.size()) {
            const int high = hexadecimal_digit(text[at + 1]);
            const int low = hexadecimal_digit(text[at + 2]);
            if (high >= 0 && low >= 0) {
                decoded += static_cast<char>(high * 16 + low);
                at += 2;
                continue;
            }
        }
        decoded += plus_is_space && text[at] == '+' ? ' ' : text[at];
    }
    return decoded;
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query) {
    std::vector<std::pair<std::string, std::string>> parsed;
    while (!query.empty()) {
        const std::string_view part = query.substr(0, query.find('&'));
        query.remove_prefix(part.size() < query.size() ? part.size() + 1 : part.size());
        if (part.empty()) continue;
        const std::string_view name = part.substr(0, part.find('='));
        const std::string_view value = name.size() < part.size() ? part.substr(name.size() + 1) : std::string_view();
        parsed.emplace_back(percent_decoded(name, true), percent_decoded(value, true));
    }
    return parsed;
}

void append_encoded(std::string& text, char character) {
    constexpr const char* digits = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(character);
    text.append({'%', digits[byte >> 4], digits[byte & 0x0F]});
}

std::string printable(std::string_view text) {
    constexpr std::size_t max_length = 512;
    std::string printed;
    for (const char character : text.substr(0, max_length)) {
        const auto byte = static_cast<unsigned char>(character);
        if (byte > 0x20 && byte < 0x7F && byte != '"') {
            printed += character;
        } else {
            append_encoded(printed, character);
        }
    }
    if (text.size() > max_length) printed += "...";
    return printed;
}

RequestTarget split_target(std::string_view target) noexcept {
    if (!target.starts_with('/')) {
        const std::size_t scheme = target.find("://");
        const std::size_t path = scheme == std::string_view::npos ? scheme : target.find('/', scheme + 3);
        if (path == std::string_view::npos) return {};
        target.remove_prefix(path);
    }
    target = target.substr(0, target.find('#'));
    RequestTarget split;
    split.path = target.substr(0, target.find('?'));
    if (split.path.size() < target.size()) split.query = target.substr(split.path.size() + 1);
    return split;
}

}  // namespace homeserver
