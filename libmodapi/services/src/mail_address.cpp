#include <modapi/mail_address.h>

#include <algorithm>

namespace modapi {

namespace {

constexpr std::size_t max_address = 254;
constexpr std::size_t max_local_part = 64;

bool may_be_in_address(char character) {
    constexpr std::string_view special = "<>()[]\\,;:\"";
    return character > ' ' && character <= '~' && special.find(character) == std::string_view::npos;
}

std::string_view without_blanks(std::string_view text) {
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

}  // namespace

std::optional<MailAddress> parse_mail_address(std::string_view text) {
    MailAddress parsed;
    text = without_blanks(text);
    if (text.ends_with('>')) {
        const std::size_t bracket = text.rfind('<');
        if (bracket == std::string_view::npos) return std::nullopt;
        std::string_view name = without_blanks(text.substr(0, bracket));
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

}  // namespace modapi
