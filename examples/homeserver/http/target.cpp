#include "http/target.h"

namespace homeserver {

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

}  // namespace homeserver
