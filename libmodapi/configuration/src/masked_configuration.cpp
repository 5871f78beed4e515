#include <modapi/hosting/masked_configuration.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace modapi {

namespace {

using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;

constexpr std::string_view mask = "***";
constexpr std::array<std::string_view, 5> words_of_secrets = {"secret", "pass", "token", "key", "authorization"};

char lower(char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter; }
bool is_space(char letter) { return letter == ' ' || (letter >= '\t' && letter <= '\r'); }
bool is_of_word(char letter) {
    const char small = lower(letter);
    return (small >= 'a' && small <= 'z') || (letter >= '0' && letter <= '9') || letter == '_' || letter == '-' || letter == '.';
}
bool is_quote(char letter) { return letter == '"' || letter == '\'' || letter == '`'; }

bool names_a_secret(std::string_view key) {
    return std::any_of(words_of_secrets.begin(), words_of_secrets.end(), [&](std::string_view word) {
        const auto is_same = [](char one, char other) { return lower(one) == other; };
        return std::search(key.begin(), key.end(), word.begin(), word.end(), is_same) != key.end();
    });
}

template <class Ends>
std::size_t end_of(std::string_view text, std::size_t from, Ends ends) {
    return static_cast<std::size_t>(std::find_if(text.begin() + static_cast<std::ptrdiff_t>(from), text.end(), ends) -
                                    text.begin());
}

bool is_port(std::string_view text) {
    return text.size() <= 5 && std::all_of(text.begin(), text.end(), [](char digit) { return digit >= '0' && digit <= '9'; });
}

/// Where the user information of the URL ends whose authority begins at `from`, at its `@`; `from` itself: it has none.
std::size_t end_of_user(std::string_view text, std::size_t from) {
    const auto ends_word = [](char c) { return is_space(c) || is_quote(c) || c == '<' || c == '>'; };
    const auto ends_authority = [](char c) {
        return is_space(c) || is_quote(c) || c == '<' || c == '>' || c == '/' || c == '?' || c == '#' || c == '\\';
    };
    const std::string_view authority = text.substr(from, end_of(text, from, ends_authority) - from);
    std::size_t at = authority.rfind('@');
    // A password that has such a character itself and should have had it encoded.
    const std::size_t colon = authority.find(':');
    if (at == std::string_view::npos && colon != std::string_view::npos && !is_port(authority.substr(colon + 1)))
        at = text.substr(from, end_of(text, from, ends_word) - from).rfind('@');
    return at == std::string_view::npos ? from : from + at;
}

std::string without_users(std::string_view text) {
    std::string safe;
    std::size_t written = 0;
    for (std::size_t at = text.find("//"); at != std::string_view::npos; at = text.find("//", at)) {
        at += 2;
        const std::size_t end = end_of_user(text, at);
        if (end == at) continue;
        safe.append(text.substr(written, at - written)).append(mask);
        written = at = end;
    }
    return safe.append(text.substr(written));
}

/// Where the value ends that begins at `from`, behind `password=` or `Authorization: `.
std::size_t end_of_value(std::string_view text, std::size_t from, char sign) {
    if (is_quote(text[from])) {
        const std::size_t closing = text.find(text[from], from + 1);
        return closing == std::string_view::npos ? text.size() : closing + 1;
    }
    if (sign == ':') return end_of(text, from, [](char c) { return c == '\n' || c == '\r'; });
    return end_of(text, from, [](char c) { return is_space(c) || is_quote(c) || c == '&' || c == ';' || c == ',' || c == '#'; });
}

/// Whether what begins at `value` is given to a word that names a secret, by the sign at `sign`; nothing before `from` counts.
bool is_secret_of(std::string_view text, std::size_t from, std::size_t sign, std::size_t value) {
    std::size_t end = sign;
    while (end > from && is_space(text[end - 1])) --end;
    const bool is_quoted = end > from && is_quote(text[end - 1]);
    if (is_quoted) --end;
    std::size_t word = end;
    while (word > from && is_of_word(text[word - 1])) --word;
    // `@keymaster:example.org` gives nothing to anything.
    const bool gives = text[sign] == '=' || is_quoted || value > sign + 1;
    return gives && names_a_secret(text.substr(word, end - word));
}

/// Without the values in it that a word stands before, as in queries, connection strings and headers.
std::string without_assigned(std::string_view text) {
    std::string safe;
    std::size_t written = 0;
    for (std::size_t at = text.find_first_of("=:"); at != std::string_view::npos; at = text.find_first_of("=:", at + 1)) {
        std::size_t value = at + 1;
        while (value < text.size() && (text[value] == ' ' || text[value] == '\t')) ++value;
        if (value >= text.size() || !is_secret_of(text, written, at, value)) continue;
        const std::size_t end = end_of_value(text, value, text[at]);
        if (end == value) continue;
        safe.append(text.substr(written, value - written)).append(mask);
        written = end;
        at = end - 1;
    }
    return safe.append(text.substr(written));
}

class Masking {
public:
    explicit Masking(const std::set<std::vector<std::string>>& declared) : declared_(declared) {}

    JsonDict of(const JsonDict& mapping) {
        JsonDict safe;
        for (const auto& member : mapping) {
            const std::string_view key = member.key();
            const std::string shown = masked_text(key);
            std::string own = shown;
            for (int number = 2; safe.contains(own); ++number) own = shown + " (" + std::to_string(number) + ")";
            safe.emplace(own, names_a_secret(key) ? JsonValue(mask) : below(key, member.value()));
        }
        return safe;
    }

private:
    JsonValue below(std::string_view key, const JsonValue& value) {
        path_.emplace_back(key);
        JsonValue safe = declared_.contains(path_) ? JsonValue(mask) : of(value);
        path_.pop_back();
        return safe;
    }
    JsonValue of(const JsonValue& value) {
        if (const JsonDict* const mapping = value.if_object()) return of(*mapping);
        if (const auto* const text = value.if_string()) return JsonValue(masked_text(*text));
        const JsonArray* const list = value.if_array();
        if (list == nullptr) return value;
        JsonArray safe;
        safe.reserve(list->size());
        for (std::size_t index = 0; index < list->size(); ++index) safe.push_back(below(std::to_string(index), (*list)[index]));
        return safe;
    }

    const std::set<std::vector<std::string>>& declared_;
    std::vector<std::string> path_;
};

}  // namespace

JsonDict masked_configuration(const JsonDict& config, const std::set<std::vector<std::string>>& declared) {
    return Masking(declared).of(config);
}

std::string masked_text(std::string_view text) { return without_assigned(without_users(text)); }

}  // namespace modapi
