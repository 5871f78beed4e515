#pragma once

#include <modapi/database.h>

#include <string>
#include <vector>

namespace homeserver {

/// The rooms' tables and indexes, as statements that do nothing where they are there already.
[[nodiscard]] std::vector<std::string> room_schema();

/// Takes rooms over that an older version made, whose extremities had a table of their own. Comes before `room_schema`.
void upgrade_rooms(modapi::Transaction& transaction);

}  // namespace homeserver
