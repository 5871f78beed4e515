#include <modapi/request_target.h>

namespace modapi {

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

}  // namespace modapi
