#pragma once

#include <modapi/database.h>

#include <memory>

namespace modapi {

/// Errors: DatabaseError that names the server, never the password.
[[nodiscard]] std::unique_ptr<Database> open_postgresql(const DatabaseSettings& settings);

}  // namespace modapi
