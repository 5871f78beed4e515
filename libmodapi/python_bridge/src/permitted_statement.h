#pragma once

#include <string>
#include <string_view>

namespace modapi {

/// Errors: DatabaseError for a statement that does something else than read, change or define what is in the database: that changes
/// the connection, which others use afterwards (SET, PRAGMA), reaches other files (ATTACH, VACUUM INTO, COPY), or ends the
/// transaction (COMMIT), which its own requests do.
void require_permitted(std::string_view sql);

/// For a transaction of which nothing may come. Errors: WriteRefused for a statement that names a function by which PostgreSQL
/// does something that no rollback undoes: for other databases, sessions, files or the server itself.
void require_undone_by_rollback(std::string_view sql);

/// The first word, in lower case, behind white space, comments and brackets; empty: it begins with something else.
[[nodiscard]] std::string first_word_of(std::string_view sql);

}  // namespace modapi
