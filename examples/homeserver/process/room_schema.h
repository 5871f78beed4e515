#pragma once

#include <string>
#include <vector>

namespace homeserver {

/// The rooms' tables and indexes, as statements that do nothing where they are there already.
[[nodiscard]] std::vector<std::string> room_schema();

}  // namespace homeserver
