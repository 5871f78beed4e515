#include "sql_placeholders.h"

namespace modapi {

namespace {

/// Where the quoted text, quoted identifier or comment ends that begins at `at`; `at` itself if none begins there.
std::size_t end_of_opaque(std::string_view sql, std::size_t at) {
    const char first = sql[at];
    if (first == '\'' || first == '"') {
        // A doubled quote ends one piece and begins the next, which comes to the same.
        const std::size_t end = sql.find(first, at + 1);
        return end == std::string_view::npos ? sql.size() : end + 1;
    }
    if (sql.substr(at, 2) == "--") {
        const std::size_t end = sql.find('\n', at);
        return end == std::string_view::npos ? sql.size() : end;
    }
    if (sql.substr(at, 2) == "/*") {
        const std::size_t end = sql.find("*/", at + 2);
        return end == std::string_view::npos ? sql.size() : end + 2;
    }
    return at;
}

}  // namespace

NumberedPlaceholders number_placeholders(std::string_view sql) {
    NumberedPlaceholders numbered;
    numbered.sql.reserve(sql.size() + 16);
    std::size_t at = 0;
    while (at < sql.size()) {
        const std::size_t end = end_of_opaque(sql, at);
        if (end > at) {
            numbered.sql.append(sql.substr(at, end - at));
            at = end;
        } else if (sql[at] == '?') {
            numbered.sql.append("$").append(std::to_string(++numbered.count));
            ++at;
        } else {
            numbered.sql += sql[at++];
        }
    }
    return numbered;
}

std::string statement_on_one_line(std::string_view sql) {
    std::string line;
    line.reserve(sql.size());
    for (const char c : sql) {
        const bool space = static_cast<unsigned char>(c) <= ' ';
        if (!space)
            line += c;
        else if (!line.empty() && line.back() != ' ')
            line += ' ';
    }
    return line;
}

}  // namespace modapi
