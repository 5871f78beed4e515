#pragma once

#include <modapi/database.h>

namespace homeserver {

/// Creates every table and index that isn't there yet, in one transaction. Errors: modapi::DatabaseError.
void create_schema(modapi::Database& database);

}  // namespace homeserver
