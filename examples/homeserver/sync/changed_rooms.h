#pragma once

#include <modapi/database.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace homeserver {

/// A room that a user has to do with, and how.
struct Relation {
    std::string room_id;
    std::string membership;
    std::int64_t position = 0;  ///< of the membership
};

/// Every room of the user that isn't forgotten, by room id.
[[nodiscard]] std::vector<Relation> all_relations(modapi::Transaction& transaction, const std::string& user_id);

/// Those in which something may have happened for the user behind `since` and up to `now`: a change of the membership, an event
/// in a joined room, other news in the rooms `with_news` (account data, receipts). By room id.
///
/// Cost: by what happened, or by the number of joined rooms where that is less.
[[nodiscard]] std::vector<Relation> changed_relations(modapi::Transaction& transaction, const std::string& user_id,
                                                      std::int64_t since, std::int64_t now,
                                                      const std::set<std::string>& with_news);

}  // namespace homeserver
