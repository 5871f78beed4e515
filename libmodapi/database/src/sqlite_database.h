#pragma once

#include <modapi/database.h>

#include <memory>

namespace modapi {

/// Errors: DatabaseError that names the file.
[[nodiscard]] std::unique_ptr<Database> open_sqlite(const DatabaseSettings& settings);

}  // namespace modapi
