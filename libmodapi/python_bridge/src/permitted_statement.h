#pragma once

#include <string_view>

namespace modapi {

/// Errors: DatabaseError for a statement that does something else than read, change or define what is in the database: that changes
/// the connection, which others use afterwards (SET, PRAGMA), reaches other files (ATTACH, VACUUM INTO, COPY), or ends the
/// transaction (COMMIT), which its own requests do.
void require_permitted(std::string_view sql);

}  // namespace modapi
