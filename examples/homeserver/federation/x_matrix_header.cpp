#include "federation/x_matrix_header.h"

#include "text/utf8.h"

#include <map>
#include <utility>

namespace homeserver {

namespace {

void skip_blanks(std::string_view& rest) {
    while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) rest.remove_prefix(1);
}

/// What stands before the first of `ends`, which stays.
std::string_view take_until(std::string_view& rest, std::string_view ends) {
    const std::string_view taken = rest.substr(0, rest.find_first_of(ends));
    rest.remove_prefix(taken.size());
    return taken;
}

/// A value in quotes, where a backslash makes the next character plain, or one without. None: the quotes aren't closed.
std::optional<std::string> take_value(std::string_view& rest) {
    if (!rest.starts_with('"')) return std::string(take_until(rest, ", \t"));
    rest.remove_prefix(1);
    std::string value;
    while (!rest.empty() && rest.front() != '"') {
        if (rest.front() == '\\') rest.remove_prefix(1);
        if (rest.empty()) return std::nullopt;
        value += rest.front();
        rest.remove_prefix(1);
    }
    if (rest.empty()) return std::nullopt;
    rest.remove_prefix(1);
    return value;
}

}  // namespace

std::optional<XMatrix> parse_x_matrix(std::string_view header) {
    std::string_view rest = header;
    if (!equal_ignoring_case(take_until(rest, " "), "X-Matrix")) return std::nullopt;
    std::map<std::string, std::string, std::less<>> values;
    skip_blanks(rest);
    while (!rest.empty()) {
        const std::string name(take_until(rest, "="));
        if (name.empty() || rest.empty()) return std::nullopt;
        rest.remove_prefix(1);
        std::optional<std::string> value = take_value(rest);
        if (!value || !values.emplace(name, std::move(*value)).second) return std::nullopt;
        skip_blanks(rest);
        if (rest.empty()) break;
        if (rest.front() != ',') return std::nullopt;
        rest.remove_prefix(1);
        skip_blanks(rest);
        if (rest.empty()) return std::nullopt;
    }
    XMatrix given;
    for (const auto& [name, target] :
         {std::pair("origin", &given.origin), std::pair("key", &given.key_id), std::pair("sig", &given.signature)}) {
        const auto found = values.find(name);
        if (found == values.end() || found->second.empty()) return std::nullopt;
        *target = found->second;
    }
    const auto destination = values.find("destination");
    if (destination != values.end()) given.destination = destination->second;
    return given;
}

}  // namespace homeserver
