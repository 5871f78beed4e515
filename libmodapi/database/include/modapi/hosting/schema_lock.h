#pragma once

#include <modapi/database.h>

namespace modapi {

/// Lets one transaction after the other make tables that may be there already: PostgreSQL lets two of them find that a table
/// doesn't exist, and then fails one. For its first statement; until it ends all others wait here, those of other processes
/// too. On SQLite, which has one writer, nothing is done.
void lock_schema(Transaction& transaction);

}  // namespace modapi
