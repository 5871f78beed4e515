#include "permitted_statement.h"

#include <modapi/database.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

namespace modapi {

namespace {

constexpr std::array<std::string_view, 12> permitted = {"select", "with",   "values", "insert",  "update",   "delete",
                                                        "replace", "create", "drop",   "alter",   "truncate", "explain"};
/// What CREATE, DROP and ALTER may be about.
constexpr std::array<std::string_view, 13> definable = {"table", "index",    "unique",  "view", "temp",         "temporary", "sequence",
                                                        "if",    "concurrently", "trigger", "type", "materialized", "virtual"};

/// Or the beginnings of their names.
constexpr std::array<std::string_view, 15> lasting = {"dblink",        "lo_export",       "lo_import",
                                                      "pg_cancel_",    "pg_terminate_",   "pg_reload_conf",
                                                      "pg_rotate_",    "pg_file_",        "pg_logical_emit_message",
                                                      "pg_create_",    "pg_replication_", "pg_stat_reset",
                                                      "pg_switch_wal", "pg_wal_replay_",  "pg_promote"};

bool is_of_word(char letter) noexcept { return std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '_'; }

/// Behind white space, comments and brackets.
std::string_view without_beginning(std::string_view sql) {
    while (!sql.empty()) {
        if (std::isspace(static_cast<unsigned char>(sql.front())) != 0 || sql.front() == '(') {
            sql.remove_prefix(1);
        } else if (sql.starts_with("--")) {
            sql.remove_prefix(std::min(sql.find('\n'), sql.size()));
        } else if (sql.starts_with("/*")) {
            const std::size_t end = sql.find("*/", 2);
            sql.remove_prefix(end == std::string_view::npos ? sql.size() : end + 2);
        } else {
            break;
        }
    }
    return sql;
}

/// Takes the first word, in lower case.
std::string take_word(std::string_view& sql) {
    sql = without_beginning(sql);
    std::string word;
    while (!sql.empty() && (std::isalpha(static_cast<unsigned char>(sql.front())) != 0 || sql.front() == '_')) {
        word.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(sql.front()))));
        sql.remove_prefix(1);
    }
    return word;
}

template <class Words>
bool is_one_of(const Words& words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

std::string first_word_of(std::string_view sql) { return take_word(sql); }

void require_undone_by_rollback(std::string_view sql) {
    std::string word;
    const auto require_none = [&] {
        const bool is_lasting =
            std::any_of(lasting.begin(), lasting.end(), [&](std::string_view name) { return word.starts_with(name); });
        if (is_lasting) throw WriteRefused("no rollback undoes what the function " + word + " does");
        word.clear();
    };
    for (const char letter : sql) {
        if (is_of_word(letter))
            word.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(letter))));
        else
            require_none();
    }
    require_none();
}

void require_permitted(std::string_view sql) {
    const std::string first = take_word(sql);
    if (!is_one_of(permitted, first))
        throw DatabaseError("a module's transaction takes no " + (first.empty() ? std::string("such statement") : first) +
                            ": only statements that read, change or define what is in the database");
    if (first != "create" && first != "drop" && first != "alter") return;
    std::string second = take_word(sql);
    if (second == "or") {  // CREATE OR REPLACE VIEW
        static_cast<void>(take_word(sql));
        second = take_word(sql);
    }
    if (!is_one_of(definable, second))
        throw DatabaseError("a module's transaction takes no " + first + " " + second + ": only tables, indexes, views, sequences, "
                            "types and triggers are its affair");
}

}  // namespace modapi
